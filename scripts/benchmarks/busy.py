"""``backup`` of a register in which eight processes sign without a pause."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from scripts.benchmarks.measure import Row, Run, process

AROUND = Environment(passphrase=no_passphrase)
SIGNERS = 8
ALONE = 15
"""Seconds in which they sign undisturbed, for comparison."""


class Signed(NamedTuple):
    """A certificate of a signer: when it was done, and how many seconds it took."""

    at: float
    took: float


def backup_rows(home: Path, folder: Path, requests: list[Path]) -> Iterator[Row]:
    """How long a backup takes alone and among signers, and what it costs them."""
    alone = backup(home, folder).wall
    with _signers(home, folder, requests[:SIGNERS]) as signed:
        began = time.time()
        time.sleep(ALONE)
        middle = time.time()
        among = backup(home, folder).wall
        end = time.time()
    before = [each for each in signed if began <= each.at < middle]
    beside = [each for each in signed if middle <= each.at <= end]
    name = "scale: 1,000,000 and 8 processes that sign"
    yield Row(f"{name}: backup beside backup alone", among, alone, "s", 4.0)
    rates = len(beside) / (end - middle), len(before) / (middle - began)
    yield Row(f"{name}: their rate while it runs, beside before", *rates, "/s", 0.4, "at least")
    longest = max(each.took for each in beside), max(each.took for each in before)
    yield Row(f"{name}: the longest waited, beside before", *longest, "s")


def backup(home: Path, folder: Path) -> Run:
    """A backup as a whole process; its file is removed again."""
    file = folder / "copy.backup"
    words = [Path(sys.executable).with_name("sipca"), "backup", file, "--quiet"]
    try:
        return process(words, {**os.environ, "SIPCA_HOME": str(home)})
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _signers(home: Path, folder: Path, requests: list[Path]) -> Iterator[list[Signed]]:
    """Processes that sign, one request each; what they signed is in the list at the end."""
    stop, signed = folder / "stop", list[Signed]()
    stop.unlink(missing_ok=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(home), str(request), str(stop)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for request in requests
    ]
    try:
        for each in running:
            assert each.stdout is not None
            each.stdout.readline()  # its first one is signed
        yield signed
    finally:
        stop.touch()
        for each in running:
            lines = each.communicate()[0].splitlines()
            signed += [Signed(*map(float, line.split())) for line in lines]
            if each.returncode:
                raise RuntimeError("a signer of the bench failed")


def _sign_on(home: Path, request: Path, stop: Path) -> None:
    """Open the home and sign, until there is a file that says stop."""
    data, done = request.read_bytes(), list[Signed]()
    while not stop.exists():
        started = time.perf_counter()
        with open_home(home, AROUND) as opened:
            source = Source("d", "d", SigningWishes(again=True), data=data)
            if not sign(opened, [source], delivery=Delivery()).signed:
                raise RuntimeError("a CSR of the bench was refused")
        done.append(Signed(time.time(), time.perf_counter() - started))
        if len(done) == 1:
            print(flush=True)
    for each in done:
        print(*each)


if __name__ == "__main__":
    _sign_on(*map(Path, sys.argv[1:]))
