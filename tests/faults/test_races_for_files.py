"""Several processes that write the same files: one wins, the others find its work, none harms it.

Real processes, and every judgment of key against certificate is openssl's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import PASSPHRASE, ROOT, CommandLine, make_csr

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "SIPCA_NO_INPUT": "1"}
RUN = "import sys; from cli.main import main; main()"
KEYS = ("ec:p256", "rsa:2048", "ec:p384", "ec:p521")
ROUNDS = int(os.environ.get("SIPCA_ROUNDS", "2"))
"""How often each race is run; a soak asks for more."""


def start(*words: object, program: str = RUN) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ends(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    done = []
    for each in processes:
        out, err = each.communicate(timeout=180)
        done.append((each.returncode, out + err))
    return done


def openssl(*words: object) -> bytes:
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True).stdout


def key_fits(folder: Path, stem: str, passphrase: Path | None = None) -> bool:
    """Whether the key in the folder is the certificate's, as openssl sees it."""
    certificate = openssl("x509", "-in", folder / f"{stem}-device.pem", "-pubkey", "-noout")
    if passphrase is None:
        return openssl("pkey", "-in", folder / f"{stem}.key", "-pubout") == certificate
    words = ("pkcs12", "-in", folder / f"{stem}.pfx", "-passin", f"file:{passphrase}")
    key = folder / "key.tmp"
    key.write_bytes(openssl(*words, "-nocerts", "-nodes"))
    inside = openssl(*words, "-nokeys", "-clcerts")
    leaf = subprocess.run(
        ["openssl", "x509", "-pubkey", "-noout"], input=inside, capture_output=True, check=True
    ).stdout
    fits = openssl("pkey", "-in", key, "-pubout") == certificate == leaf
    key.unlink()
    return fits


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "pass"
    path.write_text(PASSPHRASE)
    return path


@pytest.mark.parametrize("pfx", [False, True])
def test_of_eight_issues_at_once_one_makes_the_key_and_all_end_well(
    sipca: CommandLine, tmp_path: Path, passphrase: Path, pfx: bool
) -> None:
    form = ("--pfx", "--key-passphrase-file", passphrase) if pfx else ()
    for number in range(ROUNDS):
        stem = f"peer{number}.lab.example"
        out = tmp_path / f"out{number}"
        words = ("issue", stem, "--out", out, "--home", sipca.home, *form)

        done = ends([start(*words, "--key", KEYS[n % 4]) for n in range(8)])

        assert [code for code, _ in done] == [0] * 8, done
        assert key_fits(out, stem, passphrase if pfx else None)
        records = sipca("list", "--json", "--all").json["certificates"]
        assert len([each for each in records if stem in each["subject"]]) == 1
        assert len(list(out.iterdir())) == 6
    assert sipca("log", "--verify").exit == 0


def test_issues_of_one_name_as_pfx_and_as_pem_at_once_leave_no_certificate_without_its_key(
    sipca: CommandLine, tmp_path: Path, passphrase: Path
) -> None:
    for number in range(ROUNDS):
        stem, out = f"peer{number}.lab.example", tmp_path / f"out{number}"
        words = ("issue", stem, "--out", out, "--home", sipca.home)
        pfx = ("--pfx", "--key-passphrase-file", passphrase)

        done = ends([start(*words, *(pfx if n % 2 else ())) for n in range(6)])

        assert sorted(code for code, _ in done) == [0, 0, 0, 6, 6, 6], done
        assert key_fits(out, stem, passphrase if (out / f"{stem}.pfx").exists() else None)


ISSUE = """
import os, signal, sys
from pathlib import Path
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.issue import IssueWishes, inferred_name, issue_key
from ca.keys.files import KeyFileFormat

home, out, step, key, pfx = sys.argv[1:]

def die(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

environment = Environment(passphrase=no_passphrase, step=die)
form = KeyFileFormat(pfx=True, passphrase=b"correct horse") if pfx == "pfx" else KeyFileFormat()
with open_home(Path(home), environment) as opened:
    issue_key(opened, IssueWishes((inferred_name("p.lab.example"),), Path(out), key=key, form=form))
"""
STEPS = ("planned", "signed", "key-written", "recorded", "pfx-written", "handed-out")


@pytest.mark.parametrize("pfx", ["pem", "pfx"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_issue_lets_those_who_wait_go_on_and_loses_no_key(
    sipca: CommandLine, tmp_path: Path, passphrase: Path, step: str, pfx: str
) -> None:
    out = tmp_path / "out"
    form = ("--pfx", "--key-passphrase-file", passphrase) if pfx == "pfx" else ()
    words = ("issue", "p.lab.example", "--out", out, "--home", sipca.home, *form)

    killed = start(sipca.home, out, step, "ec:p256", pfx, program=ISSUE)
    done = ends([killed, *(start(*words, "--key", KEYS[n]) for n in range(3))])

    codes = [code for code, _ in done]
    assert codes[0] in (-signal.SIGKILL, 0), done  # 0: another one was first, and it had no work
    assert codes[1:] == [0, 0, 0], done
    assert key_fits(out, "p.lab.example", passphrase if pfx == "pfx" else None)
    records = sipca("list", "--json", "--all").json["certificates"]
    good = [each for each in records if each["status"] == "valid"]
    assert len(good) == 1
    assert (out / "p.lab.example-device.pem").read_text() == sipca(
        "show", good[0]["serial"], "--pem"
    ).out


@pytest.mark.parametrize("place", ["out", "file"])
def test_of_two_signs_of_different_requests_to_one_file_one_signs(
    sipca: CommandLine, tmp_path: Path, place: str
) -> None:
    """The other finds the file in its way before it signs: nothing is burned."""
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        requests = []
        for side in "ab":
            request = folder / side / "sbc.csr"
            request.parent.mkdir(parents=True)
            key = ec.generate_private_key(ec.SECP256R1())
            request.write_bytes(make_csr(cn=f"{side}{number}.lab.example", key=key))
            requests.append(request)
        path = folder / "out" / "sbc-device.pem"
        path.parent.mkdir()
        where = ("--out", path.parent) if place == "out" else ("-o", path)

        done = ends([start("sign", each, *where, "--home", sipca.home) for each in requests * 3])

        records = sipca("list", "--json", "--all").json["certificates"]
        made = [each for each in records if f"{number}.lab.example" in each["subject"]]
        assert sorted(code for code, _ in done) == [0, 0, 0, 6, 6, 6], done
        assert len(made) == 1
        assert path.read_text() == sipca("show", made[0]["serial"], "--pem").out


def test_of_two_homes_that_write_to_one_folder_one_wins_whole(
    sipca: CommandLine, tmp_path: Path, csr_file: Any
) -> None:
    other = CommandLine(tmp_path / "other")
    small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    other("init", "--name", "Other", *small)
    a, b = csr_file("a", cn="a.lab.example"), csr_file("b", cn="b.lab.example")
    for number in range(ROUNDS):
        out = tmp_path / f"out{number}"

        done = ends(
            [
                start("sign", request, "--out", out, "--home", each.home, "--again")
                for request, each in ((a, sipca), (b, other))
            ]
        )

        assert sorted(code for code, _ in done) == [0, 6], done
        assert openssl("verify", "-CAfile", out / "trusted-root.pem", *out.glob("*-device.pem"))


def test_exports_of_two_certificates_with_one_stem_leave_one_whole_kit(
    sipca: CommandLine, tmp_path: Path
) -> None:
    serials = []
    for side in "ab":
        request = tmp_path / side / "sbc.csr"
        request.parent.mkdir()
        request.write_bytes(
            make_csr(cn=f"{side}.lab.example", key=ec.generate_private_key(ec.SECP256R1()))
        )
        serials.append(sipca("sign", request, "--json").json["signed"][0]["serial"])
    for number in range(ROUNDS):
        out = tmp_path / f"out{number}"
        words = ("--out", out, "--target", "audiocodes-7.4", "--home", sipca.home)

        done = ends([start("export", each, *words) for each in serials * 2])

        assert sorted(code for code, _ in done) == [0, 0, 6, 6], done
        checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True)
        assert checked.returncode == 0, checked.stdout


HOLD = """
import sys, time
from pathlib import Path
from ca.files import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_holder_of_a_folder_blocks_nobody_and_nothing_is_left_there(
    sipca: CommandLine, tmp_path: Path, csr_file: Any
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    holder = start(out, program=HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = start("sign", csr_file("a"), "--out", out, "--home", sipca.home)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=2)

    holder.kill()
    holder.communicate()
    (done,) = ends([waiting])

    assert done[0] == 0, done
    assert sorted(path.name for path in out.iterdir()) == [
        "a-device.pem",
        "trusted-1-root.pem",
        "trusted-2-issuing.pem",
        "trusted-root.pem",
    ]


def test_a_folder_that_another_process_holds_for_good_is_named(
    sipca: CommandLine, tmp_path: Path, csr_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.files import lock_folder

    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr("ca.files.locks.LOCK_TRIES", 2)

    with lock_folder(out):
        answer = sipca("sign", csr_file("a"), "--out", out)

    assert answer.exit == 8
    assert "another sipca has been writing to" in answer.err
    assert sipca("list", "--json", "--all").json["certificates"] == []
