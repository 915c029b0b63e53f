"""Whether a register is damaged: asked where something failed that should not have.

What comes out of a whole register decodes, because sipca wrote it. An error that nobody expected is
therefore a bug of ours where the register is whole, and the damage's doing where it is not.
"""

from __future__ import annotations

import sqlite3
import zlib

import msgspec

from ca.store import devices, integrity
from ca.store.connection import Store

UNEXPECTED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
    zlib.error,
)
"""What decoding damaged values raises; none of it is raised on purpose."""


def damage(store: Store) -> str | None:
    """The first thing that is wrong with a register, or None. Reads all of it."""
    try:
        for (said,) in store.connection.execute("PRAGMA quick_check(1)"):
            if said != "ok":
                return str(said).splitlines()[-1]
        for table, *_ in store.connection.execute("PRAGMA foreign_key_check"):
            return f"a row of {table} names one that is not there"
        for name in ("sqlite_schema", *_tables(store)):
            for _ in store.connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - its own
                pass  # each value is decoded
        devices.devices(store)
        return next(iter(integrity.history_problems(store)), None)
    except (*UNEXPECTED, sqlite3.Error) as error:
        return f"its contents cannot be read ({type(error).__name__})"


def _tables(store: Store) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return [name for (name,) in store.connection.execute(query)]
