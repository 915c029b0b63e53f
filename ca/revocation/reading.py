"""Read a CRL that this CA signed earlier, and verify it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ca.errors import MalformedError, VerificationError
from ca.keys.public import load_public_key
from ca.model.status import Reason

if TYPE_CHECKING:
    from cryptography import x509

_BEGIN, _END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"
_REASONS: dict[str, Reason] = {
    "unspecified": "unspecified",
    "keyCompromise": "key-compromise",
    "cACompromise": "ca-compromise",
    "affiliationChanged": "affiliation-changed",
    "superseded": "superseded",
    "cessationOfOperation": "cessation",
    "certificateHold": "hold",
}
"""Reasons as cryptography spells them; others are unspecified."""


class ReadEntry(msgspec.Struct, frozen=True):
    """A serial that a CRL lists."""

    serial: bytes
    reason: Reason
    revoked_at: datetime
    invalid_since: datetime | None


class ReadCRL(msgspec.Struct, frozen=True):
    """A full CRL."""

    der: bytes
    issuer_der: bytes
    number: int
    this_update: datetime
    next_update: datetime
    entries: tuple[ReadEntry, ...]


def read_crls(data: bytes, *, what: str) -> list[ReadCRL]:
    """Read full CRLs: one in DER, or one or several in PEM (RFC 5280, 5).

    Raises:
        MalformedError: there is none, or a delta CRL or one of a part of the certificates.
    """
    if _BEGIN not in data:
        return [_read(data, what=what)]
    parts = data.split(_BEGIN)[1:]
    return [_read(_BEGIN + each.partition(_END)[0] + _END + b"\n", what=what) for each in parts]


def _read(data: bytes, *, what: str) -> ReadCRL:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        load = x509.load_pem_x509_crl if data.startswith(_BEGIN) else x509.load_der_x509_crl
        crl = load(data)
        number = _extension(crl.extensions, x509.CRLNumber)
        partial = [
            _extension(crl.extensions, kind)
            for kind in (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)
        ]
        entries = tuple(_entry(each) for each in crl)
        issuer = crl.issuer.public_bytes()
    except ValueError:
        raise MalformedError(f"{what} is not a CRL") from None
    if number is None or crl.next_update_utc is None or any(partial):
        raise MalformedError(
            f"{what} is not a full CRL with a number", hint="give the file of sipca crl"
        )
    return ReadCRL(
        crl.public_bytes(Encoding.DER),
        issuer,
        number.crl_number,
        crl.last_update_utc,
        crl.next_update_utc,
        entries,
    )


def verify_crl(crl: ReadCRL, spki: bytes, *, what: str) -> None:
    """Check that a key signed a CRL.

    Raises:
        VerificationError: it did not.
    """
    from cryptography import x509

    key: Any = load_public_key(spki)
    if not x509.load_der_x509_crl(crl.der).is_signature_valid(key):
        raise VerificationError(f"{what} was not signed by the key of the CA that it names")


def _entry(entry: x509.RevokedCertificate) -> ReadEntry:
    from cryptography import x509

    reason = _extension(entry.extensions, x509.CRLReason)
    since = _extension(entry.extensions, x509.InvalidityDate)
    serial = entry.serial_number
    return ReadEntry(
        serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big"),
        "unspecified" if reason is None else _REASONS.get(reason.reason.value, "unspecified"),
        entry.revocation_date_utc,
        None if since is None else since.invalidity_date.replace(tzinfo=UTC),
    )


def _extension(extensions: x509.Extensions, kind: Any) -> Any:
    from cryptography import x509

    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
