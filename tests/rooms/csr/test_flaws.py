"""What of a request does not decode is kept, shown and told; nothing of the rest is lost for it."""

from __future__ import annotations

import re

import pytest
from stand_in.odd import SAN, extension
from stand_in.requests import (
    CN,
    EXTENSION_REQUEST,
    OU,
    O,
    attribute,
    rdn,
    request,
    with_extensions,
    with_names,
)

from ca.csr.parsing import parse_request
from ca.csr.request import CertificateRequest
from ca.csr.rules import judge_request
from ca.encoding import der


def told(read: CertificateRequest) -> list[tuple[str, str]]:
    return [(flaw.field, flaw.problem) for flaw in read.flaws]


def deep(levels: int) -> bytes:
    nested = b""
    for _ in range(levels):
        nested = der.tlv(0x30, nested)
    return nested


GOOD = der.tlv(0x82, b"a.lab")
NAMES = der.sequence(extension(SAN, der.sequence(GOOD)))
OTHERS = der.sequence(extension(SAN, der.sequence(der.tlv(0x82, b"b.lab"))))


@pytest.mark.parametrize(
    ("attribute_", "shown", "problem"),
    [
        (rdn(O, 12, b"a\x00b"), "a\\x00b", "the subject's O 'a\\x00b' holds control characters"),
        (rdn(O, 12, b"a\x1b[2Jb"), "a\\x1b[2Jb", "holds control characters"),
        (rdn(O, 12, b"Z\xfcrich"), "Z\\xfcrich", "the subject's O 'Z\\xfcrich' is not valid UTF-8"),
        (rdn(O, der.PRINTABLE_STRING, b"Z\xfcrich"), "Z\\xfcrich", "is not valid ASCII text"),
        (rdn(O, der.BMP_STRING, b"\x00a\x00"), "a\\x00", "is not valid UTF-16-BE text"),
        (rdn(O, der.BMP_STRING, b"\xd8\x00\x00a"), "\\xd8\\x00a", "is not valid UTF-16-BE text"),
        (rdn(O, der.UNIVERSAL_STRING, b"\x00\x00\x00"), "\\x00\\x00\\x00", "not valid UTF-32-BE"),
        (rdn(O, der.T61_STRING, b"a\x9bb"), "a\\x9bb", "holds control characters"),
        (rdn(O, 4, b"a"), "#040161", "the subject's O is not a character string (tag 4)"),
        (rdn(O, 0x30, b""), "#3000", "is not a character string (tag 48)"),
    ],
)  # fmt: skip
def test_an_attribute_of_the_subject_that_does_not_decode_is_kept_and_told(
    attribute_: bytes, shown: str, problem: str
) -> None:
    read = parse_request(request(rdn(CN, 12, b"a.lab"), attribute_))

    assert [(each.type, each.value) for each in read.subject] == [("CN", "a.lab"), ("O", shown)]
    ((field, text),) = told(read)
    assert field == "subject.O"
    assert problem in text


def test_a_cn_that_does_not_decode_is_answered_by_the_option_that_replaces_it() -> None:
    (flaw,) = parse_request(request(rdn(CN, 12, b"\xff"))).flaws

    assert flaw.hint == "--cn NAME takes its place"


def test_more_attributes_than_any_subject_has_are_counted() -> None:
    read = parse_request(request(*[rdn(OU, 12, b"x")] * 70))

    assert len(read.subject) == 64
    assert [flaw.text for flaw in read.flaws] == ["6 more attributes"]
    assert told(read) == [("subject", "the CSR's subject has more than 64 attributes")]


@pytest.mark.parametrize(
    ("entry", "shown", "problem"),
    [
        (der.tlv(0x87, b""), "ip:#", "an IP address of 0 octets, not 4 or 16"),
        (der.tlv(0x87, b"\x01\x02\x03"), "ip:#010203", "an IP address of 3 octets, not 4 or 16"),
        (der.tlv(0x87, bytes(5)), "ip:#0000000000", "an IP address of 5 octets, not 4 or 16"),
        (der.tlv(0x87, b"\x0a\x00\x00\x00\xff\x00\x00\x00"), "ip:#0a000000ff000000", "an IP address of 8 octets, not 4 or 16"),
        (der.tlv(0x87, bytes(15)), f"ip:#{bytes(15).hex()}", "an IP address of 15 octets, not 4 or 16"),
        (der.tlv(0x87, bytes(17)), f"ip:#{bytes(17).hex()}", "an IP address of 17 octets, not 4 or 16"),
        (der.tlv(0x87, bytes(32)), f"ip:#{bytes(32).hex()}", "an IP address of 32 octets, not 4 or 16"),
        (der.tlv(0x87, b"10.4.0.20"), "ip:10.4.0.20", "it is the text '10.4.0.20'"),
        (der.tlv(0x82, "zürich.lab".encode()), "dns:zürich.lab", "characters outside ASCII"),
        (der.tlv(0x82, b"z\xfcrich.lab"), "dns:z\\xfcrich.lab", "characters outside ASCII"),
        (der.tlv(0x82, b"a\x00.lab"), "dns:a\\x00.lab", "holds control characters"),
        (der.tlv(0x86, b"sip:a\r\n.lab"), "uri:sip:a\\x0d\\x0a.lab", "holds control characters"),
        (der.tlv(0x81, b"a@b\xe9.lab"), "email:a@b\\xe9.lab", "characters outside ASCII"),
        (der.tlv(0x89, b"x"), "unknown #890178", "an entry of an unknown kind (tag 137)"),
        (der.tlv(0xA2, der.tlv(0x82, b"x")), "unknown #a203820178", "of an unknown kind (tag 162)"),
        (der.tlv(0x0C, b"a.lab"), "unknown #0c05612e6c6162", "of an unknown kind (tag 12)"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_decode_is_told_and_the_others_are_read(
    entry: bytes, shown: str, problem: str
) -> None:
    read = parse_request(with_names(entry, GOOD))

    assert [str(name) for name in read.san] == ["dns:a.lab"]
    (flaw,) = read.san_flaws
    assert flaw.text == shown
    assert problem in flaw.problem


@pytest.mark.parametrize(
    ("data", "problem", "names"),
    [
        (with_extensions(extension(SAN, b"\x04\x02hi")), "the CSR's SAN does not decode: it is not a list", []),
        (with_extensions(extension(SAN, b"hi")), "the CSR's SAN does not decode: ", []),
        (with_extensions(extension(SAN, b"")), "the CSR's SAN does not decode: ", []),
        (with_extensions(extension(SAN, b"\x30\x05")), "claims 5 octets", []),
        (with_extensions(extension(SAN, der.sequence(GOOD) + b"\x00")), "followed by 1 stray octets", []),
        (with_extensions(*[extension(SAN, der.sequence(GOOD))] * 2), "extension subjectAltName twice", ["dns:a.lab"] * 2),
        (with_names(*[GOOD] * 150), "the CSR's SAN has 150 names; at most 100 are allowed", ["dns:a.lab"] * 100),
        (with_extensions(extension(SAN, der.sequence(GOOD), der.tlv(2, b"\x01"))), "no proper critical flag", []),
        (request(attributes=attribute(EXTENSION_REQUEST, NAMES) + attribute(EXTENSION_REQUEST, OTHERS)), "extensionRequest twice, with different contents", ["dns:a.lab", "dns:b.lab"]),
        (request(attributes=attribute(EXTENSION_REQUEST, NAMES, OTHERS)), "does not hold exactly one list of extensions", ["dns:a.lab", "dns:b.lab"]),
        (request(attributes=attribute(EXTENSION_REQUEST)), "does not hold exactly one list of extensions", []),
        (request(attributes=attribute(EXTENSION_REQUEST, der.tlv(12, b"x"))), "does not hold exactly one list of extensions", []),
        (request(attributes=attribute(EXTENSION_REQUEST, der.tlv(0x30, b"\x30\x09"))), "the CSR's list of extensions does not decode", []),
        (with_extensions(*[extension(f"1.2.3.{n}", b"") for n in range(70)]), "more than 64 extensions", []),
        (request(attributes=b"".join(attribute(f"1.2.3.{n}") for n in range(70))), "more than 64 attributes", []),
    ],
)  # fmt: skip
def test_what_may_hide_names_is_a_flaw_of_the_san(
    data: bytes, problem: str, names: list[str]
) -> None:
    read = parse_request(data)

    assert [str(name) for name in read.san] == names
    assert any(field == "san" and problem in text for field, text in told(read))


def test_addresses_of_4_and_of_16_octets_are_names() -> None:
    read = parse_request(
        with_names(der.tlv(0x87, b"\x0a\x04\x00\x14"), der.tlv(0x87, bytes(15) + b"\x01"))
    )

    assert [str(name) for name in read.san] == ["ip:10.4.0.20", "ip:::1"]
    assert read.flaws == ()


def test_100_names_are_read_and_the_101st_is_told() -> None:
    names = [der.tlv(0x82, f"d{number}.lab".encode()) for number in range(101)]

    fits, too_many = parse_request(with_names(*names[:100])), parse_request(with_names(*names))

    assert (len(fits.san), fits.flaws) == (100, ())
    assert too_many.san == fits.san
    (flaw,) = too_many.flaws
    assert flaw.problem == "the CSR's SAN has 101 names; at most 100 are allowed"
    assert flaw.text == "1 more names"


def test_64_extensions_and_64_attributes_are_read_and_one_more_is_told() -> None:
    def extensions(count: int) -> CertificateRequest:
        asked = [extension(f"1.2.3.{n}", b"") for n in range(count)]
        return parse_request(with_extensions(*asked))

    def attributes(count: int) -> CertificateRequest:
        return parse_request(
            request(attributes=b"".join(attribute(f"1.2.3.{n}") for n in range(count)))
        )

    assert (len(extensions(64).extensions), told(extensions(64))) == (64, [])
    assert told(extensions(65)) == [("san", "the CSR has more than 64 extensions")]
    assert (len(attributes(64).attributes), told(attributes(64))) == (64, [])
    assert told(attributes(65)) == [("san", "the CSR has more than 64 attributes")]


def test_64_attributes_of_a_subject_are_read_and_one_more_is_told() -> None:
    def read(count: int) -> CertificateRequest:
        return parse_request(request(*[rdn(OU, 12, b"x")] * count))

    assert (len(read(64).subject), told(read(64))) == (64, [])
    assert told(read(65)) == [("subject", "the CSR's subject has more than 64 attributes")]


@pytest.mark.parametrize(
    ("data", "field", "problem"),
    [
        (with_extensions(extension("2.5.29.15", b"\x05")), "extension.keyUsage", "extension keyUsage does not decode"),
        (with_extensions(extension("2.5.29.15", b"")), "extension.keyUsage", "extension keyUsage does not decode"),
        (with_extensions(extension("2.5.29.19", b"\x04\x02hi")), "extension.basicConstraints", "does not decode"),
        (with_extensions(extension("2.5.29.19", b"\x31\x00")), "extension.basicConstraints", "does not decode"),
        (with_extensions(extension("2.5.29.15", b"\x04\x02\x05\xa0")), "extension.keyUsage", "does not decode"),
        (with_extensions(extension("2.5.29.37", b"\x31\x00")), "extension.extendedKeyUsage", "does not decode"),
        (with_extensions(extension("2.5.29.14", b"\x0c\x02hi")), "extension.subjectKeyIdentifier", "does not decode"),
        (with_extensions(extension("2.5.29.37", b"\x30\x03\x02\x01\x05")), "extension.extendedKeyUsage", "does not decode"),
        (with_extensions(extension("2.5.29.37", b"garbage")), "extension.extendedKeyUsage", "does not decode"),
        (with_extensions(*[extension("2.5.29.15", b"\x03\x02\x05\xa0")] * 2), "extension.keyUsage", "the extension keyUsage twice"),
        (with_extensions(der.sequence(der.encode_oid("1.2.3"))), "extension.1.2.3", "is not a type and a value"),
        (with_extensions(der.tlv(12, b"x")), "extension.#0c0178", "is not a type and a value"),
        (request(attributes=der.sequence()), "attribute.#3000", "is not a type and a set of values"),
        (request(attributes=attribute("1.2.3", b"\x05\x00") * 2), "attribute.1.2.3", "the attribute 1.2.3 twice"),
        (request(attributes=attribute("1.2.3", deep(200))), "attribute.1.2.3", "is nested too deeply"),
        (request(attributes=attribute("1.2.3", der.tlv(0x30, b"\x30\x09"))), "attribute.1.2.3", "does not decode"),
    ],
)  # fmt: skip
def test_what_is_never_taken_is_told_as_a_warning(data: bytes, field: str, problem: str) -> None:
    read = parse_request(data)

    findings = [each for each in judge_request(read) if each.code == "passed-over"]

    assert [flaw.field for flaw in read.flaws] == [field]
    (finding,) = findings
    assert finding.result == "warn"
    assert re.search(f"{re.escape(problem)}.*; it is not used$", finding.message)


def test_a_second_request_to_be_a_ca_is_seen_too() -> None:
    asked = [
        extension("2.5.29.19", der.sequence()),
        extension("2.5.29.19", der.sequence(der.tlv(1, b"\xff"))),
    ]

    codes = [each.code for each in judge_request(parse_request(with_extensions(*asked)))]

    assert codes == ["passed-over", "asks-for-ca"]


def test_names_of_other_kinds_say_what_they_hold() -> None:
    directory = der.tlv(0xA4, der.sequence(rdn(CN, 12, b"a.lab")))

    read = parse_request(
        with_names(directory, der.tlv(0xA3, b"\x30\x00"), der.tlv(0xA5, b"\xa1\x00"))
    )

    assert read.other_names == ("directoryName CN=a.lab", "x400Address #3000", "ediPartyName #a100")
    assert read.flaws == ()


@pytest.mark.parametrize("version", [1, 2])
def test_versions_that_firmware_writes_are_read_with_a_line(version: int) -> None:
    read = parse_request(request(rdn(CN, 12, b"a.lab"), version=version))

    assert read.cn == "a.lab"
    assert f"has version {version}" in read.repairs[0]


def test_a_request_without_flaws_has_none() -> None:
    assert parse_request(with_names(GOOD)).flaws == ()
    assert judge_request(parse_request(with_names(GOOD))) == []
