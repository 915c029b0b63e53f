"""The account as the register stores it: JSON, deflated with a dictionary of typical lines."""

from __future__ import annotations

import zlib

import msgspec

from ca.model.account import FieldAccount

_LINES = (
    ("extension.cRLDistributionPoints", None, "http:///crl/.crl", "added", "profile https"),
    ("extension.authorityInfoAccess", None, "OCSP http://, CA issuers http:///ca/.cer", "added",
     "profile server"),
    ("attribute.challengePassword", "challengePassword", None, "refused", "attributes"),
    ("attribute.unstructuredName", "unstructuredName", None, "refused", "attributes"),
    ("extension.basicConstraints", "CA:TRUE", "CA:FALSE", "refused", "ca-flag"),
    ("subject.emailAddress", "@", None, "refused", "profile client"),
    ("subject.serialNumber", "", None, "refused", "profile phone"),
    ("subject.CN", "ACL_", ".lab.example", "changed", "--cn"),
    ("subject.OU", "Voice Lab", "Voice Lab", "taken", "subject"),
    ("subject.O", "Lab", "Lab", "taken", "subject"),
    ("subject.L", "", "", "taken", "subject"),
    ("subject.ST", "", "", "taken", "subject"),
    ("subject.C", "NL", "NL", "taken", "country-upper-case"),
    ("san", "email:", "dns:", "changed", "--fix-san"),
    ("san", None, "ip:10.", "added", "--san"),
    ("san", "uri:sip:", "uri:sip:", "forced", "wildcard"),
    ("key", "EC p256", "EC p256", "taken", "key"),
    ("signature", "ecdsa-with-SHA256", "ecdsa-with-SHA256", "taken", "ca-signature"),
    ("subject.CN", "sbc1.lab.example", "sbc1.lab.example", "taken", "subject"),
    ("san", "ip:10.", "ip:10.", "taken", "san"),
    ("san", None, "dns:sbc1.lab.example", "added", "cn-in-san"),
    ("san", "dns:sbc1.lab.example", "dns:sbc1.lab.example", "taken", "san"),
    ("key", "RSA 2048", "RSA 2048", "taken", "key"),
    ("extension.basicConstraints", None, "CA:FALSE", "added", "profile sip"),
    ("extension.keyUsage", None, "digitalSignature, keyEncipherment", "added", "profile sip"),
    ("extension.extendedKeyUsage", None, "serverAuth, clientAuth", "added", "profile sip"),
    ("extension.subjectKeyIdentifier", None, "", "added", "profile sip"),
    ("extension.authorityKeyIdentifier", None, "", "added", "profile sip"),
    ("validity", None, "2026-11-24T08:00:00Z to 2029-02-26T07:59:59Z", "added", "profile sip"),
    ("signature", "sha256WithRSAEncryption", "sha256WithRSAEncryption", "taken", "ca-signature"),
    ("issuer", None, "Lab CA Issuing", "added", "issuer"),
    ("serial", None, "", "added", "random-serial"),
    ("version", None, "3", "added", "version-3"),
)  # fmt: skip
_KEYS = ("field", "asked", "issued", "how", "rule")
DICTIONARY = msgspec.json.encode([dict(zip(_KEYS, line, strict=True)) for line in _LINES])
"""Must never change: what was deflated with it can be inflated only with it."""
_FRESH = zlib.compressobj(1, zlib.DEFLATED, 12, 4, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)


def pack_account(account: tuple[FieldAccount, ...]) -> bytes:
    """Compress an account for the register."""
    packer = _FRESH.copy()
    return packer.compress(msgspec.json.encode(account)) + packer.flush()


def unpack_account(packed: bytes) -> list[FieldAccount]:
    """Decompress an account; one that was stored before there was a dictionary is read, too."""
    text = zlib.decompressobj(zdict=DICTIONARY).decompress(packed)
    return msgspec.json.decode(text, type=list[FieldAccount])
