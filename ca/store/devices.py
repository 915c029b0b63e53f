"""Devices: what the operator told of them. State; each change comes with its event."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.store.connection import Store
from ca.store.state_hashes import note
from ca.store.timestamps import to_text


class DeviceRow(msgspec.Struct, frozen=True):
    """A device: target and context if they are set, its addresses, its Proxy Sets' addresses."""

    name: str
    target: str | None = None
    context: int | None = None
    addresses: tuple[str, ...] = ()
    proxy_sets: tuple[str, ...] = ()


def device(store: Store, name: str) -> DeviceRow | None:
    """A device by name, whatever its case, or None."""
    return next(iter(_rows(store, "WHERE name = ?", (name,))), None)


def devices(store: Store) -> list[DeviceRow]:
    """Every device, by name."""
    return _rows(store, "ORDER BY name", ())


def put(store: Store, row: DeviceRow, *, at: datetime) -> None:
    """Enter a device, or what is known of it now."""
    note(store, "device", row.name)
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
    """Forget a device."""
    note(store, "device", name)
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
