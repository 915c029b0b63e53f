"""systemd reads the units as they are meant; what they run does so on a read-only home."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from stand_in.lab import PASSPHRASE, ROOT, CommandLine, make_csr
from stand_in.service import RUN, ocsp_get, ocsp_request, serving
from stand_in.waiting import until

SPLIT = "/^# === /{file=$3} file{print > file}"
OBEYING = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"]
FORBID_NEW_CODE = """import ctypes, os, sys
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) in (0, -1)  # PR_SET_MDWE; -1 before Linux 6.3
os.execv(sys.argv[1], sys.argv[1:])"""


@pytest.fixture
def odd(sipca: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    """A home whose path has a blank, a percent sign, a dollar and a colon."""
    place = tmp_path / "100% of $HOME: a lab" / "home"
    place.parent.mkdir()
    sipca.home.rename(place)
    yield CommandLine(place)


def written(text: str, folder: Path) -> list[Path]:
    """The units as the head of the text says to write them."""
    subprocess.run(["awk", SPLIT], input=text, text=True, cwd=folder, check=True)
    return sorted(folder.iterdir())


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Path]:
    """sipca as a program whose path has blanks."""
    path = tmp_path / "a program" / "sipca"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c '{RUN}' \"$@\"\n")
    path.chmod(0o755)
    yield path


@pytest.mark.parametrize("more", [(), ("--http-port", "80", "--bind", "::", "--workers", "2")])
def test_systemd_verifies_every_unit_and_rates_them_safe(
    odd: CommandLine,
    tmp_path: Path,
    program: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
) -> None:
    monkeypatch.setattr(sys, "argv", [str(program)])
    (tmp_path / "units").mkdir()
    answer = odd("serve", "--print-unit", *more)
    assert answer.exit == 0, answer.err

    units = written(answer.out, tmp_path / "units")

    assert len(units) == 5
    for unit in units:
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stderr
        ours = [line for line in verified.stderr.splitlines() if "sipca" in line]
        assert ours == []
        if unit.suffix == ".service":
            rated = subprocess.run(
                ["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert rated.returncode == 0, rated.stdout


def test_systemd_reads_the_whole_path_of_the_program(
    odd: CommandLine, tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(program)])
    text = odd("serve", "--print-unit").out
    program.unlink()
    (tmp_path / "units").mkdir()
    written(text, tmp_path / "units")

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "units" / "sipca.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert f"Command {program} is not executable" in verified.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting is for root")
def test_serve_answers_from_a_read_only_mount_and_follows_who_writes_beside_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    seen = tmp_path / "seen"
    seen.mkdir()
    script = 'mount --bind "$0" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    before = [
        "unshare", "-m", "sh", "-c", script, str(sipca.home), str(seen),
        *OBEYING, sys.executable, "-c", FORBID_NEW_CODE,
    ]  # fmt: skip
    mtime = (sipca.home / "ca.db").stat().st_mtime_ns

    with serving(seen, tmp_path / "log", before=before) as service:
        request = ocsp_get(ocsp_request(tmp_path))
        page = service.raw(b"GET / HTTP/1.0\r\n\r\n")
        crls = service.raw(b"GET /crl/all.pem HTTP/1.0\r\n\r\n")
        good = service.raw(request)
        untouched = (sipca.home / "ca.db").stat().st_mtime_ns == mtime
        assert sipca("revoke", "sbc1.lab.example").exit == 0
        followed = until(lambda: b", 1 revoked" in service.raw(b"GET / HTTP/1.0\r\n\r\n"))
        newer = service.raw(b"GET /crl/all.pem HTTP/1.0\r\n\r\n")
        code = service.stop()
        said = service.said()

    assert b"200 OK" in page
    assert b"<h1>Test Lab</h1>" in page
    assert crls.count(b"BEGIN X509 CRL") == 2
    assert b"application/ocsp-response" in good
    assert untouched
    assert followed, said
    assert newer != crls
    assert code == 0, said
    assert "Traceback" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process is for root to start")
def test_serve_runs_as_the_home_s_own_user(sipca: CommandLine) -> None:
    folder = Path(mkdtemp(prefix="sipca-boot-"))  # nobody may not look into pytest's folders
    try:
        folder.chmod(0o755)
        shutil.copytree(sipca.home, folder / "home")
        for each in (folder / "home", *(folder / "home").rglob("*")):
            os.chown(each, 65534, 65534)
        python = readable_python(folder)
        before = [*python, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]

        with serving(folder / "home", folder / "log", before=before) as service:
            page = service.raw(b"GET / HTTP/1.0\r\n\r\n")
            (line,) = re.findall(
                r"^Uid:\s+(\d+)",
                Path(f"/proc/{service.process.pid}/status").read_text(),
                re.MULTILINE,
            )
            code = service.stop()

        assert b"<h1>Test Lab</h1>" in page
        assert line == "65534"
        assert code == 0
    finally:
        shutil.rmtree(folder)


def readable_python(folder: Path) -> list[str]:
    """What lets another user read this Python where it is in root's folder, as the units do."""
    base = Path(sys.base_prefix).resolve()
    if not base.is_relative_to("/root"):
        return []
    aside = folder / "python"
    aside.mkdir()
    script = (
        'mount --bind "$0" "$1" && mount -t tmpfs -o mode=755 tmpfs /root && mkdir -p "$0" '
        '&& mount --bind "$1" "$0" && shift && exec "$@"'
    )
    return ["unshare", "-m", "sh", "-c", script, str(base), str(aside)]


def test_systemd_verifies_the_units_that_are_given_a_passphrase(
    bare: CommandLine, tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    made = bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert made.exit == 0, made.err
    monkeypatch.setattr(sys, "argv", [str(program)])
    (tmp_path / "units").mkdir()

    units = written(bare("serve", "--print-unit").out, tmp_path / "units")

    for unit in units:
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (verified.returncode, "sipca" in verified.stderr) == (0, False), verified.stderr
    assert "LoadCredential" in (tmp_path / "units" / "sipca-crl.service").read_text()
