"""Registers of any size, made quickly: rows by bulk insertion, as signing would have left them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256

from ca.authority.home import Home
from ca.store import audit

DEVICES = 50_000


def fill(home: Home, count: int) -> None:
    """Certificates as signing would have left them, copies of one.

    All in one transaction, past the verbs; ``check`` holds them against the audit trail like any
    others. Each has a serial, names, an end and a key of its own, and the template's signature.
    """
    connection = home.store.connection
    plan = connection.execute(
        """SELECT issuer_id, profile_sha256, lifetime, tbs, account, planned_at, id
             FROM plan WHERE source = 'd' LIMIT 1"""
    ).fetchone()
    issuer, profile, lifetime, tbs, account, planned, template = plan
    host = b"d000000"  # as ``write_requests`` has it; the names of the copies are as long
    if host not in tbs:
        raise RuntimeError("the template is not the first CSR's certificate")
    signature, signed = connection.execute(
        "SELECT signature, signed_at FROM result WHERE plan_id = ?", (template,)
    ).fetchone()
    begin, end = connection.execute(
        "SELECT not_before, not_after FROM certificate WHERE plan_id = ?", (template,)
    ).fetchone()
    start = connection.execute("SELECT max(id) FROM plan").fetchone()[0] + 1
    numbers = range(count)
    with home.store.write():
        connection.executemany(
            """INSERT INTO plan (id, issuer_id, serial, profile_sha256, device, lifetime, source,
                                 tbs, account, planned_at) VALUES (?,?,?,?,?,?,?,?,?,?)""",
            (
                (start + n, issuer, serial_of(n), profile,
                 f"dev{n}" if n < DEVICES else None, lifetime, "bench",
                 tbs.replace(host, b"n%06d" % n), account, planned)
                for n in numbers
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO result VALUES (?, ?, ?)", ((start + n, signature, signed) for n in numbers)
        )
        connection.executemany(
            "INSERT INTO certificate VALUES (?, ?, ?, ?)",
            ((start + n, begin, _end(end, n), sha256(b"%d" % n).digest()) for n in numbers),
        )
        connection.executemany(
            "INSERT INTO san VALUES (?, ?, ?)",
            ((f"n{n:06}.lab.example", start + n, "dns") for n in numbers),
        )


def serial_of(number: int) -> bytes:
    """The serial of a copy, as if from the dice: serials in a row share more than real ones do."""
    spread = number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 126)
    return (1 << 126 | spread).to_bytes(16, "big")


def _end(usual: int, number: int) -> int:
    """One certificate in 5,000 ends in a month."""
    return int(time.time()) + 30 * 86_400 if number % 5_000 == 0 else usual + number % 1_000


def fill_history(home: Home, count: int) -> None:
    """Requests and events, whose indexes the next signing has to find its way through, too."""
    numbers = range(count)
    with home.store.write() as connection:
        first = connection.execute("SELECT max(id) FROM request").fetchone()[0] + 1
        connection.executemany(
            "INSERT INTO request VALUES (?, ?, ?, ?, '2026-01-01T00:00:00Z')",
            ((first + n, sha256(b"r%d" % n).digest(), b"r", bytes(32)) for n in numbers),
        )
        connection.executemany(
            """INSERT INTO audit (at, action, subject, detail, row_table, row_id, row_hash, os_user,
                                  host, version, previous, hash)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            _chained(audit.head(home.store), count),
        )


def _chained(previous: bytes, count: int) -> Iterator[tuple[object, ...]]:
    """Events that follow each other as ``check`` wants them, of no row."""
    for _ in range(count):
        values = ("2026-01-01T00:00:00Z", "bench", "", "{}", "", None, b"", "", "", "", previous)
        previous = audit.event_hash(values, None)
        yield (*values, previous)
