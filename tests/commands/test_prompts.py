"""What is asked at a terminal, through a real one: names, passphrases, and what a mistake costs."""

from __future__ import annotations

import http.client
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

    talk.expect('name of the CA, as "Acme Voice Lab" [Lab CA ')
    talk.answer("]:", "Asked Lab")
    talk.answer("base URL [none]:", "http://10.0.0.5:8080")
    talk.expect("nobody can recover it")
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
    talk.answer("base URL [none]:", "")

    assert talk.end() == 0
    assert "made: Lab CA " in talk.said
    assert "key: unprotected" in talk.said
    assert "certificates will name no OCSP or CRL address" in re.sub(r"\s+", " ", talk.said)


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
    assert "base URL [none]" not in talk.said


def test_what_cannot_be_a_name_or_a_base_url_is_asked_for_again(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--no-passphrase", *SMALL)

    talk.answer("name of the CA", "x" * 60)
    talk.expect("once more")
    talk.answer("name of the CA", "")
    talk.answer("base URL [none]:", "https://10.0.0.5")
    talk.answer("base URL [none]:", "10.0.0.5")
    talk.answer("base URL [none]:", "http://10.0.0.5:8080/")

    assert talk.end() == 0, talk.said
    assert "certificates will point to http://10.0.0.5:8080" in talk.said
    assert "protects the CA's keys" not in talk.said


def test_three_answers_that_cannot_be_end_init_and_leave_nothing(
    at_terminal: Callable[..., Dialogue], tmp_path: Path
) -> None:
    talk = at_terminal("init", *SMALL)

    talk.answer("name of the CA", "Lab")
    for _ in range(3):
        talk.answer("base URL [none]:", "ftp://x")

    assert talk.end() == 3
    assert not (tmp_path / "home").exists()


def test_what_was_typed_before_a_question_is_no_answer(
    at_terminal: Callable[..., Dialogue],
) -> None:
    talk = at_terminal("init", "--no-passphrase", *SMALL)

    talk.answer("name of the CA", "Lab\nsipca list")
    talk.answer("base URL [none]:", "")

    assert talk.end() == 0
    assert "made: Lab in" in talk.said


def test_nothing_is_asked_for_a_home_that_cannot_be(
    at_terminal: Callable[..., Dialogue], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")

    talk = at_terminal("init", "--no-passphrase", *SMALL, home=tmp_path / "file")

    assert talk.end() == 8
    assert "name of the CA" not in talk.said


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


def test_web_asks_for_the_passphrase_at_the_start_and_a_wrong_one_once_more(
    at_terminal: Callable[..., Dialogue], locked_home: CommandLine
) -> None:
    talk = at_terminal("web", "--no-browser", home=locked_home.home)

    talk.answer("passphrase of Locked: ", "wrong")
    talk.expect("once more")
    talk.answer("passphrase of Locked: ", PASSPHRASE)

    assert "· unlocked" in first_page(talk)
    assert PASSPHRASE not in talk.said
    os.write(talk.terminal, b"\x03")
    assert talk.end() == 0


def test_enter_alone_leaves_the_passphrase_to_the_page(
    at_terminal: Callable[..., Dialogue], locked_home: CommandLine
) -> None:
    talk = at_terminal("web", "--no-browser", home=locked_home.home)

    talk.expect("Enter alone leaves the passphrase to the page")
    talk.answer("passphrase of Locked: ", "")

    assert "· locked" in first_page(talk)
    os.write(talk.terminal, b"\x03")
    assert talk.end() == 0


def test_web_to_look_at_asks_for_no_passphrase(
    at_terminal: Callable[..., Dialogue], locked_home: CommandLine
) -> None:
    talk = at_terminal("web", "--no-browser", "--read-only", home=locked_home.home)

    assert "· read-only" in first_page(talk)
    os.write(talk.terminal, b"\x03")
    assert talk.end() == 0


@pytest.fixture
def locked_home(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    with monkeypatch.context() as patch:
        patch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
        assert bare("init", "--name", "Locked", *SMALL).exit == 0
    return bare


def first_page(talk: Dialogue) -> str:
    """What the printed URL shows."""
    talk.expect("Ctrl-C ends it")
    found = re.search(r"http://(127\.0\.0\.1:[0-9]+)(/\S*token=[0-9a-f]+)", talk.said)
    assert found is not None
    connection = http.client.HTTPConnection(found[1], timeout=20)
    connection.request("GET", found[2])
    entry = connection.getresponse()
    entry.read()
    cookie = entry.headers["set-cookie"].partition(";")[0]
    connection.request("GET", "/", headers={"Cookie": cookie})
    text = connection.getresponse().read().decode()
    connection.close()
    return text
