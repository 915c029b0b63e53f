"""Which certificate supersedes which, and those in use that a new one may supersede."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ca.store import certificates
from ca.store.certificates import CertificateRow
from ca.store.connection import Store, placeholders
from ca.store.timestamps import from_text, to_text


def supersede(store: Store, old_plan_id: int, new_plan_id: int, *, at: datetime) -> None:
    """Record that a certificate replaces another, which stays valid until it is revoked."""
    store.connection.execute(
        "INSERT INTO supersession (old_plan_id, new_plan_id, superseded_at) VALUES (?, ?, ?)",
        (old_plan_id, new_plan_id, to_text(at)),
    )


def keys_in_register(
    store: Store, key_identities: Sequence[bytes], *, except_plans: Sequence[int] = ()
) -> set[bytes]:
    """Which of these keys have a certificate, apart from those of a range of plans."""
    first, last = _bounds(except_plans)
    if not key_identities:
        return set()
    marks = ",".join(["(?)"] * len(key_identities))
    rows = store.connection.execute(
        f"""WITH asked (key) AS (VALUES {marks})
            SELECT key FROM asked WHERE EXISTS (
                SELECT 1 FROM certificate
                 WHERE substr(key_identity, 1, 8) = substr(key, 1, 8) AND key_identity = key
                   AND plan_id NOT BETWEEN ? AND ?)""",  # noqa: S608 - marks
        (*key_identities, first, last),
    )
    return {row[0] for row in rows}


def devices_in_register(
    store: Store, names: Sequence[str], *, except_plans: Sequence[int] = ()
) -> set[str]:
    """Which of these devices have a plan, case-folded, apart from a range of plans."""
    if not names:
        return set()
    first, last = _bounds(except_plans)
    rows = store.connection.execute(
        f"""SELECT DISTINCT device FROM plan
             WHERE device IN ({placeholders(names)}) AND id NOT BETWEEN ? AND ?
            UNION SELECT device FROM attachment
                   WHERE device IN ({placeholders(names)})""",  # noqa: S608 - marks
        (*names, first, last, *names),
    )
    return {row[0].casefold() for row in rows}


def _bounds(numbers: Sequence[int]) -> tuple[int, int]:
    return (min(numbers), max(numbers)) if numbers else (0, -1)


def in_use_of_device(store: Store, device: str) -> Iterator[CertificateRow]:
    """A device's certificates that are neither superseded nor revoked nor held."""
    where = f"WHERE {certificates.OF_DEVICE} AND {certificates.IN_USE}"
    return certificates.select(store, where, [device, device])


def in_use_of_key(store: Store, key_identity: bytes, folded: str) -> Iterator[CertificateRow]:
    """Certificates of a key with a case-folded name, neither superseded nor revoked nor held.

    Looked for by the name: a key of a whole fleet has more names than a name has keys.
    """
    return certificates.select(
        store,
        f"""WHERE p.id IN (SELECT n.plan_id FROM san n
                             CROSS JOIN certificate k ON k.plan_id = n.plan_id
                            WHERE n.folded = ? AND k.key_identity = ?)
              AND {certificates.IN_USE}""",  # noqa: S608
        [folded, key_identity],
    )


def in_use_issued(
    store: Store, profile: str, profile_sha256: bytes, folded: str
) -> Iterator[CertificateRow]:
    """Certificates that ``sipca issue`` made for a profile and a case-folded name, in use.

    The profile is that of the name or that of the text: a copy is stored under its first name.
    """
    return certificates.select(
        store,
        f"""WHERE p.request_id IS NULL AND (t.name = ? OR t.sha256 = ?) AND {certificates.IN_USE}
              AND p.id IN (SELECT plan_id FROM san WHERE folded = ?)""",  # noqa: S608
        [profile, profile_sha256, folded],
    )


def attach(store: Store, plan_id: int, device: str, context: int | None, *, at: datetime) -> int:
    """Record the device that a certificate is on; returns the number of the attachment."""
    cursor = store.connection.execute(
        "INSERT INTO attachment (plan_id, device, context, attached_at) VALUES (?, ?, ?, ?)",
        (plan_id, device, context, to_text(at)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def is_any_attached(store: Store, plan_ids: Sequence[int]) -> bool:
    """Whether one of these plans' certificates was attached to a device."""
    row = store.connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM attachment WHERE plan_id IN ({placeholders(plan_ids)}))",  # noqa: S608 - marks
        tuple(plan_ids),
    ).fetchone()
    return bool(row[0])


def with_plan(store: Store, plan_id: int) -> Iterator[CertificateRow]:
    """The certificate of a plan as it stands now."""
    return certificates.select(store, "WHERE p.id = ?", [plan_id])


def line_before(store: Store, plan_ids: Sequence[int]) -> Iterator[CertificateRow]:
    """All that these certificates superseded, directly or through others, but not themselves."""
    return certificates.select(
        store,
        f"""WHERE p.id IN (
              WITH RECURSIVE line (plan_id) AS (
                SELECT old_plan_id FROM supersession
                 WHERE new_plan_id IN ({placeholders(plan_ids)})
                 UNION SELECT x.old_plan_id FROM supersession x JOIN line ON x.new_plan_id = plan_id
              ) SELECT plan_id FROM line)
              AND p.id NOT IN ({placeholders(plan_ids)})""",  # noqa: S608 - marks
        [*plan_ids, *plan_ids],
    )


def moments(store: Store, plan_id: int) -> tuple[datetime | None, datetime | None]:
    """When a certificate was signed, and when it was first superseded."""
    row = store.connection.execute(
        """SELECT (SELECT signed_at FROM result WHERE plan_id = ?),
                  (SELECT min(superseded_at) FROM supersession WHERE old_plan_id = ?)""",
        (plan_id, plan_id),
    ).fetchone()
    signed, superseded = (None if text is None else from_text(text) for text in row)
    return signed, superseded
