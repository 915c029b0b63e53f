"""The types of this room: the issuer, the order of a certificate, and the prepared certificate."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.csr.request import CertificateRequest
from ca.csr.shape import RequestShape
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
    """A CA that signs. ``facts`` is None for a root that is about to sign its own certificate."""

    id: int
    ca_id: str
    key: PublicKey
    facts: CertificateFacts | None
    base_url: str | None = None

    def __hash__(self) -> int:
        """Cheap, because caches look up an issuer for every certificate of a batch."""
        return hash((self.id, self.ca_id, self.base_url))

    @property
    def name(self) -> str:
        """The issuer's CN, or "itself" for a new root."""
        return (self.facts.cn if self.facts else None) or "itself"


class Order(msgspec.Struct, frozen=True):
    """One certificate to prepare. ``ca_subjects`` are names that no device may have.

    ``serial`` is a number of 16 octets; ``thorough``: also run the slow rules on the key (some
    milliseconds each). ``shape`` is what the request has in common with others, if anything.
    ``vouched``: another process verified the request's signature, by a hash that is in use, and
    judged the key by all rules but the slow ones without a finding; it is encoded in DER.
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
    shape: RequestShape | None = None
    vouched: bool = False


class Permitted(msgspec.Struct, frozen=True):
    """Permitted subtrees of a new CA's name constraints (RFC 5280, 4.2.1.10)."""

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()


class Prepared(msgspec.Struct, frozen=True):
    """A linted TBSCertificate to sign, and the account of how each of its fields was decided.

    ``tbs`` is DER; ``serial`` has 16 octets; ``key_identity`` is that of ``PublicKey``.
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
        """The first commonName, or ""; every profile that signs requests requires one."""
        return cn_of(self.subject) or ""


def own_request(key: bytes, subject: tuple[SubjectAttribute, ...]) -> CertificateRequest:
    """A request without a CSR, for a CA or OCSP responder whose key sipca has itself."""
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
