"""Ratios beside their bounds, and whole processes measured: wall time, CPU time, peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

_LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - started
json.dump([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss], sys.stderr)
"""
"""A parent of some 10 MiB: Linux counts what a child shared with its parent before exec."""


class Row(NamedTuple):
    """One ratio: ours over the peer's, and the bound that it must keep."""

    name: str
    ours: float
    peer: float
    unit: str
    bound: float | None = None
    sense: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else float("inf")

    @property
    def met(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        if self.bound is None:
            return None
        return self.ratio <= self.bound if self.sense == "at most" else self.ratio >= self.bound

    def text(self) -> str:
        """The row of the table."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        bound = "" if self.bound is None else f"{self.sense} {self.bound:g}"
        numbers = f"{self.ours:>11.4g} {self.peer:>11.4g} {self.unit:<6} {self.ratio:>7.3f}"
        return f"{self.name:<62} {numbers}  {bound:<14} {verdict:<7} {self.note}".rstrip()

    def plain(self) -> dict[str, object]:
        """The row for JSON."""
        return {**self._asdict(), "ratio": round(self.ratio, 4), "met": self.met}


class Run(NamedTuple):
    """One whole process: seconds, seconds of CPU, MiB at its peak."""

    wall: float
    cpu: float
    peak: float


def process(command: Sequence[object], env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; its exit code must be 0."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=dict(env or os.environ),
        check=False,
    )
    said, _, numbers = done.stderr.decode().rpartition("[")
    code, wall, cpu, peak = json.loads("[" + numbers)
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}: {said[-2000:]}")
    return Run(wall, cpu, peak / 1024)


def interleaved(rounds: int, **work: Callable[[], float]) -> dict[str, float]:
    """The median of each measurement, taken in turns after one round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, measure in work.items():
            value = measure()
            if number:
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()}
