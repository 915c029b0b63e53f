"""What a server may meet that reads its files while they are renewed."""

from __future__ import annotations

import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from stand_in.lab import CommandLine


def pair_fits(key: bytes, certificate: bytes) -> bool:
    """Whether a key and the first certificate of a file are a pair, as a server compares them."""
    block = key[key.index(b"-----BEGIN PRIVATE KEY") :]
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = load_pem_private_key(block, None).public_key().public_bytes(*form)
    leaf = x509.load_pem_x509_certificate(certificate)
    return own == leaf.public_key().public_bytes(*form)


def test_whoever_reads_during_renewals_sees_whole_files_and_a_pair_that_fits(
    sipca: CommandLine, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("nginx", "haproxy")}
    for name, folder in folders.items():
        sipca("issue", f"{name}.lab.example", "--target", name, "--out", folder)
    seen: list[bool] = []
    serials: set[int] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            key = (folders["nginx"] / "key.pem").read_bytes()
            chain = (folders["nginx"] / "fullchain.pem").read_bytes()
            both = (folders["haproxy"] / "haproxy.pem").read_bytes()
            crls = (folders["nginx"] / "crls.pem").read_bytes()
            seen.append(pair_fits(key, chain) and pair_fits(both, both))
            seen.append(crls.count(b"END X509 CRL") == 2 and chain.count(b"END CERT") == 2)
            serials.add(x509.load_pem_x509_certificate(chain).serial_number)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(8):
            for name, folder in folders.items():
                words = (f"{name}.lab.example", "--target", name, "--out", folder)
                assert sipca("renew", *words).exit == 0
            assert sipca("crl", "--ca", "all", "--refresh", "-o", folders["nginx"] / "crls.pem").exit == 0  # fmt: skip
    finally:
        over.set()
        reader.join()

    assert all(seen)
    assert len(serials) > 1, "it read while they were renewed"
    assert not [path for folder in folders.values() for path in folder.iterdir() if ".tmp" in path.name]  # fmt: skip
