"""Whether a register is damaged: asked after an unexpected error.

Whatever an intact register holds can be decoded, because sipca wrote it. So an unexpected error is
a bug of sipca's if the register is intact, and otherwise a consequence of the damage.
"""

from __future__ import annotations

import sqlite3
import zlib

import msgspec

from ca.store import devices, history_checks
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
"""What decoding a damaged value may raise; sipca raises none of these on purpose."""


def find_damage(store: Store) -> str | None:
    """The first problem of a register, or None. Reads the whole file."""
    try:
        for (result,) in store.connection.execute("PRAGMA quick_check(1)"):
            if result != "ok":
                return str(result).splitlines()[-1]
        for table, *_ in store.connection.execute("PRAGMA foreign_key_check"):
            return f"a row of {table} refers to one that does not exist"
        for name in ("sqlite_schema", *_tables(store)):
            for _ in store.connection.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - its own
                pass  # reading a row decodes its values
        devices.devices(store)
        return next(iter(history_checks.history_problems(store)), None)
    except (*UNEXPECTED, sqlite3.Error) as error:
        return f"its contents cannot be read ({type(error).__name__})"


def _tables(store: Store) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return [name for (name,) in store.connection.execute(query)]
