"""A request taken apart: what is tolerated is said, what nobody may certify is refused by name."""

from __future__ import annotations

import re

import pytest
from asn1crypto.csr import CertificationRequest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import EC_KEY, RSA_KEY, SAMPLES, make_csr
from stand_in.odd import SPKI, extension
from stand_in.requests import (
    CN,
    EXTENSION_REQUEST,
    O,
    attribute,
    rdn,
    request,
    with_extensions,
    with_names,
)

from ca.csr.parsing import parse_request, read_request
from ca.csr.proof import Possession, prove_possession
from ca.csr.request import CertificateRequest
from ca.csr.rules import judge_request
from ca.encoding import der
from ca.errors import MalformedError

SHA256_RSA = der.sequence(der.encode_oid("1.2.840.113549.1.1.11"), der.tlv(der.NULL, b""))


def test_a_devices_request_is_read_whole_and_in_order() -> None:
    read = read_request((SAMPLES / "sbc2-five-san.csr").read_bytes())

    assert [each.type for each in read.subject] == ["CN", "OU", "O", "L", "ST", "C"]
    assert [str(name) for name in read.san] == [
        "dns:sbc2.lab.example", "dns:sip.lab.example", "ip:10.4.0.21", "uri:sip:lab.example", "email:voice@lab.example",
    ]  # fmt: skip
    assert read.cn == "sbc2.lab.example"
    assert read.key.label == "RSA 2048"
    assert read.signature_algorithm == "sha256WithRSAEncryption"
    assert read.repairs == ()


@pytest.mark.parametrize("name", [path.name for path in sorted(SAMPLES.glob("*.csr"))])
def test_the_reading_agrees_with_asn1crypto(name: str) -> None:
    if name == "truncated.csr":
        return
    read = read_request((SAMPLES / name).read_bytes())

    other = CertificationRequest.load(read.der)

    info = other["certification_request_info"]
    assert info["subject"].native.get("common_name") == read.cn
    assert info.dump() == read.info
    assert other["signature"].native == read.signature


@pytest.mark.parametrize(
    ("tag", "contents", "text", "repair"),
    [
        (der.UTF8_STRING, "Zürich".encode(), "Zürich", None),
        (der.PRINTABLE_STRING, b"sbc1.lab", "sbc1.lab", None),
        (der.PRINTABLE_STRING, b"ACL_482913", "ACL_482913", "PrintableString must not hold"),
        (der.PRINTABLE_STRING, b"*.lab", "*.lab", "PrintableString must not hold"),
        (der.PRINTABLE_STRING, b"a&b", "a&b", "PrintableString must not hold"),
        (der.T61_STRING, b"Z\xfcrich", "Zürich", "TeletexString; it was read as Latin-1"),
        (der.T61_STRING, b"plain", "plain", None),
        (der.BMP_STRING, "Zürich".encode("utf-16-be"), "Zürich", None),
        (der.UNIVERSAL_STRING, "Zürich".encode("utf-32-be"), "Zürich", None),
        (der.IA5_STRING, b"a@b", "a@b", None),
    ],
)
def test_string_types_are_read_and_deviations_said(
    tag: int, contents: bytes, text: str, repair: str | None
) -> None:
    read = parse_request(request(rdn(CN, tag, contents)))

    assert read.cn == text
    assert [repair in each for each in read.repairs] == ([True] if repair else [])


def test_a_missing_attributes_field_is_read_and_said() -> None:
    read = parse_request(request(attributes=None))

    assert "the attributes field is missing" in read.repairs[0]


def test_a_multi_valued_rdn_is_taken_apart_and_said() -> None:
    both = der.tlv(der.SET, rdn(CN, 12, b"a")[2:] + rdn(O, 12, b"b")[2:])

    read = parse_request(request(both))

    assert [str(each) for each in read.subject] == ["CN=a", "O=b"]
    assert "multi-valued RDN of the subject was split up" in read.repairs[0]


def test_microsofts_own_number_for_extension_request_is_the_same() -> None:
    names = der.sequence(extension("2.5.29.17", der.sequence(der.tlv(0x82, b"a.lab"))))

    read = parse_request(request(attributes=attribute("1.3.6.1.4.1.311.2.1.14", names)))

    assert [str(name) for name in read.san] == ["dns:a.lab"]


def test_the_same_extension_request_twice_is_one() -> None:
    names = attribute(
        EXTENSION_REQUEST,
        der.sequence(extension("2.5.29.17", der.sequence(der.tlv(0x82, b"a.lab")))),
    )

    assert len(parse_request(request(attributes=names * 2)).san) == 1


@pytest.mark.parametrize(
    ("oid", "value", "name", "text"),
    [
        ("2.5.29.19", der.sequence(der.tlv(1, b"\xff"), der.encode_integer(0)), "basicConstraints", "CA:TRUE, pathlen 0"),
        ("2.5.29.19", der.sequence(), "basicConstraints", "CA:FALSE"),
        ("2.5.29.15", der.tlv(3, b"\x01\x86"), "keyUsage", "digitalSignature, keyCertSign, cRLSign"),
        ("2.5.29.37", der.sequence(der.encode_oid("1.3.6.1.5.5.7.3.1"), der.encode_oid("1.2.3")), "extendedKeyUsage", "serverAuth, 1.2.3"),
        ("2.5.29.14", der.tlv(4, b"\xab\xcd"), "subjectKeyIdentifier", "abcd"),
        ("1.2.3.4", b"\x05\x00", "1.2.3.4", "0500"),
        ("2.5.29.15", b"\x05", "keyUsage", "undecodable #05"),
        ("1.2.3.4", b"\x00" * 300, "1.2.3.4", "00" * 60 + "..."),
    ],
)  # fmt: skip
def test_requested_extensions_are_named_and_spelled(
    oid: str, value: bytes, name: str, text: str
) -> None:
    (read,) = parse_request(with_extensions(extension(oid, value))).extensions

    assert (read.name, read.text, read.critical) == (name, text, False)


def test_names_of_other_kinds_are_kept_as_text() -> None:
    other = der.tlv(
        0xA0, der.encode_oid("1.3.6.1.4.1.311.20.2.3") + der.tlv(0xA0, der.tlv(12, b"u"))
    )

    read = parse_request(
        with_names(
            other, der.tlv(0x88, b"\x2a\x03"), der.tlv(0xA4, der.sequence()), der.tlv(0xA0, b"")
        )
    )

    assert read.other_names == (
        "otherName 1.3.6.1.4.1.311.20.2.3", "registeredID 1.2.3", "directoryName", "otherName (undecodable)",
    )  # fmt: skip


def test_an_ipv6_address_is_canonical() -> None:
    assert str(parse_request(with_names(der.tlv(0x87, bytes(15) + b"\x01"))).san[0]) == "ip:::1"


def test_a_critical_san_is_remembered() -> None:
    assert parse_request(with_names(der.tlv(0x82, b"a"), critical=der.tlv(1, b"\xff"))).san_critical


def test_other_attributes_are_named() -> None:
    challenge = attribute("1.2.840.113549.1.9.7", der.tlv(12, b"secret"))

    assert parse_request(request(attributes=challenge)).attributes == ("challengePassword",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (request(der.sequence()), "is not a sequence of sets"),
        (request(der.tlv(der.SET, der.sequence(der.encode_oid(CN)))), "is not a type and a value"),
        (request(version=3), "has version 3, but only version 0 is defined"),
        (request(version=-1), "has version -1, but only version 0 is defined"),
        (request(version=2**16000), "version has 2001 octets, but only version 0 is defined"),
        (request(version=-(2**16000)), "version has 2001 octets, but only version 0 is defined"),
        (request(extra=der.sequence()), "has unexpected fields after its key"),
        (der.sequence(der.sequence(), der.sequence(), der.tlv(3, b"\x00")), "lacks version, subject or key"),
        (der.signed(der.sequence(der.encode_integer(0), der.sequence(), SPKI), der.sequence(), b"x"), "has no signature algorithm"),
        (request(spki=der.sequence()), "is not a SubjectPublicKeyInfo"),
        (request(rdn(CN, 0x30, der.tlv(0x30, b"")[:0]))[:-1] + b"", "claims"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=re.escape(message)):
        parse_request(data)


# proof of possession


def signed_by(
    key: object, algorithm_oid: str, spki: bytes, *arguments: object
) -> CertificateRequest:
    info = der.sequence(der.encode_integer(0), der.sequence(), spki, der.tlv(0xA0, b""))
    signature = key.sign(info, *arguments)  # type: ignore[attr-defined]
    return parse_request(der.signed(info, der.sequence(der.encode_oid(algorithm_oid)), signature))


RSA_SPKI = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ED = ed25519.Ed25519PrivateKey.generate()
ED_SPKI = ED.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("oid", "algorithm", "outcome"),
    [
        ("1.2.840.113549.1.1.4", hashes.MD5(), Possession.RETIRED_HASH),
        ("1.2.840.113549.1.1.5", hashes.SHA1(), Possession.RETIRED_HASH),
        ("1.2.840.113549.1.1.11", hashes.SHA256(), Possession.GOOD),
        ("1.2.840.113549.1.1.12", hashes.SHA384(), Possession.GOOD),
        ("1.2.840.113549.1.1.13", hashes.SHA512(), Possession.GOOD),
        ("1.2.840.113549.1.1.14", hashes.SHA224(), Possession.GOOD),
    ],
)
def test_rsa_proofs_have_three_outcomes(
    oid: str, algorithm: hashes.HashAlgorithm, outcome: Possession
) -> None:
    read = signed_by(RSA_KEY, oid, RSA_SPKI, padding.PKCS1v15(), algorithm)

    assert prove_possession(read).outcome is outcome


@pytest.mark.parametrize(
    ("oid", "algorithm", "outcome"),
    [
        ("1.2.840.10045.4.1", hashes.SHA1(), Possession.RETIRED_HASH),
        ("1.2.840.10045.4.3.1", hashes.SHA224(), Possession.GOOD),
        ("1.2.840.10045.4.3.2", hashes.SHA256(), Possession.GOOD),
        ("1.2.840.10045.4.3.3", hashes.SHA384(), Possession.GOOD),
        ("1.2.840.10045.4.3.4", hashes.SHA512(), Possession.GOOD),
    ],
)
def test_ecdsa_proofs(oid: str, algorithm: hashes.HashAlgorithm, outcome: Possession) -> None:
    assert prove_possession(signed_by(EC_KEY, oid, SPKI, ec.ECDSA(algorithm))).outcome is outcome


def test_an_edwards_proof() -> None:
    assert prove_possession(signed_by(ED, "1.3.101.112", ED_SPKI)).outcome is Possession.GOOD


PSS_SHA1: bytes = der.sequence()
PSS_SHA256 = der.sequence(der.tlv(0xA0, der.sequence(der.encode_oid("2.16.840.1.101.3.4.2.1"))))


@pytest.mark.parametrize(
    ("parameters", "algorithm", "outcome"),
    [
        (PSS_SHA256, hashes.SHA256(), Possession.GOOD),
        (PSS_SHA1, hashes.SHA1(), Possession.RETIRED_HASH),
        (PSS_SHA256, hashes.SHA384(), Possession.BROKEN),
        (b"", hashes.SHA256(), Possession.UNKNOWN),
        (der.sequence(der.tlv(0xA0, b"")), hashes.SHA256(), Possession.UNKNOWN),
        (b"\x02\x01", hashes.SHA256(), Possession.UNKNOWN),
    ],
)
def test_pss_proofs_are_judged_by_their_parameters(
    parameters: bytes, algorithm: hashes.HashAlgorithm, outcome: Possession
) -> None:
    info = der.sequence(der.encode_integer(0), der.sequence(), RSA_SPKI, der.tlv(0xA0, b""))
    pss = padding.PSS(padding.MGF1(algorithm), 20)
    signature = RSA_KEY.sign(info, pss, algorithm)
    identifier = der.sequence(der.encode_oid("1.2.840.113549.1.1.10"), parameters)
    if (
        parameters == b"\x02\x01"
    ):  # parameters that are no DER cannot stand in a request: hand them over
        read = parse_request(
            der.signed(info, der.sequence(der.encode_oid("1.2.840.113549.1.1.10")), signature)
        )
        read = __import__("msgspec").structs.replace(read, signature_parameters=parameters)
    else:
        read = parse_request(der.signed(info, identifier, signature))

    assert prove_possession(read).outcome is outcome


def test_an_algorithm_of_another_family_proves_nothing() -> None:
    read = signed_by(EC_KEY, "1.2.840.113549.1.1.11", SPKI, ec.ECDSA(hashes.SHA256()))

    assert prove_possession(read).outcome is Possession.BROKEN


def test_an_unknown_algorithm_is_not_judged_and_refused_by_name() -> None:
    read = signed_by(EC_KEY, "1.2.3.4", SPKI, ec.ECDSA(hashes.SHA256()))

    (finding,) = judge_request(read)

    assert prove_possession(read).outcome is Possession.UNKNOWN
    assert finding.code == "unknown-signature"
    assert "is signed with 1.2.3.4, which sipca cannot verify" in finding.message


def test_a_point_off_the_curve_is_left_to_the_key_rules() -> None:
    bad = SPKI[:-1] + bytes([SPKI[-1] ^ 1])
    read = parse_request(request(spki=bad))

    assert prove_possession(read).outcome is Possession.UNKNOWN
    assert judge_request(read) == []


def test_md5_is_refused_unless_allowed() -> None:
    read = signed_by(RSA_KEY, "1.2.840.113549.1.1.4", RSA_SPKI, padding.PKCS1v15(), hashes.MD5())

    (refused,) = judge_request(read)
    (allowed,) = judge_request(read, frozenset({"md5-request"}))

    assert (refused.code, refused.result) == ("md5-request", "fail")
    assert allowed.result == "warn"


def test_sha1_is_told_and_no_reason_to_refuse() -> None:
    read = signed_by(RSA_KEY, "1.2.840.113549.1.1.5", RSA_SPKI, padding.PKCS1v15(), hashes.SHA1())

    assert [(f.code, f.result) for f in judge_request(read)] == [("sha1-request", "pass")]


def test_a_broken_signature_is_refused_and_a_good_one_has_no_finding() -> None:
    good = signed_by(EC_KEY, "1.2.840.10045.4.3.2", SPKI, ec.ECDSA(hashes.SHA256()))
    broken = signed_by(EC_KEY, "1.2.840.10045.4.3.3", SPKI, ec.ECDSA(hashes.SHA256()))

    assert judge_request(good) == []
    assert [(f.code, f.result) for f in judge_request(broken)] == [("broken-signature", "fail")]


def test_each_repair_is_told_and_what_was_read_as_it_stands_is_not() -> None:
    repaired = parse_request(request(attributes=None, version=1))

    told = [(f.code, f.result, f.message.partition(":")[0]) for f in judge_request(repaired)]

    assert told == [("repaired-request", "pass", "repaired")] * 2


@pytest.mark.parametrize(
    ("oid", "value", "asked"),
    [
        ("2.5.29.19", der.sequence(der.tlv(der.BOOLEAN, b"\xff")), "CA:TRUE"),
        ("2.5.29.15", der.tlv(der.BIT_STRING, b"\x02\x04"), "keyCertSign"),
        ("2.5.29.15", der.tlv(der.BIT_STRING, b"\x01\x02"), "cRLSign"),
        ("2.5.29.15", der.tlv(der.BIT_STRING, b"\x01\x06"), "keyCertSign, cRLSign"),
    ],
)
def test_a_request_to_be_a_ca_is_told_with_what_it_asks_for(
    oid: str, value: bytes, asked: str
) -> None:
    (finding,) = judge_request(parse_request(with_extensions(extension(oid, value))))

    assert (finding.code, finding.result) == ("asks-for-ca", "warn")
    assert finding.message == f"the CSR asks for {asked}, which is never granted to a device"


def test_a_request_for_what_devices_get_does_not_ask_to_be_a_ca() -> None:
    asked = [
        extension("2.5.29.19", der.sequence()),
        extension("2.5.29.15", der.tlv(der.BIT_STRING, b"\x05\xa0")),
    ]

    assert judge_request(parse_request(with_extensions(*asked))) == []


# what the libraries would have done: the reasons for reading requests ourselves


def test_trap_the_library_calls_a_good_sha1_request_invalid() -> None:
    data = (SAMPLES / "legacy-sha1.csr").read_bytes()

    assert x509.load_pem_x509_csr(data).is_signature_valid is False
    assert prove_possession(read_request(data)).outcome is Possession.RETIRED_HASH


def test_trap_the_library_refuses_an_underscore_in_a_printable_string() -> None:
    data = request(rdn(CN, der.PRINTABLE_STRING, b"ACL_482913"))

    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        x509.load_der_x509_csr(data)


def test_trap_the_library_hides_every_name_behind_a_three_octet_address() -> None:
    data = with_names(der.tlv(0x82, b"a.lab"), der.tlv(0x87, b"\x01\x02\x03"))

    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        _ = x509.load_der_x509_csr(data).extensions


def test_trap_the_library_loads_a_512_bit_key_without_a_word() -> None:
    small = rsa.generate_private_key(65537, 1024)

    assert x509.load_pem_x509_csr(make_csr(key=small)).is_signature_valid
