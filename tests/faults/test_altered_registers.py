"""Somebody edits the register with SQLite's own tools: every table, every column, every row.

The tables and columns are asked of the schema, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stand_in.enrolment import asks, phone_csr, served
from stand_in.lab import CommandLine, make_csr
from stand_in.registers import edited

from ca.authority.enrolment.grounds import hash_of
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from ca.store import challenges
from ca.store.audit import Event
from ca.store.challenges import NewChallenge
from ca.store.connection import open_store
from ca.store.schema import DERIVED, HISTORY, PASSING, STATE, upgrade

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")


def _schema() -> dict[str, list[tuple[str, str]]]:
    """Every table of a new register, its columns each with their type."""
    path = Path(tempfile.mkdtemp()) / "ca.db"
    try:
        with open_store(path, create=True) as store:
            upgrade(store)
            tables = store.connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            ).fetchall()
            return {
                table: [
                    (name, kind)
                    for _, name, kind, *_ in store.connection.execute(f"PRAGMA table_info({table})")
                ]
                for (table,) in tables
                if not table.startswith(("sqlite_", "_sqlite_"))
            }
    finally:
        shutil.rmtree(path.parent)


SCHEMA = _schema()
EVIDENCE = [table for table in SCHEMA if table not in PASSING]
"""Bounded logs of what was refused are none: rows of theirs go by themselves."""
COLUMNS = [(table, column) for table in EVIDENCE for column, _ in SCHEMA[table]]


class _CrashError(Exception):
    """In the place of a killed process."""


def _crash(name: str) -> None:
    if name == "planned":
        raise _CrashError


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with at least two rows in every table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIPCA_NO_INPUT", "1")
        folder = tmp_path_factory.mktemp("full")
        sipca = CommandLine(folder / "home")
        assert sipca("init", "--name", "Lab", *SMALL).exit == 0
        assert sipca("ca", "set", "--base-url", "http://10.0.0.5:8080").exit == 0
        for name in ("one", "two", "three", "four", "five"):
            path = folder / f"{name}.csr"
            path.write_bytes(make_csr(f"dns:{name}.lab.example", cn=f"{name}.lab.example"))
            words = ("--device", name, "--context", 1, "--allow", "reused-key")
            assert sipca("sign", path, *words, "--quiet").exit == 0
            assert sipca("device", "set", name, "--address", f"{name}.lab.example").exit == 0
        for name in ("one", "two"):
            serial = sipca("show", name, "--json").json["certificate"]["serial"]
            answer = sipca(
                "sign", folder / f"{name}.csr", "--again", "--supersedes", serial, "--quiet",
                "--device", name, "--context", 1, "--allow", "reused-key",
            )  # fmt: skip
            assert answer.exit == 0, answer.err
        assert sipca("revoke", "three", "--reason", "cessation").exit == 0
        assert sipca("revoke", "four", "--reason", "hold").exit == 0
        assert sipca("release", "four").exit == 0
        issued = sipca("issue", "peer.lab.example", "--out", folder / "out")
        issued = sipca("issue", "peer2.lab.example", "--out", folder / "out")
        for name in ("peer", "peer2"):
            words = ("--certificate", f"{name}.lab.example")
            assert sipca("device", "set", name, *words).exit == 0
        assert issued.exit == 0, issued.err
        for name in ("peer", "peer2"):
            words = ("--reason", "key-compromise")
            assert sipca("revoke", f"{name}.lab.example", *words).exit == 0
        assert sipca("crl", "--ca", "root", "--refresh").exit == 0
        _import_entries(sipca, folder / "old")
        _enrol(sipca.home)
        _leave_plans(sipca.home)
        assert sipca("log", "--verify").exit == 0
    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table in SCHEMA:
            count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            assert count >= 2, table
    return sipca.home


def _import_entries(sipca: CommandLine, tree: Path) -> None:
    """Two entries of an index whose certificates are gone."""
    tree.mkdir()
    assert sipca("chain", "--parts", "root", "-o", tree / "cacert.pem").exit == 0
    lines = [f"V\t30010203040506Z\t\t0{n}\tunknown\t/CN=gone{n}\n" for n in (1, 2)]
    (tree / "index.txt").write_text("".join(lines))
    assert sipca("import", "--openssl", tree).exit == 0


def _enrol(home: Path) -> None:
    """Two devices that enrol with challenges, and two whose challenges are wrong."""
    with served(home) as opened:
        for n in (1, 2):
            text = f"{n:032x}"
            made = NewChallenge(hash_of(text), None, (), None, 1, opened.now() + timedelta(days=1))
            with opened.store.write():
                number = challenges.add(opened.store, made, at=opened.now())
                opened.record(Event("scep-challenge", "any", {}, "challenge", number))
            csr = phone_csr(f"00908f12345{n}", challenge=text)
            answer = asks(opened, csr, f"t{n}")
            assert answer.status == "issued", answer
            csr = phone_csr(challenge="wrong")
            assert asks(opened, csr, address=f"10.0.0.{n}").status == "refused"


def _leave_plans(home: Path) -> None:
    """Two plans given up, two still open."""
    started = datetime.now(UTC)
    for minutes in (0, 0, 11, 11):
        moment = started + timedelta(minutes=minutes)
        environment = Environment(no_passphrase, clock=lambda moment=moment: moment, step=_crash)
        data = make_csr(cn="crash.lab.example")
        source = Source("x", "x", SigningWishes(again=True), data=data)
        with open_home(home, environment) as opened, pytest.raises(_CrashError):
            sign(opened, [source], delivery=Delivery())


@pytest.fixture
def altered(full: Path, tmp_path: Path) -> CommandLine:
    shutil.copytree(full, tmp_path / "home")
    return CommandLine(tmp_path / "home")


def first_row(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    row = cursor.fetchone()
    return dict(zip([each[0] for each in cursor.description], row, strict=True))


def changed(kind: str, value: Any) -> Any:
    """Another value of a column's type."""
    if kind == "INTEGER":
        return (value or 0) + 1000
    if kind == "TEXT":
        return (value or "") + "x"
    return bytes([(value or b"0")[0] ^ 1]) + (value or b"0")[1:]


KEYS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "audit": lambda row: [f"event {row['id']}"],
    "profile_text": lambda row: [row["sha256"].hex()[:16], row["name"]],
    "status": lambda row: [row["serial"].hex()],
    "blocked_key": lambda row: [row["key_identity"].hex()],
    "setting": lambda row: [f"setting row {row['name']}"],
    "device": lambda row: [f"device row {row['name']}"],
    "crl_piece": lambda row: [
        f"crl_piece row {row['issuer_id']} {row['piece']}",
        f"crl_piece rows of issuer {row['issuer_id']}",
    ],
    "crl": lambda row: [f"crl row {row['issuer_id']}"],
    "ocsp_signer": lambda row: [f"ocsp_signer row {row['plan_id']}"],
    "san": lambda row: [f"san row {row['plan_id']} {row['kind']}:{row['folded']}"],
    "supersession": lambda row: [f"supersession row {row['new_plan_id']}"],
    "enrolment_end": lambda row: [f"enrolment_end row {row['enrolment_id']}"],
}
"""What a problem has to say to name a row; elsewhere table and number."""


def names_row(table: str, row: dict[str, Any], problems: list[str]) -> bool:
    number = row.get("id", row.get("plan_id"))
    default = [f"{table} row {number}", f"{table} {number}"]
    wanted = KEYS[table](row) if table in KEYS else default
    return any(
        re.search(rf"{re.escape(word)}(?![0-9a-f])", problem)
        for word in wanted
        for problem in problems
    )


def verified(sipca: CommandLine) -> list[str]:
    answer = sipca("log", "--verify", "--json")
    assert answer.exit == 9, answer
    problems: list[str] = answer.json["problems"]
    return problems


@pytest.mark.parametrize("table", EVIDENCE)
def test_a_deleted_row_is_named(altered: CommandLine, table: str) -> None:
    with edited(altered.home) as connection:
        row = first_row(connection, table)
        key = SCHEMA[table][0][0]
        condition = f"{key} = ?" if table != "san" else "(folded, plan_id, kind) = (?, ?, ?)"
        values = [row[key]] if table != "san" else [row["folded"], row["plan_id"], row["kind"]]
        if table in ("status", "crl_piece", "supersession"):
            second = SCHEMA[table][1][0]
            condition, values = f"{key} = ? AND {second} = ?", [row[key], row[second]]
        connection.execute(f"DELETE FROM {table} WHERE {condition}", values)

    problems = verified(altered)

    if table == "audit":
        assert "event 2 does not follow the one before it" in problems
    else:
        assert names_row(table, row, problems), problems
    assert altered("check").exit in (8, 9)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_an_altered_value_is_named(altered: CommandLine, table: str, column: str) -> None:
    kind = dict(SCHEMA[table])[column]
    with edited(altered.home) as connection:
        before = first_row(connection, table)
        after = {**before, column: changed(kind, before[column])}
        primary = [
            name
            for _, name, _, _, _, place in connection.execute(f"PRAGMA table_info({table})")
            if place
        ]
        condition = " AND ".join(f"{name} = ?" for name in primary)
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE {condition}",
            [after[column], *(before[name] for name in primary)],
        )

    problems = verified(altered)

    assert names_row(table, before, problems) or names_row(table, after, problems), problems
    assert altered("check").exit != 1


@pytest.mark.parametrize("table", EVIDENCE)
def test_an_added_row_is_named(altered: CommandLine, table: str) -> None:
    with edited(altered.home) as connection:
        row = first_row(connection, table)
        for name, kind in SCHEMA[table]:
            foreign = name in ("issuer_id", "profile_sha256", "account", "tbs") and table == "plan"
            if (kind in ("INTEGER", "BLOB") and row[name] is not None and not foreign) or name in (
                "name",
                "ca_id",
                "folded",
            ):
                row[name] = changed(kind, row[name])
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))

    problems = verified(altered)

    assert names_row(table, row, problems), problems
    assert altered("check").exit != 1


CHECKED = (*STATE, "status", "blocked_key", "open_plan")
"""Tables of which ``check`` says that it sees every difference."""


@pytest.mark.parametrize(("table", "column"), [each for each in COLUMNS if each[0] in CHECKED])
def test_check_fails_on_altered_state_and_revocations(
    altered: CommandLine, table: str, column: str
) -> None:
    kind = dict(SCHEMA[table])[column]
    with edited(altered.home) as connection:
        value = first_row(connection, table)[column]
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT rowid FROM {table} LIMIT 1)"
            if table not in ("status", "blocked_key", "setting", "device")
            else f"UPDATE {table} SET {column} = ? WHERE {column} IS ?",
            [changed(kind, value)]
            if table not in ("status", "blocked_key", "setting", "device")
            else [changed(kind, value), value],
        )

    answer = altered("check", "--json")

    assert answer.exit == 9
    codes = {each["code"] for each in answer.json["findings"] if each["result"] == "fail"}
    assert codes & {"register-altered", "index-altered"}


@pytest.mark.parametrize("table", [*CHECKED, "request", "plan", "status_event", "audit"])
def test_check_fails_on_a_deleted_row(altered: CommandLine, table: str) -> None:
    with edited(altered.home) as connection:
        key = SCHEMA[table][0][0]
        connection.execute(
            f"DELETE FROM {table} WHERE {key} = (SELECT {key} FROM {table} ORDER BY 1 LIMIT 1)"
        )

    answer = altered("check", "--json")

    assert answer.exit == 9
    codes = {each["code"] for each in answer.json["findings"] if each["result"] == "fail"}
    assert codes & {"register-altered", "index-altered"}


def test_every_table_is_of_a_kind_that_is_tried() -> None:
    assert set(SCHEMA) == {*HISTORY, *DERIVED, *STATE, *PASSING}


def test_without_its_indexes_a_register_is_slower_and_nothing_else(
    sipca: CommandLine, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csr").write_bytes(make_csr(cn=f"{name}.lab.example"))
    out = tmp_path / "out"
    assert sipca("sign", tmp_path / "a.csr", "--out", out).exit == 0
    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as register:
        query = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        for (name,) in register.execute(query).fetchall():
            register.execute(f"DROP INDEX {name}")
        register.commit()

    for words in (
        ("sign", tmp_path / "b.csr", "--out", out), ("revoke", "a.lab.example", "--reason", "hold"),
        ("crl", "-o", tmp_path / "issuing.crl"), ("renew", "b.lab.example", "--out", out),
        ("ocsp", "presign", "--out", tmp_path / "answers"), ("ca", "plan"), ("check",), ("list",),
        ("log", "--verify"),
    ):  # fmt: skip
        assert sipca(*words).exit == 0, words
