"""OCSP, request DER to response DER: every part of RFC 6960 that is claimed, and hostile requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp as judge
from hypothesis import given, settings
from hypothesis import strategies as st

from ca.encoding.der import NULL, OCTET_STRING, encode_oid, read, sequence, tlv
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.keys.soft import generate_key, verify
from ca.revocation import ocsp_request
from ca.revocation.ocsp import (
    HASHES,
    Answer,
    OCSPResponder,
    Responder,
    Revoked,
    SilentIssuer,
    cert_id,
)
from ca.revocation.ocsp_request import OCSPRequest, read_ocsp_request

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNTIL = AT + timedelta(hours=1)
SHA1 = "1.3.14.3.2.26"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
NONCE = encode_oid("1.3.6.1.5.5.7.48.1.2")


def certificate_of(subject: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(AT).not_valid_after(AT + timedelta(days=99))
    )  # fmt: skip
    return builder.sign(key, hashes.SHA256()), key


def responder_of(number: int, subject: str) -> tuple[Responder, x509.Certificate]:
    issuer, _ = certificate_of(subject)
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    made = generate_key("ec:p256", None, label="signer")
    certificate, _ = certificate_of("signer")
    return (
        Responder(
            issuer_id=number,
            issuer_name=issuer.subject.public_bytes(),
            issuer_key_bits=read_public_key(spki).bits,
            signer=made.signer,
            certificate=certificate.public_bytes(Encoding.DER),
            key_bits=made.public.bits,
            since=AT - timedelta(days=30),
            until=AT + timedelta(days=30),
        ),
        issuer,
    )


OURS, ISSUER = responder_of(1, "ours")
ROOT, _ = responder_of(2, "root")
FOREIGN, FOREIGN_ISSUER = responder_of(3, "foreign")
RESPONDER = OCSPResponder([OURS, ROOT])
STATUSES = {
    (1, 100): "good",
    (1, 101): Revoked(SINCE, "key-compromise"),
    (1, 102): Revoked(SINCE, "unspecified"),
    (1, 103): Revoked(SINCE, "hold"),
    (2, 100): "good",
}


def status_of(issuer: int, serial: int) -> object:
    return STATUSES.get((issuer, serial), "unknown")


def ask(request: bytes, at: datetime = AT) -> Answer:
    return RESPONDER.answer(request, status_of, at=at, until=UNTIL)  # type: ignore[arg-type]


def single(serial: int, of: Responder = OURS, hash_oid: str = SHA1) -> bytes:
    return cert_id(of, hash_oid, serial, with_null=True)


def request(*cert_ids: bytes, extensions: bytes = b"", before: bytes = b"") -> bytes:
    listed = sequence(*(sequence(each) for each in cert_ids))
    return sequence(
        sequence(before, listed, tlv(0xA2, sequence(extensions)) if extensions else b"")
    )


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = b"\x01\x01\xff" if critical else b""
    return sequence(encode_oid(oid), flag, tlv(OCTET_STRING, value))


def nonce(octets: bytes) -> bytes:
    return extension("1.3.6.1.5.5.7.48.1.2", tlv(OCTET_STRING, octets))


def read_back(answer: Answer) -> judge.OCSPResponse:
    assert answer.status == "successful", answer
    return judge.load_der_ocsp_response(answer.der)


@pytest.mark.parametrize("hash_oid", HASHES)
@pytest.mark.parametrize("with_null", [True, False])
def test_a_cert_id_is_echoed_with_the_very_octets_asked(hash_oid: str, *, with_null: bool) -> None:
    asked = cert_id(OURS, hash_oid, 100, with_null=with_null)

    answer = ask(request(asked))

    assert asked in answer.der
    assert read_back(answer).certificate_status == judge.OCSPCertStatus.GOOD


@pytest.mark.parametrize("hash_", [hashes.SHA1(), hashes.SHA256()])
def test_a_request_of_the_librarys_own_builder_is_answered(hash_: hashes.HashAlgorithm) -> None:
    subject = x509.CertificateBuilder(
        ISSUER.subject, ISSUER.subject, ISSUER.public_key(), 101, AT, AT + timedelta(days=1)
    ).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    builder = judge.OCSPRequestBuilder().add_certificate(subject, ISSUER, hash_)
    from cryptography.hazmat.primitives.serialization import Encoding

    response = read_back(ask(builder.build().public_bytes(Encoding.DER)))

    assert response.certificate_status == judge.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == SINCE
    assert response.revocation_reason == x509.ReasonFlags.key_compromise
    assert (response.this_update_utc, response.next_update_utc) == (AT, UNTIL)
    assert response.produced_at_utc == AT
    assert response.responder_name is None
    assert response.responder_key_hash == HASHES[SHA1](OURS.key_bits)
    assert len(response.certificates) == 1
    assert verify(
        read_public_key(OURS.signer.public_key), response.signature, response.tbs_response_bytes
    )


def test_the_reason_unspecified_is_left_out_and_a_hold_is_revoked_for_hold() -> None:
    plain, held = read_back(ask(request(single(102)))), read_back(ask(request(single(103))))

    assert plain.revocation_reason is None
    assert held.revocation_reason == x509.ReasonFlags.certificate_hold


def test_a_serial_that_was_not_issued_is_unknown_never_good() -> None:
    for serial in (999, 2**159, 0, -5):
        assert (
            read_back(ask(request(single(serial)))).certificate_status
            == judge.OCSPCertStatus.UNKNOWN
        )


def test_several_cert_ids_are_answered_in_their_order() -> None:
    answer = ask(request(single(100), single(101), single(999)))

    found = [(r.serial_number, r.certificate_status.name) for r in read_back(answer).responses]
    assert found == [(100, "GOOD"), (101, "REVOKED"), (999, "UNKNOWN")]


def test_one_answer_speaks_for_one_issuer_and_says_unknown_of_others() -> None:
    answer = ask(request(single(100), single(100, ROOT), single(100, FOREIGN)))

    found = [r.certificate_status.name for r in read_back(answer).responses]
    assert found == ["GOOD", "UNKNOWN", "UNKNOWN"]
    assert read_back(ask(request(single(100, ROOT)))).certificate_status.name == "GOOD"


def test_a_request_for_foreign_certificates_alone_is_unauthorized() -> None:
    answer = ask(request(single(100, FOREIGN)))

    assert answer.status == "unauthorized"
    assert answer.der == bytes.fromhex("30030a0106")


def test_an_issuer_of_ours_without_a_signer_in_force_is_asked_again_later() -> None:
    silent = SilentIssuer(FOREIGN.issuer_name, FOREIGN.issuer_key_bits)
    responder = OCSPResponder([OURS], [silent])

    answer = responder.answer(
        request(single(100, FOREIGN)),
        status_of,
        at=AT,
        until=UNTIL,  # type: ignore[arg-type]
    )

    assert answer.status == "tryLater"
    assert answer.der == bytes.fromhex("30030a0103")


@pytest.mark.parametrize("days", [-31, 31])
def test_a_signer_answers_only_between_both_of_its_dates(days: int) -> None:
    assert ask(request(single(100)), at=AT + timedelta(days=days)).status == "tryLater"


def test_thirty_two_cert_ids_are_answered_and_thirty_three_are_not() -> None:
    assert len(list(read_back(ask(request(*[single(100)] * 32))).responses)) == 32
    assert ask(request(*[single(100)] * 33)).status == "malformedRequest"


@pytest.mark.parametrize("size", [1, 16, 32, 128])
def test_a_nonce_is_echoed_and_its_answer_is_for_one(size: int) -> None:
    answer = ask(request(single(100), extensions=nonce(b"n" * size)))

    assert (
        read_back(answer).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        == b"n" * size
    )
    assert not answer.reusable
    assert ask(request(single(100))).reusable


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (tlv(OCTET_STRING, b""), "1 to 128 octets"),
        (tlv(OCTET_STRING, b"n" * 129), "1 to 128 octets"),
        (b"raw octets", "the DER field|multi-octet|is followed by|1 to 128"),
        (tlv(NULL, b""), "1 to 128 octets"),
    ],
)
def test_a_nonce_that_is_none_is_a_malformed_request(value: bytes, why: str) -> None:
    answer = ask(request(single(100), extensions=extension("1.3.6.1.5.5.7.48.1.2", value)))

    assert answer.status == "malformedRequest"
    assert any(part in answer.reason for part in why.split("|"))


@pytest.mark.parametrize(
    ("extensions", "status"),
    [
        (extension("1.2.3.4", b"x"), "successful"),
        (extension("1.2.3.4", b"x", critical=True), "malformedRequest"),
        (nonce(b"n") + nonce(b"m"), "malformedRequest"),
        (extension("1.3.6.1.5.5.7.48.1.8", b"x", critical=True), "successful"),
        (
            extension("1.3.6.1.5.5.7.48.1.4", sequence(encode_oid("1.3.6.1.5.5.7.48.1.1")), critical=True),
            "successful",
        ),
        (extension("1.3.6.1.5.5.7.48.1.4", sequence(encode_oid("1.2.3"))), "malformedRequest"),
        (sequence(encode_oid("1.2.3")), "malformedRequest"),
    ],
)  # fmt: skip
def test_unknown_critical_extensions_are_refused_and_others_let_be(
    extensions: bytes, status: str
) -> None:
    assert ask(request(single(100), extensions=extensions)).status == status


def test_a_critical_single_request_extension_is_refused() -> None:
    def asking(*, critical: bool) -> bytes:
        inside = tlv(0xA0, sequence(extension("1.2.3", b"x", critical=critical)))
        return sequence(sequence(sequence(sequence(single(100), inside))))

    assert ask(asking(critical=True)).status == "malformedRequest"
    assert ask(asking(critical=False)).status == "successful"


def test_version_requestor_name_and_signature_are_taken() -> None:
    version = tlv(0xA0, b"\x02\x01\x00")
    name = tlv(0xA1, tlv(0xA4, sequence(b"")))
    signature = tlv(0xA0, sequence(sequence(encode_oid("1.2.3")), b"\x03\x02\x00\x00"))
    tbs = sequence(version, name, sequence(sequence(single(100))))

    assert ask(sequence(tbs, signature)).status == "successful"
    later = sequence(sequence(tlv(0xA0, b"\x02\x01\x01"), sequence(sequence(single(100)))))
    assert ask(later).status == "malformedRequest"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80\x00\x00",
        b"hello",
        request(),
        request(single(100)) + b"x",
        request(single(100))[:-1],
        request(b"\x05\x00"),
        request(sequence(sequence(encode_oid("1.2.3"), b"\x02\x01\x01"), b"\x04\x00", b"\x04\x00", b"\x02\x01\x01")),
        b"\x30\x82\x40\x00" + b"\x00" * 0x4000,
        sequence(sequence(sequence(sequence(single(100))), b"\x05\x00")),
    ],
)  # fmt: skip
def test_what_is_no_request_is_answered_malformed(octets: bytes) -> None:
    answer = ask(octets)

    assert answer.status == "malformedRequest"
    assert answer.der == bytes.fromhex("30030a0101")
    assert answer.reason


def test_a_deeply_nested_request_is_answered_malformed() -> None:
    nested = b"\x05\x00"
    for _ in range(2000):
        nested = sequence(nested)

    assert ask(sequence(nested)).status == "malformedRequest"


def test_an_ended_signer_says_try_later() -> None:
    assert ask(request(single(100)), at=AT + timedelta(days=31)).status == "tryLater"


def test_no_answer_says_more_than_its_signers_life() -> None:
    at = AT + timedelta(days=30, minutes=-5)

    answer = RESPONDER.answer(
        request(single(100)),
        status_of,
        at=at,
        until=at + timedelta(hours=1),  # type: ignore[arg-type]
    )

    assert read_back(answer).next_update_utc == OURS.until


@given(
    st.binary(max_size=300)
    | st.tuples(
        st.integers(0, 200), st.binary(min_size=1, max_size=6), st.sampled_from([0, 1, 3])
    ).map(
        lambda cut: (
            (whole := request(single(100), extensions=nonce(b"n" * 8)))[: cut[0]]
            + cut[1]
            + whole[cut[0] + cut[2] :]
        )
    )
)
def test_no_octets_whatever_raise_or_are_good_by_chance(octets: bytes) -> None:
    answer = ask(octets)

    assert read(answer.der).raw == answer.der
    if answer.status == "successful":
        for each in judge.load_der_ocsp_response(answer.der).responses:
            expected = status_of(1, each.serial_number) if each.serial_number > 0 else "unknown"
            assert (each.certificate_status.name == "GOOD") == (expected == "good")


def outcome(read_it: Callable[[bytes], object], octets: bytes) -> object:
    try:
        return read_it(octets)
    except MalformedError as error:
        return error.message


def read_anew(octets: bytes) -> OCSPRequest:
    cert_ids, value = ocsp_request._read(octets)
    return OCSPRequest(cert_ids, None if value is None else value.contents)


FILLED = st.sampled_from([b"n", b"m", b"\x00", b"\x04\x10", b"\x04\x20", b"\x30\x0e"])
SIZES = st.sampled_from([1, 14, 16, 18, 32, 34, 48])
NONCES = st.tuples(FILLED, SIZES).map(lambda each: nonce((each[0] * 48)[: each[1]]))
OTHERS = st.sampled_from(
    [extension("1.2.3.4", b"\x04\x10" + bytes(16)), extension("1.2.3.4", b"x", critical=True)]
)
ASKED = st.builds(
    lambda serials, extensions, signature: sequence(
        read(request(*map(single, serials), extensions=b"".join(extensions))).contents
        + (tlv(0xA0, sequence(tlv(OCTET_STRING, bytes(16)))) if signature else b"")
    ),
    st.lists(st.integers(100, 102), min_size=1, max_size=3),
    st.lists(NONCES | NONCES | OTHERS, max_size=3),
    st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(ASKED, st.none() | st.tuples(st.integers(0, 400), st.integers(0, 255)))
def test_a_request_that_differs_in_its_nonce_alone_is_read_as_if_it_were_new(
    octets: bytes, damage: tuple[int, int] | None
) -> None:
    read_ocsp_request(request(single(100), extensions=nonce(b"o" * 16)))
    for fresh in (octets, octets.replace(b"n", b"N").replace(b"m", b"M")):
        asked = bytearray(fresh)
        if damage is not None:
            asked[damage[0] % len(asked)] = damage[1]

        expected = outcome(read_anew, bytes(asked))

        assert [outcome(read_ocsp_request, bytes(asked)) for _ in range(2)] == [expected] * 2


def test_what_is_remembered_of_requests_is_bounded_in_octets() -> None:
    before = ocsp_request._asked_before_nonce.cache_info().currsize
    read_ocsp_request(request(*[single(100)] * 32, extensions=nonce(b"n" * 16)))

    assert ocsp_request._asked_before_nonce.cache_info().currsize == before
    assert (
        ocsp_request._USUAL_REQUEST * ocsp_request._asked_before_nonce.cache_info().maxsize
        <= 1 << 19
    )
