"""``preflight``: reads the files to be uploaded and has them judged; needs no CA home."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from ca.csr.parsing import read_request
from ca.device.preflight import preflight
from ca.device.upload import OtherKey, Role, Upload, device_file, trust_file
from ca.documents.reports import verdict_of
from ca.documents.revocation import CheckDocument
from ca.errors import MalformedError
from ca.files import MAX_INPUT, read_bounded
from ca.keys.files import read_key_file
from ca.names.hosts import as_address, host_problem
from ca.names.text import printable
from ca.profiles.target import Target

MAX_TRUST = 16 * MAX_INPUT


class PreflightWishes(msgspec.Struct, frozen=True):
    """The files, and what they are judged against."""

    certificate: Path
    target: Target
    at: datetime
    requests: tuple[Path, ...] = ()
    chain: Path | None = None
    key: Path | None = None
    key_passphrase: bytes | None = None
    peers: tuple[str, ...] = ()
    role: Role = "both"


def judge_files(wishes: PreflightWishes) -> CheckDocument:
    """Every finding about the files; nothing is written.

    Raises:
        CAError: a file cannot be read, is not what it is given as, or a peer is no address.
    """
    for peer in wishes.peers:
        if as_address(peer) is None and host_problem(peer) is not None:
            raise MalformedError(
                f"--peer '{printable(peer)}' is neither a host name nor an IP address",
                hint="as the peer's Proxy Set has it, without port",
            )
    keys = [
        OtherKey(f"the CSR '{path}'", read_request(read_bounded(path, pipes=True)).key.identity)
        for path in wishes.requests
    ]
    if wishes.key is not None:
        data = read_bounded(wishes.key, pipes=True)
        found = read_key_file(data, wishes.key_passphrase, name=str(wishes.key))
        keys.append(OtherKey(f"the key file '{wishes.key}'", found.public.identity))
    trust = None
    if wishes.chain is not None:
        data = read_bounded(wishes.chain, limit=MAX_TRUST, pipes=True)
        trust = trust_file(str(wishes.chain), data)
    upload = Upload(
        target=wishes.target,
        device=device_file(str(wishes.certificate), read_bounded(wishes.certificate, pipes=True)),
        at=wishes.at,
        trust=trust,
        keys=tuple(keys),
        peers=wishes.peers,
        role=wishes.role,
    )
    findings = preflight(upload)
    return CheckDocument(verdict=verdict_of(findings), findings=findings)
