"""``sipca init`` and the home it makes."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_ca_of_two_is_made_and_the_answer_says_what_where_until_when_and_next(
    bare: CommandLine,
) -> None:
    answer = bare("init", "--name", "Acme Voice Lab", "--no-passphrase", *SMALL)

    lines = answer.out.splitlines()
    assert answer.exit == 0
    assert lines[0] == f"made: Acme Voice Lab in {bare.home}"
    assert lines[1].split()[:2] == ["root", "CN=Acme"]
    assert lines[2].split()[0] == "issuing"
    assert lines[-1] == "next: sipca sign DEVICE.csr --out DIR"


def test_without_a_name_a_unique_one_is_chosen(bare: CommandLine) -> None:
    document = bare("init", "--no-passphrase", *SMALL, "--json").json

    assert document["ca"].startswith("Lab CA ")
    assert len(document["ca"]) == len("Lab CA 7f3a")


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_home_and_database_are_closed_whatever_the_umask(bare: CommandLine, umask: int) -> None:
    before = os.umask(umask)
    try:
        bare("init", "--no-passphrase", *SMALL)
    finally:
        os.umask(before)

    assert mode(bare.home) == 0o700
    assert mode(bare.home / "ca.db") == 0o600
    assert [path.name for path in bare.home.iterdir()] == ["ca.db"]


def test_an_empty_open_folder_is_closed_and_that_is_said(bare: CommandLine) -> None:
    bare.home.mkdir(mode=0o755)

    answer = bare("init", "--no-passphrase", *SMALL)

    assert mode(bare.home) == 0o700
    assert "was open to other users; its mode is now 0700" in answer.err


def test_a_folder_with_other_files_is_left_as_it_is_and_that_is_said(bare: CommandLine) -> None:
    bare.home.mkdir(mode=0o755)
    (bare.home / "mine.txt").write_text("x")

    answer = bare("init", "--no-passphrase", *SMALL)

    assert answer.exit == 0
    assert mode(bare.home) == 0o755
    assert "holds other files, so its mode was kept" in answer.err


@pytest.mark.parametrize(
    "again", [(), ("--name", "Acme"), ("--protect", "none"), ("--permit-dns", "LAB.example")]
)
def test_again_with_the_same_wishes_or_none_is_already_there(
    bare: CommandLine, again: tuple[str, ...]
) -> None:
    bare("init", "--name", "Acme", "--no-passphrase", "--permit-dns", "lab.example", *SMALL)
    before = (bare.home / "ca.db").read_bytes()

    answer = bare("init", *again)

    assert answer.exit == 0
    assert answer.out.startswith("already there: Acme in ")
    assert (bare.home / "ca.db").read_bytes() == before


@pytest.mark.parametrize(
    ("again", "message"),
    [
        (("--name", "Other"), "created with --name 'Acme', not 'Other'"),
        (("--root-key", "rsa:2048"), "created with --root-key 'ec:p256', not 'rsa:2048'"),
        (("--issuing-lifetime", "1y"), "created with --issuing-lifetime 3650d, not 365d"),
        (
            ("--base-url", "http://10.0.0.5:8080"),
            "created with --base-url none, not 'http://10.0.0.5:8080'",
        ),
        (("--permit-ip", "10.0.0.0/8"), "created with --permit-ip none, not 10.0.0.0/8"),
    ],
)
def test_again_with_other_wishes_is_a_conflict_and_nothing_is_touched(
    bare: CommandLine, again: tuple[str, ...], message: str
) -> None:
    bare("init", "--name", "Acme", "--no-passphrase", *SMALL)
    before = (bare.home / "ca.db").read_bytes()

    answer = bare("init", *again)

    assert answer.exit == 6
    assert message in answer.err
    assert (bare.home / "ca.db").read_bytes() == before


def test_an_existing_encrypted_ca_is_already_there_without_a_passphrase(
    bare: CommandLine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\r\n")
    bare("init", "--passphrase-file", secret, *SMALL)

    answer = bare("init")

    assert answer.exit == 0
    assert answer.out.startswith("already there")


def test_protect_root_keeps_only_the_root_key_encrypted(bare: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")

    document = bare("init", "--protect", "root", "--passphrase-file", secret, *SMALL, "--json").json

    assert [ca["key_protection"] for ca in document["cas"]] == ["passphrase", "none"]


def test_without_any_passphrase_to_be_had_nothing_is_made(bare: CommandLine) -> None:
    answer = bare("init", *SMALL)

    assert answer.exit == 7
    assert "is needed and none was given" in answer.err
    assert not bare.home.exists()


def test_an_empty_passphrase_is_refused(bare: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")

    answer = bare("init", "--passphrase-file", secret, *SMALL)

    assert answer.exit == 7
    assert "the passphrase is empty" in answer.err


def test_a_passphrase_is_the_same_however_unicode_composes_it_and_lines_end(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decomposed").write_bytes("Gru\u0308n \r\n".encode())
    bare("init", "--passphrase-file", tmp_path / "decomposed", *SMALL)
    monkeypatch.setenv("SIPCA_PASSPHRASE", "Gr\u00fcn ")
    csr = SAMPLES / "sbc1.csr"

    answer = bare("sign", csr)

    assert answer.exit == 0


def test_no_passphrase_ever_reaches_the_database_or_the_output(
    bare: CommandLine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery\n")

    answer = bare("init", "--passphrase-file", secret, *SMALL, "--json")

    assert b"correct horse" not in (bare.home / "ca.db").read_bytes()
    assert "correct horse" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--root-key", "rsa:1024"), 2, "'rsa:1024' is not one of"),
        (("--root-lifetime", "5m"), 2, "'5m' is not a duration"),
        (("--protect", "some"), 2, "'some' is not one of both, root, none"),
        (("--no-passphrase", "--protect", "both"), 2, "contradict each other"),
        (("--country", "USA"), 3, "--country 'USA' is not two letters"),
        (("--name", "x" * 57), 3, "--name has 57 characters"),
        (("--base-url", "https://ca.lab"), 3, "is not an http URL without query"),
        (("--base-url", "http://[::1"), 3, "is not a URL"),
        (("--permit-dns", "*.lab"), 3, "--permit-dns '*.lab' is not a domain"),
        (("--permit-ip", "10.0.0.1/8"), 3, "--permit-ip '10.0.0.1/8' is not a network"),
        (("--permit-ip", "lab"), 3, "--permit-ip 'lab' is not a network"),
    ],
)
def test_a_bad_wish_is_refused_before_anything_is_made(
    bare: CommandLine, words: tuple[str, ...], code: int, message: str
) -> None:
    answer = (
        bare("init", "--no-passphrase", *words)
        if "--protect" not in words
        else bare("init", *words)
    )

    assert answer.exit == code
    assert message in answer.err
    assert not bare.home.exists()


def test_the_issuing_ca_never_outlives_the_root(bare: CommandLine) -> None:
    document = bare("init", "--no-passphrase", *SMALL, "--root-lifetime", "2y", "--json").json

    root, issuing = document["cas"]
    assert issuing["not_after"] == root["not_after"]


def test_a_file_in_the_place_of_the_home_is_named(bare: CommandLine) -> None:
    bare.home.write_text("a file")

    answer = bare("init", "--no-passphrase", *SMALL)

    assert answer.exit == 8
    assert f"'{bare.home}' cannot be written" in answer.err


def test_commands_in_an_empty_home_say_init(bare: CommandLine, tmp_path: Path) -> None:
    for words in (
        ("status",),
        ("list",),
        ("chain",),
        ("log",),
        ("show", "x"),
        ("export", "x", "--out", tmp_path),
    ):
        answer = bare(*words)

        assert answer.exit == 5
        assert "only a new CA is made by sipca init" in answer.err


def test_leftovers_of_a_killed_init_are_removed_after_an_hour(bare: CommandLine) -> None:
    bare.home.mkdir(mode=0o700)
    old, young = bare.home / ".init-old.db", bare.home / ".init-young.db"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    os.utime(old, (0, 0))

    bare("init", "--no-passphrase", *SMALL)

    assert not old.exists()
    assert young.exists()


def test_a_home_of_a_newer_version_is_refused_and_not_damaged(sipca: CommandLine) -> None:
    with sqlite3.connect(sipca.home / "ca.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    answer = sipca("status")

    assert answer.exit == 8
    assert "was written by a newer sipca (schema 99" in answer.err


def test_a_synced_folder_gets_a_warning(tmp_path: Path) -> None:
    synced = CommandLine(tmp_path / "Dropbox" / "ca")

    answer = synced("init", "--no-passphrase", *SMALL)

    assert answer.exit == 0
    assert "is in a synced folder (Dropbox)" in answer.err


def test_leftovers_of_an_init_that_was_killed_are_removed_and_a_twins_are_not(
    bare: CommandLine,
) -> None:
    bare.home.mkdir(mode=0o700)
    old, young = bare.home / ".init-0.db-wal", bare.home / ".init-1.db"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))

    assert bare("init", "--no-passphrase", "--root-key", "ec:p256").exit == 0

    assert not old.exists()
    assert young.exists()


def test_a_folder_where_the_register_should_be_is_named(bare: CommandLine) -> None:
    (bare.home / "ca.db").mkdir(parents=True)

    answer = bare("init", "--no-passphrase")

    assert answer.exit == 8
    assert "/ca.db' is not a file" in answer.err
