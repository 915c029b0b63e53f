"""A home made by an earlier sipca goes on working."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from hashlib import sha256

from stand_in.lab import ROOT, CommandLine
from stand_in.requests import attribute

from ca.encoding import der
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


def test_passwords_that_an_older_sipca_kept_in_csrs_are_told_of_until_that_is_acknowledged(
    bare: CommandLine,
) -> None:
    bare.home.mkdir(mode=0o700)
    (bare.home / "ca.db").touch(mode=0o600)
    connection = sqlite3.connect(bare.home / "ca.db")
    connection.executescript(OLD.with_name("schema-5.sql").read_text())
    _put_password_into_a_request(connection)
    connection.close()

    (told,) = [
        each for each in bare("check", "--json").json["findings"]
        if each["code"] == "challenge-readable"
    ]  # fmt: skip

    assert "the register has a CSR that holds a challengePassword" in told["message"]
    assert bare("log", "--verify").exit == 0
    assert bare("check", "--acknowledge", "challenge-readable").exit in (0, 9)
    assert "challenge-readable" not in bare("check").out
    assert bare("check", "--acknowledge", "challenge-readable").exit == 6


def _put_password_into_a_request(connection: sqlite3.Connection) -> None:
    """As a device might have sent it; before schema 6 no event covers requests."""
    number, octets = connection.execute("SELECT id, der FROM request LIMIT 1").fetchone()
    info, algorithm, signature = der.signed_parts(octets, what="the CSR")
    *fields, attributes = info.children()
    password = attribute("1.2.840.113549.1.9.7", der.tlv(der.UTF8_STRING, b"swordfish"))
    changed = der.sequence(
        *(each.raw for each in fields), der.tlv(0xA0, attributes.contents + password)
    )
    octets = der.signed(changed, algorithm.raw, signature)
    connection.execute("DROP TRIGGER request_no_update")
    connection.execute(
        "UPDATE request SET der = ?, sha256 = ? WHERE id = ?",
        (octets, sha256(octets).digest(), number),
    )
    connection.commit()
