"""CRL numbers (history), the newest CRL of each issuer (state), and the entries for the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256

import msgspec

from ca.encoding.extensions import end_of
from ca.errors import StoreError
from ca.store.connection import Store
from ca.store.state_hashes import note_change
from ca.store.timestamps import from_text, to_text

_PIECE = 1 << 18
_NUMBER_SIZE = 20


class NewestCRL(msgspec.Struct, frozen=True):
    """An issuer's newest CRL, without its octets.

    ``last_event``: the newest status event it takes into account. ``listed``: how many serials were
    revoked or held then, with those whose certificates have expired; None in a CRL of an older
    sipca.
    """

    issuer_id: int
    number: int
    this_update: datetime
    next_update: datetime
    entries: int
    last_event: int
    listed: int | None = None


class Scope(msgspec.Struct, frozen=True):
    """Which entries a CRL holds: expired ones stay until one CRL after their expiry (5280, 3.3).

    An entry is left out if its certificate expired before ``expired_before`` and its status event
    is not newer than ``listed_up_to``, so that an earlier CRL has listed it.
    """

    issuer_id: int
    expired_before: datetime | None
    listed_up_to: int


def newest(store: Store, issuer_id: int) -> NewestCRL | None:
    """The newest CRL of an issuer, without its octets."""
    row = store.connection.execute(
        """SELECT number, this_update, next_update, entries, last_event, listed
             FROM crl WHERE issuer_id = ?""",
        (issuer_id,),
    ).fetchone()
    if row is None:
        return None
    number, this_update, next_update, entries, last_event, listed = row
    return NewestCRL(
        issuer_id,
        int.from_bytes(number, "big"),
        from_text(this_update),
        from_text(next_update),
        entries,
        last_event,
        listed,
    )


def octets(store: Store, issuer_id: int) -> Iterator[bytes]:
    """The newest CRL's DER in pieces.

    Raises:
        StoreError: after the last piece, if these are not the octets that were published.
    """
    digest = sha256()
    for (piece,) in store.connection.execute(
        "SELECT octets FROM crl_piece WHERE issuer_id = ? ORDER BY piece", (issuer_id,)
    ):
        digest.update(piece)
        yield piece
    query = "SELECT sha256 FROM crl WHERE issuer_id = ?"
    row = store.connection.execute(query, (issuer_id,)).fetchone()
    if row is not None and row[0] != digest.digest():
        raise StoreError(
            f"the CRL in '{store.path}' is not the one that was signed",
            hint="sipca crl --refresh signs a new one; sipca log --verify names the rows",
        )


def hash_all(store: Store) -> None:
    """Write the hash of each newest CRL, in a register of an older schema."""
    issuers = store.connection.execute("SELECT issuer_id FROM crl").fetchall()
    for (issuer_id,) in issuers:
        digest = sha256()
        for (piece,) in store.connection.execute(
            "SELECT octets FROM crl_piece WHERE issuer_id = ? ORDER BY piece", (issuer_id,)
        ):
            digest.update(piece)
        store.connection.execute(
            "UPDATE crl SET sha256 = ? WHERE issuer_id = ?", (digest.digest(), issuer_id)
        )


def next_number(store: Store, issuer_id: int, now: datetime) -> int:
    """max(last + 1, Unix seconds), so that no number is reused after restoring a backup."""
    return max(highest_number(store, issuer_id) + 1, int(now.timestamp()))


def highest_number(store: Store, issuer_id: int) -> int:
    """The highest CRL number that an issuer used, or 0."""
    last = store.connection.execute(
        "SELECT max(number) FROM crl_number WHERE issuer_id = ?", (issuer_id,)
    ).fetchone()[0]
    return int.from_bytes(last or b"", "big")


def is_used_from(store: Store, issuer_id: int, number: int) -> bool:
    """Whether an issuer has used a CRL number, or a higher one."""
    query = "SELECT 1 FROM crl_number WHERE issuer_id = ? AND number >= ? LIMIT 1"
    return store.connection.execute(query, (issuer_id, _octets(number))).fetchone() is not None


def add_number(
    store: Store, issuer_id: int, number: int, *, this_update: datetime, next_update: datetime
) -> int:
    """Record that a CRL number is used; returns the number of the row."""
    cursor = store.connection.execute(
        "INSERT INTO crl_number (issuer_id, number, this_update, next_update) VALUES (?, ?, ?, ?)",
        (issuer_id, _octets(number), to_text(this_update), to_text(next_update)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


_IN_SCOPE = """FROM status WHERE issuer_id = :issuer_id
    AND (:ended IS NULL OR not_after IS NULL OR not_after >= :ended OR event_id > :told)"""


def revoked_count(store: Store, before: NewestCRL | None, issuer_id: int) -> int:
    """How many serials of an issuer are revoked or held, according to history.

    Continues from the count of the CRL ``before``, so that only serials with later events are
    examined. That count is in a row of state, whose hash the trail records.
    """
    counted = before is not None and before.listed is not None
    last_event = before.last_event if before is not None and counted else 0
    change = store.connection.execute(
        """SELECT coalesce(sum(
                  coalesce((SELECT e.status <> 'released' FROM status_event e
                             WHERE e.issuer_id = :issuer_id AND e.serial = d.serial
                             ORDER BY e.id DESC LIMIT 1), 0)
                - coalesce((SELECT e.status <> 'released' FROM status_event e
                             WHERE e.issuer_id = :issuer_id AND e.serial = d.serial
                               AND e.id <= :told ORDER BY e.id DESC LIMIT 1), 0)), 0)
             FROM (SELECT DISTINCT +serial AS serial FROM status_event
                    WHERE issuer_id = :issuer_id AND id > :told) d""",  # +: or all are read
        {"issuer_id": issuer_id, "told": last_event},
    ).fetchone()[0]
    return int(change) + (before.listed or 0 if before is not None else 0)


def assert_complete(store: Store, scope: Scope, *, in_scope: int, revoked: int) -> None:
    """Check that ``status`` holds as many serials as are revoked or held according to history.

    Serials that the CRL leaves out because their certificates expired are verified one by one: a
    row may have been altered.

    Raises:
        StoreError: there are too few or too many rows, or a row calls a certificate expired that
            is not.
    """
    if in_scope == revoked:
        return
    for serial, tbs in store.connection.execute(
        f"""SELECT s.serial, p.tbs
              FROM (SELECT serial FROM status WHERE issuer_id = :issuer_id
                    EXCEPT SELECT serial {_IN_SCOPE}) s
              LEFT JOIN plan p ON p.issuer_id = :issuer_id AND p.serial = s.serial""",  # noqa: S608
        _values(scope),
    ):
        end = None if tbs is None else end_of(tbs)
        if end is None or scope.expired_before is None or end >= scope.expired_before.timestamp():
            raise _incomplete(store, f"{serial.hex()} has not expired")
        in_scope += 1
    if in_scope != revoked:
        raise _incomplete(store, f"it has {in_scope} serials, history has {revoked}")


def _incomplete(store: Store, why: str) -> StoreError:
    return StoreError(
        f"the serials that '{store.path}' lists as revoked differ from its history: {why}",
        hint="sipca check --rebuild fixes the list; sipca log --verify names the rows",
    )


def entries(store: Store, scope: Scope) -> Iterator[list[bytes]]:
    """The encoded entries in scope, sorted by serial, a thousand at a time."""
    cursor = store.connection.execute(
        f"SELECT crl_entry {_IN_SCOPE} ORDER BY serial",
        _values(scope),
    )
    while rows := cursor.fetchmany(1024):
        yield [entry for (entry,) in rows]


def publish(store: Store, crl: NewestCRL, pieces: Iterable[bytes]) -> bool:
    """Make a CRL its issuer's newest, unless one of a higher number is; returns whether it did.

    Needs a write transaction.
    """
    published = newest(store, crl.issuer_id)
    if published is not None and published.number >= crl.number:
        return False
    store.connection.execute("DELETE FROM crl_piece WHERE issuer_id = ?", (crl.issuer_id,))
    digest = sha256()
    for number, piece in enumerate(_joined(pieces)):
        digest.update(piece)
        store.connection.execute(
            "INSERT INTO crl_piece (issuer_id, piece, octets) VALUES (?, ?, ?)",
            (crl.issuer_id, number, piece),
        )
    store.connection.execute(
        """INSERT INTO crl (issuer_id, number, this_update, next_update, entries, last_event,
                            listed, sha256)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (issuer_id) DO UPDATE SET
               number = excluded.number, this_update = excluded.this_update,
               next_update = excluded.next_update, entries = excluded.entries,
               last_event = excluded.last_event, listed = excluded.listed,
               sha256 = excluded.sha256""",
        (
            crl.issuer_id,
            _octets(crl.number),
            to_text(crl.this_update),
            to_text(crl.next_update),
            crl.entries,
            crl.last_event,
            crl.listed,
            digest.digest(),
        ),
    )
    note_change(store, "crl", crl.issuer_id)
    return True


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _values(scope: Scope) -> dict[str, int | None]:
    expired = scope.expired_before
    return {
        "issuer_id": scope.issuer_id,
        "ended": None if expired is None else int(expired.timestamp()),
        "told": scope.listed_up_to,
    }


def _octets(number: int) -> bytes:
    """A CRL number as 20 octets, so that SQLite sorts them as numbers (5280, 5.2.3)."""
    return number.to_bytes(_NUMBER_SIZE, "big")
