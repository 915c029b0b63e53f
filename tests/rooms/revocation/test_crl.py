"""The octets of a CRL, and that none leaves whose signature does not hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ca.encoding.crl import entry
from ca.errors import KeyUnavailableError
from ca.keys.soft import NewKey, generate_key
from ca.revocation.crl import CRLHead, Entries, sign_crl

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test CA")])
HEAD = CRLHead(NAME.public_bytes(), b"\x01" * 20, 7, AT, AT.replace(month=12))
KEY = generate_key("ec:p256", None, label="issuing")
NONE = Entries(0, 0, lambda: ())


def entries(*encoded: bytes) -> Entries:
    return Entries(len(encoded), len(b"".join(encoded)), lambda: encoded)


class Faulty:
    """A signer whose hardware signs another digest than it was given."""

    def __init__(self, made: NewKey) -> None:
        self.public_key = made.signer.public_key
        self.algorithm = made.signer.algorithm
        self.hasher = made.signer.hasher
        self.sign = made.signer.sign
        self._signer = made.signer

    def sign_digest(self, digest: bytes) -> bytes:
        return self._signer.sign_digest(digest[::-1])


@pytest.mark.parametrize("spec", ["rsa:2048", "ec:p256", "ec:p384", "ec:p521"])
def test_a_crl_holds_by_its_key_and_lists_its_entries(spec: str) -> None:
    made = generate_key(spec, None, label="issuing")
    listed = [entry(bytes([n]) * 16, AT, reason) for n, reason in ((1, "unspecified"), (2, "hold"))]

    octets = b"".join(sign_crl(HEAD, entries(*listed), made.signer, made.public))

    crl = x509.load_der_x509_crl(octets)
    assert crl.is_signature_valid(_key(made))
    assert crl.issuer == NAME
    assert [each.serial_number for each in crl] == [
        int.from_bytes(bytes([n]) * 16, "big") for n in (1, 2)
    ]
    assert (crl.last_update_utc, crl.next_update_utc) == (AT, AT.replace(month=12))
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7


def test_a_crl_without_entries_has_no_list_of_them() -> None:
    crl = x509.load_der_x509_crl(b"".join(sign_crl(HEAD, NONE, KEY.signer, KEY.public)))

    assert list(crl) == []
    assert crl.is_signature_valid(_key(KEY))
    assert b"\x30\x00" not in crl.tbs_certlist_bytes


@pytest.mark.parametrize("spec", ["rsa:2048", "ec:p256"])
def test_a_crl_whose_signature_does_not_hold_is_never_handed_out(spec: str) -> None:
    made = generate_key(spec, None, label="issuing")

    with pytest.raises(KeyUnavailableError, match="the CRL's signature does not verify") as refusal:
        sign_crl(HEAD, NONE, Faulty(made), made.public)

    assert refusal.value.hint == "check the key and the machine: one is faulty"


def test_a_crl_is_signed_by_the_key_of_its_ca_alone() -> None:
    other = generate_key("ec:p256", None, label="other")

    with pytest.raises(KeyUnavailableError, match="the CRL's signature does not verify"):
        sign_crl(HEAD, NONE, other.signer, KEY.public)


def test_a_signer_that_gives_itself_out_for_the_cas_is_found_out_by_its_signature() -> None:
    class Pretender(Faulty):
        def sign_digest(self, digest: bytes) -> bytes:
            return generate_key("ec:p256", None, label="other").signer.sign_digest(digest)

    with pytest.raises(KeyUnavailableError, match="the CRL's signature does not verify"):
        sign_crl(HEAD, NONE, Pretender(KEY), KEY.public)


def test_a_signer_of_another_name_for_the_same_key_is_refused() -> None:
    class Renamed(Faulty):
        def sign_digest(self, digest: bytes) -> bytes:
            return self._signer.sign_digest(digest)

    signer = Renamed(KEY)
    signer.public_key = generate_key("ec:p256", None, label="other").public.spki

    with pytest.raises(KeyUnavailableError, match="the CRL's signature does not verify"):
        sign_crl(HEAD, NONE, signer, KEY.public)


def _key(made: NewKey) -> Any:
    return load_der_public_key(made.public.spki)
