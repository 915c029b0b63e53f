"""Many CSRs in one call, beside the raw rate of the same library and beside ``openssl ca``."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.signing.batch import Watch
from ca.authority.signing.candidates import Source
from ca.authority.signing.crew import Crew
from ca.authority.signing.judge import Judge
from ca.authority.signing.prepare import Ready
from ca.authority.signing.sign import CHUNK, sign
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from cli.process import enable_garbage_collection
from scripts.benchmarks.measure import Row, Run, interleaved, process
from scripts.benchmarks.peers import OpenSSL
from scripts.benchmarks.requests import write_requests

AROUND = Environment(passphrase=no_passphrase)
COUNT = 10_000
RAM_DISK = Path("/dev/shm")
"""Where a disk that is slow to sync does not decide the comparison."""


def measure(folder: Path) -> Iterator[Row]:
    """RSA-2048 device CSRs; issuers of P-256 and RSA-2048. Every round has a home of its own."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process compiles its modules
    paths = write_requests(folder / "in", COUNT)
    data = [path.read_bytes() for path in paths]
    enable_garbage_collection()  # as the command line does before a batch
    for kind, bound, database in (("ec:p256", 0.27, 1.4), ("rsa:2048", 0.66, 1.1)):
        home = _Homes(folder, kind)
        rates = interleaved(
            3,
            raw=lambda kind=kind: _raw_rate(kind, data),
            one=lambda home=home: _rate_in_process(home(), data),
            single=lambda home=home: _rate_in_process(home(), data, jobs=1),
            without=lambda home=home: _rate_without_register(home(), data),
        )
        name = f"bulk, {kind} issuer"
        yield Row(
            f"{name}: beside raw verify and sign", rates["one"], rates["raw"], "/s", bound,
            "at least",
        )  # fmt: skip
        yield Row(
            f"{name}, one process: beside raw verify and sign", rates["single"], rates["raw"], "/s",
        )  # fmt: skip
        yield Row(
            f"{name}, one process: time beside the same without the register", 1e6 / rates["single"],
            1e6 / rates["without"], "us", database,
        )  # fmt: skip
    yield from _with_files(paths)


class _Homes:
    """Homes whose CAs have keys of a kind: a new one at each call."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._made = 0

    def __call__(self) -> Path:
        self._made += 1
        home = self._folder / f"{self._kind.replace(':', '-')}-{self._made}"
        kind = self._kind
        wishes = FoundingWishes(name="Bench", protect="none", root_key=kind, issuing_key=kind)
        create_ca(home, wishes, AROUND)
        return home


def _raw_rate(kind: str, data: list[bytes]) -> float:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind.startswith("rsa"):
        key = rsa.generate_private_key(65537, 2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    started = time.perf_counter()
    for each in data:
        if not x509.load_pem_x509_csr(each).is_signature_valid:
            raise RuntimeError("a CSR of the bench is broken")
        if isinstance(key, rsa.RSAPrivateKey):
            key.sign(each, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.sign(each, ec.ECDSA(hashes.SHA256()))
    return len(data) / (time.perf_counter() - started)


def _rate_in_process(home: Path, data: list[bytes], *, jobs: int = 2) -> float:
    sources = [
        Source(f"d{number}", None, SigningWishes(again=True), data=each)
        for number, each in enumerate(data)
    ]
    made = []
    with open_home(home, AROUND) as opened:
        started = time.perf_counter()
        watch = Watch(hand_on=lambda entry: made.append(entry.serial))
        done = sign(opened, sources, delivery=Delivery(), jobs=jobs, watch=watch)
        rate = len(data) / (time.perf_counter() - started)
    if len(made) != len(data):
        raise RuntimeError(f"{len(done.refused)} of the bench were refused")
    shutil.rmtree(home)
    return rate


def _rate_without_register(home: Path, data: list[bytes]) -> float:
    """Read, prepare, lint, account, sign, self-check, PEM: all but judging and recording."""
    wishes = SigningWishes(again=True)
    with open_home(home, AROUND) as opened:
        judge = Judge(opened)
        judge.thorough = False  # as in every call of so many requests
        alone = Crew(lambda: opened.signer(judge.ca), judge.ca.issuer.key)
        started = time.perf_counter()
        for start in range(0, len(data), CHUNK):
            sources = [Source("d", None, wishes, data=each) for each in data[start:][:CHUNK]]
            prepared = alone.prepare(judge.terms(), [judge.job(source) for source in sources])()
            tbs = [each.prepared.tbs for each in prepared if isinstance(each, Ready)]
            if len(alone.sign(tbs)()) != len(sources):
                raise RuntimeError("some of the bench were refused")
        rate = len(data) / (time.perf_counter() - started)
    shutil.rmtree(home)
    return rate


def _with_files(paths: list[Path]) -> Iterator[Row]:
    """Whole processes that write files, each synced; on a RAM disk, where there is one."""
    with tempfile.TemporaryDirectory(dir=RAM_DISK if RAM_DISK.is_dir() else None) as ram:
        yield from _whole_processes(Path(ram), paths)


def _whole_processes(folder: Path, paths: list[Path]) -> Iterator[Row]:
    thousand, all_of_them = folder / "thousand", folder / "in"
    for inbox, some in ((thousand, paths[:1000]), (all_of_them, paths)):
        inbox.mkdir()
        for path in some:
            shutil.copy(path, inbox)
    home = _Homes(folder, "ec:p256")
    peer = OpenSSL(folder / "openssl")

    def openssl(*, text: bool) -> float:
        peer.fresh()  # a new folder each time, as ours is
        return peer.run(paths[:1000], text=text).wall

    def ours(inbox: Path, jobs: int) -> Run:
        place = home()
        env = {**os.environ, "SIPCA_HOME": str(place)}
        words = [Path(sys.executable).with_name("sipca"), "sign", inbox, "--again", "--quiet"]
        done = process([*words, "--jobs", jobs, "--out", place / "out"], env)
        if len(list((place / "out").glob("*-device.pem"))) != len(list(inbox.iterdir())):
            raise RuntimeError("some of the bench were not written")
        shutil.rmtree(place)
        return done

    walls = interleaved(
        5,
        one=lambda: ours(thousand, 2).wall,
        notext=lambda: openssl(text=False),
        text=lambda: openssl(text=True),
    )
    name = "bulk, 1,000 CSRs with files beside openssl ca"
    yield Row(f"{name} -notext", walls["one"], walls["notext"], "s", 1.0)
    yield Row(f"{name} with text", walls["one"], walls["text"], "s", 0.9)
    many = interleaved(
        3, one=lambda: ours(all_of_them, 1).wall, two=lambda: ours(all_of_them, 2).wall
    )
    yield Row(
        "bulk, 10,000 CSRs with files: --jobs 2 beside one process", many["two"], many["one"],
        "s", 0.75,
    )  # fmt: skip
    few, most = ours(thousand, 2).peak, ours(all_of_them, 2).peak
    yield Row("bulk, peak memory: 10,000 CSRs beside 1,000", most, few, "MiB", 1.25)
