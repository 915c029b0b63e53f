"""What a batch is made of: sources, candidates that were judged, and what the register knows."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ca.authority.signing.claims import Claim
from ca.authority.signing.prepare import OwnKey, Ready
from ca.authority.succession import Predecessors
from ca.csr.parsing import read_request
from ca.errors import CAError, attempt
from ca.files import read_bounded
from ca.issuance.order import Prepared
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.profiles.profile import Profile
from ca.revocation.rules import check_not_blocked
from ca.store.certificates import CertificateRow


class Source(msgspec.Struct, frozen=True):
    """One request to sign:

    its name for people, the stem of its files, its octets or path. ``stem`` is None if the
    certificate's own name is to be used. ``must_be_request`` is False for a file of a folder whose
    name does not say that it is a request: it is ignored if it is none. ``failure`` is the error
    of a read that could only be tried once.
    """

    label: str
    stem: str | None
    wishes: SigningWishes
    data: bytes | None = None
    path: Path | None = None
    must_be_request: bool = True
    failure: CAError | None = None
    own: OwnKey | None = None
    """Key and subject of a certificate to renew that had no request."""
    old_plan: int | None = None
    """The certificate that this one supersedes, where it is known already: serials may be short,
    and names change hands."""
    proven: bool = False
    """It comes from the register: its signature verified when it was received."""
    claim: Claim | None = None

    def read(self) -> bytes:
        """Read the octets.

        Raises:
            CAError: the file cannot be read.
        """
        if self.failure is not None:
            raise self.failure
        if self.data is not None:
            return self.data
        assert self.path is not None
        return read_bounded(self.path)

    def holds_request(self) -> bool:
        """Whether to treat it as a request: because of its name, or because it contains one."""
        if self.must_be_request:
            return True
        return not isinstance(attempt(lambda: read_request(self.read())), CAError)


class Candidate(msgspec.Struct, frozen=True):
    """A source that may be signed, or need not be because a ``good`` certificate exists."""

    source: Source
    stem: str
    profile: Profile
    ready: Ready
    findings: tuple[Finding, ...]
    supersedes: int | None
    good: CertificateRow | None
    replaces: bool = False
    """Whether this certificate's files may replace a predecessor's."""

    @property
    def context(self) -> int | None:
        """The TLS context, in the files' names: of a good certificate its own."""
        return self.source.wishes.context if self.good is None else self.good.context

    @property
    def prepared(self) -> Prepared:
        """The prepared certificate."""
        return self.ready.prepared


class Forbidding(msgspec.Struct, frozen=True):
    """What forbids signing: blocked keys, and an error if the CA may not sign at all."""

    blocked: set[bytes]
    refusal: CAError | None

    def check(self, prepared: Prepared) -> None:
        """Check that nothing forbids this certificate.

        Raises:
            PolicyError: its key is blocked, or the issuing CA revoked.
        """
        check_not_blocked(blocked=prepared.key_identity in self.blocked)
        if self.refusal is not None:
            raise self.refusal


class Known(msgspec.Struct, frozen=True):
    """What the register knows about some requests, by key identity and by their octets.

    ``keys`` has the current TBSCertificates of each key; ``shared`` those under other CNs, for keys
    with too many certificates to read all.
    """

    forbidding: Forbidding
    keys: dict[bytes, list[bytes]]
    requests: set[bytes]
    predecessors: Predecessors
    shared: dict[tuple[bytes, str], list[bytes]] = {}

    def certified(self, identity: bytes, cn: str) -> list[bytes]:
        """The current certificates of a key, at least those under other CNs than this one."""
        return self.shared.get((identity, cn)) or self.keys.get(identity, [])
