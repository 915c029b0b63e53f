"""Hostile names, completed and entered in interactive bash, zsh and fish: nothing else runs."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, ROOT, VECTORS, CommandLine, make_csr

from ca.csr.parsing import read_request
from ca.store import devices
from ca.store.audit import Actor, Event, record
from ca.store.connection import open_store
from ca.store.devices import DeviceRow

START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
LOAD = {
    "bash": "source <(sipca completion bash)",
    "zsh": "autoload -U compinit; compinit -u -D; source <(sipca completion zsh)",
    "fish": "sipca completion fish | source",
}
ENDS_SINGLE, ENDS_DOUBLE = "zzz'; touch PWNED; '", 'zzz"; touch PWNED; "'
RUNS = "zzz$(touch PWNED)`touch PWNED`"
HOSTILE = [
    "zzz$(touch PWNED)",
    "zzz`touch PWNED`",
    "zzz;touch PWNED;",
    "zzz&touch PWNED|touch PWNED>PWNED",
    "zzz<(touch PWNED)",
    "zzz (touch PWNED)",
    ENDS_SINGLE,
    ENDS_DOUBLE,
    "zzz\\; touch PWNED",
    "zzz$IFS$HOME",
    "zzz${x[$(touch PWNED)]}",
    "~root",
    "~",
    "=ls",
    "!!",
    "zzz!touch#touch",
    "#zzz",
    "*",
    "zzz?[a-z]*",
    "{a,touch}",
    "%1",
    "^a^b",
    "fe80::1",
    "zzz  two blanks",
    "gr\u00fcn\u4e2d\u6587",
    "\u2019; touch PWNED; \u2019",
]
NOT_OFFERED = ["zzz\ntouch PWNED", "zzz\x1b[2J", "zzz\u202etxt", "-rf", "--home=x", "zzz\ttab"]


class Shell:
    """An interactive shell at a pseudo terminal, in which ``sipca`` notes its words."""

    def __init__(self, name: str, folder: Path, home: Path) -> None:
        path = shutil.which(name)
        assert path is not None, f"{name} is installed by scripts/test"
        self.name = name
        self.entered = folder / "entered"
        self.entered.touch()
        program = folder / "bin" / "sipca"
        program.parent.mkdir()
        program.write_text(
            f"#!{sys.executable}\n"
            f"import json, sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "if sys.argv[1] not in ('__complete', 'completion'):\n"
            f"    print(json.dumps(sys.argv[1:]), file=open({str(self.entered)!r}, 'a'))\n"
            "    sys.exit()\n"
            "from cli.main import main; main()\n"
        )
        program.chmod(0o755)
        environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb",
            "LANG": "C.UTF-8", "SIPCA_HOME": str(home), "SIPCA_NO_INPUT": "1",
        }  # fmt: skip
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(path, [name, *START[name]], environment)
        self.seen = ""
        self.type(LOAD[name] + "\r")
        self.enter("sipca ready\r")  # the completion script is loaded once this is noted

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def enter(self, text: str) -> list[str]:
        """Type a line, and the words that ``sipca`` got."""
        before = len(self.entered.read_text().splitlines())
        self.type(text)
        end = time.monotonic() + 30
        while len(lines := self.entered.read_text().splitlines()) == before:
            assert time.monotonic() < end, f"{text!r}: {self.seen[-2000:]!r}"
            if self._hears(0.02):
                self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")
        words: list[str] = json.loads(lines[-1])
        return words

    def give_up(self) -> None:
        """End whatever the shell waits for, until it takes a line again."""
        mark = json.dumps(["up", str(time.monotonic())])
        end = time.monotonic() + 30
        while mark not in self.entered.read_text():
            assert time.monotonic() < end, self.seen[-2000:]
            self.type("\x03")
            while self._hears(0.1):
                self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")
            self.type(f"sipca up {json.loads(mark)[1]}\r")
            for _ in range(20):
                if mark not in self.entered.read_text() and self._hears(0.05):
                    self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")

    def _hears(self, seconds: float) -> bool:
        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def close(self) -> None:
        os.close(self.descriptor)  # hangs up: an interactive shell ends
        os.waitpid(self.pid, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(params=list(START))
def shell(sipca: CommandLine, folder: Path, request: pytest.FixtureRequest) -> Iterator[Shell]:
    opened = Shell(request.param, folder, sipca.home)
    yield opened
    opened.close()


def only_device(sipca: CommandLine, *names: str) -> None:
    """Let the register hold these devices, also such as no command would enter."""
    with open_store(sipca.home / "ca.db") as store, store.write():
        for each in devices.devices(store):
            devices.remove(store, each.name)
        for name in names:
            devices.put(store, DeviceRow(name), at=datetime.now(UTC))
        event = Event("device", "of a test")
        record(store, [event], at=datetime.now(UTC), actor=Actor("test", "test", "0"))


def test_a_hostile_name_completed_and_entered_is_one_word_of_sipca_and_runs_nothing(
    sipca: CommandLine, shell: Shell, folder: Path
) -> None:
    files = set(folder.iterdir())
    for name in HOSTILE:
        only_device(sipca, name)

        words = shell.enter("sipca device show \t\r")

        offered = [] if shell.name == "fish" and name.startswith("~") else [name]
        assert words == ["device", "show", *offered], shell.seen[-500:]
        assert set(folder.iterdir()) <= {*files, folder / ".bash_history"}


def test_a_name_goes_on_from_what_is_typed_quoted_or_not(
    sipca: CommandLine, shell: Shell, folder: Path
) -> None:
    only_device(sipca, "zzz$(touch PWNED)")
    for begun in ("z", "zzz", "zzz\\$", "zzz\\$\\(tou"):
        words = shell.enter(f"sipca device show {begun}\t\r")

        assert words == ["device", "show", "zzz$(touch PWNED)"], shell.seen[-500:]
        assert not (folder / "PWNED").exists()
    only_device(sipca, "sip:zzz@lab.example")
    for begun in ("sip:", "sip:z", "sip:zzz@l"):
        words = shell.enter(f"sipca device show {begun}\t\r")

        assert words == ["device", "show", "sip:zzz@lab.example"], shell.seen[-500:]


def test_behind_an_opened_quote_nothing_runs_either(
    sipca: CommandLine, shell: Shell, folder: Path
) -> None:
    for quote, name in (("'", ENDS_SINGLE), ("'", RUNS), ('"', ENDS_DOUBLE), ('"', RUNS)):
        only_device(sipca, name)
        for end in ("", quote):
            shell.type(f"sipca device show {quote}zz\t{end}\r")
            shell.give_up()  # where a quote is still open, the shell waits for more

            assert not (folder / "PWNED").exists(), shell.seen[-500:]


def test_a_name_with_a_command_in_it_from_a_csr(sipca: CommandLine, shell: Shell) -> None:
    source = VECTORS / "hostile" / "cn-shell" / "in.csr"
    signed = sipca("sign", source, "--san", "dns:zzz.lab.example")
    assert signed.exit == 0, signed.err

    words = shell.enter("sipca show zzz\\$\t\r")

    command = read_request(source.read_bytes()).cn
    assert command is not None
    assert words == ["show", command.casefold()]


def test_what_a_terminal_cannot_show_or_is_like_an_option_is_not_offered(
    sipca: CommandLine,
) -> None:
    only_device(sipca, "good", *NOT_OFFERED)

    answer = sipca("__complete", "--home", str(sipca.home), "device", "show", "", home=False)

    assert answer.out == "good\n"


def test_bash_gets_only_what_it_replaces(sipca: CommandLine) -> None:
    only_device(sipca, "sip:a b@lab.example")
    home = f"sipca --home {sipca.home} device show"

    def completed(begun: str) -> str:
        return sipca("__complete", "--bash", f"{home} {begun}", " \t\n\"'@><=;|&(:", home=False).out

    assert completed("") == "sip:a\\ b@lab.example\n"
    assert completed("sip:") == "a\\ b@lab.example\n"
    assert completed("sip:a\\ b@l") == "@lab.example\n"  # as bash does with user@host
    assert completed("'sip:a") == "sip:a b@lab.example\n"
    assert completed("sip:'a") == "a b@lab.example\n"
    assert completed("other") == ""


def test_a_csr_of_an_honest_name_still_completes(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x.csr").write_bytes(make_csr(cn="gate.lab.example", key=EC_KEY))
    assert sipca("sign", tmp_path / "x.csr").exit == 0

    answer = sipca("__complete", "--home", str(sipca.home), "show", "ga", home=False)

    assert answer.out == "gate.lab.example\n"
