"""Find the certificate that a REF on the command line means."""

from __future__ import annotations

import re
from pathlib import PurePath

import msgspec

from ca.authority.home import Home
from ca.authority.register import index_of
from ca.encoding.certificates import read_certificate
from ca.encoding.der import serial_octets
from ca.errors import ConflictError, MalformedError, NotFoundError, PolicyError, StoreError
from ca.model.status import CURRENT
from ca.names.hosts import as_address
from ca.names.text import printable
from ca.store import certificate_names, certificates
from ca.store.certificates import CertificateRow

_SERIAL = re.compile(r"-?[0-9a-f]{1,400}")
_PREFIX = 4
"""A serial that is not spelled whole needs so many digits."""
_MOST_COMPARED = 5_000
"""Names of each kind that an unknown one is held against; 20,000 cost 1.7 s on a busy machine."""
_KIND = re.compile(r"(dns|ip|uri|email):", re.IGNORECASE)


class Match(msgspec.Struct, frozen=True):
    """The certificate found, and other current ones of the same device and context."""

    row: CertificateRow
    others: tuple[CertificateRow, ...] = ()


def find(home: Home, ref: str) -> Match:
    """The certificate that a REF means: device, CN, any SAN, else a unique serial prefix.

    Of several current matches of one device and context the newest is meant.

    Raises:
        NotFoundError: nothing matches.
        ConflictError: matches of different devices or contexts, or of several serials.
    """
    rows = _matches(home, ref)
    now = home.now()
    current = [row for row in rows if row.status(now) in CURRENT]
    meant = current or rows
    if len({_owner(row) for row in meant}) > 1:
        raise ambiguous(home, ref, meant)
    return Match(meant[0], tuple(current[1:]))


def find_all(home: Home, ref: str, *, status: str | None = None) -> CertificateRow:
    """The one certificate that a REF means, without guessing among several.

    Current ones come first (with ``status``, those of that status); several of them are refused
    even if they are of one device.

    Raises:
        NotFoundError: nothing matches.
        ConflictError: several match.
    """
    rows = _matches(home, ref)
    now = home.now()
    wanted = CURRENT if status is None else {status}
    meant = [row for row in rows if row.status(now) in wanted] or rows
    if len(meant) > 1:
        raise ambiguous(home, ref, meant)
    return meant[0]


def find_superseded(home: Home, ref: str) -> list[CertificateRow]:
    """The superseded certificates of a name, newest first; a serial means that certificate.

    Where all are revoked as superseded already, those: the call is a repetition.

    Raises:
        NotFoundError: nothing matches.
        ConflictError: none is superseded, or they are of several devices.
    """
    named = _by_name(home, ref)
    if not named:
        return [find_all(home, ref)]
    superseded = superseded_beside(home, ref)
    repeated = [row for row in named if is_revoked_as_superseded(row)]
    if not superseded and repeated:
        return repeated
    if not superseded:
        raise ConflictError(
            f"no certificate of '{ref}' is superseded",
            hint=f"first sign its successor: sipca sign FILE --device {named[0].device or 'NAME'}, "
            f"or sipca renew {named[0].serial.hex()[:12]} --out DIR",
        )
    if len({_owner(row)[0] for row in superseded}) > 1:
        raise ambiguous(home, ref, superseded)
    return superseded


def is_revoked_as_superseded(row: CertificateRow) -> bool:
    """Whether it was revoked with the reason "superseded"."""
    return row.revocation == "revoked" and row.revocation_reason == "superseded"


def superseded_beside(home: Home, ref: str) -> list[CertificateRow]:
    """The superseded certificates of a name that have not expired and are not revoked."""
    now = home.now()
    return [row for row in _by_name(home, ref) if row.status(now) == "superseded"]


def with_serial(home: Home, digits: str) -> CertificateRow:
    """The plan with a serial (or unique prefix), even if no certificate was issued for it.

    Raises:
        MalformedError: it is not a serial.
        NotFoundError: no such serial was ever planned.
        ConflictError: several serials begin with it.
    """
    folded = digits.strip().casefold().replace(":", "").replace(" ", "")
    rows = _by_serial(home, folded)
    if not rows and (not _SERIAL.fullmatch(folded) or not _PREFIX <= len(folded) <= 40):
        raise MalformedError(f"'{digits}' is not a serial number", hint="4 to 40 hex digits")
    if not rows:
        raise NotFoundError(
            f"no serial begins with {folded}",
            hint="'sipca list --all' shows every serial",
        )
    if len(rows) > 1:
        raise ambiguous(home, digits, rows)
    return rows[0]


def _by_name(home: Home, ref: str) -> list[CertificateRow]:
    """The certificates of a device, CN or SAN, newest first."""
    folded = _folded(ref)
    rows = [
        row
        for row in certificates.by_name(home.store, folded)
        if row.signature is not None or row.is_relic
    ]
    for row in rows:
        _check_named(row, folded)
    return rows


def _folded(ref: str) -> str:
    name = _KIND.sub("", ref.strip(), count=1) if _KIND.match(ref.strip()) else ref.strip()
    return (as_address(name) or name).casefold()


def _matches(home: Home, ref: str) -> list[CertificateRow]:
    rows = _by_name(home, ref)
    if rows:
        return rows
    rows = _by_serial(home, _folded(ref).replace(":", "").replace(" ", ""))
    if len(rows) > 1:
        raise ambiguous(home, ref, rows)
    if rows and rows[0].signature is None and not rows[0].is_relic:
        raise NotFoundError(
            f"serial {rows[0].serial.hex()} is {rows[0].status(home.now())}, not a certificate"
        )
    if not rows:
        raise _unknown(home, ref)
    return rows


def _unknown(home: Home, ref: str) -> NotFoundError:
    """The error for a REF that names nothing, with the name that it is nearly."""
    named = _of_stem(home, ref)
    if named is not None:
        return NotFoundError(
            f"no certificate is known as '{ref}'",
            hint=f"{named[0]} is the certificate of {named[1]}: sipca export {named[1]}",
            rule="ref-unknown",
        )
    near = _nearly(home, ref)
    return NotFoundError(
        f"no certificate is known as '{ref}'",
        hint="'sipca list --all' shows every serial; a serial needs 4 hex digits or more"
        if near is None
        else f"did you mean {printable(near)}? 'sipca list --all' shows every name and serial",
        rule="ref-unknown",
    )


def _of_stem(home: Home, ref: str) -> tuple[str, str] | None:
    """The device file whose stem a REF is, and the CN or serial of its newest certificate."""
    for row in certificates.by_source(home.store, ref.strip()):
        stem = PurePath(row.source).stem
        if stem.casefold() == ref.strip().casefold():
            name = printable(_cn(row) or row.serial.hex()[:12])
            place = "" if row.context is None else f"-ctx{row.context}"
            return f"{printable(stem, limit=200)}{place}-device.pem", name
    return None


def _nearly(home: Home, ref: str) -> str | None:
    """The device or name of a certificate that a REF is nearly, devices first."""
    from ca.names.likeness import Likeness  # only for what is misspelled

    devices = certificate_names.device_names(home.store)
    for names in (devices, certificate_names.folded_names(home.store, limit=_MOST_COMPARED)):
        near = Likeness(names[:_MOST_COMPARED]).of(_folded(ref))
        if near is not None:
            return near
    return None


def _by_serial(home: Home, digits: str) -> list[CertificateRow]:
    """The plans whose serial is spelled by these hex digits; failing that, begins with them.

    A serial that an issuer used twice is one: it can only be revoked for both certificates.
    """
    if not _SERIAL.fullmatch(digits):
        return []
    whole = serial_octets(int(digits, 16))
    rows = certificates.by_serial_prefix(home.store, whole.hex())
    exact = [row for row in rows if row.serial == whole]
    if not exact and len(digits) >= _PREFIX and digits[0] != "-":
        exact = certificates.by_serial_prefix(home.store, digits)
    return list({(row.issuer_id, row.serial): row for row in reversed(exact)}.values())


def _check_named(row: CertificateRow, folded: str) -> None:
    """Check that a certificate has the name by which the index found it.

    Raises:
        StoreError: it does not, so that another could be meant.
    """
    if row.is_relic or (row.device or "").casefold() == folded:
        return
    if folded not in {name for _, name in index_of(row.der).names}:
        raise StoreError(
            f"the index finds {row.serial.hex()} as '{folded}', which its certificate lacks",
            hint="sipca check --rebuild rebuilds the index from history",
        )


def ambiguous(home: Home, ref: str, rows: list[CertificateRow]) -> ConflictError:
    """The error that lists the certificates a REF could mean."""
    now = home.now()
    listed = "; ".join(f"{row.serial_text} {label(row)} ({row.status(now)})" for row in rows[:12])
    more = f" and {len(rows) - 12} more" if len(rows) > 12 else ""
    return ConflictError(
        f"'{ref}' could be any of {len(rows)} certificates: {listed}{more}",
        hint="name one by its serial",
    )


def relic_refusal(row: CertificateRow) -> PolicyError:
    """The error for a relic where a certificate is to be followed by another."""
    return PolicyError(
        f"{row.serial.hex()[:12]} was imported as a relic, which no certificate here can follow",
        hint="sign the CSR of its device, and then revoke it",
        rule="relic-successor",
    )


def label(row: CertificateRow) -> str:
    """A certificate in a few words: its device and context, else its CN."""
    issued = row.signature is not None or row.is_relic
    name = row.device or (_cn(row) if issued else None) or ""
    return f"{name} context {row.context}" if row.context is not None else name


def _owner(row: CertificateRow) -> tuple[str, int | None]:
    name = row.device or f"cn:{_cn(row) or ''}"
    return name.casefold(), row.context


def _cn(row: CertificateRow) -> str | None:
    """The CN of a certificate, also of one that only an imported index names."""
    return read_certificate(row.outline).cn
