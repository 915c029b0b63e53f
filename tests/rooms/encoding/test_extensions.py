"""Parts of a TBSCertificate read by us, beside the library that wrote them."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ca.encoding import der
from ca.encoding import extensions as read
from ca.encoding.oids import KEY_USAGE_BITS, PURPOSES
from ca.encoding.times import encode_time
from ca.errors import MalformedError
from ca.model.certificates import GeneralName

BITS = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign",
)  # fmt: skip


@given(st.sets(st.sampled_from(BITS), min_size=1))
def test_key_usage_is_read_as_the_library_wrote_it(bits: set[str]) -> None:
    flags = {bit: bit in bits for bit in BITS}
    value = x509.KeyUsage(**flags, encipher_only=False, decipher_only=False).public_bytes()

    assert read.key_usage(value) == tuple(
        name for bit, name in KEY_USAGE_BITS.items() if bit in bits
    )


@pytest.mark.parametrize(("is_ca", "length"), [(False, None), (True, None), (True, 0), (True, 5)])
def test_basic_constraints_are_read_as_the_library_wrote_them(
    is_ca: bool, length: int | None
) -> None:
    value = x509.BasicConstraints(is_ca, length).public_bytes()

    assert read.basic_constraints(value) == (is_ca, length)


def test_purposes_have_their_names_and_an_unknown_one_its_numbers() -> None:
    oids = [x509.ObjectIdentifier(oid) for oid in (*PURPOSES, "1.2.3.4")]

    found = read.purposes(x509.ExtendedKeyUsage(oids).public_bytes())

    assert found == (*PURPOSES.values(), "1.2.3.4")


def test_key_identifiers_are_read_as_the_library_wrote_them() -> None:
    own = x509.SubjectKeyIdentifier(b"x" * 20).public_bytes()
    issuers = x509.AuthorityKeyIdentifier(b"y" * 20, None, None).public_bytes()
    with_serial = x509.AuthorityKeyIdentifier(
        b"y" * 20, [x509.DirectoryName(x509.Name([]))], 5
    ).public_bytes()

    assert own == der.tlv(der.OCTET_STRING, b"x" * 20)
    assert read.authority_key_identifier(issuers) == b"y" * 20
    assert read.authority_key_identifier(with_serial) is None


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"[a-z0-9.-]{1,40}", fullmatch=True).map(lambda t: ("dns", t)),
            st.from_regex(r"sip:[a-z0-9.@-]{1,40}", fullmatch=True).map(lambda t: ("uri", t)),
            st.from_regex(r"[a-z]{1,10}@[a-z.]{1,20}", fullmatch=True).map(lambda t: ("email", t)),
            st.ip_addresses().map(lambda a: ("ip", str(a))),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_general_names_are_read_as_the_library_wrote_them(names: list[tuple[str, str]]) -> None:
    makers = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "email": x509.RFC822Name,
        "ip": lambda text: x509.IPAddress(ipaddress.ip_address(text)),
    }
    value = x509.SubjectAlternativeName([makers[k](v) for k, v in names]).public_bytes()

    assert read.general_names(value) == tuple(GeneralName(k, v) for k, v in names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        der.sequence(der.tlv(0x82, b"\xff")),
        der.sequence(der.tlv(0x87, b"\x01\x02\x03")),
        der.sequence(der.tlv(0x88, b"\x2a")),
        der.sequence(b"\x82\x05x"),
    ],
)
def test_a_general_name_that_cannot_be_read_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedError):
        read.general_names(value)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2149, 1, 1)))
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    raw = der.sequence(encode_time(whole), encode_time(whole))

    first, second = read.read_validity(raw)

    assert first == second
    assert first[1] == whole
    assert first[0] == (der.UTC_TIME if whole.year < 2050 else der.GENERALIZED_TIME)


@pytest.mark.parametrize(
    "time",
    [
        der.tlv(der.UTC_TIME, b"2701010000Z"),
        der.tlv(der.UTC_TIME, b"270101000000+0000"),
        der.tlv(der.UTC_TIME, b"270101000000"),
        der.tlv(der.UTC_TIME, b"271301000000Z"),
        der.tlv(der.GENERALIZED_TIME, b"20270101000000.5Z"),
        der.tlv(der.GENERALIZED_TIME, b"270101000000Z"),
        b"",
    ],
)
def test_a_time_in_another_form_is_malformed(time: bytes) -> None:
    with pytest.raises(MalformedError, match="validity"):
        read.read_validity(der.sequence(encode_time(datetime(2027, 1, 1, tzinfo=UTC)), time))


@pytest.mark.parametrize(
    "raw",
    [
        der.sequence(der.encode_oid("2.5.29.19")),
        der.sequence(der.encode_oid("2.5.29.19"), b"\x01\x01\x00", der.tlv(4, b"")),
        der.sequence(der.encode_oid("2.5.29.19"), b"\x01\x01\x01", der.tlv(4, b"")),
        der.sequence(der.encode_oid("2.5.29.19"), b"\x05\x00"),
    ],
)
def test_an_extension_in_another_form_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read.read_extension(raw)


@pytest.mark.parametrize("critical", [True, False])
def test_an_extension_is_read_as_it_was_written(critical: bool) -> None:
    raw = read.extension("2.5.29.15", b"\x03\x02\x07\x80", critical=critical)

    assert read.read_extension(raw) == ("2.5.29.15", critical, b"\x03\x02\x07\x80")


def test_a_key_usage_that_is_no_bit_string_is_malformed() -> None:
    with pytest.raises(MalformedError, match="not a BIT STRING"):
        read.key_usage(b"\x04\x00")


@given(st.lists(st.binary(max_size=300), max_size=8), st.sampled_from([0x30, 0xA3, 0x31]))
def test_split_gives_the_raw_octets_of_the_children(parts: list[bytes], tag: int) -> None:
    data = der.tlv(tag, b"".join(der.tlv(0x04, part) for part in parts))

    assert der.split(data) == [node.raw for node in der.read(data).children()]


@given(st.binary(max_size=60))
def test_split_and_children_refuse_the_same(data: bytes) -> None:
    def told(read_it: object) -> object:
        try:
            return read_it()  # type: ignore[operator]
        except MalformedError as error:
            return error.message

    assert told(lambda: der.split(data)) == told(
        lambda: [node.raw for node in der.read(data).children()]
    )
