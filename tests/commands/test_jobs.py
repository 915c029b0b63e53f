"""``sign --jobs N``: processes change how long it takes, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import ENVIRONMENT, PASSPHRASE, SAMPLES, CommandLine, make_csr
from stand_in.waiting import until

from ca.authority.signing import sign


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """70 good requests, a bad one, one that is none, and two with one key."""
    folder = tmp_path / "in"
    folder.mkdir()
    shared = ec.generate_private_key(ec.SECP256R1())
    for number in range(70):
        key = shared if number in (3, 66) else ec.generate_private_key(ec.SECP256R1())
        csr = make_csr(cn=f"d{number:02}.lab.example", key=key)
        (folder / f"d{number:02}.csr").write_bytes(csr)
    (folder / "bad.csr").write_bytes((SAMPLES / "email-typed-host.csr").read_bytes())
    (folder / "broken.csr").write_bytes(b"hello")
    (folder / "notes.txt").write_text("not a request")
    return folder


@pytest.fixture(autouse=True)
def _checker_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign, "WORTH_CHECKER", 1)


def told(document: dict[str, Any]) -> dict[str, Any]:
    """What is the same whoever did the work."""
    return {
        "signed": [
            (each["source"], each["subject"], each["san"], [f["code"] for f in each["findings"]])
            for each in document["signed"]
        ],
        "refused": [
            (each["source"], each["message"], each["hint"], each["exit"])
            for each in document["refused"]
        ],
        "ignored": document["ignored"],
    }


def test_the_document_is_the_same_with_one_process_and_with_two(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    one = sipca("sign", inbox, "--out", tmp_path / "one", "--again", "--json")
    # the register now knows every key: the second call is compared after it, like with like
    again = sipca("sign", inbox, "--out", tmp_path / "two", "--again", "--json")
    two = sipca("sign", inbox, "--out", tmp_path / "three", "--again", "--jobs", 2, "--json")

    assert one.exit == again.exit == two.exit == 4
    assert len(two.json["signed"]) == 70
    assert told(two.json) == told(again.json)
    reused = [each["source"] for each in two.json["signed"] if each["findings"]]
    assert [Path(each).stem for each in reused] == ["d03", "d66"]
    assert len(list((tmp_path / "three").glob("*-device.pem"))) == 70
    assert sipca("log", "--verify").exit == 0


def test_what_is_signed_already_is_skipped_with_a_checker_too(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    sipca("sign", inbox, "--out", tmp_path / "out", "--jobs", 2)
    again = sipca("sign", inbox, "--out", tmp_path / "out", "--jobs", 3, "--json").json

    assert (len(again["signed"]), len(again["skipped"])) == (0, 70)


def test_an_encrypted_key_signs_beside_a_checker(
    bare: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")

    done = bare("sign", inbox, "--out", tmp_path / "out", "--jobs", 2, "--json").json

    assert len(done["signed"]) == 70


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_rsa_key_signs_many_at_once_and_each_gets_its_own(
    bare: CommandLine, inbox: Path, tmp_path: Path, jobs: int
) -> None:
    """One process signs in threads, one a core."""
    bare("init", "--root-key", "rsa:2048", "--issuing-key", "rsa:2048", "--no-passphrase")
    out = tmp_path / "o"

    done = bare("sign", inbox, "--out", out, "--jobs", jobs, "--json").json
    issuing = x509.load_pem_x509_certificate((out / "trusted-2-issuing.pem").read_bytes())

    assert len(done["signed"]) == 70
    for each in done["signed"]:
        certificate = x509.load_pem_x509_certificate(each["certificate_pem"].encode())
        request = x509.load_pem_x509_csr(Path(each["source"]).read_bytes())
        certificate.verify_directly_issued_by(issuing)
        assert certificate.public_key() == request.public_key()
        assert f"{certificate.serial_number:x}" == each["serial"]
        assert Path(each["files"]["device"]).read_text() == each["certificate_pem"]


def test_an_unknown_profile_is_refused_for_each_as_without_a_checker(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    words = ("sign", inbox, "--out", tmp_path / "o", "--profile", "nope", "--json")

    assert told(sipca(*words, "--jobs", 2).json) == told(sipca(*words).json)


RUN = """
from ca.authority.signing import sign
from cli.main import main

sign.CHUNK, sign.WORTH_CHECKER = 16, 1
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("form", ["--no-input", "--json"])
def test_an_interrupt_finishes_what_is_in_hand_and_the_next_call_goes_on(
    sipca: CommandLine, inbox: Path, tmp_path: Path, jobs: int, form: str
) -> None:
    for number in range(300):
        csr = make_csr(cn=f"x{number:03}.lab.example", key=ec.generate_private_key(ec.SECP256R1()))
        (inbox / f"x{number:03}.csr").write_bytes(csr)
    out = tmp_path / "o"
    words = ["sign", inbox, "--out", out, "--jobs", jobs, "--home", sipca.home, form]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert until(lambda: list(out.glob("*-device.pem")), pause=0.002)
    process.send_signal(signal.SIGINT)
    told_out, told_err = process.communicate(timeout=60)

    assert process.returncode == 130, told_err
    assert "finishing what is in hand" in told_err
    assert "Traceback" not in told_err
    written = len(list(out.glob("*-device.pem")))
    if form == "--json":
        document = json.loads(told_out)
        assert document["interrupted"] is True
        assert (len(document["signed"]), document["left"]) == (written, left := document["left"])
    else:
        left = int(re.search(r"interrupted: (\d+) were not looked at", told_err)[1])  # type: ignore[index]
        assert f"signed {written} " in told_err
    assert 0 < left < 373
    assert not sipca("list", "--status", "planned", "--json").json["certificates"]
    after = sipca("sign", inbox, "--out", out, "--jobs", 2, "--json").json
    assert len(after["skipped"]) == written
    assert len(after["signed"]) == 370 - written
    assert sipca("log", "--verify").exit == 0


def has_open(pid: int, file: Path) -> bool:
    """Whether a process has a file open."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if descriptor.readlink() == file:
                return True
    return False


@pytest.mark.parametrize("after", [0, 0.1, 0.2, 0.3, 0.5])
def test_ctrl_c_at_a_terminal_reaches_the_checker_too_and_harms_nothing(
    sipca: CommandLine, inbox: Path, tmp_path: Path, after: float
) -> None:
    """The terminal sends it to the whole process group, also while the checker is starting."""
    words = ["sign", inbox, "--out", tmp_path / "o", "--jobs", 2, "--home", sipca.home]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert until(lambda: has_open(process.pid, sipca.home / "ca.db"), pause=0.002)
    time.sleep(after)  # before that Python itself is starting, and tells in its own words
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode in (4, 130, -signal.SIGINT), told  # the last: while it was ending
    assert "Traceback" not in told
    assert "bug" not in told
    assert not sipca("list", "--status", "planned", "--json").json["certificates"]


PRINTED = """
import os
from ca.authority.signing import checker, sign
from cli.main import main

sign.WORTH_CHECKER = 1
real = checker.Checker.verify

def verify(self, signed):
    print(self._process, flush=True)
    os.kill(os.getpid(), 9)

checker.Checker.verify = verify
if __name__ == "__main__":
    main()
"""


def test_a_checker_ends_with_its_parent_however_that_ends(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    words = ["sign", inbox, "--out", tmp_path / "o", "--jobs", 2, "--home", sipca.home]
    parent = subprocess.Popen(
        [sys.executable, "-c", PRINTED, *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    told, _ = parent.communicate(timeout=60)
    process = Path(f"/proc/{int(told)}")

    assert parent.returncode == -signal.SIGKILL
    assert until(lambda: not process.exists())


def test_fewer_requests_than_pay_are_signed_by_one_process_and_debug_says_so(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("ca.authority.signing.checker.Checker.__init__", None)  # would raise
    words = ("sign", inbox)

    quiet = sipca(*words, "--out", tmp_path / "a")
    debug = sipca(*words, "--out", tmp_path / "b", "--again", "--debug")

    assert quiet.exit == debug.exit == 4
    assert "fewer than 512 requests: this is one process" in debug.err
    assert "this is one process" not in quiet.err
