"""Run the command line on damaged input until the time is over; exit 1 if it ever met a bug.

An input that ends with exit 1, an exception, words of a library's own or after more than
``PATIENCE`` seconds is kept in ``fuzz-findings/``, and the command that shows it again is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from scripts.fuzzing.devices import FINE
from scripts.fuzzing.subjects import Server, Subject, subjects

TIME_LIMIT = 10
"""Seconds that one command may take on one damaged file."""
MEMORY = 4 << 30
FINDINGS = Path("fuzz-findings")
INTERNALS = re.compile(r"Traceback|ParseError|asn1crypto|Error\(|<class |object at 0x|\bpyo3\b")
"""What only a library's own message would say."""


class Slow(BaseException):
    """A command took longer than ``PATIENCE``; no ``except Exception`` hides it."""


def main(words: list[str]) -> int:
    """Fuzz the subjects named in turn for so many seconds."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("subjects", nargs="*")
    chosen = parser.parse_args(words)
    seed = random.SystemRandom().randrange(1 << 32) if chosen.seed is None else chosen.seed
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_slow)
    with tempfile.TemporaryDirectory(prefix="sipca-fuzz-") as folder:
        return Fuzzing(Path(folder), seed).run(chosen.seconds, chosen.subjects)


class Fuzzing:
    """A home, seeds, and what came of the damaged files so far."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.dice = random.Random(seed)
        self.home = folder / "home"
        self.exits: Counter[tuple[str, int]] = Counter()
        self.findings = 0
        self.said = ""
        os.environ["SIPCA_NO_INPUT"] = "1"
        keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
        if self.sipca("init", "--name", "Fuzz Lab", *keys) != 0:
            raise SystemExit("the home of the fuzzing could not be made")

    def run(self, seconds: float, names: list[str]) -> int:
        """One file of each subject after the other."""
        every = subjects(self.folder, self.sipca)
        if unknown := set(names) - {subject.name for subject in every}:
            known = ", ".join(subject.name for subject in every)
            print(f"no such subject: {', '.join(sorted(unknown))}; choose one of {known}")
            return 2
        chosen = [subject for subject in every if not names or subject.name in names]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for subject in chosen:
                self.one(subject)
        for subject in chosen:
            exits = {
                code: n for (name, code), n in sorted(self.exits.items()) if name == subject.name
            }
            told = "  ".join(f"exit {code}: {n}" for code, n in exits.items())
            print(f"{subject.name:<13} {sum(exits.values()):>8}  {told}")
        print(f"seed {self.seed}: {sum(self.exits.values())} commands, {self.findings} findings")
        return 1 if self.findings else 0

    def one(self, subject: Subject) -> None:
        """One damaged file, read by every command of its subject."""
        inside = self.home if subject.file.startswith("targets/") else self.folder
        path = inside / subject.file
        path.parent.mkdir(exist_ok=True)
        data = subject.make(self.dice)
        if subject.server is not None:
            self.ask(subject, subject.server, data)
        for command in subject.commands:
            out = self.folder / "out"
            places = {"FILE": str(path), "OUT": str(out)}
            path.write_bytes(data)
            out.unlink(missing_ok=True)
            arguments = [places.get(word, word) for word in command]
            try:
                code = self.sipca(*arguments)
            except (Exception, Slow) as error:
                self.keep(subject, command, data, f"{type(error).__name__}: {error}")
                code = -1
            else:
                if code == 1:
                    self.keep(subject, command, data, "exit 1")
                elif found := INTERNALS.search(self.said):
                    self.keep(subject, command, data, f"says {found[0]!r}")
            self.exits[subject.name, code] += 1

    def ask(self, subject: Subject, server: Server, data: bytes) -> None:
        """One message, given to a server."""
        signal.alarm(TIME_LIMIT)
        try:
            status, said = server(data)
        except (Exception, Slow) as error:
            self.keep(subject, ("serve",), data, f"{type(error).__name__}: {error}")
            status = -1
        else:
            if status not in FINE:
                self.keep(subject, ("serve",), data, f"status {status}")
            elif found := INTERNALS.search(said):
                self.keep(subject, ("serve",), data, f"says {found[0]!r}")
        finally:
            signal.alarm(0)
        self.exits[subject.name, status] += 1

    def keep(self, subject: Subject, command: tuple[str, ...], data: bytes, why: str) -> None:
        """Put an input aside that shows a bug."""
        self.findings += 1
        FINDINGS.mkdir(exist_ok=True)
        kept = FINDINGS / f"{subject.name}-{self.seed}-{self.findings}{Path(subject.file).suffix}"
        kept.write_bytes(data)
        print(f"{why}: sipca {' '.join(command)}   FILE is {kept}", flush=True)

    def sipca(self, *words: object) -> int:
        """One command in this process; its exit code."""
        from cli.main import run

        arguments = [*(str(word) for word in words), "--home", str(self.home)]
        quiet = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
        self.said = ""
        signal.alarm(TIME_LIMIT)
        try:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                return run(arguments)
        finally:
            signal.alarm(0)
            if not quiet.closed:
                quiet.flush()
                self.said = quiet.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise Slow(f"more than {TIME_LIMIT} s")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    if code == 0:
        shutil.rmtree(FINDINGS, ignore_errors=True)
    sys.exit(code)
