"""Fixtures for test suites that need certificates: a throw-away CA, and whatever names are wanted.

    def test_mutual_tls(sipca_issue):
        server = sipca_issue("localhost", "127.0.0.1")
        server.configure(ssl_context)

Entered under ``pytest11``: a project that has sipca installed has the fixtures. They run the
command line in processes of its own; nothing of sipca's is imported into the test process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection


class ThrowawayHome(NamedTuple):
    """A CA for one test run: its home, and the files that peers trust."""

    path: Path
    root: Path
    trusted_root: Path

    def configure_trust(self, context: ssl.SSLContext) -> None:
        """Let a context trust what this CA signs."""
        context.load_verify_locations(cafile=str(self.root))


class IssuedFor(NamedTuple):
    """Key and certificate for some names, as files."""

    key: Path
    certificate: Path
    fullchain: Path
    trusted_root: Path

    def configure(self, context: ssl.SSLContext) -> None:
        """Let a context present this certificate."""
        context.load_cert_chain(str(self.fullchain), str(self.key))


@pytest.fixture(scope="session")
def sipca_home(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayHome:
    """A CA with small keys and no passphrase, thrown away with the test run."""
    folder = tmp_path_factory.mktemp("sipca")
    home = folder / "home"
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    _sipca("init", "--name", "Test CA", *keys, home=home)
    root, trusted = folder / "root.pem", folder / "trusted-root.pem"
    _sipca("chain", "--parts", "root", "-o", root, home=home)
    _sipca("chain", "-o", trusted, home=home)
    return ThrowawayHome(home, root, trusted)


@pytest.fixture(scope="session")
def sipca_issue(
    sipca_home: ThrowawayHome, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., IssuedFor]:
    """``sipca_issue("sbc1.lab.example", "10.0.0.5", profile="sip")``: key and certificate."""

    def issue(
        *names: str, profile: str = "sip", key: str = "ec:p256", allow: Collection[str] = ()
    ) -> IssuedFor:
        words = ("--profile", profile, "--key", key, "--out", tmp_path_factory.mktemp("issued"))
        allowed = [word for rule in sorted(allow) for word in ("--allow", rule)]
        files = _sipca("issue", *names, *words, *allowed, home=sipca_home.path)["files"]
        return IssuedFor(
            Path(files["key"]),
            Path(files["device"]),
            Path(files["fullchain"]),
            Path(files["trusted_root"]),
        )

    return issue


def _sipca(*words: object, home: Path) -> Any:
    """Run one command; its document."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sipca", *map(str, words), "--home", str(home), "--json"],
        env={name: value for name, value in os.environ.items() if not name.startswith("SIPCA_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"sipca {words[0]} ended with exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)
