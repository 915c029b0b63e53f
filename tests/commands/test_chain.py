"""``chain``: the CA certificates, printed and written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates
from stand_in.lab import CommandLine, cut_off

Csr = Callable[..., Path]


def test_chain_is_issuing_then_root(lab: CommandLine, tmp_path: Path) -> None:
    everything = load_pem_x509_certificates(lab("chain").out.encode())
    (root,) = load_pem_x509_certificates(lab("chain", "--parts", "root").out.encode())

    assert [c.subject.rfc4514_string() for c in everything] == [
        "CN=Test Lab Issuing",
        "CN=Test Lab Root",
    ]
    assert everything[1] == root
    assert lab("chain", "-o", tmp_path / "c.pem").exit == 0
    assert load_pem_x509_certificates((tmp_path / "c.pem").read_bytes()) == everything
    der = lab("chain", "--parts", "root", "--format", "der").out.encode("latin-1")
    assert load_der_x509_certificate(der) == root


def test_der_holds_one_certificate(lab: CommandLine) -> None:
    answer = lab("chain", "--format", "der")

    assert answer.exit == 6
    assert "DER holds one certificate" in answer.err


def test_chain_into_a_folder_that_is_not_there(lab: CommandLine, tmp_path: Path) -> None:
    answer = lab("chain", "-o", tmp_path / "no" / "c.pem")

    assert answer.exit == 5
    assert "there is no folder" in answer.err


def test_derived_tables_are_rebuilt_from_history_alone(
    lab: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.authority.register import index_of
    from ca.store.connection import open_store
    from ca.store.derived import rebuild
    from ca.store.schema import DERIVED

    def rows(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
        return [
            sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in DERIVED
        ]

    monkeypatch.setattr("ca.authority.signing.crew.issue", cut_off)
    assert lab("sign", csr_file("interrupted", cn="interrupted.lab.example")).exit == 130
    monkeypatch.undo()
    lab("revoke", "sip.lab.example", "--reason", "hold")
    lab("revoke", "sip.lab.example", "--reason", "cessation")
    lab("revoke", "sip.lab.example", "--reason", "key-compromise", "--invalid-since", "2026-01-01")
    lab("revoke", "proxy.lab.example", "--reason", "hold")
    lab("release", "proxy.lab.example")
    with open_store(lab.home / "ca.db") as store:
        before = rows(store.connection)
        with store.write() as connection:
            for table in DERIVED:
                connection.execute(f"DROP TABLE {table}")

        with store.write():
            count = rebuild(store, index_of)

        assert rows(store.connection) == before
    assert count == 7
    assert all(before)
    assert lab("show", "sip.lab.example").exit == 0
    assert [
        c["status"] for c in lab("list", "--status", "revoked", "--json").json["certificates"]
    ] == ["revoked"]
