"""Several at once, killed in the middle, or without room: nothing is lost, broken or used twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY, NOW, ROOT, CommandLine, make_csr

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "SIPCA_NO_INPUT": "1"}
RUN = """
import sys
from ca.authority.signing import sign
from cli.main import main

sign.WORTH_CHECKER = 1
if __name__ == "__main__":
    main()
"""


def sipca_process(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def race(home: Path, first: tuple[str, ...], second: tuple[str, ...]) -> list[tuple[int, str]]:
    processes = [sipca_process("init", *SMALL, *words, "--home", home) for words in (first, second)]
    return [finish(process) for process in processes]


def test_of_two_inits_at_once_one_wins_and_the_other_finds_it(tmp_path: Path) -> None:
    """40 races with the same wishes, 20 with different ones."""

    def one(number: int) -> None:
        home = tmp_path / f"home{number}"
        same = number < 40
        done = race(home, ("--name", "One"), ("--name", "One" if same else "Two"))
        codes = sorted(code for code, _ in done)
        assert codes == ([0, 0] if same else [0, 6]), done
        assert not list(home.glob(".init-*"))
        code, text = finish(sipca_process("log", "--verify", "--home", home))
        assert code == 0, text
        # SQLite's log stays where both closed at the same moment; who closes alone takes it away
        assert [path.name for path in home.iterdir()] == ["ca.db"], list(home.iterdir())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(60)))


def test_two_and_eight_signings_at_once_lose_nothing(sipca: CommandLine, tmp_path: Path) -> None:
    folders = []
    for worker in range(8):
        folder = tmp_path / f"in{worker}"
        folder.mkdir()
        for n in range(6):
            (folder / f"d{worker}-{n}.csr").write_bytes(
                make_csr(cn=f"d{worker}-{n}.lab.example", key=EC_KEY)
            )
        folders.append(folder)

    running = [
        sipca_process(
            "sign", folder, "--out", tmp_path / "out", "--allow", "reused-key", "--home", sipca.home
        )
        for folder in folders
    ]
    readers = [sipca(*words) for _ in range(4) for words in (("list",), ("check",))]
    done = [finish(process) for process in running]

    assert [code for code, _ in done] == [0] * 8, done
    assert [reader.exit for reader in readers] == [0] * 8, readers
    records = sipca("list", "--json").json["certificates"]
    assert len(records) == 48
    assert len({record["serial"] for record in records}) == 48
    assert len(list((tmp_path / "out").glob("*-device.pem"))) == 48
    assert sipca("log", "--verify").exit == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_batches_of_the_same_requests_at_once_sign_each_once(
    sipca: CommandLine, tmp_path: Path, jobs: int
) -> None:
    inbox, out = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    for n in range(300):
        (inbox / f"d{n:03}.csr").write_bytes(make_csr(cn=f"d{n:03}.lab.example", key=EC_KEY))
    words = ("sign", inbox, "--out", out, "--jobs", jobs, "--home", sipca.home)

    done = [finish(each) for each in [sipca_process(*words) for _ in range(3)]]
    again = sipca("sign", inbox, "--out", out, "--json")

    assert [code for code, _ in done] == [0, 0, 0], done
    records = sipca("list", "--json").json["certificates"]
    assert len(records) == 300
    assert (again.exit, len(again.json["skipped"])) == (0, 300)
    assert len(list(out.glob("*-device.pem"))) == 300


DRIVER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from ca.authority.upload_files import Delivery
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.candidates import Source
from ca.authority.signing import sign
from ca.model.wishes import SigningWishes

sign.CHUNK = 64  # 70 requests are two chunks
home, inbox, out, step, countdown, now = sys.argv[1:]
left = int(countdown)

def die(name):
    global left
    if name == step:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

environment = Environment(passphrase=no_passphrase, step=die, clock=lambda: datetime.fromisoformat(now))
sources = [Source(str(p), p.stem, SigningWishes(), path=p) for p in sorted(Path(inbox).iterdir())]
with open_home(Path(home), environment) as opened:
    sign.sign(opened, sources, delivery=Delivery(folder=Path(out)))
"""


@pytest.mark.parametrize(
    ("step", "countdown", "planned"),
    [
        ("planned", 1, 64),
        ("signed", 1, 64),
        ("recorded", 1, 0),
        ("delivered", 30, 0),
        ("planned", 2, 6),
        ("delivered", 66, 0),
    ],
)
def test_a_kill_at_any_step_of_a_batch_leaves_a_home_that_goes_on(
    sipca: CommandLine, tmp_path: Path, frozen: Any, step: str, countdown: int, planned: int
) -> None:
    inbox, out = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    for n in range(70):
        (inbox / f"d{n:02}.csr").write_bytes(make_csr(cn=f"d{n:02}.lab.example", key=EC_KEY))
    frozen(NOW)

    killed = subprocess.run(
        [sys.executable, "-c", DRIVER, sipca.home, inbox, out, step, str(countdown), NOW.isoformat()],
        env=ENVIRONMENT, capture_output=True, timeout=120,
    )  # fmt: skip

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sipca("status").exit == 0
    assert sipca("log", "--verify").exit == 0
    before = sipca("list", "--all", "--json").json["certificates"]
    assert sum(record["status"] == "planned" for record in before) == planned

    soon = sipca("sign", inbox, "--out", out, "--json")
    still = sipca("list", "--status", "planned", "--json").json["certificates"]
    frozen(NOW + timedelta(minutes=11))
    later = sipca("sign", inbox, "--out", out, "--json")
    after = sipca("list", "--all", "--json").json["certificates"]

    assert (soon.exit, later.exit) == (0, 0)
    assert len(soon.json["signed"]) + len(soon.json["skipped"]) == 70
    assert len(later.json["skipped"]) == 70
    assert len(still) == planned
    assert len(list(out.glob("*-device.pem"))) == 70
    assert sum(record["status"] == "abandoned" for record in after) == planned
    assert len({record["serial"] for record in after}) == len(after)
    assert sipca("log", "--verify").exit == 0


def test_a_slow_twin_whose_plan_was_given_up_hands_nothing_out(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cli.passphrase
    from ca.authority.home import Environment, no_passphrase
    from ca.store import plans
    from ca.store.connection import open_store

    def give_up(name: str) -> None:
        if name == "signed":
            with open_store(sipca.home / "ca.db") as other, other.write():
                for number, _ in plans.open_plans(other):
                    plans.abandon(other, number, "left by an interrupted run", at=NOW)

    monkeypatch.setattr(
        cli.passphrase,
        "environment_of",
        lambda _settings: Environment(passphrase=no_passphrase, step=give_up),
    )
    (tmp_path / "a.csr").write_bytes(make_csr())

    answer = sipca("sign", tmp_path / "a.csr")

    assert answer.exit == 8
    assert answer.out == ""
    assert "its plan was abandoned; nothing was handed out" in answer.err


def test_a_full_disk_is_named_and_leaves_the_last_good_state(
    sipca: CommandLine, tmp_path: Path
) -> None:
    """A limit on file size stands in for a full disk: both make a write fail half-way."""
    (tmp_path / "a.csr").write_bytes(make_csr())
    big = max(path.stat().st_size for path in sipca.home.iterdir())
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({big}, {big})); from cli.main import main; main()"
    )
    for _ in range(40):  # until the register has to grow
        done = subprocess.run(
            [sys.executable, "-c", limited, "sign", str(tmp_path / "a.csr"), "--again", "--home", str(sipca.home)],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        if done.returncode:
            break

    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert sipca("status").exit == 0
    assert sipca("log", "--verify").exit == 0


@pytest.mark.parametrize("kind", ["file", "closed"])
def test_an_out_folder_that_cannot_be_written_is_named_and_a_second_call_hands_out(
    sipca: CommandLine, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr())
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("a file")
    else:
        out = Path("/proc/sipca-out")

    answer = sipca("sign", tmp_path / "a.csr", "--out", out)
    again = sipca("sign", tmp_path / "a.csr", "--out", tmp_path / "good", "--json")

    assert answer.exit == 8
    assert "cannot be written" in answer.err
    assert again.exit == 0
    assert len(again.json["skipped"]) + len(again.json["signed"]) == 1


def test_a_locked_register_is_waited_for_and_then_named(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.store.connection import open_store

    (tmp_path / "a.csr").write_bytes(make_csr())
    monkeypatch.setattr("ca.store.connection.BUSY_SECONDS", 0.2)

    with open_store(sipca.home / "ca.db") as other, other.write():
        answer = sipca("sign", tmp_path / "a.csr")
        reading = sipca("list")

    assert answer.exit == 8
    assert "has been locked by another program for 0.2 s" in answer.err
    assert "run the command again" in answer.err
    assert reading.exit == 0


def test_of_several_signed_at_once_for_one_context_one_is_current(
    sipca: CommandLine, tmp_path: Path
) -> None:
    requests = []
    for number in range(6):
        requests.append(tmp_path / f"r{number}.csr")
        key = ec.generate_private_key(ec.SECP256R1())
        requests[-1].write_bytes(make_csr(cn="sbc1.lab.example", key=key))
    words = ("--device", "sbc1", "--context", "2", "--home", sipca.home)

    done = [finish(each) for each in [sipca_process("sign", path, *words) for path in requests]]

    assert [code for code, _ in done] == [0] * 6, done
    listed = sipca("list", "--all", "--json").json["certificates"]
    statuses = [each["status"] for each in listed]
    assert statuses.count("valid") == 1
    assert statuses.count("superseded") == 5
    assert len({each["superseded_by"] for each in listed}) == 6  # a chain, as they were recorded
    assert sipca("log", "--verify").exit == 0
