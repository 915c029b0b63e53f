"""Copies of a register in use, what one holds in figures, and wiping what was deleted."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ca.errors import StoreError
from ca.store import audit
from ca.store.connection import Store, create_plain, schema_version
from ca.store.timestamps import from_text


class Newest(msgspec.Struct, frozen=True):
    """The certificate that was signed last."""

    serial: str
    not_before: datetime


class Figures(msgspec.Struct, frozen=True):
    """What a register holds: certificates of end entities, the newest, the highest CRL number.

    ``last_event``: when something was last recorded.
    """

    schema: int
    certificates: int
    newest: Newest | None
    crl_number: int | None
    audit_head: str
    last_event: datetime | None


def copy_register(store: Store, path: Path) -> None:
    """Copy a register as of this moment into a new private file, while others go on using it.

    The copy is one file: it has no -wal. It is made in one step; of several, SQLite would begin
    anew whenever another process has written in between. Others go on writing meanwhile: only the
    -wal cannot be emptied, and grows by what they write.

    Raises:
        StoreError: the copy cannot be written.
    """
    target = create_plain(path)
    try:
        store.connection.backup(target)  # all pages in one step
        target.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"a copy of '{store.path}' cannot be written to '{path.parent.parent}': {error}",
            hint="check the space left there; nothing was changed",
        ) from None
    finally:
        target.close()


def figures(store: Store) -> Figures:
    """What a register holds, as figures that a backup's manifest repeats."""
    connection = store.connection
    of_devices = "p.for_issuer_id IS NULL AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)"
    (count,) = connection.execute(
        f"SELECT count(*) FROM result r JOIN plan p ON p.id = r.plan_id WHERE {of_devices}"  # noqa: S608 - our own constants
    ).fetchone()
    newest = connection.execute(
        f"""SELECT p.serial, c.not_before FROM result r
              JOIN plan p ON p.id = r.plan_id
              JOIN certificate c ON c.plan_id = p.id
             WHERE {of_devices} ORDER BY r.signed_at DESC, p.id DESC LIMIT 1"""  # noqa: S608
    ).fetchone()
    (number,) = connection.execute(
        """SELECT max(number) FROM crl_number WHERE issuer_id =
               (SELECT max(id) FROM issuer WHERE role = 'issuing')"""
    ).fetchone()
    last = connection.execute("SELECT at FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return Figures(
        schema_version(connection),
        count,
        newest and Newest(newest[0].hex(), datetime.fromtimestamp(newest[1], UTC)),
        None if number is None else int.from_bytes(number, "big"),
        audit.head(store).hex(),
        last and from_text(last[0]),
    )


def wipe(store: Store) -> bool:
    """Remove what was deleted or replaced from the files: empty the -wal, drop free pages.

    SQLite overwrites deleted rows in the file itself (``secure_delete``). Returns whether the -wal
    was emptied: not while another process still reads an older state.
    """
    connection = store.connection
    if connection.execute("PRAGMA freelist_count").fetchone()[0]:
        connection.execute("VACUUM")
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
