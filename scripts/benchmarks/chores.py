"""What is done to many at once: ``ocsp presign``, ``apply``, ``trust build``, keys used again."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ca.authority.home import Environment, no_passphrase, open_home
from scripts.benchmarks.measure import Row, Run, interleaved, process
from scripts.benchmarks.ocsp import nginx, wrk

AROUND = Environment(passphrase=no_passphrase)
NOISE = 1.3
"""How much more than in proportion a run may take on a shared machine."""
ENTRIES = 300
ASKED = 5_000
"""Answers that the client of nginx asks for in turn."""


def chores(folder: Path, homes: dict[int, Path]) -> Iterator[Row]:
    """Whole processes, in CPU time; the sizes are those of the registers."""
    yield from _presigning(folder, homes)
    yield from _applying(folder, homes)
    yield from _keys_again(folder, homes)
    yield from _bundles(folder)


def _presigning(folder: Path, homes: dict[int, Path]) -> Iterator[Row]:
    """At 1,000 and 100,000: answers to SHA-1 requests, two a certificate."""
    runs: dict[int, tuple[Run, Run]] = {}
    for size in (1_000, 100_000):
        out = folder / f"presigned-{size}" / "static"
        words = ("ocsp", "presign", "--hash", "sha1", "--out", out)
        runs[size] = _sipca(homes[size], *words), _sipca(homes[size], *words)
    small, large = runs[1_000], runs[100_000]
    out = folder / "presigned-100000" / "static"
    name = "presign of 100,000, two answers each"
    yield Row(f"scale: {name}: CPU", large[0].cpu, 1.0, "s")
    disk = sum(path.stat().st_blocks for path in out.rglob("*")) * 512 / (1 << 20)
    yield Row(f"scale: {name}: disk", disk, 1.0, "MiB")
    yield _growing("presign, CPU of 100,000 beside a hundred times 1,000", large[0], small[0], 100)
    yield Row(f"scale: {name}: again, beside the first time", large[1].cpu, large[0].cpu, "s", 0.35)
    peaks = max(each.peak for each in large), max(each.peak for each in small)
    yield Row("scale: presign, peak at 100,000 beside 1,000", *peaks, "MiB", 2.0)
    yield _served(out.parent, out)
    shutil.rmtree(out)


def _served(folder: Path, out: Path) -> Row:
    """nginx with different answers of a large folder, beside the same one again and again."""
    listed = (out / "presigned.txt").read_text().splitlines()
    chosen = random.Random(1).sample(listed, ASKED)
    many, one = _asking(folder / "many.lua", chosen), _asking(folder / "one.lua", chosen[:1])
    with nginx(folder) as port:
        rates = interleaved(
            3,
            many=lambda: wrk(f"http://127.0.0.1:{port}/", many),
            one=lambda: wrk(f"http://127.0.0.1:{port}/", one),
        )
    name = f"scale: nginx, {ASKED:,} of {len(listed):,} answers in turn, beside one"
    return Row(name, rates["many"], rates["one"], "/s", 0.5, "at least")


def _asking(path: Path, asked: list[str]) -> Path:
    listed = ",".join(f'"/{each}"' for each in asked)
    path.write_text(
        f"local paths, n = {{{listed}}}, 0\n"
        "request = function() n = n % #paths + 1; return wrk.format('GET', paths[n]) end\n"
    )
    return path


def _applying(folder: Path, homes: dict[int, Path]) -> Iterator[Row]:
    """New entries of a lab file, in registers of every size; then four times as many."""
    runs = {size: _apply(folder, home, f"n{size}", ENTRIES) for size, home in homes.items()}
    small, middle, large = (runs[size] for size in (1_000, 100_000, 1_000_000))
    yield Row(f"scale: apply, {ENTRIES} new entries: CPU each", small.cpu / ENTRIES, 0.001, "s")
    yield Row(
        f"scale: apply, {ENTRIES} new, and 1,000,000 unlisted beside ten times 100,000",
        large.cpu - small.cpu,
        10 * (middle.cpu - small.cpu),
        "s",
        NOISE,
    )
    many = _apply(folder, homes[1_000], "many", 4 * ENTRIES)
    yield _growing(f"apply, {4 * ENTRIES} new beside four times {ENTRIES}", many, small, 4)


def _apply(folder: Path, home: Path, kind: str, count: int) -> Run:
    place = folder / f"lab-{kind}"
    place.mkdir()
    lines = ['schema = 1\n[ca]\nname = "Bench"\nprotect = "none"\n']
    lines.append('root_key = "ec:p256"\nissuing_key = "ec:p256"\n')
    for number in range(count):
        host = f"{kind}-{number:05}"
        lines.append(f'[[device]]\nname = "{host}"\n[[certificate]]\ncsr = "{host}.csr"\n')
        lines.append(f'device = "{host}"\nout = "out"\n')
        (place / f"{host}.csr").write_bytes(_request(f"{host}.lab.example"))
    (place / "lab.toml").write_text("".join(lines))
    return _sipca(home, "apply", place / "lab.toml")


def _keys_again(folder: Path, homes: dict[int, Path]) -> Iterator[Row]:
    """Signing for a key that all certificates of the register have; the rule says so."""
    key = ec.generate_private_key(ec.SECP256R1())
    runs = {}
    for size in (1_000, 100_000):
        words: list[object] = []
        for number in range(20):
            path = folder / f"again-{size}-{number}.csr"
            path.write_bytes(_request(f"again{number}.lab.example", key))
            words.append(path)
        run = _sipca(homes[size], "sign", words[0], "--out", folder / f"again-{size}")
        with open_home(homes[size], AROUND) as home, home.store.write() as connection:
            connection.execute(
                """UPDATE certificate SET key_identity =
                       (SELECT key_identity FROM certificate ORDER BY plan_id DESC LIMIT 1)"""
            )
        run = _sipca(homes[size], "sign", *words[1:], "--out", folder / f"again-{size}")
        runs[size] = run
    yield _growing(
        "a key of 100,000 certificates, 19 more of it, beside 1,000", runs[100_000], runs[1_000], 1
    )


def _bundles(folder: Path) -> Iterator[Row]:
    """Trust bundles of as many roots as a device of no known kind takes, and larger ones."""
    built, compared = {}, {}
    for count in (250, 1_000, 4_000):
        source, result = folder / f"roots-{count}.pem", folder / f"built-{count}.pem"
        source.write_bytes(b"".join(map(_root, range(count))))
        if count <= 1_000:
            built[count] = _sipca(
                None, "trust", "build", source, "-o", result, "--target", "generic"
            )
        compared[count] = _sipca(None, "trust", "diff", source, source)
    yield _growing("trust build, 1,000 roots beside four times 250", built[1_000], built[250], 4)
    name = "trust diff, 4,000 roots beside four times 1,000"
    yield _growing(name, compared[4_000], compared[1_000], 4)


def _growing(name: str, large: Run, small: Run, times: int) -> Row:
    """CPU time beside that of fewer, in proportion."""
    return Row(f"scale: {name}", large.cpu, times * small.cpu, "s", NOISE)


def _request(host: str, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    request = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return request.public_bytes(Encoding.PEM)


def _root(number: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Root {number}")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), number + 1, now - timedelta(1), now + timedelta(3650)
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _sipca(home: Path | None, *words: object) -> Run:
    env = dict(os.environ) if home is None else {**os.environ, "SIPCA_HOME": str(home)}
    return process([Path(sys.executable).with_name("sipca"), *words], env)
