"""A home that this user may not write: it is read and served, and what would write says so."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from stand_in.lab import ROOT, CommandLine, make_csr
from stand_in.service import RUN, Service, serving

from ca.errors import StoreError
from ca.store.connection import Store, mark_of, open_store

# root writes whatever the mode is: without these capabilities it obeys modes as its owner does
OBEYING = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
)
NAME = "sbc1.lab.example"


def obedient(
    home: Path, *words: str, cwd: Path, before: list[str] = OBEYING
) -> subprocess.CompletedProcess[str]:
    """A command as a user who is held to the modes."""
    return subprocess.run(
        [*before, sys.executable, "-c", RUN, *words, "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SIPCA_NO_INPUT": "1"},
        cwd=cwd, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn=NAME))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path / "out").exit == 0
    (tmp_path / "work").mkdir()
    yield sipca
    sipca.home.chmod(0o700)


def close(home: Path) -> None:
    """Modes as a home has that somebody else keeps, or that is on a read-only medium."""
    for each in home.iterdir():
        each.chmod(0o444)
    home.chmod(0o555)


def opened_and_left(home: Path) -> None:
    """Revoke with the register held open, and leave -wal and -shm as a killed process does."""
    kept = home.with_name("kept")
    with closing(sqlite3.connect(home / "ca.db")) as other:
        other.execute("SELECT count(*) FROM audit").fetchone()
        with pytest.MonkeyPatch.context() as killed:
            killed.setattr(Store, "merge_wal", lambda _store: None)
            assert CommandLine(home)("revoke", NAME).exit == 0
        assert (home / "ca.db-wal").stat().st_size > 0
        shutil.copytree(home, kept)
    shutil.rmtree(home)
    kept.rename(home)


READING = [
    ("list",),
    ("list", "--json"),
    ("show", NAME),
    ("status",),
    ("chain",),
    ("export", NAME, "--out", "exported"),
    ("csr", "show", "../sbc1.csr"),
    ("log",),
    ("log", "--verify"),
    ("crl",),
    ("profile", "list"),
    ("target", "list"),
    ("device", "list"),
    ("preflight", "../out/sbc1-device.pem"),
    ("ca", "show"),
    ("scep", "list"),
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_read_only_home_is_read_as_a_writable_one_is(
    lab: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    writable = obedient(lab.home, *words, cwd=tmp_path / "work")
    shutil.rmtree(tmp_path / "work" / "exported", ignore_errors=True)
    close(lab.home)

    read_only = obedient(lab.home, *words, cwd=tmp_path / "work")

    assert (read_only.returncode, read_only.stdout) == (writable.returncode, writable.stdout)
    assert read_only.stderr == writable.stderr
    assert writable.returncode in (0, 2), writable.stderr
    assert sorted(each.name for each in lab.home.iterdir()) == ["ca.db"]


def test_a_read_only_home_is_checked_and_its_modes_are_judged(
    lab: CommandLine, tmp_path: Path
) -> None:
    close(lab.home)
    open_to_all = obedient(lab.home, "check", "--json", cwd=tmp_path / "work")
    (lab.home / "ca.db").chmod(0o400)
    lab.home.chmod(0o500)

    of_the_owner = obedient(lab.home, "check", cwd=tmp_path / "work")

    codes = {each["code"] for each in json.loads(open_to_all.stdout)["findings"]}
    assert (open_to_all.returncode, codes) == (9, {"register-open", "home-open"})
    assert (of_the_owner.returncode, of_the_owner.stdout) == (0, "all is well\n")


def test_what_only_the_wal_holds_is_read_from_a_read_only_home(
    lab: CommandLine, tmp_path: Path
) -> None:
    opened_and_left(lab.home)
    close(lab.home)

    listed = obedient(lab.home, "list", "--all", "--json", cwd=tmp_path / "work")

    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["certificates"][0]["status"] == "revoked"


def test_an_empty_wal_holds_nothing_and_is_passed_over(lab: CommandLine, tmp_path: Path) -> None:
    assert not (lab.home / "ca.db-wal").exists()
    (lab.home / "ca.db-wal").touch(0o444)
    close(lab.home)

    listed = obedient(lab.home, "list", "--json", cwd=tmp_path / "work")

    assert listed.returncode == 0, listed.stderr
    assert json.loads(listed.stdout)["certificates"][0]["subject"] == f"CN={NAME}"


def test_a_wal_that_cannot_be_read_is_never_passed_over(lab: CommandLine, tmp_path: Path) -> None:
    opened_and_left(lab.home)
    (lab.home / "ca.db-shm").unlink()
    close(lab.home)

    listed = obedient(lab.home, "list", cwd=tmp_path / "work")

    assert listed.returncode == 8
    assert "ca.db-wal' holds changes that cannot be read" in listed.stderr
    assert "hint: run 'sipca status' once as the folder's owner" in listed.stderr


WRITING = [
    ("sign", "../sbc1.csr", "--again"),
    ("sign", "../sbc2.csr"),
    ("issue", "sbc3.lab.example", "--out", "issued"),
    ("revoke", NAME),
    ("crl", "--refresh"),
    ("ocsp", "rotate"),
    ("scep", "rotate"),
    ("scep", "challenge"),
    ("ca", "set", "--base-url", "http://ca.lab.example"),
    ("device", "set", "sbc1", "--target", "audiocodes-7.4"),
]


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_what_would_write_is_refused_with_exit_8_and_leaves_nothing(
    lab: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "sbc2.csr").write_bytes(make_csr(cn="sbc2.lab.example"))
    before = (lab.home / "ca.db").read_bytes()
    close(lab.home)

    refused = obedient(lab.home, *words, cwd=tmp_path / "work")

    assert refused.returncode == 8, refused
    assert "is open for reading only: this user may not write to it" in refused.stderr
    assert "hint: run the command as the folder's owner" in refused.stderr
    assert (lab.home / "ca.db").read_bytes() == before
    assert list((tmp_path / "work").iterdir()) == []


def test_an_older_register_is_not_brought_up_to_date_there(
    lab: CommandLine, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(lab.home / "ca.db")) as other:
        other.execute("PRAGMA user_version = 5")
    close(lab.home)

    listed = obedient(lab.home, "list", cwd=tmp_path / "work")

    assert listed.returncode == 8
    assert "was made by an older sipca and cannot be upgraded here" in listed.stderr


def test_a_register_read_without_locks_that_changed_meanwhile_is_not_believed(
    lab: CommandLine,
) -> None:
    path = lab.home / "ca.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        store = Store(connection, path, mode="immutable", mark=mark_of(path))
        store.assert_unchanged()

        os.utime(path, ns=(0, 0))

        with pytest.raises(StoreError, match="was changed while it was read"):
            store.assert_unchanged()


def test_a_register_open_for_reading_only_takes_no_transaction(lab: CommandLine) -> None:
    with open_store(lab.home / "ca.db", read_only=True) as store:
        with pytest.raises(StoreError, match="open for reading only"), store.write():
            pass
        assert store.mode == "ro"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_read_only_mount_is_read_too(lab: CommandLine, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    script = 'mount --bind "$0" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    before = ["unshare", "-m", "sh", "-c", script, str(lab.home), str(mounted)]
    if subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")

    listed = obedient(mounted, "list", "--json", cwd=tmp_path / "work", before=before)
    refused = obedient(mounted, "revoke", NAME, cwd=tmp_path / "work", before=before)

    assert json.loads(listed.stdout)["certificates"][0]["subject"] == f"CN={NAME}"
    assert refused.returncode == 8
    assert "open for reading only" in refused.stderr


def asked(tmp_path: Path, service: Service) -> str:
    leaf = x509.load_pem_x509_certificate((tmp_path / "out" / "sbc1-device.pem").read_bytes())
    issuer = x509.load_pem_x509_certificate(
        (tmp_path / "out" / "trusted-2-issuing.pem").read_bytes()
    )
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())
    body = builder.build().public_bytes(Encoding.DER)
    head = f"POST / HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    response = ocsp.load_der_ocsp_response(service.raw(head + body).partition(b"\r\n\r\n")[2])
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return response.response_status.name
    return response.certificate_status.name


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_read_only_home_is_served_and_what_its_owner_changes_is_followed(
    lab: CommandLine, tmp_path: Path, workers: str
) -> None:
    close(lab.home)

    with serving(lab.home, tmp_path / "log", "--workers", workers, before=OBEYING) as service:
        first = asked(tmp_path, service)
        health = service.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        crl = service.raw(b"GET /crl/issuing.crl HTTP/1.0\r\n\r\n")
        lab.home.chmod(0o755)
        (lab.home / "ca.db").chmod(0o644)
        assert lab("revoke", NAME).exit == 0
        rounds: list[set[str]] = []
        while len(rounds) < 200 and rounds[-20:] != [{"REVOKED"}] * 20:  # by every worker
            rounds.append({asked(tmp_path, service) for _ in range(8)})
            time.sleep(0.05)
        code = service.stop()

    assert first == "GOOD"
    assert health.startswith(b"HTTP/1.1 200 "), health
    assert crl.startswith(b"HTTP/1.1 200 ")
    assert rounds[-20:] == [{"REVOKED"}] * 20
    assert code == 0
    assert "Traceback" not in service.said()
