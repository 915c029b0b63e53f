"""The answers of ``scep ...``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ca.documents.base import Document
from ca.documents.ocsp import SignerRecord
from ca.documents.sign import Refused, Signed
from ca.model.account import FieldAccount
from ca.model.findings import Finding

Status = Literal["pending", "issued", "denied", "lapsed"]


class EnrolmentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A request that came by SCEP.

    ``device`` is the one that it claims to be from, or that its challenge is for; ``known``:
    whether the register has that device. ``profile``: by which it is or would be signed.
    ``renews``: the serial of the certificate that a renewal is signed by. ``legacy``: weak
    algorithms of its message. ``serial``: of the certificate that was issued. ``reason``: who
    granted it, or why it was denied.
    """

    id: int
    status: Status
    kind: Literal["new", "renewal"]
    transaction_id: str
    received_at: datetime
    address: str
    device: str | None
    known: bool
    subject: str
    san: list[str]
    key: str
    profile: str | None
    challenge: bool
    renews: str | None
    legacy: list[str]
    serial: str | None
    reason: str | None
    decided_at: datetime | None
    findings: list[Finding]


class RefusalRecord(msgspec.Struct, frozen=True):
    """What an address was refused with before there was anything to decide, and how often."""

    address: str
    sentence: str
    count: int
    first_at: datetime
    last_at: datetime


class EnrolmentListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``scep list``: requests, oldest first, and the newest refusals."""

    requests: list[EnrolmentRecord]
    refused: list[RefusalRecord]


class EnrolmentDocument(Document, frozen=True, kw_only=True):
    """The answer of ``scep show``; ``account`` is empty where the request would be refused."""

    request: EnrolmentRecord
    account: list[FieldAccount]
    certificate_pem: str | None


class EnrolmentDecisionDocument(Document, frozen=True, kw_only=True):
    """The answer of ``scep approve`` and ``scep deny``.

    ``signed`` has the certificates that this call signed; ``refused`` the requests that could not
    be decided, by their numbers.
    """

    ca: str
    home: str
    decided: list[EnrolmentRecord]
    signed: list[Signed]
    refused: list[Refused]


class CAFingerprints(msgspec.Struct, frozen=True, kw_only=True):
    """A CA certificate's fingerprints, hex digits without colons; phones compare one of them."""

    name: str
    role: str
    md5: str
    sha1: str
    sha256: str


class ChallengeDocument(Document, frozen=True, kw_only=True):
    """The answer of ``scep challenge``: the challenge itself, which is kept nowhere else.

    ``names``: the only names that it may be used for; empty: any. ``url`` is null while the home
    has no base URL. ``configuration``: lines of the phone's configuration file, with ``basis``
    saying whether the vendor's text has them; ``digest`` is the fingerprint in it.
    ``thresholds``: settings for when the phone renews.
    """

    ca: str
    challenge: str
    device: str | None
    names: list[str]
    profile: str | None
    uses: int
    expires: datetime
    url: str | None
    fingerprints: list[CAFingerprints]
    configuration: list[str]
    thresholds: dict[str, str]
    basis: str
    digest: str
    digest_basis: str
    automatic: bool
    findings: list[Finding]


class RADocument(Document, frozen=True, kw_only=True):
    """The answer of ``scep rotate``; ``made`` of the RA is false where none had to be made."""

    ra: SignerRecord
