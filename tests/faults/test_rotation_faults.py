"""Kills between any two steps of ``ca rotate``: the CA before signs on, and the next call finishes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, ENVIRONMENT, NOW, PASSPHRASE, CommandLine, make_csr

from ca.authority.founding.rotate import RotationWishes, rotate_ca
from ca.authority.home import Environment, open_home

DRIVER = """
import os, signal, sys
from pathlib import Path
from ca.authority.founding.rotate import RotationWishes, rotate_ca
from ca.authority.home import Environment, no_passphrase, open_home

home, words, at = Path(sys.argv[1]), sys.argv[2].split(), int(sys.argv[3])
steps = []

def step(name):
    steps.append(name)
    if len(steps) == at:
        os.kill(os.getpid(), signal.SIGKILL)

wishes = RotationWishes(root="--root" in words, same_key="--same-key" in words)
with open_home(home, Environment(passphrase=no_passphrase, step=step)) as opened:
    rotate_ca(opened, wishes)
print(" ".join(steps))
"""
SERVICE = ["signer-planned", "signer-signed", "signer-recorded", "crl-numbered", "crl-signed", "crl-published"]  # fmt: skip
ISSUING = ["ca-key-kept", "issuing-planned", "issuing-signed", "issuing-recorded"]
ROTATION = [*ISSUING, *SERVICE, "issuing-in-service", "rotated"]
ROOT_ROTATION = [
    "ca-key-kept", "root-planned", "root-signed", "root-recorded", *SERVICE, "root-in-service",
    *["cross-planned", "cross-signed", "cross-recorded"] * 2,
    *ISSUING, *SERVICE, "issuing-in-service", "rotated",
]  # fmt: skip
WAYS = {"": ROTATION, "--root": ROOT_ROTATION, "--same-key": ISSUING[1:]}
KILLS = [
    pytest.param(words, number, id=f"{words.strip('-') or 'issuing'}-{number}-{step}")
    for words, steps in WAYS.items()
    for number, step in enumerate(steps, 1)
]


def drive(home: Path, words: str, at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(home), words, str(at)],
        env=ENVIRONMENT, capture_output=True, timeout=60, text=True,
    )  # fmt: skip


def names(sipca: CommandLine, state: str = "current") -> set[str]:
    listed = sipca("ca", "list", "--json").json["cas"]
    return {each["name"] for each in listed if each["state"] == state}


@pytest.mark.parametrize("words", WAYS)
def test_the_steps_of_a_rotation_are_those_at_which_it_is_killed(
    sipca: CommandLine, words: str
) -> None:
    assert drive(sipca.home, words, 0).stdout.split() == WAYS[words]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a device, copied for each kill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIPCA_NO_INPUT", "1")
        folder = tmp_path_factory.mktemp("rotation")
        sipca = CommandLine(folder / "home")
        keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
        assert sipca("init", "--name", "Lab", *keys).exit == 0
        (folder / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example", key=EC_KEY))
        assert sipca("sign", folder / "sbc1.csr").exit == 0
    return sipca.home


@pytest.mark.parametrize(("words", "number"), KILLS)
def test_a_rotation_killed_at_any_step_is_reported_and_finished_by_the_next(
    lab: Path, tmp_path: Path, words: str, number: int
) -> None:
    sipca = CommandLine(tmp_path / "home")
    shutil.copytree(lab, sipca.home)
    step = WAYS[words][number - 1]
    request = tmp_path / "gw1.csr"
    request.write_bytes(make_csr(cn="gw1.lab.example"))

    killed = drive(sipca.home, words, number)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sipca("log", "--verify").exit == 0
    before = names(sipca)
    unfinished = step != "rotated" and words != "--same-key"
    codes = {each["code"] for each in sipca("check", "--json").json["findings"]}
    assert ("ca-rotation-unfinished" in codes) is unfinished
    assert codes <= {"ca-rotation-unfinished"}
    if unfinished:
        assert before == {"Lab Root", "Lab Issuing"}
    signed = sipca("sign", request, "--json").json["signed"]
    assert signed[0]["issuer"] in before
    if step != "rotated":
        again = sipca("ca", "rotate", *words.split(), "--json")
        assert again.exit == 0, again.err
        assert again.json["resumed"] is unfinished
    root, issuing = ("Lab Root 2" if words == "--root" else "Lab Root"), "Lab Issuing 2"
    if words == "--same-key":
        issuing = "Lab Issuing"
    assert names(sipca) == {root, issuing}
    assert names(sipca, "previous") == {"Lab Root", "Lab Issuing"} - {root, issuing}
    assert sipca("check", "--json").json["findings"] == []
    assert sipca("log", "--verify").exit == 0


def test_of_several_rotations_at_once_each_makes_a_whole_ca_or_says_that_another_did(
    sipca: CommandLine,
) -> None:
    program = [sys.executable, "-c", "from cli.main import main; main()", "ca", "rotate"]
    running = [
        subprocess.Popen(
            [*program, "--home", str(sipca.home)], env={**ENVIRONMENT, "SIPCA_NO_INPUT": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(8)
    ]  # fmt: skip
    done = [(each.communicate(timeout=120)[0], each.returncode) for each in running]

    codes = [code for _, code in done]
    assert set(codes) <= {0, 6}, done
    assert all("another call has made a new CA just now" in said for said, code in done if code)
    listed = sipca("ca", "list", "--json").json["cas"]
    assert len(listed) == 2 + codes.count(0)
    assert len({each["name"] for each in listed}) == len(listed)
    assert sipca("check", "--json").json["findings"] == []
    assert sipca("log", "--verify").exit == 0


def test_other_wishes_than_those_of_a_rotation_that_was_begun_are_refused(
    sipca: CommandLine,
) -> None:
    drive(sipca.home, "", WAYS[""].index("signer-planned") + 1)

    for words in (("--name", "Other"), ("--key", "ec:p384"), ("--lifetime", "2y")):
        answer = sipca("ca", "rotate", *words)
        assert answer.exit == 6
        assert "an earlier call has begun this rotation: 'Test Lab Issuing 2'" in answer.err
    same = sipca("ca", "rotate", "--name", "Test Lab Issuing 2", "--key", "ec:p256", "--json")
    assert same.json["resumed"] is True


def test_a_rotation_of_encrypted_keys_is_finished_with_the_passphrase(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert bare("init", "--name", "Lab", *keys).exit == 0

    def cut(name: str) -> None:
        if name == "issuing-planned":
            raise KeyboardInterrupt

    def passphrase(purpose: str, *, new: bool = False) -> bytes:
        return PASSPHRASE.encode()

    environment = Environment(passphrase=passphrase, step=cut)
    with pytest.raises(KeyboardInterrupt), open_home(bare.home, environment) as home:
        rotate_ca(home, RotationWishes())

    wrong = bare("ca", "rotate", "--passphrase-file", "-", stdin=b"wrong")
    answer = bare("ca", "rotate", "--json")

    assert wrong.exit == 7
    assert answer.json["resumed"] is True
    assert [each["key"] for each in answer.json["cas"]] == ["encrypted"]
    assert bare("ca", "rotate", "--key", "ec:p384", "--json").json["resumed"] is False


def test_a_clock_set_back_leaves_the_ca_as_it_was(
    sipca: CommandLine, frozen: Callable[[datetime], None]
) -> None:
    frozen(NOW - timedelta(days=30))

    answer = sipca("ca", "rotate")

    assert answer.exit == 4
    assert "clock" in answer.err
    assert names(sipca) == {"Test Lab Root", "Test Lab Issuing"}
