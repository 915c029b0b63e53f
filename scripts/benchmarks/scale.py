"""A register of a million certificates: signing one more, finding one, listing, checking."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, Home, no_passphrase, open_home
from ca.authority.reports.list import ListWishes, list_certificates
from ca.authority.reports.show import show_certificate
from ca.authority.reports.status import status
from ca.authority.signing.judge import Source
from ca.authority.signing.sign import sign
from ca.authority.status.check import check
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from ca.store import audit, revocations
from scripts.benchmarks.measure import Row, Run, interleaved, process
from scripts.benchmarks.peers import OpenSSL
from scripts.benchmarks.requests import write_requests

AROUND = Environment(passphrase=no_passphrase)
COUNT = 1_000_000
DEVICES = 50_000


def measure(folder: Path) -> Iterator[Row]:
    """In process; the synthetic rows copy one certificate under serials and names of their own."""
    paths = write_requests(folder / "in", 41)
    data = [path.read_bytes() for path in paths]
    home = folder / "home"
    wishes = FoundingWishes(name="Bench", protect="none", root_key="ec:p256", issuing_key="ec:p256")
    create_ca(home, wishes, AROUND)
    with open_home(home, AROUND) as opened:
        _sign(opened, data[:1])
        first = statistics.median(
            _timed(lambda each=each: _sign(opened, [each])) for each in data[1:21]
        )
        before = _size(opened)
        _fill(opened)
        per_row = (_size(opened) - before) / COUNT
        _fill_history(opened)
    with open_home(home, AROUND) as opened:
        one = opened.store.connection.execute(
            "SELECT length(tbs) + length(account) + 80 FROM plan WHERE source = 'd'"
        ).fetchone()[0]
        later = statistics.median(
            _timed(lambda each=each: _sign(opened, [each])) for each in data[21:]
        )
        yield Row("scale: signing the 1,000,001st beside the first", later, first, "s", 1.1)
        serial = bytes.fromhex(f"{1 << 126 | 700_000:032x}")
        raw = _rate(lambda: _raw(opened, serial))
        ours = _rate(lambda: revocations.look_up(opened.store, 2, serial))
        yield Row(
            "scale: status by serial, as OCSP asks, beside a raw SELECT",
            ours,
            raw,
            "/s",
            0.9,
            "at least",
        )
        yield Row(
            "scale: show by SAN, of 0.05 s",
            _timed(lambda: show_certificate(opened, "n600000.lab.example")),
            0.05,
            "s",
            1.0,
        )
        yield Row(
            "scale: show by device, of 0.05 s",
            _timed(lambda: show_certificate(opened, "dev49999")),
            0.05,
            "s",
            1.0,
        )
        ending = ListWishes(expiring=timedelta(days=60))
        listed = list_certificates(opened, ending).certificates
        yield Row(
            f"scale: list --expiring 60d ({len(listed)} of 1,000,000), of 0.05 s",
            _timed(lambda: list_certificates(opened, ending)),
            0.05,
            "s",
            1.0,
        )
        yield Row("scale: check, of 10 s", _timed(lambda: check(opened)), 10.0, "s", 1.0)
        yield Row("scale: status, seconds", _timed(lambda: status(opened)), 1.0, "s")
        yield Row(
            "scale: octets on disk a certificate beyond TBS, signature, account",
            per_row - one,
            1.0,
            "B",
            400,
        )
    yield from _beside_openssl(folder, home, paths[0])


def _beside_openssl(folder: Path, home: Path, request: Path) -> Iterator[Row]:
    """One more, as a whole process, where each has a million already."""
    peer = OpenSSL(folder / "openssl")
    entry = "V\t360101000000Z\t\t{:032X}\tunknown\t/CN=n{}.lab.example/O=Acme\n"
    with (peer.folder / "index.txt").open("w") as index:
        index.writelines(entry.format(1 << 126 | n, n) for n in range(COUNT))
    env = {**os.environ, "SIPCA_HOME": str(home)}
    words = [Path(sys.executable).with_name("sipca"), "sign", request, "--again", "--quiet"]

    def ours() -> Run:
        return process([*words, "-o", folder / "out.pem", "--overwrite"], env)

    create_ca = interleaved(3, ours=lambda: ours().wall, openssl=lambda: peer.sign(request))
    name = "scale: one more at 1,000,000, whole process, beside openssl ca"
    yield Row(f"{name}: wall", create_ca["ours"], create_ca["openssl"], "s")
    yield Row(f"{name}: peak", ours().peak, peer.run([request]).peak, "MiB")


def _sign(home: Home, data: list[bytes]) -> None:
    sources = [Source("d", "d", SigningWishes(again=True), data=each) for each in data]
    if len(sign(home, sources, delivery=Delivery()).signed) != len(data):
        raise RuntimeError("a CSR of the bench was refused")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _rate(work: Callable[[], object]) -> float:
    count, end = 0, time.perf_counter() + 1
    while time.perf_counter() < end:
        work()
        count += 1
    return float(count)


def _raw(home: Home, serial: bytes) -> object:
    query = "SELECT id, tbs, account FROM plan WHERE issuer_id = 2 AND serial = ?"
    return home.store.connection.execute(query, (serial,)).fetchone()


def _size(home: Home) -> int:
    home.store.checkpoint()
    return (home.path / "ca.db").stat().st_size


def _fill(home: Home) -> None:
    """All in one transaction, past the verbs: rows as signing would have left them."""
    connection = home.store.connection
    plan = connection.execute(
        """SELECT issuer_id, profile_sha256, lifetime, tbs, account, planned_at, id
             FROM plan WHERE source = 'd' LIMIT 1"""
    ).fetchone()
    issuer, profile, lifetime, tbs, account, planned, template = plan
    host = b"d000000"  # as ``write_requests`` has it; the names of the copies are as long
    if host not in tbs:
        raise RuntimeError("the template is not the first CSR's certificate")
    signature, signed = connection.execute(
        "SELECT signature, signed_at FROM result WHERE plan_id = ?", (template,)
    ).fetchone()
    begin, end = connection.execute(
        "SELECT not_before, not_after FROM certificate WHERE plan_id = ?", (template,)
    ).fetchone()
    start = connection.execute("SELECT max(id) FROM plan").fetchone()[0] + 1
    numbers = range(COUNT)
    with home.store.write():
        connection.executemany(
            """INSERT INTO plan (id, issuer_id, serial, profile_sha256, device, lifetime, source,
                                 tbs, account, planned_at) VALUES (?,?,?,?,?,?,?,?,?,?)""",
            (
                (start + n, issuer, (1 << 126 | n).to_bytes(16, "big"), profile,
                 f"dev{n}" if n < DEVICES else None, lifetime, "bench",
                 tbs.replace(host, b"n%06d" % n), account, planned)
                for n in numbers
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO result VALUES (?, ?, ?)", ((start + n, signature, signed) for n in numbers)
        )
        connection.executemany(
            "INSERT INTO certificate VALUES (?, ?, ?, ?)",
            ((start + n, begin, _end(end, n), sha256(b"%d" % n).digest()) for n in numbers),
        )
        connection.executemany(
            "INSERT INTO san VALUES (?, ?, ?)",
            ((f"n{n:06}.lab.example", start + n, "dns") for n in numbers),
        )


def _end(usual: int, number: int) -> int:
    """One certificate in 5,000 ends in a month."""
    return int(time.time()) + 30 * 86_400 if number % 5_000 == 0 else usual + number % 1_000


def _fill_history(home: Home) -> None:
    """Requests and events, whose indexes the next signing has to find its way through, too."""
    numbers = range(COUNT)
    with home.store.write() as connection:
        first = connection.execute("SELECT max(id) FROM request").fetchone()[0] + 1
        connection.executemany(
            "INSERT INTO request VALUES (?, ?, ?, ?, '2026-01-01T00:00:00Z')",
            ((first + n, sha256(b"r%d" % n).digest(), b"r", bytes(32)) for n in numbers),
        )
        connection.executemany(
            """INSERT INTO audit (at, action, subject, detail, row_table, row_id, row_hash, os_user,
                                  host, version, previous, hash)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            _chained(audit.head(home.store)),
        )


def _chained(previous: bytes) -> Iterator[tuple[object, ...]]:
    """Events that follow each other as ``check`` wants them, of no row."""
    for _ in range(COUNT):
        values = ("2026-01-01T00:00:00Z", "bench", "", "{}", "", None, b"", "", "", "", previous)
        previous = audit.event_hash(values, None)
        yield (*values, previous)
