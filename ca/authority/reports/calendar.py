"""``list --ics``: the ends of certificates as a calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ca import __version__
from ca.authority.home import Home
from ca.authority.own_files import refuse_foreign_calendar
from ca.documents.certificate import CertificateRecord
from ca.encoding.calendar import Event, calendar
from ca.files import write_stream
from ca.model.status import CURRENT

DAYS_AHEAD = 30
"""How long before the end of a certificate its alarm is."""


def write_calendar(home: Home, records: Iterable[CertificateRecord], path: Path) -> int:
    """Write the ends of what is listed, in place of an earlier calendar; returns how many.

    Only of certificates that are current, or expired and not superseded. What is written depends
    on the register alone, so that a second call changes nothing.

    Raises:
        ConflictError: there is another file.
        StoreError: it cannot be written.
    """
    refuse_foreign_calendar(path)
    count = 0

    def events() -> Iterator[Event]:
        nonlocal count
        for record in records:
            if (event := _event(record)) is not None:
                count += 1
                yield event

    name = f"{home.name}: certificates"
    pieces = calendar(name, f"sipca//sipca {__version__}", events(), days_ahead=DAYS_AHEAD)
    write_stream(path, pieces)
    return count


def _event(record: CertificateRecord) -> Event | None:
    is_lapsed = record.status == "expired" and record.superseded_by is None
    if record.not_after is None or record.not_before is None:
        return None
    if record.status not in CURRENT and not is_lapsed:
        return None
    name = record.device or record.subject
    if record.context is not None:
        name = f"{name} context {record.context}"
    lines = (
        f"The certificate of {name} ends at {record.not_after:%Y-%m-%d %H:%M:%S} UTC.",
        f"serial {record.serial}, profile {record.profile}",
        record.subject,
        ", ".join(record.san),
        f"issued by {record.issuer}",
        f"sipca show {record.serial[:12]}",
    )
    return Event(
        uid=f"{record.serial}-{(record.fingerprint or '')[:16]}@sipca",
        summary=f"{name}: certificate ends",
        description="\n".join(line for line in lines if line),
        at=record.not_after,
        changed=record.not_before,
    )
