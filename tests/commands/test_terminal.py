"""At a real terminal: prompts, pasting, interrupts; and names that try to draw on it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, PASSPHRASE, ROOT, SAMPLES, CommandLine, make_csr

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "SIPCA_NO_INPUT"} | {
    "PYTHONPATH": str(ROOT)
}
RUN = "import sys; from cli.main import main; main()"


class Terminal:
    """A program on a pseudo terminal that is its controlling one."""

    def __init__(self, *words: object) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            environment = {k: v for k, v in ENVIRONMENT.items() if k != "SIPCA_NO_INPUT"}
            os.execve(sys.executable, [sys.executable, "-c", RUN, *map(str, words)], environment)
        self.seen = ""

    def expect(self, text: str) -> None:
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, f"waited for {text!r}, saw {self.seen!r}"
            self._read(0.2)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def type(self, text: str) -> None:
        for start in range(0, len(text), 512):
            os.write(self.descriptor, text[start : start + 512].encode())

    def finish(self) -> int:
        end = time.monotonic() + 30
        while self._read(0.2) and time.monotonic() < end:
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture(autouse=True)
def _prompts_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIPCA_NO_INPUT", raising=False)


def test_the_passphrase_is_asked_twice_at_init_once_at_sign_and_never_shown(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    making = Terminal("init", "--name", "Lab", *keys, "--home", home)
    making.expect("passphrase for the new CA: ")
    making.type("correct horse\n")
    making.expect("again: ")
    making.type("correct horse\n")
    assert making.finish() == 0, making.seen

    signing = Terminal("sign", SAMPLES / "sbc1.csr", "--home", home)
    signing.expect("passphrase of Lab")
    signing.type("correct horse\n")

    assert signing.finish() == 0, signing.seen
    assert "BEGIN CERTIFICATE" in signing.seen
    assert "correct horse" not in making.seen + signing.seen


def test_two_different_entries_make_nothing(tmp_path: Path) -> None:
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    making = Terminal("init", "--name", "Lab", *keys, "--home", tmp_path / "home")
    for _ in range(3):
        making.seen = ""
        making.expect("passphrase for the new CA: ")
        making.type("one\n")
        making.expect("again: ")
        making.type("two\n")

    assert making.finish() == 7
    assert "the two passphrases differ" in making.seen
    assert not (tmp_path / "home").exists()


def test_no_input_never_prompts(tmp_path: Path) -> None:
    making = Terminal("init", "--no-input", "--home", tmp_path / "home")

    assert making.finish() == 7
    assert "none was given" in making.seen


def test_a_csr_is_pasted_at_the_terminal_up_to_its_end_line(sipca: CommandLine) -> None:
    signing = Terminal("sign", "-", "--home", sipca.home)
    signing.expect("paste the CSR")

    signing.type((SAMPLES / "ec-p256.csr").read_text())

    assert signing.finish() == 0, signing.seen
    assert "BEGIN CERTIFICATE-----" in signing.seen


def test_an_interrupt_at_a_prompt_is_exit_130(tmp_path: Path) -> None:
    making = Terminal("init", "--name", "Lab", "--home", tmp_path / "home")
    making.expect("passphrase for the new CA: ")

    making.type("\x03")

    assert making.finish() == 130
    assert "Traceback" not in making.seen


def test_a_batch_shows_a_progress_bar_on_a_terminal_and_none_in_a_pipe(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for n in range(25):
        (inbox / f"d{n}.csr").write_bytes(make_csr(cn=f"d{n}.lab.example", key=EC_KEY))

    on_terminal = Terminal("sign", inbox, "--out", tmp_path / "a", "--home", sipca.home)
    code = on_terminal.finish()
    in_pipe = sipca("sign", inbox, "--out", tmp_path / "b", "--again")

    assert code == 0
    assert "25/25" in on_terminal.seen
    assert re.search(r"[0-9,]+/s", on_terminal.seen)
    assert "25/25" not in in_pipe.err
    assert "signed 25   skipped 0   refused 0   ignored 0" in in_pipe.err


def test_the_bar_makes_room_for_the_passphrase(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    monkeypatch.delenv("SIPCA_PASSPHRASE")
    inbox = tmp_path / "in"
    inbox.mkdir()
    for n in range(25):
        (inbox / f"d{n}.csr").write_bytes(make_csr(cn=f"d{n}.lab.example", key=EC_KEY))

    signing = Terminal("sign", inbox, "--out", tmp_path / "o", "--home", bare.home)
    signing.expect("passphrase of Locked: ")
    for _ in range(5):  # the bar would be drawn as often
        signing._read(0.1)
    asked = signing.seen.partition("passphrase of Locked: ")[2]
    signing.type(f"{PASSPHRASE}\n")

    assert "0/25" not in asked
    assert signing.finish() == 0
    assert "25/25" in signing.seen


def test_names_never_draw_on_the_terminal(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr("dns:a.lab", cn="a.lab"))

    answer = sipca("sign", tmp_path / "a.csr", "--device", "\x1b[31mred\u202e")
    listed = sipca("list")

    for text in (answer.out, answer.err, listed.out):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_full_disk_behind_stdout_is_named(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr(cn="a.lab"))
    words = f'sign "{tmp_path}/a.csr" --home "{sipca.home}"'
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{RUN}" {words} > /dev/full'],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 8
    assert "error: the output: No space left on device" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_batch_goes_on_when_nobody_listens_any_more(sipca: CommandLine, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for n in range(600):
        (inbox / f"d{n}.csr").write_bytes(make_csr(cn=f"d{n}.lab.example", key=EC_KEY))
    words = f'sign "{inbox}" --out "{tmp_path}/o" --home "{sipca.home}"'
    subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{RUN}" {words} 2>&1 | head -1'],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert len(list((tmp_path / "o").glob("*-device.pem"))) == 600
    assert not sipca("list", "--status", "planned", "--json").json["certificates"]


def test_ctrl_c_finishes_what_is_in_hand_though_nobody_listens(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox, out = tmp_path / "in", tmp_path / "o"
    inbox.mkdir()
    for n in range(1500):
        (inbox / f"d{n}.csr").write_bytes(make_csr(cn=f"d{n}.lab.example", key=EC_KEY))
    reading, writing = os.pipe()
    with (tmp_path / "document").open("wb") as document:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "sign", inbox, "--out", out, "--home", sipca.home, "--json"],
            env=ENVIRONMENT, stdout=document, stderr=writing,
        )  # fmt: skip
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        while not list(out.glob("*-device.pem")):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)

    told = json.loads((tmp_path / "document").read_text())
    assert process.returncode == 130
    assert told["interrupted"] is True
    assert len(told["signed"]) == len(list(out.glob("*-device.pem"))) == 1500 - told["left"]


def test_a_reader_that_goes_away_is_no_traceback(sipca: CommandLine) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{RUN}" rule list --home "{sipca.home}" | head -1'],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.startswith("code")
    assert "Traceback" not in done.stderr


def test_a_bug_of_ours_is_one_line_and_a_traceback_only_with_debug(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("ca.authority.reports.status.status", broken)

    plain, debug = sipca("status"), sipca("status", "--debug")

    assert plain.exit == debug.exit == 1
    assert plain.err.splitlines()[0] == "error: this is a bug of sipca's: ZeroDivisionError"
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err


def test_a_closed_stdout_is_no_traceback_and_no_bug(sipca: CommandLine) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{RUN}" status --json --home "{sipca.home}" >&-'],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


def test_a_stores_passphrase_is_asked_twice_at_first_and_once_afterwards(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("issue", "java1.lab.example", "--target", "java", "--out", tmp_path / "o")

    first = Terminal(*words, "--home", sipca.home)
    first.expect("passphrase of keystore.p12, truststore.p12: ")
    first.type("correct horse\n")
    first.expect("again: ")
    first.type("correct horse\n")
    assert first.finish() == 0, first.seen

    again = Terminal(*words, "--home", sipca.home)
    again.expect("passphrase of keystore.p12, truststore.p12: ")
    again.type("correct horse\n")
    assert again.finish() == 0, again.seen
    assert "again: " not in again.seen
    assert "kept: " in again.seen
    assert "correct horse" not in first.seen + again.seen
