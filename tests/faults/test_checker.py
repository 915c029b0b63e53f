"""Large batches: another process verifies the signatures, and nothing is recorded before it did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.lab import EC_KEY, ENVIRONMENT, CommandLine, make_csr

COUNT = 60
RUN = """
import os
import signal
import threading
import time
from ca.authority.signing import checker, sign
from cli.main import main

sign.WORTH_CHECKER, sign.CHUNK = 1, 16
real = checker.Checker.verify
{more}
if __name__ == "__main__":
    main()
"""
COUNTED = """
answer = checker.Checker._answer

def counted(self, count):
    verdicts = answer(self, count)
    print("verified elsewhere" if verdicts else "verified here")
    return verdicts

checker.Checker._answer = counted
"""
KILLED = (
    COUNTED
    + """
def verify(self, signed):
    pending = real(self, signed)
    if self._pipe is not None:  # else it was reaped already
        os.kill(self._process, signal.SIGKILL)
    return pending

checker.Checker.verify = verify
"""
)
STOPPED = (
    COUNTED
    + """
checker.ANSWER_SECONDS = 0.1

def verify(self, signed):
    if self._pipe is not None:  # else it was reaped already
        os.kill(self._process, signal.SIGSTOP)
    return real(self, signed)

checker.Checker.verify = verify
"""
)
THREADED = (
    COUNTED
    + """
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
)
FAULTY = """
from ca.keys.soft import SoftSigner

real, signed = SoftSigner.sign, []

def sign_badly(self, tbs):
    signed.append(tbs)
    return real(self, tbs + b"x" if len(signed) == 40 else tbs)

SoftSigner.sign = sign_badly
"""
DENYING = """
checker._verified = lambda key, pairs: [False] * len(pairs)
"""
SHORT = (
    COUNTED
    + """
checker._serve = lambda pipe, key: (pipe.recv_bytes(), pipe.send_bytes(bytes([1])), os._exit(0))
"""
)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        csr = make_csr(cn=f"d{number:02}.lab.example", key=EC_KEY)
        (folder / f"d{number:02}.csr").write_bytes(csr)
    return folder


def signing(sipca: CommandLine, inbox: Path, more: str) -> subprocess.CompletedProcess[str]:
    words = ["sign", inbox, "--out", inbox.parent / "out", "--allow", "reused-key"]
    return subprocess.run(
        [sys.executable, "-c", RUN.replace("{more}", more), *map(str, words), "--home", sipca.home],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def assert_all_signed(sipca: CommandLine, inbox: Path) -> None:
    out = inbox.parent / "out"
    issuing = x509.load_pem_x509_certificate((out / "trusted-2-issuing.pem").read_bytes())
    files = list(out.glob("*-device.pem"))
    assert len(files) == COUNT
    for file in files:
        x509.load_pem_x509_certificate(file.read_bytes()).verify_directly_issued_by(issuing)
    assert len(sipca("list", "--json").json["certificates"]) == COUNT
    assert sipca("log", "--verify").exit == 0


def test_signatures_of_a_large_batch_are_verified_by_another_process(
    sipca: CommandLine, inbox: Path
) -> None:
    done = signing(sipca, inbox, COUNTED)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("verified elsewhere") == 4  # chunks of 16
    assert_all_signed(sipca, inbox)


@pytest.mark.parametrize(
    "more", [KILLED, STOPPED, SHORT, THREADED], ids=["killed", "stopped", "cut-off", "threads"]
)
def test_without_an_answer_of_the_checker_this_process_verifies(
    sipca: CommandLine, inbox: Path, more: str
) -> None:
    done = signing(sipca, inbox, more)

    assert done.returncode == 0, done.stderr
    assert "verified elsewhere" not in done.stdout
    assert_all_signed(sipca, inbox)


def test_where_no_checker_can_be_forked_this_process_verifies(
    sipca: CommandLine, inbox: Path
) -> None:
    failing = "def fork(): raise OSError(11, 'no more processes')\nos.fork = fork\n"

    done = signing(sipca, inbox, failing)

    assert done.returncode == 0, done.stderr
    assert_all_signed(sipca, inbox)


def test_the_checker_has_neither_the_register_nor_a_lock_of_it(
    sipca: CommandLine, inbox: Path
) -> None:
    looked = """
def verify(self, signed):
    pending = real(self, signed)
    made = pending()
    folder = f"/proc/{self._process}/fd"
    held = [os.readlink(f"{folder}/{each}") for each in os.listdir(folder)]
    print("holds", sorted(each.split(":")[0] for each in held if each != "/dev/null"))
    return lambda: made

checker.Checker.verify = verify
"""

    done = signing(sipca, inbox, looked)

    assert done.returncode == 0, done.stderr
    assert "holds ['pipe', 'pipe', 'socket']" in done.stdout
    assert_all_signed(sipca, inbox)


def test_what_a_faulty_signer_signed_is_neither_recorded_nor_written(
    sipca: CommandLine, inbox: Path
) -> None:
    """The 40th signature is of the third chunk: the two before it are kept, the rest is not."""
    done = signing(sipca, inbox, FAULTY)

    assert done.returncode == 7, done.stderr
    assert "the new signature does not verify" in done.stderr
    listed = sipca("list", "--status", "valid", "--json").json["certificates"]
    assert len(listed) == len(list((inbox.parent / "out").glob("*-device.pem"))) == 32
    assert sipca("log", "--verify").exit == 0


def test_what_the_checker_denies_is_neither_recorded_nor_written(
    sipca: CommandLine, inbox: Path
) -> None:
    done = signing(sipca, inbox, DENYING)

    assert done.returncode == 7, done.stderr
    assert "the new signature does not verify" in done.stderr
    assert sipca("list", "--status", "valid", "--json").json["certificates"] == []
