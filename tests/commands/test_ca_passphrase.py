"""``ca passphrase``: both keys or none, and nothing of the old ones is left in the files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, Path]:
    """Passphrase files."""
    files = {name: tmp_path / name for name in ("old", "new", "wrong")}
    for name, file in files.items():
        file.write_text(f"{name} horse\n")
    return files


@pytest.fixture
def locked(bare: CommandLine, secrets: dict[str, Path]) -> CommandLine:
    """A home whose keys have the old passphrase."""
    answer = bare("init", "--name", "Test Lab", "--passphrase-file", secrets["old"], *SMALL)
    assert answer.exit == 0, answer.err
    return bare


def change(sipca: CommandLine, old: Path, new: Path, *words: object) -> object:
    return sipca("ca", "passphrase", "--passphrase-file", old, "--new-passphrase-file", new, *words)


def stored(home: Path) -> list[bytes]:
    """The stored form of the CAs' keys."""
    with sqlite3.connect(home / "ca.db") as connection:
        rows = connection.execute(
            "SELECT pkcs8 FROM key WHERE id IN (SELECT key_id FROM issuer) ORDER BY id"
        ).fetchall()
    connection.close()
    return [row[0] for row in rows]


def octets(home: Path) -> bytes:
    """Everything in the home's files."""
    return b"".join(path.read_bytes() for path in home.iterdir() if path.is_file())


def opens(sipca: CommandLine, passphrase: Path) -> list[int]:
    words = ("--refresh", "--passphrase-file", passphrase)
    return [sipca("crl", "--ca", ca, *words).exit for ca in ("root", "issuing")]


def test_the_new_passphrase_opens_both_keys_and_the_old_none(
    locked: CommandLine, secrets: dict[str, Path]
) -> None:
    before = stored(locked.home)

    answer = locked("ca", "passphrase", "--passphrase-file", secrets["old"], "--new-passphrase-file", secrets["new"], "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert len(answer.json["changed"]) == 2
    assert answer.json["wiped"] is True
    assert opens(locked, secrets["new"]) == [0, 0]
    assert opens(locked, secrets["old"]) == [7, 7]
    assert locked("log", "--verify").exit == 0
    left = octets(locked.home)
    assert [old in left or old[40:120] in left for old in before] == [False, False]


def test_the_old_octets_are_gone_also_while_another_process_has_the_register_open(
    locked: CommandLine, secrets: dict[str, Path]
) -> None:
    from ca.store.connection import open_store

    before = stored(locked.home)
    with open_store(locked.home / "ca.db", read_only=True) as reader:
        reader.connection.execute("SELECT count(*) FROM key").fetchone()

        change(locked, secrets["old"], secrets["new"])

        left = octets(locked.home)
    assert [old in left for old in before] == [False, False]


def test_a_reader_of_the_old_state_is_told_of(
    locked: CommandLine, secrets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.store import connection

    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    with connection.open_store(locked.home / "ca.db", read_only=True) as reader, reader.snapshot():
        reader.connection.execute("SELECT count(*) FROM key").fetchone()

        answer = locked("ca", "passphrase", "--passphrase-file", secrets["old"], "--new-passphrase-file", secrets["new"])  # fmt: skip

    assert answer.exit == 0
    assert "ca.db-wal, which still holds the key as it was" in answer.out
    assert opens(locked, secrets["new"]) == [0, 0]


def test_a_wrong_old_passphrase_changes_nothing(
    locked: CommandLine, secrets: dict[str, Path]
) -> None:
    before = stored(locked.home)

    answer = locked("ca", "passphrase", "--passphrase-file", secrets["wrong"], "--new-passphrase-file", secrets["new"])  # fmt: skip

    assert answer.exit == 7
    assert "does not open" in answer.err
    assert stored(locked.home) == before


@pytest.mark.parametrize("text", ["", "\n"])
def test_the_passphrase_is_never_taken_away(
    locked: CommandLine, secrets: dict[str, Path], text: str
) -> None:
    before = stored(locked.home)
    secrets["new"].write_text(text)

    answer = locked("ca", "passphrase", "--passphrase-file", secrets["old"], "--new-passphrase-file", secrets["new"])  # fmt: skip
    without = locked("ca", "passphrase", "--passphrase-file", secrets["old"])

    assert (answer.exit, without.exit) == (7, 7)
    assert "always has one" in answer.err
    assert "give --new-passphrase-file FILE" in without.err
    assert stored(locked.home) == before


def test_keys_without_a_passphrase_get_one(
    sipca: CommandLine, secrets: dict[str, Path], tmp_path: Path
) -> None:
    before = stored(sipca.home)

    answer = sipca("ca", "passphrase", "--new-passphrase-file", secrets["new"])

    assert answer.exit == 0, answer.err
    assert opens(sipca, secrets["new"]) == [0, 0]
    left = octets(sipca.home)
    assert [old in left for old in before] == [False, False]
    (tmp_path / "a.csr").write_bytes(make_csr(key=EC_KEY))
    assert sipca("sign", tmp_path / "a.csr").exit == 7
    assert sipca("sign", tmp_path / "a.csr", "--passphrase-file", secrets["new"]).exit == 0


def test_an_issuing_key_that_has_none_by_choice_keeps_none(
    bare: CommandLine, secrets: dict[str, Path]
) -> None:
    bare("init", "--protect", "root", "--passphrase-file", secrets["old"], *SMALL)

    answer = bare("ca", "passphrase", "--passphrase-file", secrets["old"], "--new-passphrase-file", secrets["new"])  # fmt: skip

    assert "without one, as before" in answer.out
    assert bare("crl", "--refresh").exit == 0
    assert opens(bare, secrets["new"]) == [0, 0]


def test_older_backups_open_with_the_old_one_and_are_named(
    locked: CommandLine, secrets: dict[str, Path], tmp_path: Path
) -> None:
    assert locked("backup", tmp_path / "before.backup").exit == 0

    answer = locked("ca", "passphrase", "--passphrase-file", secrets["old"], "--new-passphrase-file", secrets["new"])  # fmt: skip

    new = CommandLine(tmp_path / "restored")
    assert "open with the old one" in answer.out
    assert "before.backup" in answer.out
    assert new("restore", tmp_path / "before.backup").exit == 0
    assert opens(new, secrets["old"]) == [0, 0]


def test_both_passphrases_cannot_come_from_stdin(locked: CommandLine) -> None:
    answer = locked("ca", "passphrase", "--passphrase-file", "-", "--new-passphrase-file", "-", stdin=b"old horse\n")  # fmt: skip

    assert answer.exit == 2
    assert "cannot both come from stdin" in answer.err
