"""Devices as the operator described them. State: each change is recorded as an event."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.store.connection import Store
from ca.store.state_hashes import note_change
from ca.store.timestamps import to_text


class DeviceRow(msgspec.Struct, frozen=True):
    """A device: target and context if set, its addresses, and those of its Proxy Sets."""

    name: str
    target: str | None = None
    context: int | None = None
    addresses: tuple[str, ...] = ()
    proxy_sets: tuple[str, ...] = ()


def device(store: Store, name: str) -> DeviceRow | None:
    """A device by name, ignoring case, or None."""
    return next(iter(_rows(store, "WHERE name = ?", (name,))), None)


def spelled(store: Store, name: str) -> str | None:
    """A name as the register has it: of a registered device, else of its first certificate."""
    row = store.connection.execute(
        """SELECT coalesce((SELECT name FROM device WHERE name = ?),
                           (SELECT device FROM plan WHERE device = ? ORDER BY id LIMIT 1),
                           (SELECT device FROM attachment WHERE device = ? ORDER BY id LIMIT 1))""",
        (name, name, name),
    ).fetchone()
    return None if row[0] is None else str(row[0])


def devices(store: Store) -> list[DeviceRow]:
    """Every device, by name."""
    return _rows(store, "ORDER BY name", ())


def put(store: Store, row: DeviceRow, *, at: datetime) -> None:
    """Add a device, or replace what is known about it."""
    note_change(store, "device", row.name)
    store.connection.execute(
        """INSERT INTO device (name, target, context, addresses, proxy_sets, changed_at)
           VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET target = excluded.target, context = excluded.context,
               addresses = excluded.addresses, proxy_sets = excluded.proxy_sets,
               changed_at = excluded.changed_at""",
        (
            row.name,
            row.target,
            row.context,
            msgspec.json.encode(row.addresses).decode(),
            msgspec.json.encode(row.proxy_sets).decode(),
            to_text(at),
        ),
    )


def remove(store: Store, name: str) -> None:
    """Delete a device."""
    note_change(store, "device", name)
    store.connection.execute("DELETE FROM device WHERE name = ?", (name,))


def _rows(store: Store, where: str, values: tuple[str, ...]) -> list[DeviceRow]:
    select = "SELECT name, target, context, addresses, proxy_sets FROM device "
    rows = store.connection.execute(select + where, values)
    return [
        DeviceRow(
            name,
            target,
            context,
            tuple(msgspec.json.decode(addresses)),
            tuple(msgspec.json.decode(proxy_sets)),
        )
        for name, target, context, addresses, proxy_sets in rows
    ]
