"""Kills between any two steps of revoking, CRL building and signer rotation; full and closed disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.lab import ENVIRONMENT, NOW, CommandLine, make_csr

DRIVER = """
import os, signal, sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from ca.authority.status import crl, revoke, signers
from ca.authority.home import Environment, no_passphrase, open_home

home, act, step = sys.argv[1:]

def die(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

with open_home(Path(home), Environment(passphrase=no_passphrase, step=die)) as opened:
    if act == "revoke":
        revoke.revoke(opened, ["sbc1.lab.example"], [], revoke.RevocationWishes("cessation"))
    elif act == "release":
        revoke.release(opened, "held.lab.example")
    elif act == "crl":
        crl.make_crl(opened, opened.ca("issuing"))
    else:
        signers.rotate(opened, opened.ca("issuing"))
"""
STEPS = [
    *(("revoke", step) for step in ("status-recorded", "crl-numbered", "crl-signed", "crl-published")),
    *(("release", step) for step in ("status-recorded", "crl-numbered", "crl-signed")),
    *(("crl", step) for step in ("crl-numbered", "crl-signed", "crl-published")),
    *(("rotate", step) for step in ("signer-planned", "signer-signed", "signer-recorded")),
]  # fmt: skip


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    """One device to revoke, one held, and a CRL that tells of the hold."""
    for stem in ("sbc1", "held"):
        (tmp_path / f"{stem}.csr").write_bytes(make_csr(cn=f"{stem}.lab.example"))
        answer = sipca("sign", tmp_path / f"{stem}.csr", "--allow", "reused-key")
        assert answer.exit == 0
    assert sipca("revoke", "held.lab.example", "--reason", "hold").exit == 0
    return sipca


def revoked_in_crl(lab: CommandLine) -> set[str]:
    crl = x509.load_pem_x509_crl(lab("crl").out.encode())
    return {f"{entry.serial_number:x}" for entry in crl}


def revoked_in_register(lab: CommandLine) -> set[str]:
    words = ("list", "--status", "revoked", "--status", "held", "--json")
    return {each["serial"] for each in lab(*words).json["certificates"]}


@pytest.mark.parametrize(("act", "step"), STEPS)
def test_a_kill_at_any_step_is_reported_or_mended_by_the_next_commands(
    lab: CommandLine, act: str, step: str
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DRIVER, str(lab.home), act, step],
        env=ENVIRONMENT,
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert lab("log", "--verify").exit == 0
    reported = {each["code"] for each in lab("check", "--json").json["findings"]}
    told_already = step == "crl-published" or act in ("crl", "rotate")
    assert reported == (set() if told_already else {"crl-pending"})
    assert revoked_in_crl(lab) == revoked_in_register(lab)
    assert len(revoked_in_register(lab)) == {"revoke": 2, "release": 0}.get(act, 1)
    assert lab("ocsp", "rotate", "--ca", "issuing").exit == 0
    assert lab("crl", "--refresh").exit == 0
    assert lab("check").exit == 0
    assert lab("log", "--verify").exit == 0


def test_a_rotation_killed_half_way_leaves_the_old_signer_answering(
    lab: CommandLine, tmp_path: Path
) -> None:
    before = lab("ocsp", "rotate", "--if-due", "--json").json["signers"]

    subprocess.run(
        [sys.executable, "-c", DRIVER, str(lab.home), "rotate", "signer-planned"],
        env=ENVIRONMENT, capture_output=True, timeout=60,
    )  # fmt: skip

    after = lab("ocsp", "rotate", "--if-due", "--json").json["signers"]
    assert after == before
    assert all(each["made"] is False for each in after)


def test_rotation_forgets_the_key_of_a_signer_that_has_ended(
    lab: CommandLine, frozen: Callable[[datetime], None]
) -> None:
    from ca.store.connection import open_store

    def keys() -> list[bytes]:
        with open_store(lab.home / "ca.db") as store:
            return [row[0] for row in store.connection.execute("SELECT pkcs8 FROM key")]

    before = set(keys())
    assert lab("ocsp", "rotate", "--ca", "issuing").exit == 0
    both = set(keys())
    frozen(NOW + timedelta(days=401))
    assert lab("ocsp", "rotate", "--ca", "issuing").exit == 0
    frozen(NOW + timedelta(days=409))
    assert lab("ocsp", "rotate", "--ca", "issuing").exit == 0
    gone, *others = before - set(keys())

    assert len(before) == 4
    assert before < both  # one that has not ended yet is kept beside its successor
    assert len(others) == 0
    scalar = gone.partition(b"\x04\x20")[2][:32]  # RFC 5915: the private key of P-256
    assert len(scalar) == 32
    assert all(scalar not in path.read_bytes() for path in lab.home.glob("ca.db*"))


def test_two_crls_at_once_never_leave_the_lower_number(lab: CommandLine) -> None:
    """Eight at once: every one exits 0, and the newest is the highest."""
    running = [
        subprocess.Popen(
            [
                sys.executable, "-c", "from cli.main import main; main()", "crl", "--refresh",
                "--home", str(lab.home),
            ],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]  # fmt: skip
    done = [process.communicate(timeout=60) for process in running]

    assert [process.returncode for process in running] == [0] * 8, done
    numbers = [
        event["detail"]["number"]
        for event in lab("log", "--json").json["events"]
        if event["action"] == "crl-numbered" and event["subject"] == "Test Lab Issuing"
    ]
    crl = x509.load_pem_x509_crl(lab("crl").out.encode())
    newest = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    assert len(set(numbers)) == len(numbers)
    assert newest == max(map(int, numbers))


def test_a_revocation_while_a_crl_is_built_is_pending_not_lost(lab: CommandLine) -> None:
    """The snapshot belongs to the number: what is recorded later is for the next CRL."""
    from ca.authority.home import Environment, no_passphrase, open_home
    from ca.authority.status.crl import formatted, make_crl

    def meanwhile(name: str) -> None:
        if name == "crl-numbered":
            thread = threading.Thread(target=revoke)
            thread.start()
            thread.join()

    def revoke() -> None:
        words = [sys.executable, "-c", "from cli.main import main; main()", "revoke"]
        words += ["sbc1.lab.example", "--no-crl", "--home", str(lab.home)]
        assert subprocess.run(words, env=ENVIRONMENT, capture_output=True).returncode == 0

    environment = Environment(passphrase=no_passphrase, step=meanwhile)
    with open_home(lab.home, environment) as home:
        make_crl(home, home.ca("issuing"))
        pem = b"".join(formatted(home, home.ca("issuing"), "pem"))

    assert len(x509.load_pem_x509_crl(pem)) == 1
    assert [f["code"] for f in lab("check", "--json").json["findings"]] == ["crl-pending"]
    assert len(revoked_in_crl(lab)) == 2


def test_a_full_disk_leaves_the_last_crl(lab: CommandLine, tmp_path: Path) -> None:
    """A limit on file size stands in for a full disk."""
    target = tmp_path / "lab.crl"
    assert lab("crl", "-o", target).exit == 0
    before = target.read_bytes()
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from cli.main import main; main()"
    )

    for words in (["crl", "--refresh", "-o", str(target)], ["revoke", "sbc1.lab.example"]):
        done = subprocess.run(
            [sys.executable, "-c", limited, *words, "--home", str(lab.home)],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 8, done.stderr
        assert "Traceback" not in done.stderr

    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.tmp")] == []
    assert len(revoked_in_register(lab)) == 1
    assert lab("log", "--verify").exit == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount of its own")
def test_a_read_only_file_system_is_named(lab: CommandLine) -> None:
    """In a mount namespace of its own, so that nothing of the machine changes."""
    script = (
        f"mount --bind {lab.home} {lab.home} && mount -o remount,ro,bind {lab.home} && "
        f'exec "{sys.executable}" -c "from cli.main import main; main()" '
        f"revoke sbc1.lab.example --home {lab.home}"
    )
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")

    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert "hint: " in done.stderr
    assert len(revoked_in_register(lab)) == 1


def test_a_damaged_register_is_named_by_revoke_and_by_crl(lab: CommandLine) -> None:
    database = lab.home / "ca.db"
    data = bytearray(database.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    database.write_bytes(data)

    for words in (("revoke", "sbc1.lab.example"), ("crl",), ("check",)):
        answer = lab(*words)
        assert answer.exit == 8
        assert "is damaged" in answer.err
