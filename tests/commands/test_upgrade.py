"""A home made by an earlier sipca goes on working."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

from stand_in.lab import ROOT, CommandLine

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
