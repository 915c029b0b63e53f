"""An opened CA home: its register, clock, random source, passphrase source and CAs."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from ca import __version__
from ca.encoding.certificates import read_certificate
from ca.encoding.der import certificate, serial_of
from ca.errors import (
    BugError,
    CAError,
    KeyUnavailableError,
    MalformedError,
    NotFoundError,
    PolicyError,
    StoreError,
)
from ca.files import read_bounded
from ca.issuance.order import Issuer
from ca.keys.public import read_public_key
from ca.keys.signer import DigestSigner, KeyRef, signature_name
from ca.keys.soft import open_signer
from ca.keys.token_uri import is_on_token
from ca.model.certificates import CertificateFacts
from ca.profiles.library import Library
from ca.store import issuers, revocations, settings
from ca.store.audit import Actor, Event, pin, record
from ca.store.connection import Store, open_store
from ca.store.revocations import CurrentStatus
from ca.store.schema import assert_triggers, upgrade
from ca.store.state_hashes import assert_state_unaltered, assert_status_events

DATABASE = "ca.db"
DEFAULT_TARGET = "audiocodes-7.4"
RESTORING = ".restore-"
"""How the folder begins in which ``restore`` makes a home before it is there."""


def random_bits(count: int) -> int:
    """``bits`` random bits from the operating system, as from ``secrets.randbits``."""
    octets = (count + 7) // 8
    return int.from_bytes(os.urandom(octets), "big") >> (octets * 8 - count)


class PassphraseSource(Protocol):
    """Where the passphrase comes from: file, environment, prompt."""

    def __call__(self, purpose: str, *, new: bool = False) -> bytes:
        """The passphrase; asked for twice when ``new``.

        Raises:
            KeyUnavailableError: no passphrase is available.
        """


class RootKeyFile(msgspec.Struct, frozen=True):
    """The file of a root's key that is away, and where that file's passphrase comes from."""

    path: Path
    passphrase: PassphraseSource
    again: Callable[[CAError], bool] = lambda _: False
    """Whether its passphrase may be asked for once more, after one that opened nothing."""


def seconds_awake_or_asleep() -> float:
    """Seconds from some moment on, also those in which the machine slept.

    By ``time.monotonic`` a closed lid would keep open what is to end in time.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Environment(msgspec.Struct, frozen=True):
    """What a home depends on: the clock, randomness, the passphrase source, a root key's file.

    ``step`` is called with the name of each point at which a crash must do no harm, ``bug`` with
    the traceback of each bug that stopped one item of several.
    """

    passphrase: PassphraseSource
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    random_bits: Callable[[int], int] = random_bits
    seconds: Callable[[], float] = seconds_awake_or_asleep
    """A clock that only measures spans."""
    again: Callable[[CAError], bool] = lambda _: False
    """Whether the passphrase may be asked for once more, after one that opened nothing."""
    step: Callable[[str], None] = lambda _: None
    bug: Callable[[str], None] = lambda _: None
    root_key: RootKeyFile | None = None

    def now(self) -> datetime:
        """The current time, in whole seconds."""
        return self.clock().replace(microsecond=0)

    def new_serial(self) -> int:
        """A positive serial of 16 octets with 126 random bits."""
        return 1 << 126 | self.random_bits(126)


class CA(msgspec.Struct, frozen=True):
    """One CA of this home: its issuer data and its stored key."""

    issuer: Issuer
    role: str
    key: KeyRef
    parent_id: int | None
    is_current: bool = True

    @property
    def word(self) -> str:
        """What names it at the command line: its role if it is the current one, else its id."""
        return self.role if self.is_current else self.issuer.ca_id

    @property
    def facts(self) -> CertificateFacts:
        """The CA's newest certificate."""
        assert self.issuer.facts is not None
        return self.issuer.facts


class Home:
    """An opened CA home."""

    def __init__(self, path: Path, store: Store, environment: Environment) -> None:
        self.path = path
        self.store = store
        self.environment = environment
        self.library = Library(path)
        self.actor = actor()
        self._cas: list[CA] | None = None
        self._signers: dict[int, DigestSigner] = {}
        self._passphrases: dict[int, bytes | None] = {}

    def now(self) -> datetime:
        """The current time, in whole seconds."""
        return self.environment.now()

    def step(self, name: str) -> None:
        """A point at which a crash must do no harm; fault tests crash here."""
        self.environment.step(name)

    def note(self, error: CAError) -> None:
        """Note an error that refuses one of several items; the traceback of a bug is reported."""
        if isinstance(error, BugError):
            self.environment.bug(error.trace)

    def pause(self, span: timedelta) -> None:
        """Sleep, so that another process can finish its work."""
        time.sleep(span.total_seconds())

    def new_serial(self) -> int:
        """A new serial number; the register enforces that it is unique."""
        return self.environment.new_serial()

    @property
    def name(self) -> str:
        """The name of this CA, as given to ``init``."""
        return settings.read(self.store, "name") or ""

    @property
    def base_url(self) -> str | None:
        """The base URL that CDP and AIA point to, or None."""
        return settings.read(self.store, "base_url")

    @property
    def target(self) -> str:
        """The home's device target."""
        return settings.read(self.store, "target") or DEFAULT_TARGET

    def cas(self) -> list[CA]:
        """The CAs of this home, oldest first; not those that a rotation has only begun."""
        if self._cas is None:
            rows = issuers.issuers(self.store)
            self._cas = [self._ca(row) for row in rows if row.is_current or row.signature]
        return self._cas

    def ca(self, role: str) -> CA:
        """The current CA of a role.

        Raises:
            NotFoundError: there is none.
        """
        for ca in reversed(self.cas()):
            if ca.role == role and ca.is_current:
                return ca
        raise NotFoundError(f"this home has no {role} CA", hint="sipca init makes one")

    def ca_of(self, issuer_id: int) -> CA:
        """The CA with a number, current or not.

        Raises:
            StoreError: there is none.
        """
        for ca in self.cas():
            if ca.issuer.id == issuer_id:
                return ca
        raise StoreError(
            f"'{self.store.path}' is damaged: the issuer row {issuer_id} is gone",
            hint="restore the last copy of the folder",
        )

    def path_of(self, ca: CA) -> list[CA]:
        """A CA and those above it, its root last."""
        path = [ca]
        while path[-1].parent_id is not None:
            path.append(self.ca_of(path[-1].parent_id))
        return path

    def chain(self) -> list[bytes]:
        """The current CA certificates, issuing first and root last."""
        return [each.facts.der for each in self.path_of(self.ca("issuing"))]

    def signer(self, ca: CA) -> DigestSigner:
        """Open a CA's key, once; asks for the passphrase if it is kept encrypted.

        A root's key that is away comes from the file that the environment names.

        Raises:
            KeyUnavailableError: no passphrase is available, it does not open the key, or the key is
                away.
        """
        if ca.issuer.id not in self._signers:
            key, passphrase, again = ca.key, None, self.environment.again
            if key.is_away:
                key, passphrase, again = self._key_from_file(ca)
            elif key.encrypted:
                word = "token's PIN" if is_on_token(key.pkcs8) else "passphrase"
                passphrase = self.environment.passphrase(f"{word} of {self.name}")
            try:
                self._signers[ca.issuer.id] = open_signer(key, passphrase)
            except KeyUnavailableError as error:
                if passphrase is None or is_on_token(key.pkcs8) or not again(error):
                    raise  # a token counts the wrong PINs, and locks
                return self.signer(ca)
            self._passphrases[ca.issuer.id] = passphrase
        return self._signers[ca.issuer.id]

    def _key_from_file(self, ca: CA) -> tuple[KeyRef, bytes, Callable[[CAError], bool]]:
        file = self.environment.root_key
        if ca.role != "root" or file is None:
            raise KeyUnavailableError(
                f"the key of {ca.issuer.name} is away",
                hint="give --root-key-file FILE, which sipca ca export-root-key wrote",
            )
        from ca.keys.protection import from_file

        what = f"'{file.path}'"
        key = from_file(read_bounded(file.path, pipes=True), ca.key, what=what)
        return key, file.passphrase(f"passphrase of {what}"), file.again

    def passphrase_of(self, ca: CA) -> bytes | None:
        """The passphrase that opened a CA's key in this call."""
        return self._passphrases[ca.issuer.id]

    def forget(self) -> None:
        """Reload the CAs when they are next needed: another process may have changed them."""
        self._cas = None

    def forget_keys(self) -> None:
        """Reload the CAs and open their keys anew when they are next needed."""
        self._cas = None
        self._signers.clear()
        self._passphrases.clear()

    def assert_sound(self) -> None:
        """Check quickly that the state used for signing and answering matches history.

        Covers keys, CAs, settings, OCSP signers, CRLs, the triggers that guard history, and the
        number of revocations. Called before signing, revoking, making a CRL or answering; ``log
        --verify`` checks everything.

        Raises:
            StoreError: somebody changed the register by hand.
        """
        with self.store.snapshot():
            assert_triggers(self.store)
            assert_state_unaltered(self.store)
            assert_status_events(self.store)

    def revocation_of(self, ca: CA) -> CurrentStatus | None:
        """The revocation or hold of a CA's own certificate, or None."""
        if ca.parent_id is None or ca.issuer.facts is None:
            return None
        return revocations.current_status(self.store, ca.parent_id, serial_of(ca.issuer.facts.der))

    def check_not_revoked(self, ca: CA) -> None:
        """Check that a CA may sign.

        Raises:
            PolicyError: its own certificate is revoked or held.
        """
        revocation = self.revocation_of(ca)
        if revocation is None:
            return
        if revocation.status == "held":
            raise PolicyError(
                f"{ca.issuer.name} is on hold and can sign nothing until it is released",
                hint=f"sipca release {ca.issuer.facts.serial if ca.issuer.facts else 'SERIAL'}",
                rule="ca-on-hold",
            )
        raise PolicyError(
            f"{ca.issuer.name} is revoked and can sign nothing more",
            hint="sipca ca rotate makes its successor",
            rule="ca-revoked",
        )

    def is_open(self, ca: CA) -> bool:
        """Whether this call has a CA's key open."""
        return ca.issuer.id in self._signers

    def use_signer(self, issuer_id: int, signer: DigestSigner) -> None:
        """Use a signer whose key was just generated for a CA."""
        self._signers[issuer_id] = signer
        self._cas = None

    def record(self, *events: Event) -> None:
        """Append events to the audit trail, inside the transaction that they describe."""
        record(self.store, events, at=self.now(), actor=self.actor)

    def _ca(self, row: issuers.IssuerRow) -> CA:
        kept = issuers.key(self.store, row.key_id)
        if row.tbs is None or row.signature is None:
            raise StoreError(f"'{self.store.path}' has a {row.role} CA without a certificate")
        try:
            facts = read_certificate(certificate(row.tbs, row.signature))
            public = read_public_key(facts.spki)
            signature_name(public)  # of a kind that sipca made
        except (MalformedError, PolicyError) as error:
            raise StoreError(
                f"'{self.store.path}' is damaged: its {row.role} CA cannot be read",
                hint="restore the last copy of the folder",
            ) from error
        issuer = Issuer(row.id, row.ca_id, public, facts, self.base_url)
        key = KeyRef(kept.pkcs8, kept.public, kept.encrypted, row.role + " CA")
        return CA(issuer, row.role, key, row.parent_id, row.is_current)


class OlderRegisterError(StoreError):
    """A register that needs an upgrade but is open for reading only."""


@contextlib.contextmanager
def open_home(
    path: Path,
    environment: Environment,
    *,
    read_only: bool = False,
    busy_seconds: float | None = None,
) -> Iterator[Home]:
    """Open the CA home in a folder; an older register is upgraded first.

    ``busy_seconds``: how long to wait for a locked register, if not as long as commands do.

    Raises:
        NotFoundError: there is no CA in it.
        OlderRegisterError: it cannot be upgraded.
        StoreError: the register cannot be used.
    """
    database = path / DATABASE
    if database.exists() and not database.is_file():
        raise StoreError(f"'{database}' is not a file", hint="choose another --home")
    if not database.exists():
        refuse_unfinished_restore(path)
        from ca.authority.absence import no_home  # seldom

        raise no_home(path, DATABASE)
    with open_store(database, read_only=read_only, busy_seconds=busy_seconds) as store:
        if store.needs_upgrade():
            if store.mode != "rw":
                raise OlderRegisterError(
                    f"'{database}' was made by an older sipca and cannot be upgraded here",
                    hint="run 'sipca status' once as the folder's owner where it is writable",
                )
            upgrade(store, lambda before: pin(store, before, at=environment.clock(), actor=actor()))
        yield Home(path, store, environment)


def refuse_unfinished_restore(path: Path) -> None:
    """Check that no restore into this home was cut off.

    Raises:
        NotFoundError: one was, so that there is no CA yet.
    """
    if any(path.glob(f"{RESTORING}*")):
        raise NotFoundError(
            f"a restore into '{path}' was not finished: there is no CA in it yet",
            hint="run sipca restore FILE again; it begins anew",
        )


def actor() -> Actor:
    """Who runs this process, for the audit trail."""
    if os.name == "posix":
        import pwd

        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = str(os.getuid())
        return Actor(user, os.uname().nodename, __version__)
    import getpass
    import platform

    return Actor(getpass.getuser(), platform.node(), __version__)


def no_passphrase(purpose: str, *, new: bool = False) -> bytes:  # noqa: ARG001 - the protocol's
    """A passphrase source that never has one."""
    raise KeyUnavailableError(
        f"the {purpose} is needed and none was given",
        hint="give --passphrase-file FILE or set SIPCA_PASSPHRASE_FILE",
    )
