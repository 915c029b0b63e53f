"""What a command asks of SQLite does not grow with the register, where it looks at a few rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr

from ca.store import connection
from scripts.benchmarks.growth import home_of

Steps = Callable[..., int]
EACH = 10
"""SQLite's virtual machine is counted by so many instructions."""
SMALL, LARGE = 1_500, 5_000
"""Certificates; both have more events than the clock is held against."""
SLACK = 100
"""A query that reads all takes hundreds more."""
TEMPLATE = make_csr(cn="d000000.lab.example", key=EC_KEY)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Runs a command in a home, and says how many instructions SQLite took, in tens."""
    plain, ticks = connection._open, count()

    def counted(path: Path, query: str, busy_seconds: float) -> sqlite3.Connection:
        opened = plain(path, query, busy_seconds)
        opened.set_progress_handler(lambda: next(ticks) < 0, EACH)
        return opened

    def run(home: Path, *words: object) -> int:
        before = next(ticks)
        answer = CommandLine(home)(*words)
        assert answer.exit == 0, answer
        return next(ticks) - before

    monkeypatch.setattr(connection, "_open", counted)
    return run


def test_what_concerns_one_certificate_asks_no_more_of_a_larger_register(
    steps: Steps, tmp_path: Path
) -> None:
    csr = tmp_path / "m.csr"
    csr.write_bytes(make_csr(cn="m.lab.example"))

    def work(size: int) -> dict[str, int]:
        home, out = home_of(tmp_path / f"home{size}", size, TEMPLATE), tmp_path / f"out{size}"
        name = ("m.lab.example",)
        return {
            "sign": steps(home, "sign", csr, "--out", out),
            "issue": steps(home, "issue", "i.lab.example", "--out", out),
            "show": steps(home, "show", *name),
            "export": steps(home, "export", *name, "--out", out / "again"),
            "revoke": steps(home, "revoke", *name, "--reason", "hold", "--no-crl"),
            "release": steps(home, "release", *name),
            "ocsp rotate": steps(home, "ocsp", "rotate"),
        }

    small, large = work(SMALL), work(LARGE)

    grown = {
        word: (small[word], large[word]) for word in small if large[word] > small[word] + SLACK
    }
    assert grown == {}


def test_a_key_that_many_certificates_have_asks_no_more_than_one_that_few_have(
    steps: Steps, tmp_path: Path
) -> None:
    csr = tmp_path / "other.csr"
    csr.write_bytes(make_csr(cn="other.lab.example", key=EC_KEY))

    def work(size: int) -> int:
        home = home_of(tmp_path / f"home{size}", size, TEMPLATE)
        with sqlite3.connect(home / "ca.db") as register:
            register.execute(
                """UPDATE certificate SET key_identity = (
                       SELECT c.key_identity FROM certificate c JOIN plan p ON p.id = c.plan_id
                        WHERE p.source = 'd')"""
            )
        return steps(home, "sign", csr, "--allow", "reused-key")

    small, large = work(SMALL), work(LARGE)

    assert large <= small + SLACK
