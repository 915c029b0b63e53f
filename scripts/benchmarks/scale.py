"""A register of a million certificates: signing one more, finding one, listing, checking."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, Home, no_passphrase, open_home
from ca.authority.reports.list import ListWishes, list_certificates
from ca.authority.reports.show import show_certificate
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from ca.store import revocations
from scripts.benchmarks.busy import backup_rows
from scripts.benchmarks.filling import fill, fill_history, serial_of
from scripts.benchmarks.growth import growth
from scripts.benchmarks.measure import Row, Run, interleaved, process
from scripts.benchmarks.peers import OpenSSL
from scripts.benchmarks.requests import own_keys, write_requests

AROUND = Environment(passphrase=no_passphrase)
COUNT = 1_000_000


def measure(folder: Path) -> Iterator[Row]:
    """In process; the synthetic rows copy one certificate under serials and names of their own."""
    paths = write_requests(folder / "in", 41, own_keys)
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
        fill(opened, COUNT)
        per_row = (_size(opened) - before) / COUNT
        fill_history(opened, COUNT)
    os.sync()  # the disk still writes what was filled in
    with open_home(home, AROUND) as opened:
        one = opened.store.connection.execute(
            "SELECT length(tbs) + length(account) + 80 FROM plan WHERE source = 'd'"
        ).fetchone()[0]
        later = statistics.median(
            _timed(lambda each=each: _sign(opened, [each])) for each in data[21:]
        )
        yield Row("scale: signing the 1,000,001st beside the first", later, first, "s", 1.1)
        serial = serial_of(700_000)
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
        yield Row(
            "scale: octets on disk a certificate beyond TBS, signature, account",
            per_row - one,
            1.0,
            "B",
            400,
        )
    yield from growth(folder, home, data[0])
    yield from backup_rows(home, folder, paths)
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
