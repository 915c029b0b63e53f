"""The diagnosis: pure, so that every case is made by hand and no socket is opened."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import EC_KEY, NOW, general_name

from ca.device.diagnosis import Case, Known, diagnose
from ca.encoding.certificates import read_certificate
from ca.model.certificates import CertificateFacts
from ca.model.observations import Endpoint, Handshake, Responder
from ca.profiles.library import Library

TARGET = Library().target("audiocodes-7.4")
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("Root", "Issuing", "Other")}
Purpose = x509.ExtendedKeyUsageOID
BOTH = (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)


def certificate(
    cn: str,
    by: str,
    *sans: str,
    key: ec.EllipticCurvePrivateKey = EC_KEY,
    purposes: tuple[x509.ObjectIdentifier, ...] = BOTH,
    begin: datetime = NOW - timedelta(days=30),
    end: datetime = NOW + timedelta(days=300),
) -> CertificateFacts:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder(
        named(by), named(cn), key.public_key(), x509.random_serial_number(), begin, end
    )
    if sans:
        names = x509.SubjectAlternativeName([general_name(each) for each in sans])
        builder = builder.add_extension(names, critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    signed = builder.sign(KEYS.get(by, key), hashes.SHA256())
    return read_certificate(signed.public_bytes(Encoding.DER))


ROOT = certificate("Root", "Root", key=KEYS["Root"], purposes=())
ISSUING = certificate("Issuing", "Root", key=KEYS["Issuing"], purposes=())
LEAF = certificate("sbc1.lab.example", "Issuing", "dns:sbc1.lab.example")
HANDSHAKE = Handshake(
    version="TLS 1.2", cipher="x", chain=(LEAF.der, ISSUING.der), answer="SIP/2.0 200 OK"
)
ENDPOINT = Endpoint(
    host="sbc1.lab.example",
    port=5061,
    name="sbc1.lab.example",
    at=NOW,
    service="sip",
    usual=HANDSHAKE,
)
KNOWN = Known(
    serial=LEAF.serial, device="sbc1", context=2, status="valid", not_after=LEAF.validity.not_after,
    signed_at=NOW - timedelta(days=200),
)  # fmt: skip
GOOD = Case(
    endpoint=ENDPOINT, chain=(LEAF, ISSUING), target=TARGET, now=NOW, cas=(ROOT, ISSUING),
    served=KNOWN, expected=(KNOWN,), device="sbc1", context=2,
)  # fmt: skip


def changed(**rest: object) -> Case:
    """The good case with something else; a chain also stands in what was seen."""
    case = msgspec.structs.replace(GOOD, **rest)  # type: ignore[arg-type]
    if "chain" in rest:
        ders = tuple(each.der for each in case.chain)
        usual = msgspec.structs.replace(case.endpoint.usual, chain=ders)
        case = msgspec.structs.replace(
            case, endpoint=msgspec.structs.replace(case.endpoint, usual=usual)
        )
    return case


def seen(**rest: object) -> Case:
    """The good case, in which the usual handshake went otherwise."""
    usual = msgspec.structs.replace(HANDSHAKE, **rest)  # type: ignore[arg-type]
    endpoint = msgspec.structs.replace(ENDPOINT, usual=usual)
    return msgspec.structs.replace(GOOD, endpoint=endpoint)


def around(**rest: object) -> Case:
    """The good case with other facts of the endpoint."""
    return msgspec.structs.replace(GOOD, endpoint=msgspec.structs.replace(ENDPOINT, **rest))  # type: ignore[arg-type]


def known(**rest: object) -> Case:
    return changed(served=msgspec.structs.replace(KNOWN, **rest))  # type: ignore[arg-type]


def of_another(leaf: CertificateFacts) -> Case:
    return changed(chain=(leaf,), served=None)


EXPIRED = certificate(
    "sbc1.lab.example", "Issuing", "dns:sbc1.lab.example", end=NOW - timedelta(days=1)
)
CLIENT = certificate("peer", "Issuing", "dns:peer")
SERVER_ONLY = certificate("peer", "Issuing", "dns:peer", purposes=(Purpose.SERVER_AUTH,))
REFUSED = {"asks_certificate": True, "sent_certificate": True}
SPOKEN = {"TLS 1.0": HANDSHAKE, "TLS 1.1": Handshake(failure="refused"), "TLS 1.2": HANDSHAKE}

CASES: list[tuple[Case, str, str]] = [
    (
        known(status="superseded", ended_at=NOW, successor="abcdef0123456789"),
        "doctor-superseded",
        "which 'sbc1' context 2 got on 2026-05-07 and which was superseded on 2026-11-23: the new "
        "certificate abcdef012345 is not on context 2",
    ),
    (
        known(status="revoked", ended_at=NOW, reason="keyCompromise"),
        "doctor-revoked",
        "has been revoked (keyCompromise) since 2026-11-23",
    ),
    (known(status="held", ended_at=None), "doctor-revoked", "on hold since a day unknown"),
    (
        known(context=1),
        "doctor-other-place",
        "signed for 'sbc1' context 1, not for 'sbc1' context 2",
    ),
    (known(device="sbc9"), "doctor-other-place", "signed for 'sbc9' context 2, not for"),
    (
        changed(served=msgspec.structs.replace(KNOWN, serial="77" * 8, device=None, context=None)),
        "doctor-not-served",
        "serial 777777777777, which was signed for no device; the one of 'sbc1' context 2 is",
    ),
    (
        of_another(certificate("ACL_482913", "ACL_482913")),
        "doctor-factory",
        "serves its factory certificate 'ACL_482913'",
    ),
    (
        of_another(certificate("x", "Other", "dns:sbc1.lab.example")),
        "doctor-foreign",
        "serves 'x', issued by 'Other', which is no CA of this home",
    ),
    (
        of_another(LEAF),
        "doctor-foreign",
        "which our CA's key signed and this register does not know",
    ),
    (changed(chain=(EXPIRED, ISSUING)), "doctor-validity", "expired on 2026-11-22"),
    (changed(now=NOW - timedelta(days=60)), "doctor-validity", "is not valid before 2026-10-24"),
    (
        around(name="10.4.0.20"),
        "doctor-name",
        "'10.4.0.20', is in no SAN (dns:sbc1.lab.example); a device whose Proxy Set has this "
        "address refuses it too",
    ),
    (
        changed(
            chain=(certificate("sbc1.lab.example", "Issuing", "uri:sip:sbc1.lab.example"), ISSUING)
        ),
        "doctor-name",
        "a device that compares with its Proxy Set would take it",
    ),
    (
        changed(chain=(certificate("a", "Issuing", "email:sbc1.lab.example"), ISSUING)),
        "doctor-san-kind",
        "'sbc1.lab.example' has no '@': its selector was left at EMAIL",
    ),
    (
        changed(chain=(certificate("a", "Issuing", "dns:10.4.0.20"), ISSUING)),
        "doctor-san-kind",
        "the SAN dns '10.4.0.20' is an IP address",
    ),
    (changed(chain=(SERVER_ONLY, ISSUING)), "doctor-purpose", "has no clientAuth"),
    (
        changed(chain=(certificate("a", "Issuing", purposes=(Purpose.CLIENT_AUTH,)), ISSUING)),
        "doctor-purpose",
        "has no serverAuth",
    ),
    (
        changed(
            chain=(),
            endpoint=msgspec.structs.replace(
                ENDPOINT, usual=Handshake(failure="no answer in time")
            ),
            served=None,
        ),
        "doctor-no-tls",
        "no TLS at port 5061: no answer in time",
    ),
    (
        changed(
            chain=(),
            served=None,
            endpoint=msgspec.structs.replace(ENDPOINT, usual=Handshake(failure="x", alert=40)),
        ),
        "doctor-handshake",
        "refused the handshake with alert 40 handshake_failure: it found no cipher or key",
    ),
    (seen(version="TLS 1.0"), "doctor-old-tls", "sbc1 speaks TLS 1.0 alone"),
    (around(versions=SPOKEN), "doctor-old-tls-too", "sbc1 also speaks TLS 1.0"),
    (changed(chain=(LEAF,)), "doctor-chain", "sent only the leaf; peers need 'Issuing'"),
    (changed(chain=(LEAF, ROOT)), "doctor-chain", "sent a chain with a gap; peers need 'Issuing'"),
    (
        changed(chain=(LEAF, ROOT, ISSUING)),
        "doctor-chain-order",
        "sent its chain in the wrong order: 'sbc1.lab.example', 'Root', 'Issuing'",
    ),
    (
        changed(chain=(LEAF, ISSUING, certificate("Other", "Other", key=KEYS["Other"]))),
        "doctor-chain-order",
        "not all of them belong to one chain",
    ),
    (
        seen(alert=48, **REFUSED),
        "doctor-alert",
        "sbc1 does not trust our root (alert 48 unknown_ca)",
    ),
    (seen(alert=90, **REFUSED), "doctor-alert", "objects to the certificate that was presented"),
    (
        msgspec.structs.replace(seen(alert=43, **REFUSED), client=SERVER_ONLY),
        "doctor-alert",
        "wanted clientAuth, which the certificate presented lacks (alert 43",
    ),
    (
        msgspec.structs.replace(seen(alert=45, **REFUSED), client=EXPIRED),
        "doctor-alert",
        "refuses the certificate presented: it has expired",
    ),
    (
        msgspec.structs.replace(
            seen(alert=44, **REFUSED),
            client=CLIENT,
            client_known=msgspec.structs.replace(KNOWN, status="revoked"),
        ),
        "doctor-alert",
        "refuses the certificate presented: it is revoked",
    ),
    (
        msgspec.structs.replace(seen(alert=45, **REFUSED), client=CLIENT, client_known=KNOWN),
        "doctor-alert",
        "has expired, or is not valid yet (alert 45 certificate_expired)",
    ),
    (
        seen(asks_certificate=True, accepted_issuers=("CN=Root",), alert=116),
        "doctor-wants-certificate",
        "asks for a client certificate, issued by CN=Root, and refuses without (alert 116",
    ),
    (
        seen(accepted_issuers=("CN=Their Root", "CN=b")),
        "doctor-accepted-issuers",
        "asks for client certificates of CN=Their Root and 1 more, and names none of our CAs",
    ),
    (
        seen(answer_date=NOW - timedelta(days=60)),
        "doctor-clock",
        "sbc1's clock is 60 days slow: by it, its own certificate is not valid yet",
    ),
    (
        seen(answer_date=NOW + timedelta(days=400)),
        "doctor-clock",
        "400 days fast: by it, its own certificate has expired",
    ),
    (seen(answer_date=NOW + timedelta(hours=3)), "doctor-clock", "clock is 3 hours fast"),
    (seen(answer_date=NOW + timedelta(minutes=9)), "doctor-clock", "clock is 9 minutes fast"),
    (
        around(
            responders=(Responder(url="http://10.0.0.5:2560/", failure="nothing listens there"),)
        ),
        "doctor-ocsp",
        "the OCSP responder at http://10.0.0.5:2560/ does not answer as it should: nothing listens",
    ),
    (
        msgspec.structs.replace(
            seen(answer="", closed=True, sent_certificate=True),
            client=CLIENT,
            client_known=msgspec.structs.replace(KNOWN, status="revoked"),
        ),
        "doctor-closed",
        "closed the connection without a word: the certificate presented ('peer') is revoked",
    ),
    (
        msgspec.structs.replace(
            seen(answer="", closed=True, sent_certificate=True), client=EXPIRED
        ),
        "doctor-closed",
        "the certificate presented ('sbc1.lab.example') has expired",
    ),
    (
        msgspec.structs.replace(
            seen(answer="", closed=True, sent_certificate=True), client=CLIENT, client_known=KNOWN
        ),
        "doctor-sip",
        "TLS comes up, but sbc1 closes the connection once it has our certificate",
    ),
    (seen(answer=""), "doctor-sip", "TLS comes up, but sbc1 does not answer OPTIONS"),
    (seen(answer="HTTP/1.1 400 Bad"), "doctor-sip", "answers OPTIONS with 'HTTP/1.1 400 Bad'"),
    (
        around(without_name=msgspec.structs.replace(HANDSHAKE, chain=(ROOT.der,))),
        "doctor-server-name",
        "serves another certificate to clients that send no server name",
    ),
]


def test_the_good_case_has_no_finding() -> None:
    assert diagnose(GOOD) == []


@pytest.mark.parametrize(
    ("case", "code", "words"), CASES, ids=[f"{c[1]}-{n}" for n, c in enumerate(CASES)]
)
def test_each_fault_is_named(case: Case, code: str, words: str) -> None:
    found = {each.code: each for each in diagnose(case)}

    assert code in found
    said = " | ".join(each.message for each in diagnose(case) if each.code == code)
    assert words in said
    assert found[code].hint
    assert all(each.result != "unknown" for each in found.values())


def test_what_is_no_address_of_a_device_is_judged_without_one() -> None:
    case = changed(device=None, context=None, expected=(), served=None, chain=(), cas=())

    assert {each.code for each in diagnose(case)} == set()


def test_an_empty_chain_and_no_register_give_no_bug() -> None:
    bugs: list[object] = []

    diagnose(changed(chain=(), served=None, cas=()), on_bug=bugs.append)

    assert bugs == []
