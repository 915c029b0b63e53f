"""What is asked at a terminal, through a real one: names, passphrases, and what a mistake costs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.dialogue import Dialogue
from stand_in.lab import PASSPHRASE, SAMPLES, CommandLine

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")


def test_init_asks_for_name_base_url_and_a_passphrase_twice(
    at_terminal: Callable[..., Dialogue], bare: CommandLine
) -> None:
    talk = at_terminal("init", *SMALL)

    talk.answer("name of the CA, as Acme Voice Lab (Enter: one is made up):", "Asked Lab")
    talk.answer("base URL (Enter: none):", "http://10.0.0.5:8080")
    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", "another")
    talk.expect("the two differ; both once more")
    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", PASSPHRASE)

    assert talk.end() == 0, talk.said
    assert "made: Asked Lab in" in talk.said
    status = bare("status", "--json").json
    assert status["ca"] == "Asked Lab"
    assert PASSPHRASE not in talk.said


def test_init_at_a_terminal_without_answers_makes_up_a_name_and_says_what_is_missing(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--no-passphrase", *SMALL)

    talk.answer("name of the CA", "")
    talk.answer("base URL (Enter: none):", "")

    assert talk.end() == 0
    assert "made: Lab CA " in talk.said
    assert "key: unprotected" in talk.said
    assert "certificates name no OCSP or CRL address" in re.sub(r"\s+", " ", talk.said)


@pytest.mark.parametrize("typed", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_at_a_question_leave_nothing_behind(
    at_terminal: Callable[..., Dialogue], tmp_path: Path, typed: str
) -> None:
    talk = at_terminal("init", *SMALL)

    talk.expect("name of the CA")
    os.write(talk.terminal, typed.encode())

    assert talk.end() == 130
    assert not (tmp_path / "home" / "ca.db").exists()
    assert "Traceback" not in talk.said


def test_nothing_but_the_passphrase_is_asked_where_names_are_given(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--name", "Given", *SMALL)

    talk.answer("passphrase for the new CA: ", PASSPHRASE)
    talk.answer("again: ", PASSPHRASE)

    assert talk.end() == 0
    assert "base URL (Enter" not in talk.said


def test_a_wrong_passphrase_after_a_paste_does_not_lose_the_csr(
    at_terminal: Callable[..., Dialogue], locked: CommandLine, tmp_path: Path
) -> None:
    talk = at_terminal("sign", "-", "-o", tmp_path / "out.pem", home=locked.home)

    talk.expect("paste the CSR")
    os.write(talk.terminal, (SAMPLES / "sbc1.csr").read_bytes())
    talk.answer("passphrase of Locked: ", "wrong")
    talk.answer("passphrase of Locked: ", "wrong again")
    talk.answer("passphrase of Locked: ", PASSPHRASE)

    assert talk.end() == 0, talk.said
    assert (tmp_path / "out.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_third_wrong_passphrase_ends_the_call(
    at_terminal: Callable[..., Dialogue], locked: CommandLine
) -> None:
    talk = at_terminal("crl", "--refresh", home=locked.home)

    for _ in range(3):
        talk.answer("passphrase of Locked: ", "wrong")

    assert talk.end() == 7
    assert "Traceback" not in talk.said


def test_a_wrong_passphrase_from_a_file_is_not_asked_for(
    at_terminal: Callable[..., Dialogue], locked: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("wrong")

    talk = at_terminal(
        "crl", "--refresh", "--passphrase-file", tmp_path / "secret", home=locked.home
    )

    assert talk.end() == 7
    assert "passphrase of" not in talk.said


def test_without_a_ca_it_is_said_where_homes_are_looked_for(
    bare: CommandLine, tmp_path: Path
) -> None:
    nothing = CommandLine(tmp_path / "x" / "nothing")("list")
    bare("init", "--no-passphrase", *SMALL)
    inside = CommandLine(tmp_path)("list")
    below = CommandLine(bare.home / "profiles" / "old")("list")

    assert (nothing.exit, inside.exit, below.exit) == (5, 5, 5)
    assert "at --home, else SIPCA_HOME, else in the user's own folder" in nothing.err
    assert "sipca restore a backup of it; only a new CA is made by sipca init" in nothing.err
    for answer in (inside, below):
        assert f"there is one in '{bare.home}': --home {bare.home}" in answer.err
        assert "at --home, else SIPCA_HOME" not in answer.err


def test_what_is_no_home_is_called_what_it_is(bare: CommandLine, tmp_path: Path) -> None:
    bare("init", "--no-passphrase", *SMALL)
    away = tmp_path / "a" / "b" / "c"
    away.mkdir(parents=True)
    for name in ("one.csr", "two\x1b[2J", "three", "four"):
        (away / name).write_text("x")
    bare("backup", away / "backup of it")

    other = CommandLine(away)("list")
    file = CommandLine(away / "one.csr")("list")
    backup = CommandLine(away / "backup of it")("list")
    register = CommandLine(bare.home / "ca.db")("list")

    assert [each.exit for each in (other, file, backup, register)] == [5, 5, 5, 5]
    assert f"there is no CA in '{away}', which holds backup of it, four, one.csr and more" in (
        other.err
    )
    assert "one.csr': it is a file, and a home is a folder" in file.err
    assert "backup of it': it is a backup" in backup.err
    assert f"sipca restore '{away / 'backup of it'}' --home NEW-FOLDER" in backup.err
    assert "ca.db': it is a register" in register.err
    assert f"--home {bare.home}" in register.err


def test_enter_alone_is_a_wrong_passphrase_and_ctrl_d_the_end(
    at_terminal: Callable[..., Dialogue], locked: CommandLine
) -> None:
    talk = at_terminal("crl", "--refresh", home=locked.home)
    ended = at_terminal("crl", "--refresh", home=locked.home)

    talk.answer("passphrase of Locked: ", "")
    talk.expect("the passphrase is empty; once more")
    talk.answer("passphrase of Locked: ", PASSPHRASE)
    ended.expect("passphrase of Locked: ")
    os.write(ended.terminal, b"\x04")

    assert (talk.end(), ended.end()) == (0, 7)
    assert "no passphrase was typed" in ended.said


def test_ca_passphrase_takes_the_old_one_at_the_second_try(
    at_terminal: Callable[..., Dialogue],
    locked: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "new").write_text("another passphrase")
    words = ("ca", "passphrase", "--new-passphrase-file", tmp_path / "new")
    talk = at_terminal(*words, home=locked.home)

    talk.answer("passphrase of Locked: ", "wrong")
    talk.answer("passphrase of Locked: ", PASSPHRASE)

    assert talk.end() == 0, talk.said
    monkeypatch.setenv("SIPCA_PASSPHRASE", "another passphrase")
    assert locked("crl", "--refresh").exit == 0


def test_the_roots_key_leaves_and_signs_though_its_passphrase_is_mistyped(
    at_terminal: Callable[..., Dialogue], locked: CommandLine, tmp_path: Path
) -> None:
    away = tmp_path / "root.key"

    def run(*words: object, asked: str) -> None:
        talk = at_terminal(*words, home=locked.home)
        talk.answer(asked, "wrong")
        talk.answer(asked, PASSPHRASE)
        assert talk.end() == 0, talk.said

    run("crl", "--ca", "root", "--refresh", "--lifetime", "2y", asked="passphrase of Locked: ")
    run("ca", "export-root-key", away, asked="passphrase of Locked: ")
    run("ca", "drop-root-key", "--exported", away, asked=f"passphrase of '{away}': ")
    run(
        "crl", "--ca", "root", "--refresh", "--root-key-file", away,
        asked=f"passphrase of '{away}': ",
    )  # fmt: skip


def test_the_passphrase_of_a_store_that_is_there_is_asked_for_again(
    at_terminal: Callable[..., Dialogue], sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("storepass")
    words = ("issue", "peer.lab.example", "--target", "java", "--out", tmp_path / "j")
    assert sipca(*words, "--key-passphrase-file", tmp_path / "secret").exit == 0
    talk = at_terminal(*words, home=sipca.home)

    talk.answer("passphrase of ", "wrong")
    talk.answer("passphrase of ", "storepass")

    assert talk.end() == 0, talk.said
    assert "kept: key and certificate" in talk.said
