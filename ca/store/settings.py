"""The settings of a home, by name.

The table is state: rows may change, and whoever changes one records an event.
"""

from __future__ import annotations

from ca.store.connection import Store
from ca.store.state_hashes import note_change

READABLE_CHALLENGES = "readable_challenges"
"""The setting that says how many CSRs of an older register hold a challengePassword."""


def read(store: Store, name: str) -> str | None:
    """The value of a setting, or None."""
    row = store.connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def write(store: Store, name: str, value: str | None) -> None:
    """Write a setting; None removes it."""
    note_change(store, "setting", name)
    if value is None:
        store.connection.execute("DELETE FROM setting WHERE name = ?", (name,))
        return
    store.connection.execute(
        """INSERT INTO setting (name, value) VALUES (?, ?)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        (name, value),
    )
