"""``preflight``: read and judge the files to be uploaded; needs no CA home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from ca.csr.parsing import read_request
from ca.device.preflight import preflight
from ca.device.upload import (
    OtherKey,
    Role,
    TrustFile,
    UnreadFile,
    Upload,
    device_file,
    trust_file,
)
from ca.documents.preflight import PreflightDocument
from ca.documents.verdict import verdict_of
from ca.errors import BugError, CAError, MalformedError, attempt
from ca.files import MAX_INPUT, read_bounded
from ca.keys.files import read_key_file
from ca.names.hosts import as_address, host_problem
from ca.names.text import printable
from ca.profiles.target import Target

P = ParamSpec("P")
T = TypeVar("T")
MAX_TRUST = 16 * MAX_INPUT


class PreflightWishes(msgspec.Struct, frozen=True):
    """The files to judge, and what to judge them against."""

    certificate: Path
    target: Target
    at: datetime
    requests: tuple[Path, ...] = ()
    chain: Path | None = None
    key: Path | None = None
    key_passphrase: bytes | None = None
    peers: tuple[str, ...] = ()
    role: Role = "both"
    on_bug: Callable[[BugError], None] | None = None


def judge_files(wishes: PreflightWishes) -> PreflightDocument:
    """Every finding about the files; nothing is written.

    Raises:
        CAError: a file cannot be read or is of another kind, or a peer is not an address.
    """
    for peer in wishes.peers:
        if as_address(peer) is None and host_problem(peer) is not None:
            raise MalformedError(
                f"--peer '{printable(peer)}' is neither a host name nor an IP address",
                hint="give it as in the peer's Proxy Set, without a port",
            )
    device = device_file(str(wishes.certificate), read_bounded(wishes.certificate, pipes=True))
    beside = _Beside(wishes)
    keys = [
        OtherKey(label, key)
        for path in wishes.requests
        if (key := beside.read(label := f"the CSR '{path}'", _key_of_request, path))
    ]
    if wishes.key is not None:
        label = f"the key file '{wishes.key}'"
        if key := beside.read(label, _key_of_file, wishes.key, wishes.key_passphrase):
            keys.append(OtherKey(label, key))
    trust = None
    if wishes.chain is not None:
        trust = beside.read(f"the trust file '{wishes.chain}'", _trust, wishes.chain)
    upload = Upload(
        target=wishes.target,
        device=device,
        at=wishes.at,
        trust=trust,
        keys=tuple(keys),
        peers=wishes.peers,
        role=wishes.role,
        unread=tuple(beside.unread),
    )
    findings = preflight(upload, on_bug=wishes.on_bug)
    return PreflightDocument(verdict=verdict_of(findings), findings=findings)


class _Beside:
    """Reads the files beside the device certificate; an unreadable one does not stop the others."""

    def __init__(self, wishes: PreflightWishes) -> None:
        self.wishes = wishes
        self.unread: list[UnreadFile] = []

    def read(
        self, label: str, reader: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """The result of a reader, or None with the reason added to ``unread``.

        Raises:
            CAError: the file is not there, its passphrase is missing or wrong, or it is refused.
        """
        outcome = attempt(reader, *args, **kwargs)
        if not isinstance(outcome, CAError):
            return outcome
        if isinstance(outcome, BugError):
            if self.wishes.on_bug is not None:
                self.wishes.on_bug(outcome)
        elif not isinstance(outcome, MalformedError):
            raise outcome
        self.unread.append(UnreadFile(label, outcome.message, outcome.hint, outcome.kind))
        return None


def _key_of_request(path: Path) -> bytes:
    return read_request(read_bounded(path, pipes=True)).key.identity


def _key_of_file(path: Path, passphrase: bytes | None) -> bytes:
    return read_key_file(read_bounded(path, pipes=True), passphrase, name=str(path)).public.identity


def _trust(path: Path) -> TrustFile:
    return trust_file(str(path), read_bounded(path, limit=MAX_TRUST, pipes=True))
