"""Fixtures of the command tests: homes with certificates in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.dialogue import Dialogue
from stand_in.lab import EC_KEY, PASSPHRASE, CommandLine

Csr = Callable[..., Path]


@pytest.fixture
def at_terminal(tmp_path: Path) -> Iterator[Callable[..., Dialogue]]:
    """Begins a command at a terminal of its own."""
    begun: list[Dialogue] = []

    def begin(*words: object, home: Path | None = None) -> Dialogue:
        begun.append(Dialogue(*words, home=home or tmp_path / "home"))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """Three certificates: sbc1 on two contexts, and one without a device."""
    sipca(
        "sign",
        csr_file("sbc1", "ip:10.0.0.1", cn="sbc1.lab.example"),
        "--device",
        "sbc1",
        "--context",
        "1",
    )
    sipca("sign", csr_file("web", cn="sbc1.lab.example", key=EC_KEY), "--device", "sbc1", "--context", "0", "--profile", "https")  # fmt: skip
    sipca(
        "sign",
        csr_file("proxy", "dns:sip.lab.example", cn="proxy.lab.example"),
        "--lifetime",
        "40d",
    )
    return sipca


@pytest.fixture
def two_devices(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """Two devices, one with certificates in two contexts."""
    for stem, context in (("sbc1", 0), ("sbc1", 2)):
        key = ec.generate_private_key(ec.SECP256R1())
        file = csr_file(f"{stem}-{context}", f"dns:{stem}.lab.example", key=key)
        assert sipca("sign", file, "--device", stem, "--context", context).exit == 0
    assert sipca("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)).exit == 0
    return sipca


@pytest.fixture
def locked(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A CA whose keys have a passphrase."""
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    assert (
        bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256").exit
        == 0
    )
    monkeypatch.delenv("SIPCA_PASSPHRASE")
    return bare
