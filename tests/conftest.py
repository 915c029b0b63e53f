"""Fixtures of every kind of evidence: homes, the command line, requests in files, a set clock."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from stand_in.lab import (
    EC_KEY,
    NOW,
    PASSPHRASE,
    ROOT,
    RSA_KEY,
    SAMPLES,
    VECTORS,
    Answer,
    CommandLine,
    make_csr,
)

__all__ = [
    "EC_KEY",
    "NOW",
    "PASSPHRASE",
    "ROOT",
    "RSA_KEY",
    "SAMPLES",
    "VECTORS",
    "Answer",
    "CommandLine",
    "make_csr",
]


hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
"""No example fails because the machine had other things to do."""


def pytest_configure() -> None:
    """A shell starts what runs in its background with Ctrl-C ignored; children would inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Octets are told by what they are; keys differ in each process, and so would ids of them."""
    return argname if isinstance(val, bytes | bytearray) else None


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SIPCA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SIPCA_NO_INPUT", "1")


@pytest.fixture
def bare(tmp_path: Path, request: pytest.FixtureRequest) -> CommandLine:
    """The command line with an empty home; a test that sets the clock sets it for ``init`` too."""
    if "frozen" in request.fixturenames:
        request.getfixturevalue("frozen")
    return CommandLine(tmp_path / "home")


@pytest.fixture
def sipca(bare: CommandLine) -> CommandLine:
    """The command line with a CA whose keys are small and without passphrase."""
    answer = bare(
        "init",
        "--name",
        "Test Lab",
        "--root-key",
        "ec:p256",
        "--issuing-key",
        "ec:p256",
        "--no-passphrase",
    )
    assert answer.exit == 0, answer.err
    return bare


@pytest.fixture
def csr_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a request into a file of a given stem."""

    def write(stem: str, *names: str, **rest: Any) -> Path:
        path = tmp_path / f"{stem}.csr"
        path.write_bytes(make_csr(*names, **rest))
        return path

    return write


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[datetime], None]]:
    """Sets the clock that opened homes see."""
    import cli.passphrase
    from ca.authority.home import Environment

    moment = [NOW]

    def environment_of(settings: Any) -> Environment:
        passphrase = cli.passphrase.Passphrase(settings)
        root_key = cli.passphrase.root_key_of(settings, passphrase)
        return Environment(passphrase=passphrase, clock=lambda: moment[0], root_key=root_key)

    monkeypatch.setattr(cli.passphrase, "environment_of", environment_of)

    def set_clock(to: datetime) -> None:
        moment[0] = to

    yield set_clock
