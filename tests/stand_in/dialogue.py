"""A command at a terminal of its own, and somebody who answers its questions."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

from stand_in.lab import ROOT
from stand_in.waiting import LONGEST

RUN = "from cli.main import main; main()"


class Dialogue:
    """A command at a terminal of its own: its questions are waited for, and answered."""

    def __init__(self, *words: object, home: Path) -> None:
        arguments = [sys.executable, "-c", RUN, *map(str, words), "--home", str(home)]
        environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }
        self.said = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, arguments, environment)

    def expect(self, words: str) -> None:
        """Read on until these words have come."""
        end = time.monotonic() + LONGEST
        while words not in self.said:
            assert time.monotonic() < end, self.said
            assert self._read(1.0), f"it ended without '{words}': {self.said}"

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, answer it, and forget what was said before."""
        self.expect(question)
        self.said = self.said.partition(question)[2]
        os.write(self.terminal, text.encode() + b"\n")

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read(LONGEST):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.terminal, 65_536)
        except OSError:
            return False
        self.said += data.decode("utf-8", "replace")
        return bool(data)
