"""What is asked at a terminal, through a real one: names, passphrases, and what a mistake costs."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_in.lab import PASSPHRASE, ROOT, SAMPLES, CommandLine
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


@pytest.fixture
def at_terminal(tmp_path: Path) -> Iterator[Callable[..., Dialogue]]:
    begun: list[Dialogue] = []

    def begin(*words: object, home: Path | None = None) -> Dialogue:
        begun.append(Dialogue(*words, home=home or tmp_path / "home"))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")


@pytest.fixture
def locked(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A CA whose keys have a passphrase."""
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    assert bare("init", "--name", "Locked", *SMALL).exit == 0
    monkeypatch.delenv("SIPCA_PASSPHRASE")
    return bare


def test_init_asks_for_name_base_url_and_a_passphrase_twice(
    at_terminal: Callable[..., Dialogue], bare: CommandLine
) -> None:
    talk = at_terminal("init", *SMALL)

    talk.answer("name of the CA, as Acme Voice Lab (Enter: one is made up):", "Asked Lab")
    talk.answer("base URL (Enter: none):", "http://10.0.0.5:8080")
    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", "another")
    talk.expect("the two differ; both once more")
    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", PASSPHRASE)

    assert talk.end() == 0, talk.said
    assert "made: Asked Lab in" in talk.said
    status = bare("status", "--json").json
    assert status["ca"] == "Asked Lab"
    assert PASSPHRASE not in talk.said


def test_init_at_a_terminal_without_answers_makes_up_a_name_and_says_what_is_missing(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--no-passphrase", *SMALL)

    talk.answer("name of the CA", "")
    talk.answer("base URL (Enter: none):", "")

    assert talk.end() == 0
    assert "made: Lab CA " in talk.said
    assert "key: unprotected" in talk.said
    assert "certificates name no OCSP or CRL address" in re.sub(r"\s+", " ", talk.said)


@pytest.mark.parametrize("typed", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_at_a_question_leave_nothing_behind(
    at_terminal: Callable[..., Dialogue], tmp_path: Path, typed: str
) -> None:
    talk = at_terminal("init", *SMALL)

    talk.expect("name of the CA")
    os.write(talk.terminal, typed.encode())

    assert talk.end() == 130
    assert not (tmp_path / "home" / "ca.db").exists()
    assert "Traceback" not in talk.said


def test_nothing_but_the_passphrase_is_asked_where_names_are_given(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--name", "Given", *SMALL)

    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", PASSPHRASE)

    assert talk.end() == 0
    assert "base URL (Enter" not in talk.said


def test_a_wrong_passphrase_after_a_paste_does_not_lose_the_csr(
    at_terminal: Callable[..., Dialogue], locked: CommandLine, tmp_path: Path
) -> None:
    talk = at_terminal("sign", "-", "-o", tmp_path / "out.pem", home=locked.home)

    talk.expect("paste the CSR")
    os.write(talk.terminal, (SAMPLES / "sbc1.csr").read_bytes())
    talk.answer("passphrase of Locked: ", "wrong")
    talk.answer("passphrase of Locked: ", "wrong again")
    talk.answer("passphrase of Locked: ", PASSPHRASE)

    assert talk.end() == 0, talk.said
    assert (tmp_path / "out.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_third_wrong_passphrase_ends_the_call(
    at_terminal: Callable[..., Dialogue], locked: CommandLine
) -> None:
    talk = at_terminal("crl", "--refresh", home=locked.home)

    for _ in range(3):
        talk.answer("passphrase of Locked: ", "wrong")

    assert talk.end() == 7
    assert "Traceback" not in talk.said


def test_a_wrong_passphrase_from_a_file_is_not_asked_for(
    at_terminal: Callable[..., Dialogue], locked: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("wrong")

    talk = at_terminal(
        "crl", "--refresh", "--passphrase-file", tmp_path / "secret", home=locked.home
    )

    assert talk.end() == 7
    assert "passphrase of" not in talk.said


def test_without_a_ca_it_is_said_where_homes_are_looked_for(
    bare: CommandLine, tmp_path: Path
) -> None:
    nothing = CommandLine(tmp_path / "x" / "nothing")("list")
    (tmp_path / "file").write_text("a backup")
    file = CommandLine(tmp_path / "file")("list")
    bare("init", "--no-passphrase", *SMALL)
    inside = CommandLine(tmp_path)("list")
    below = CommandLine(bare.home / "profiles")("list")

    assert (nothing.exit, file.exit, inside.exit, below.exit) == (5, 5, 5, 5)
    assert "at --home, else SIPCA_HOME" in nothing.err
    assert "sipca init" in nothing.err
    assert f"if it is a backup: sipca restore {tmp_path / 'file'}" in file.err
    assert f"there is one in '{bare.home}': --home {bare.home}" in inside.err
    assert f"there is one in '{bare.home}'" in below.err
