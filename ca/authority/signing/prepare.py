"""From a request's octets to a prepared certificate; the register is not needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

from ca.csr.kept import is_emptied, kept_form
from ca.csr.parsing import read_request
from ca.csr.request import CertificateRequest
from ca.csr.shape import RequestShape, ShapedReader
from ca.device.request_rules import judge_at_target, judge_names_at_target
from ca.encoding.account import pack_account
from ca.errors import CAError, attempt
from ca.issuance.differences import name_differences
from ca.issuance.order import Issuer, Order, Prepared, own_request
from ca.issuance.prepare import prepare_all
from ca.issuance.shape import CertificateShapes
from ca.model.certificates import SubjectAttribute
from ca.model.findings import Finding, raise_failures
from ca.model.wishes import SigningWishes
from ca.profiles.profile import Profile
from ca.profiles.target import Target


class Terms(msgspec.Struct, frozen=True):
    """The issuer and time of a batch, and the names that only a CA of this home may have.

    ``thorough``: keys are also judged by the rules that take milliseconds.
    """

    issuer: Issuer
    now: datetime
    ca_subjects: tuple[tuple[SubjectAttribute, ...], ...]
    thorough: bool = True


class OwnKey(msgspec.Struct, frozen=True):
    """A key to certify without a request: its SubjectPublicKeyInfo, and the subject wanted."""

    spki: bytes
    subject: tuple[SubjectAttribute, ...]


class Job(msgspec.Struct, frozen=True):
    """One request to read and prepare."""

    data: bytes
    profile: Profile
    target: Target
    wishes: SigningWishes
    serial: int
    own: OwnKey | None = None
    """What is certified without a request."""
    proven: bool = False
    """It comes from the register: its signature verified when it was received."""


class Ready(msgspec.Struct, frozen=True):
    """A request that was read and prepared: what the register stores, and the findings.

    ``received`` has the octets before a challengePassword was taken out, else it is empty.
    """

    request: bytes
    request_hash: bytes
    prepared: Prepared
    findings: tuple[Finding, ...]
    account: bytes
    received: bytes = b""


Outcome = Ready | CAError


class Shapes:
    """What earlier requests of a batch and their certificates looked like around their slots."""

    def __init__(self) -> None:
        self.reader = ShapedReader()
        self.certificates = CertificateShapes()


ReadRequest = tuple[CertificateRequest, RequestShape | None] | CAError


def outcomes(terms: Terms, jobs: Sequence[Job], shapes: Shapes | None = None) -> list[Outcome]:
    """The outcome of each job: all are read, then all prepared, then all packed.

    With ``shapes`` most are read and prepared by the shape of an earlier one, with equal outcome.
    """
    return prepared(terms, jobs, read(jobs, shapes), shapes)


def read(jobs: Sequence[Job], shapes: Shapes | None = None) -> list[ReadRequest]:
    """The request of each job, with its shape, or the error."""
    return [attempt(_request, job, shapes) for job in jobs]


def prepared(
    terms: Terms,
    jobs: Sequence[Job],
    requests: Sequence[ReadRequest],
    shapes: Shapes | None = None,
    *,
    vouched: Sequence[bool] | None = None,
) -> list[Outcome]:
    """The outcome of each job whose request was read; ``vouched`` is as in ``Order``."""
    vouched = vouched or [False] * len(jobs)
    good = [
        (job, *each, known)
        for job, each, known in zip(jobs, requests, vouched, strict=True)
        if not isinstance(each, CAError)
    ]
    orders = [
        Order(
            request=request,
            shape=shape,
            vouched=known,
            profile=job.profile,
            issuer=terms.issuer,
            wishes=job.wishes,
            now=terms.now,
            serial=job.serial,
            ca_subjects=terms.ca_subjects,
            thorough=terms.thorough,
        )
        for job, request, shape, known in good
    ]
    done = prepare_all(orders, None if shapes is None else shapes.certificates)
    ready = iter(
        [
            each if isinstance(each, CAError) else attempt(_ready, job, request, each)
            for (job, request, *_), each in zip(good, done, strict=True)
        ]
    )
    return [each if isinstance(each, CAError) else next(ready) for each in requests]


def _request(job: Job, shapes: Shapes | None) -> tuple[CertificateRequest, RequestShape | None]:
    if job.own is not None:
        return own_request(job.own.spki, job.own.subject), None
    if shapes is not None and not job.proven:
        return shapes.reader.read(job.data)
    request = read_request(job.data)
    if job.proven and is_emptied(request):
        return msgspec.structs.replace(request, proven=True), None
    return request, None


def names_at_target(target: Target, prepared: Prepared, wishes: SigningWishes) -> list[Finding]:
    """A target's findings about names that the device did not ask for."""
    if not target.request.verbatim:
        return []
    differences = tuple(each.what for each in name_differences(prepared.account))
    return judge_names_at_target(target, differences, wishes.allow)


def _ready(job: Job, request: CertificateRequest, prepared: Prepared) -> Ready:
    at_target = names_at_target(job.target, prepared, job.wishes)
    raise_failures(at_target)
    findings = (*prepared.findings, *at_target, *judge_at_target(request, job.target))
    kept, account = kept_form(request), pack_account(prepared.account)
    received = b"" if kept == request.der else request.der
    hashed = sha256(kept or prepared.tbs).digest()
    return Ready(kept, hashed, prepared, findings, account, received)
