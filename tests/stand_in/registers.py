"""A register as somebody leaves it who writes into it past sipca."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def edited(home: Path) -> Iterator[sqlite3.Connection]:
    """The register of a home without its guards, which are put back afterwards."""
    with contextlib.closing(sqlite3.connect(home / "ca.db", isolation_level=None)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
            connection.execute(f"PRAGMA {pragma}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)


def edit(home: Path, *statements: str) -> None:
    """Statements in the register of a home, past its guards."""
    with edited(home) as connection:
        for statement in statements:
            connection.execute(statement)
