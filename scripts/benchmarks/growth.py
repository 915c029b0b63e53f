"""What a command costs at 1,000, 100,000 and 1,000,000 certificates: time and memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from scripts.benchmarks.busy import backup
from scripts.benchmarks.chores import chores
from scripts.benchmarks.filling import fill, fill_history
from scripts.benchmarks.measure import Row, Run, process

AROUND = Environment(passphrase=no_passphrase)
SIZES = (1_000, 100_000)
COMMANDS = {
    "status": ("status",),
    "check": ("check",),
    "list --json": ("list", "--json"),
    "log --json": ("log", "--json"),
}
WITHIN = ("status", "check")
"""Commands that have half a second at a million."""
QUICK = 1.0
"""Seconds of CPU below which a run is made three times: the start of Python varies as much."""
NOISE = 1.3
"""How much more than in proportion a run may take on a shared machine."""


def growth(folder: Path, million: Path, request: bytes) -> Iterator[Row]:
    """Whole processes at each size; the largest register is handed in."""
    homes = {size: home_of(folder / f"home-{size}", size, request) for size in SIZES}
    homes[1_000_000] = million
    for name, words in COMMANDS.items():
        runs = {size: _run(home, words) for size, home in homes.items()}
        yield from _rows(name, runs)
    yield from _rows("backup", {size: backup(home, folder) for size, home in homes.items()})
    yield from chores(folder, homes)


def _rows(name: str, runs: dict[int, Run]) -> Iterator[Row]:
    for size, run in runs.items():
        if name in WITHIN and size == 1_000_000:
            yield Row(f"scale: {name} at {size:,}, of 0.5 s", run.wall, 0.5, "s", 1.0)
        else:
            yield Row(f"scale: {name} at {size:,}, seconds", run.wall, 1.0, "s")
    small, middle, large = (runs[size] for size in (*SIZES, 1_000_000))
    start = small.cpu
    yield Row(
        f"scale: {name}, CPU of 1,000,000 beside ten times 100,000",
        large.cpu - start,
        10 * max(middle.cpu - start, 0.01),
        "s",
        NOISE,
    )
    yield Row(
        f"scale: {name}, peak at 1,000,000 beside 1,000", large.peak, small.peak, "MiB", NOISE
    )


def _run(home: Path, words: tuple[str, ...]) -> Run:
    """The whole process; of three if it is quick, the one that took the least CPU."""
    command = [Path(sys.executable).with_name("sipca"), *words]
    env = {**os.environ, "SIPCA_HOME": str(home)}
    runs = [process(command, env)]
    if runs[0].cpu < QUICK:
        runs += [process(command, env) for _ in range(2)]
    return min(runs, key=lambda run: run.cpu)


def home_of(path: Path, size: int, request: bytes) -> Path:
    """A new home whose register holds so many certificates; the request is for d000000."""
    wishes = FoundingWishes(name="Bench", protect="none", root_key="ec:p256", issuing_key="ec:p256")
    create_ca(path, wishes, AROUND)
    with open_home(path, AROUND) as home:
        sign(home, [Source("d", "d", SigningWishes(again=True), data=request)], delivery=Delivery())
        fill(home, size)
        fill_history(home, size)
    return path
