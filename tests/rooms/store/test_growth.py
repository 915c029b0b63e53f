"""What a command asks of SQLite does not grow with the register, where it looks at a few rows."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr

from ca.store import connection
from scripts.benchmarks.growth import home_of

EACH = 10
"""SQLite's virtual machine is counted by so many instructions."""


def test_what_concerns_one_certificate_asks_no_more_of_a_larger_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5,000 certificates beside 1,500; both have more events than the clock is held against."""
    template = make_csr(cn="d000000.lab.example", key=EC_KEY)
    plain, ticks = connection._open, count()

    def counted(path: Path, query: str, busy_seconds: float) -> sqlite3.Connection:
        opened = plain(path, query, busy_seconds)
        opened.set_progress_handler(lambda: next(ticks) < 0, EACH)
        return opened

    def steps(home: Path, *words: object) -> int:
        before = next(ticks)
        answer = CommandLine(home)(*words)
        assert answer.exit == 0, answer
        return next(ticks) - before

    def work(size: int) -> dict[str, int]:
        home, out = home_of(tmp_path / f"home{size}", size, template), tmp_path / f"out{size}"
        (tmp_path / "m.csr").write_bytes(make_csr(cn="m.lab.example"))
        name = ("m.lab.example",)
        return {
            "sign": steps(home, "sign", tmp_path / "m.csr", "--out", out),
            "issue": steps(home, "issue", "i.lab.example", "--out", out),
            "show": steps(home, "show", *name),
            "export": steps(home, "export", *name, "--out", out / "again"),
            "revoke": steps(home, "revoke", *name, "--reason", "hold", "--no-crl"),
            "release": steps(home, "release", *name),
            "ocsp rotate": steps(home, "ocsp", "rotate"),
        }

    monkeypatch.setattr(connection, "_open", counted)

    small, large = work(1_500), work(5_000)

    assert {word: (small[word], large[word]) for word in small if large[word] > small[word] + 100} == {}  # fmt: skip
