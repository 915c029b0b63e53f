"""What is to be issued, for whom, by whom: the nouns of this room."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.csr.request import CertificateRequest
from ca.keys.public import PublicKey, read_public_key
from ca.model.account import FieldAccount
from ca.model.certificates import (
    CertificateFacts,
    GeneralName,
    SubjectAttribute,
    Validity,
    cn_of,
)
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.profiles.profile import Profile


class Issuer(msgspec.Struct, frozen=True):
    """A CA that signs. ``facts`` is None for a root that is about to sign itself."""

    id: int
    ca_id: str
    key: PublicKey
    facts: CertificateFacts | None
    base_url: str | None = None

    def __hash__(self) -> int:
        """Cheap: what a batch shares is looked up by issuer for each certificate."""
        return hash((self.id, self.ca_id, self.base_url))

    @property
    def name(self) -> str:
        """Its CN."""
        return (self.facts.cn if self.facts else None) or "itself"


class Order(msgspec.Struct, frozen=True):
    """One certificate to prepare. ``ca_subjects`` are names that only a CA here may bear.

    ``thorough``: its key is judged by the rules too that take milliseconds.
    """

    request: CertificateRequest
    profile: Profile
    issuer: Issuer
    wishes: SigningWishes
    now: datetime
    serial: int
    ca_subjects: tuple[tuple[SubjectAttribute, ...], ...] = ()
    permit: Permitted | None = None
    thorough: bool = True


class Permitted(msgspec.Struct, frozen=True):
    """Name constraints for a CA about to be made (RFC 5280, 4.2.1.10)."""

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()


class Prepared(msgspec.Struct, frozen=True):
    """Linted octets to sign, and the whole account of how they came to be.

    ``serial`` has its 16 octets; ``key_identity`` is as in ``PublicKey``.
    """

    tbs: bytes
    serial: bytes
    subject: tuple[SubjectAttribute, ...]
    san: tuple[GeneralName, ...]
    validity: Validity
    key_identity: bytes
    account: tuple[FieldAccount, ...]
    findings: tuple[Finding, ...]

    @property
    def cn(self) -> str:
        """The first commonName; every profile that signs requests wants one."""
        return cn_of(self.subject) or ""


def own_request(key: bytes, subject: tuple[SubjectAttribute, ...]) -> CertificateRequest:
    """A request that sipca makes itself, for a CA or a responder whose key is at hand."""
    return CertificateRequest(
        der=b"",
        info=b"",
        key=read_public_key(key),
        subject=subject,
        san=(),
        san_critical=False,
        other_names=(),
        extensions=(),
        attributes=(),
        signature_algorithm="",
        signature_parameters=b"",
        signature=b"",
    )
