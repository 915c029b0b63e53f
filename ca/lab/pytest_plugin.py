"""Fixtures for test suites that need certificates: a throw-away CA, and whatever names are wanted.

    def test_mutual_tls(sipca_issue):
        server = sipca_issue("localhost", "127.0.0.1")
        server.configure(ssl_context)

Entered under ``pytest11``: a project that has sipca installed has the fixtures. Imports wait
for the fixtures, so that other test runs in the same environment do not pay for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    from ca.authority.delivery import chain_of
    from ca.authority.founding import found
    from ca.authority.home import Surroundings, no_passphrase, open_home
    from ca.authority.wishes import FoundingWishes

    folder = tmp_path_factory.mktemp("sipca")
    home = folder / "home"
    wishes = FoundingWishes(
        name="Test CA", root_key="ec:p256", issuing_key="ec:p256", protect="none"
    )
    found(home, wishes, Surroundings(passphrase=no_passphrase))
    with open_home(home, Surroundings(passphrase=no_passphrase)) as opened:
        chain = chain_of(opened)
    root, trusted = folder / "root.pem", folder / "trusted-root.pem"
    root.write_text(chain.root)
    trusted.write_text(chain.trusted)
    return ThrowawayHome(home, root, trusted)


@pytest.fixture(scope="session")
def sipca_issue(
    sipca_home: ThrowawayHome, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., IssuedFor]:
    """``sipca_issue("sbc1.lab.example", "10.0.0.5", profile="sip")``: key and certificate."""

    from ca.authority.home import Surroundings, no_passphrase, open_home
    from ca.authority.issuing import IssueWishes, inferred_name, issue_key

    def make(
        *names: str, profile: str = "sip", key: str = "ec:p256", allow: Collection[str] = ()
    ) -> IssuedFor:
        folder = tmp_path_factory.mktemp("issued")
        wishes = IssueWishes(
            names=tuple(inferred_name(name) for name in names),
            folder=folder,
            profile=profile,
            key=key,
            allow=frozenset(allow),
        )
        with open_home(sipca_home.path, Surroundings(passphrase=no_passphrase)) as home:
            files = issue_key(home, wishes).files
        return IssuedFor(
            Path(files.key), Path(files.device), Path(files.fullchain), Path(files.trusted_root)
        )

    return make
