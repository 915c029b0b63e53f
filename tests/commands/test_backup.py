"""``backup``: one private file of a home in use, and what is found when it is read back."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.backups import members, packed, with_register
from stand_in.lab import ENVIRONMENT, CommandLine

Csr = Callable[..., Path]


def test_a_backup_is_one_private_file_that_says_what_it_holds(
    lab: CommandLine, tmp_path: Path
) -> None:
    (lab.home / "profiles").mkdir()
    (lab.home / "profiles" / "mine.toml").write_text("x")
    file = tmp_path / "lab.backup"

    answer = lab("backup", file, "--json").json

    status = json.loads(members(file)["manifest.json"])
    newest = lab("list", "--json").json["certificates"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert answer["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert answer["certificates"] == 3
    assert answer["newest"]["serial"] in {each["serial"] for each in newest}
    assert answer["crl_number"] == lab("crl", "--json").json["crl"]["number"]
    assert answer["files"] == ["profiles/mine.toml"]
    assert status["figures"]["audit_head"] == answer["audit_head"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    listed = subprocess.run(["tar", "tf", file], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["manifest.json", "manifest.sha256", "ca.db", "profiles/mine.toml"]  # fmt: skip


def test_the_trail_tells_of_a_backup_and_still_holds_its_head(
    lab: CommandLine, tmp_path: Path
) -> None:
    head = lab("backup", tmp_path / "b", "--json").json["audit_head"]

    event = lab("log", "--json").json["events"][-1]

    assert event["action"] == "backup"
    assert event["detail"]["head"] == head
    assert lab("log", "--verify", "--head", head).exit == 0


def test_a_backup_reads_back_without_a_home(lab: CommandLine, tmp_path: Path) -> None:
    written = lab("backup", tmp_path / "b", "--json").json

    answer = lab("backup", tmp_path / "b", "--verify", "--json", "--home", tmp_path, home=False)

    assert answer.exit == 0
    assert answer.json == written | {"verified": True, "notes": []}


def test_a_backup_is_never_written_over_another_file(lab: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    answers = [lab("backup", tmp_path / name) for name in ("b", "link")]

    assert [each.exit for each in answers] == [6, 6]
    assert "is never written over another file" in answers[0].err
    assert (tmp_path / "b").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("part", range(12))
def test_one_altered_octet_anywhere_that_matters_is_found(
    lab: CommandLine, tmp_path: Path, part: int
) -> None:
    lab("backup", tmp_path / "b")
    data = bytearray((tmp_path / "b").read_bytes())
    data[len(data) * part // 12 + 20] ^= 0x01
    (tmp_path / "b").write_bytes(data)

    answer = lab("backup", tmp_path / "b", "--verify")

    assert answer.exit in (3, 9), answer.err


@pytest.mark.parametrize("size", [0, 100, 512, 2000, 100_000, -1, -1024])
def test_a_file_that_is_cut_off_is_no_backup(lab: CommandLine, tmp_path: Path, size: int) -> None:
    lab("backup", tmp_path / "b")
    data = (tmp_path / "b").read_bytes()
    (tmp_path / "b").write_bytes(data[:size])

    answer = lab("backup", tmp_path / "b", "--verify")

    assert answer.exit == 3
    assert "cut off or not a backup" in answer.err or "does not begin with a manifest" in answer.err


def test_a_register_that_was_altered_before_the_manifest_was_written_is_found(
    lab: CommandLine, tmp_path: Path
) -> None:
    import sqlite3

    lab("backup", tmp_path / "b")
    content = members(tmp_path / "b")
    (tmp_path / "ca.db").write_bytes(content["ca.db"])
    with sqlite3.connect(tmp_path / "ca.db") as register:
        register.execute("UPDATE setting SET value = 'Other' WHERE name = 'base_url'")
        register.execute("UPDATE key SET label = 'other'")
    register.close()
    packed(tmp_path / "altered", with_register(content, (tmp_path / "ca.db").read_bytes()))

    answer = lab("backup", tmp_path / "altered", "--verify")

    assert answer.exit == 9
    assert "is not what its audit trail says" in answer.err


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("../escaped.toml", {}),
        ("/tmp/escaped.toml", {}),
        ("profiles/../../escaped.toml", {}),
        ("profiles/x.toml", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("profiles/x.toml", {"type": tarfile.LNKTYPE, "linkname": "ca.db"}),
        ("profiles/x.toml", {"type": tarfile.FIFOTYPE}),
        ("profiles", {"type": tarfile.DIRTYPE}),
        ("profiles/x.toml", {"size": 1 << 32}),
        ("ca.db-wal", {}),
        ("profiles/x.toml", {}),
    ],
)
def test_a_hostile_member_is_refused_and_nothing_is_written(
    lab: CommandLine, tmp_path: Path, name: str, changes: dict[str, object]
) -> None:
    lab("backup", tmp_path / "b")
    hostile = tmp_path / "hostile"
    with tarfile.open(hostile, "w") as archive:
        for each, data in members(tmp_path / "b").items():
            entry = tarfile.TarInfo(each)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        entry = tarfile.TarInfo(name)
        for key, value in changes.items():
            setattr(entry, key, value)
        archive.fileobj.write(entry.tobuf())  # type: ignore[union-attr]

    answers = [
        lab("backup", hostile, "--verify"),
        lab("restore", hostile, "--home", tmp_path / "new", home=False),
    ]

    assert [each.exit in (3, 9) for each in answers] == [True, True], answers
    assert not (tmp_path / "escaped.toml").exists()
    assert not (tmp_path / "new" / "ca.db").exists()


def test_a_member_that_comes_twice_is_refused(lab: CommandLine, tmp_path: Path) -> None:
    lab("backup", tmp_path / "b")
    content = members(tmp_path / "b")
    packed(tmp_path / "twice", content, content)

    answer = lab("backup", tmp_path / "twice", "--verify")

    assert answer.exit == 3
    assert "it holds a twin" in answer.err


def test_a_backup_of_a_home_that_is_being_signed_in_is_whole(
    sipca: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    from ca.store.connection import open_store

    with open_store(sipca.home / "ca.db") as other, other.write() as connection:
        connection.execute("SELECT 1")  # a transaction is open all the time
        from ca.store.copies import copy_register

        with open_store(sipca.home / "ca.db") as store:
            copy_register(store, tmp_path / "copy.db")

    assert (tmp_path / "copy.db").stat().st_size > 0
    assert sipca("backup", tmp_path / "b").exit == 0
    assert sipca("backup", tmp_path / "b", "--verify").exit == 0


def test_backups_end_and_are_whole_while_four_processes_sign_without_a_pause(
    sipca: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    """Each signs one certificate after another until it is told to stop, and counts them."""
    signer = (
        "import sys; from pathlib import Path; from cli.main import run\n"
        "count, stop = 0, Path(sys.argv[1])\n"
        "while not stop.exists():\n"
        "    assert run(sys.argv[2:]) == 0\n"
        "    count += 1\n"
        "    if count == 1: print('begun', file=sys.stderr, flush=True)\n"
        "print(count, file=sys.stderr)\n"
    )
    stop, csr = tmp_path / "stop", csr_file("sbc1", cn="sbc1.lab.example")
    words = [stop, "sign", csr, "--again", "--out", tmp_path / "out", "--overwrite"]
    command = [sys.executable, "-c", signer, *map(str, words), "--home", str(sipca.home)]
    running = [
        subprocess.Popen([*command, "--quiet"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        begun = [each.stderr.readline() for each in running if each.stderr is not None]
        made = [sipca("backup", tmp_path / str(n), "--json").json for n in range(3)]
    finally:
        stop.touch()
        ends = [each.communicate(timeout=60)[1] for each in running]

    assert begun == ["begun\n"] * 4, ends
    assert [sipca("backup", tmp_path / str(n), "--verify").exit for n in range(3)] == [0, 0, 0]
    assert 4 <= made[0]["certificates"] <= made[2]["certificates"] <= sum(map(int, ends))
    assert sipca("log", "--verify").exit == 0
