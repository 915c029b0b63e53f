"""Whether certificates hold together: who signed whom, and how long a chain may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca.encoding.certificates import read_certificate
from ca.errors import VerificationError
from ca.model.certificates import CertificateFacts
from ca.verification import (
    chain_to_root,
    has_weak_hash,
    is_self_signed,
    issued_by,
    signed_by_key,
    unverifiable_issuer,
    verify_issued,
)

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(10)]


def certificate(number: int, by: int) -> CertificateFacts:
    """CA number so, signed by CA number ``by``."""

    def name(of: int) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"CA {of}")])

    made = (
        x509.CertificateBuilder().subject_name(name(number)).issuer_name(name(by))
        .public_key(KEYS[number].public_key()).serial_number(number + 1)
        .not_valid_before(AT).not_valid_after(AT + timedelta(days=9))
        .sign(KEYS[by], hashes.SHA256())
    )  # fmt: skip
    return read_certificate(made.public_bytes(Encoding.DER))


ROOT = certificate(0, 0)
CHAIN = [ROOT, *(certificate(number, number - 1) for number in range(1, 10))]
"""A root and nine below it, each signed by the one before."""


def test_a_chain_leads_to_its_root_nearest_first_in_whatever_order_its_members_are() -> None:
    assert chain_to_root(CHAIN[2], [ROOT, CHAIN[1]]) == ([CHAIN[1], ROOT], True)
    assert chain_to_root(CHAIN[2], [CHAIN[1], ROOT]) == ([CHAIN[1], ROOT], True)


def test_a_chain_without_its_root_or_its_issuer_is_not_whole() -> None:
    assert chain_to_root(CHAIN[2], [CHAIN[1]]) == ([CHAIN[1]], False)
    assert chain_to_root(CHAIN[2], [ROOT]) == ([], False)


def test_a_chain_has_up_to_seven_issuers_and_a_longer_one_is_no_chain() -> None:
    assert chain_to_root(CHAIN[7], CHAIN[:7])[1] is True
    assert chain_to_root(CHAIN[9], CHAIN[:9]) == (CHAIN[8:0:-1], False)


def test_a_root_leads_to_itself() -> None:
    assert chain_to_root(ROOT, [ROOT]) == ([ROOT], True)


def test_who_signed_and_who_is_only_named_are_told_apart() -> None:
    impostor = msgspec.structs.replace(certificate(1, 1), subject_der=ROOT.subject_der)

    verify_issued(CHAIN[1], ROOT)
    assert issued_by(CHAIN[1], ROOT)
    assert not issued_by(CHAIN[2], ROOT)
    with pytest.raises(VerificationError, match="its issuer is not 'CA 0'"):
        verify_issued(CHAIN[2], ROOT)
    with pytest.raises(VerificationError, match="it was not signed by the key of 'CA 1'"):
        verify_issued(CHAIN[1], impostor)


def test_a_key_that_is_not_known_here_is_not_judged() -> None:
    unknown = msgspec.structs.replace(ROOT, spki=b"\x30\x00")

    assert signed_by_key(CHAIN[1], unknown.spki) is None
    assert unverifiable_issuer(CHAIN[1], [CHAIN[2], unknown]) == unknown
    assert unverifiable_issuer(CHAIN[1], [ROOT]) is None
    with pytest.raises(
        VerificationError, match="sipca cannot verify whether the key of 'CA 0' signed it"
    ):
        verify_issued(CHAIN[1], unknown)


def test_a_self_issued_certificate_of_another_key_is_not_self_signed() -> None:
    other = msgspec.structs.replace(ROOT, spki=CHAIN[1].spki)
    unjudged = msgspec.structs.replace(ROOT, spki=b"\x30\x00")

    assert is_self_signed(ROOT)
    assert is_self_signed(unjudged)
    assert not is_self_signed(other)
    assert not is_self_signed(CHAIN[1])


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("sha1WithRSAEncryption", True), ("md5WithRSAEncryption", True), ("ecdsa-with-SHA1", True),
        ("md2WithRSAEncryption", True), ("md4WithRSAEncryption", True),
        ("sha224WithRSAEncryption", False), ("sha256WithRSAEncryption", False),
        ("ecdsa-with-SHA256", False), ("Ed25519", False),
    ],
)  # fmt: skip
def test_sha1_and_what_is_older_are_weak_hashes(name: str, weak: bool) -> None:
    assert has_weak_hash(msgspec.structs.replace(ROOT, signature_algorithm=name)) is weak
