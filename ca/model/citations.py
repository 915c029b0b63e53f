"""Citations: the sources of a rule or a finding, in one form that can be looked up.

A citation is a document and one of its sections, like ``RFC 5280 4.2.1.6``; several are separated
by ``; ``. Three documents are sipca's own and are shipped with it: ``targets 3`` is section 3 of
``profiles/targets/README.md``, ``profiles 3`` of ``profiles/README.md``, and ``decision 5`` is the
fifth decision in ``ca/README.md``.
"""

from __future__ import annotations

import re

import msgspec

OWN = {
    "targets": "profiles/targets/README.md",
    "profiles": "profiles/README.md",
    "decision": "ca/README.md",
}
"""Files of our own documents, relative to the folder that holds ``ca``, ``cli``, ``profiles``."""
RFCS = {
    "1122": "Requirements for Internet Hosts - Communication Layers",
    "1123": "Requirements for Internet Hosts - Application and Support",
    "2985": "PKCS #9: Selected Object Classes and Attribute Types",
    "2986": "PKCS #10: Certification Request Syntax",
    "3261": "SIP: Session Initiation Protocol",
    "3263": "Session Initiation Protocol (SIP): Locating SIP Servers",
    "3279": "Algorithms and Identifiers for the Internet X.509 PKI Certificate and CRL Profile",
    "3927": "Dynamic Configuration of IPv4 Link-Local Addresses",
    "3986": "Uniform Resource Identifier (URI): Generic Syntax",
    "4055": "Additional Algorithms and Identifiers for RSA Cryptography in X.509",
    "4210": "Certificate Management Protocol (CMP)",
    "4291": "IP Version 6 Addressing Architecture",
    "4518": "LDAP: Internationalized String Preparation",
    "4519": "LDAP: Schema for User Applications",
    "5246": "The Transport Layer Security (TLS) Protocol Version 1.2",
    "5280": "Internet X.509 PKI Certificate and CRL Profile",
    "5321": "Simple Mail Transfer Protocol",
    "5480": "Elliptic Curve Cryptography Subject Public Key Information",
    "5758": "X.509: Additional Algorithms and Identifiers for DSA and ECDSA",
    "5890": "Internationalized Domain Names for Applications (IDNA): Definitions",
    "5922": "Domain Certificates in the Session Initiation Protocol (SIP)",
    "5924": "Extended Key Usage for Session Initiation Protocol (SIP) X.509 Certificates",
    "6066": "Transport Layer Security (TLS) Extensions: Extension Definitions",
    "6125": "Domain-Based Application Service Identity in X.509 Certificates (now RFC 9525)",
    "6151": "Updated Security Considerations for MD5",
    "6194": "Security Considerations for SHA-0 and SHA-1",
    "6960": "Online Certificate Status Protocol (OCSP)",
    "7093": "Additional Methods for Generating Key Identifiers Values",
    "7468": "Textual Encodings of PKIX, PKCS, and CMS Structures",
    "8017": "PKCS #1: RSA Cryptography Specifications",
    "8264": "PRECIS Framework: Internationalized Strings in Application Protocols",
    "8446": "The Transport Layer Security (TLS) Protocol Version 1.3",
    "8894": "Simple Certificate Enrolment Protocol",
    "8996": "Deprecating TLS 1.0 and TLS 1.1",
    "9110": "HTTP Semantics",
    "9155": "Deprecating MD5 and SHA-1 Signature Hashes in TLS 1.2 and DTLS 1.2",
    "9525": "Service Identity in TLS",
}
"""The titles of the RFCs that rules cite."""
OTHERS = {
    "Apple 103769": (
        "Requirements for trusted certificates in iOS and macOS",
        "https://support.apple.com/103769",
    ),
    "CA/Browser Forum BR": (
        "Baseline Requirements for TLS Server Certificates",
        "https://cabforum.org/working-groups/server/baseline-requirements/",
    ),
    "CVE-2017-15361": (
        "ROCA: RSA keys of Infineon's library can be factored",
        "https://www.cve.org/CVERecord?id=CVE-2017-15361",
    ),
    "ISO 3166-1": ("Country codes", "https://www.iso.org/iso-3166-country-codes.html"),
    "NIST SP 800-56A": (
        "Pair-Wise Key-Establishment Schemes Using Discrete Logarithm Cryptography",
        "https://csrc.nist.gov/pubs/sp/800/56/a/r3/final",
    ),
    "NIST SP 800-56B": (
        "Pair-Wise Key-Establishment Using Integer Factorization Cryptography",
        "https://csrc.nist.gov/pubs/sp/800/56/b/r2/final",
    ),
    "NIST SP 800-57 part 1": (
        "Recommendation for Key Management: General",
        "https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final",
    ),
    "NIST SP 800-89": (
        "Recommendation for Obtaining Assurances for Digital Signature Applications",
        "https://csrc.nist.gov/pubs/sp/800/89/final",
    ),
    "UTR 36": ("Unicode Security Considerations", "https://www.unicode.org/reports/tr36/"),
    "UTS 39": ("Unicode Security Mechanisms", "https://www.unicode.org/reports/tr39/"),
    "X.520": ("The Directory: Selected attribute types", "https://www.itu.int/rec/T-REC-X.520"),
    "X.690": (
        "ASN.1 encoding rules: BER, CER and DER",
        "https://www.itu.int/rec/T-REC-X.690",
    ),
}
"""Title and URL of the other documents that rules cite."""

_SECTION = r"(?P<section>(?:appendix [A-Z]|[0-9]+)(?:\.[0-9]+)*)(?: \([a-z0-9]+\))?"
_NAMES = "|".join(re.escape(name) for name in (*OTHERS, *OWN))
_CITATION = re.compile(rf"(?P<document>RFC [0-9]+|{_NAMES})(?: {_SECTION})?")
_HEADING = re.compile(r"^## (?P<number>[0-9]+)\. (?P<title>.+)$", re.MULTILINE)
_DECISION = re.compile(r"^(?P<number>[0-9]+)\. \*\*(?P<title>.+?)[.,]?\*\*", re.MULTILINE)


class Citation(msgspec.Struct, frozen=True):
    """One parsed citation; ``section`` is empty if it cites the whole document."""

    text: str
    document: str
    section: str

    @property
    def own(self) -> str | None:
        """The file of the cited document if it is one of ours, else None."""
        return OWN.get(self.document)


def citations(cites: str) -> list[Citation]:
    """Parse the citations of a rule.

    Raises:
        ValueError: one is not in the form above, or its document is not in the tables above.
    """
    return [_citation(text) for text in cites.split("; ")]


def _citation(text: str) -> Citation:
    match = _CITATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a citation")
    citation = Citation(text, match["document"], match["section"] or "")
    known = citation.document.removeprefix("RFC ") in RFCS or citation.document in OTHERS
    if not known and not (citation.own and citation.section):
        raise ValueError(f"'{text}' cites a document that is not in the tables")
    return citation


def published(citation: Citation) -> tuple[str, str]:
    """Title and URL of the published document, and where possible the section, that is cited."""
    if citation.document in OTHERS:
        return OTHERS[citation.document]
    number = citation.document.removeprefix("RFC ")
    where = f"https://www.rfc-editor.org/rfc/rfc{number}"
    if citation.section.startswith("appendix "):
        where += f"#appendix-{citation.section.removeprefix('appendix ')}"
    elif citation.section:
        where += f"#section-{citation.section}"
    return RFCS[number], where


def sections(document: str, text: str) -> dict[str, str]:
    """The titles of the numbered sections of one of our own documents, by number."""
    pattern = _DECISION if document == "decision" else _HEADING
    return {match["number"]: " ".join(match["title"].split()) for match in pattern.finditer(text)}
