"""A home made by an earlier sipca goes on working."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ROOT, CommandLine
from stand_in.registers import edited

from ca.store.state_hashes import PINNED

OLD = ROOT / "tests" / "vectors" / "registers" / "schema-1.sql"


def test_a_home_of_the_first_schema_is_brought_up_to_date_and_lacks_nothing(
    bare: CommandLine,
) -> None:
    bare.home.mkdir(mode=0o700)
    (bare.home / "ca.db").touch(mode=0o600)
    connection = sqlite3.connect(bare.home / "ca.db")
    connection.executescript(OLD.read_text())
    connection.close()

    assert bare("list", "--json").json["certificates"][0]["san"] == ["dns:proxy.lab.example"]
    assert bare("log", "--verify").exit == 0
    missing = bare("check", "--json")
    assert missing.exit == 9
    assert [f["code"] for f in missing.json["findings"]] == [
        "crl-missing",
        "ocsp-signer-missing",
    ] * 2
    assert bare("crl").exit == bare("crl", "--ca", "root").exit == 0
    assert bare("ocsp", "rotate").exit == 0
    assert bare("check").exit == 0
    assert bare("revoke", "proxy.lab.example").exit == 0
    assert bare("log", "--verify").exit == 0


def test_of_several_that_upgrade_a_home_at_once_one_does_and_all_go_on(bare: CommandLine) -> None:
    bare.home.mkdir(mode=0o700)
    (bare.home / "ca.db").touch(mode=0o600)
    connection = sqlite3.connect(bare.home / "ca.db")
    connection.executescript(OLD.read_text())
    connection.close()
    command = ["device", "set", "sbc", "--home", str(bare.home), "--context"]
    program = [sys.executable, "-c", "from cli.main import main; main()", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    running = [
        subprocess.Popen([*program, str(n)], env=environment, stderr=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    done = [(each.communicate(timeout=120)[1], each.returncode) for each in running]

    assert [code for _, code in done] == [0] * 4, done
    actions = [event["action"] for event in bare("log", "--json").json["events"]]
    assert actions.count(PINNED) == 1, actions
    assert bare("log", "--verify").exit == 0


@pytest.mark.parametrize("schema", [1, 5, 8])
def test_a_register_of_any_schema_is_whole_after_the_upgrade(
    bare: CommandLine, schema: int
) -> None:
    _put(bare.home, f"schema-{schema}.sql")

    assert bare("log", "--verify").exit == 0
    codes = {each["code"] for each in bare("check", "--json").json["findings"]}
    assert codes & {"register-altered", "index-altered"} == set()
    assert bare("log", "--verify").exit == 0


def test_what_is_altered_after_a_later_upgrade_is_found_as_before_it(bare: CommandLine) -> None:
    _put(bare.home, "schema-8.sql")
    assert bare("log", "--verify").exit == 0

    with edited(bare.home) as connection:
        connection.execute("UPDATE request SET key_identity = zeroblob(32)")

    problems = bare("log", "--verify", "--json").json["problems"]
    assert any("request row 1" in each for each in problems), problems


def test_passwords_that_an_older_sipca_kept_in_csrs_are_told_of_until_that_is_acknowledged(
    bare: CommandLine,
) -> None:
    _put(bare.home, "schema-8.sql")

    (told,) = [
        each for each in bare("check", "--json").json["findings"]
        if each["code"] == "challenge-readable"
    ]  # fmt: skip

    assert "the register has a CSR that holds a challengePassword" in told["message"]
    assert bare("check", "--acknowledge", "challenge-readable").exit in (0, 9)
    assert "challenge-readable" not in bare("check").out
    assert bare("check", "--acknowledge", "challenge-readable").exit == 6


def _put(home: Path, name: str) -> None:
    """A register that an earlier sipca made."""
    home.mkdir(mode=0o700)
    (home / "ca.db").touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(home / "ca.db")) as connection:
        connection.executescript(OLD.with_name(name).read_text())
