"""CRLs of many entries: ``sipca crl`` beside ``openssl ca -gencrl`` on the same data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, Home, no_passphrase, open_home
from ca.encoding.pem import encode
from ca.store import issuers, revocations
from ca.store.revocations import StatusEvent
from scripts.benchmarks.filling import serial_of
from scripts.benchmarks.measure import Row, Run, process

AROUND = Environment(passphrase=no_passphrase)
REASONS = ("key-compromise", "superseded", "cessation", "unspecified")
OPENSSL_REASONS = (",keyCompromise", ",superseded", ",cessationOfOperation", "")
CONFIG = """
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_crl_days = 180
crl_extensions = crl_ext
[crl_ext]
authorityKeyIdentifier = keyid
"""


def measure(folder: Path) -> Iterator[Row]:
    """1,000 and 1,000,000 revoked entries."""
    small = _measure_both(folder / "small", 1_000)
    large = _measure_both(folder / "large", 1_000_000)
    yield Row(
        "CRL, 1,000,000 entries: wall, whole process, file written",
        large[0].wall,
        large[1].wall,
        "s",
        0.12,
    )
    yield Row(
        "CRL, 1,000,000 entries: wall without the start of Python",
        large[0].wall - large[2].wall,
        large[1].wall,
        "s",
        0.12,
    )
    yield Row("CRL, 1,000,000 entries: peak memory", large[0].peak, large[1].peak, "MiB", 0.1)
    yield Row(
        "CRL, 1,000,000 entries: peak over that of 1,000",
        large[0].peak - small[0].peak,
        1.0,
        "MiB",
        10,
    )
    yield Row("CRL, 1,000 entries: wall, whole process", small[0].wall, small[1].wall, "s")


def _measure_both(folder: Path, count: int) -> tuple[Run, Run, Run]:
    """sipca, openssl, and a sipca that does nothing."""
    home = folder / "home"
    create_ca(home, FoundingWishes(name="Bench", protect="none"), AROUND)
    with open_home(home, AROUND) as opened:
        _revoke_many(opened, count)
        _write_openssl_database(opened, folder, count)
    words = [sys.executable, "-c", "from cli.main import main; main()"]
    env = {**os.environ, "SIPCA_HOME": str(home)}
    ours, theirs, nothing = [], [], []
    for number in range(4):
        crl = [*words, "crl", "--refresh", "--format", "der", "-o", folder / "ours.crl"]
        a = process(crl, env)
        b = process(
            [
                "openssl",
                "ca",
                "-config",
                folder / "ca.cnf",
                "-gencrl",
                "-out",
                folder / "theirs.crl",
            ]
        )
        c = process([*words, "crl", "--format", "der", "--ca", "root"], env)
        if number:
            ours.append(a)
            theirs.append(b)
            nothing.append(c)
    return _median(ours), _median(theirs), _median(nothing)


def _median(runs: list[Run]) -> Run:
    return sorted(runs)[len(runs) // 2]


def _revoke_many(home: Home, count: int) -> None:
    issuer = home.ca("issuing").issuer.id
    now = home.now() - timedelta(days=1)
    with home.store.write():
        for number in range(count):
            event = StatusEvent(issuer, serial_of(number), "revoked", REASONS[number % 4])
            revocations.add_event(home.store, event, at=now)


def _write_openssl_database(home: Home, folder: Path, count: int) -> None:
    ca = home.ca("issuing")
    row = next(each for each in issuers.issuers(home.store) if each.role == "issuing")
    key = issuers.key(home.store, row.key_id)
    assert ca.issuer.facts is not None
    (folder / "ca.pem").write_text(encode(ca.issuer.facts.der))
    (folder / "ca.key").write_text(encode(key.pkcs8, "PRIVATE KEY"))
    (folder / "crlnumber").write_text("01\n")
    (folder / "ca.cnf").write_text(CONFIG.format(folder=folder))
    when = home.now() - timedelta(days=1)
    with (folder / "index.txt").open("w") as index:
        for number in range(count):
            index.write(
                f"R\t{when + timedelta(days=800):%y%m%d%H%M%SZ}\t{when:%y%m%d%H%M%SZ}"
                f"{OPENSSL_REASONS[number % 4]}\t{serial_of(number).hex().upper()}\tunknown\t/CN=d{number}\n"
            )
