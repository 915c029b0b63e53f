"""A revocation that was taken out of history alone: nothing is answered or certified against it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from stand_in.lab import CommandLine

from ca.store.schema import TRIGGERS

Csr = Callable[..., Path]


def altered_by_hand(home: Path, *statements: str) -> None:
    """Run statements on the register with its guards off, and put them back."""
    with closing(sqlite3.connect(home / "ca.db", isolation_level=None)) as other:
        for name in TRIGGERS:
            other.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            other.execute(statement)
        for name, body in TRIGGERS.items():
            other.execute(f"CREATE TRIGGER {name} {body}")


@pytest.fixture
def revoked(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> Path:
    """An OCSP request for a certificate that was held, released and revoked for good."""
    assert sipca("sign", csr_file("a", cn="a.lab.example"), "-o", tmp_path / "a.pem").exit == 0
    assert sipca("revoke", "a.lab.example", "--reason", "hold").exit == 0
    assert sipca("release", "a.lab.example").exit == 0
    assert sipca("revoke", "a.lab.example", "--reason", "key-compromise").exit == 0
    issuing, _ = x509.load_pem_x509_certificates(sipca("chain").out.encode())
    leaf = x509.load_pem_x509_certificate((tmp_path / "a.pem").read_bytes())
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, SHA1()).build()
    (tmp_path / "q").write_bytes(request.public_bytes(Encoding.DER))
    return tmp_path / "q"


@pytest.mark.parametrize(
    "altered",
    [
        "UPDATE status_event SET serial = x'01'",
        "UPDATE status_event SET serial = x'01' WHERE id = 3",
        "UPDATE status_event SET status = 'released' WHERE id = 3",
    ],
    ids=["all-events", "the-newest", "released"],
)
def test_ocsp_does_not_say_good_of_what_only_the_table_knows_to_be_revoked(
    sipca: CommandLine, revoked: Path, tmp_path: Path, altered: str
) -> None:
    altered_by_hand(sipca.home, altered)

    answered = sipca("ocsp", "respond", revoked, "-o", tmp_path / "a.der")

    assert answered.exit == 8
    assert "its history does not" in answered.err
    assert not (tmp_path / "a.der").exists()


@pytest.mark.parametrize(
    "deleted",
    ["DELETE FROM status_event WHERE id = 2", "DELETE FROM status_event WHERE id = 3"],
    ids=["from-the-middle", "the-newest"],
)
def test_revocations_missing_from_both_tables_stop_who_signs_and_answers(
    sipca: CommandLine, revoked: Path, csr_file: Csr, tmp_path: Path, deleted: str
) -> None:
    altered_by_hand(sipca.home, deleted, "DELETE FROM status", "DELETE FROM blocked_key")

    answered = sipca("ocsp", "respond", revoked, "-o", tmp_path / "a.der")
    signed = sipca("sign", csr_file("b", cn="b.lab.example"), "--out", tmp_path / "b")

    assert (answered.exit, signed.exit) == (8, 8)
    assert "revocations are missing" in answered.err
    assert sipca("check").exit == 9
