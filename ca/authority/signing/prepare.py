"""From a request's octets to a prepared certificate, in this process or a worker.

Arguments and results are octets, text and Structs, which can be passed between processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

from ca.csr.kept import is_emptied, kept_form
from ca.csr.parsing import read_request
from ca.csr.request import CertificateRequest
from ca.device.request_rules import judge_at_target, judge_names_at_target
from ca.encoding.account import pack_account
from ca.errors import CAError, attempt
from ca.issuance.differences import name_differences
from ca.issuance.order import Issuer, Order, Prepared, own_request
from ca.issuance.prepare import prepare_all
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


def outcomes(terms: Terms, jobs: Sequence[Job]) -> list[Outcome]:
    """The outcome of each job: all are read, then all prepared, then all packed."""
    read = [attempt(_request, job) for job in jobs]
    good = [
        (job, request)
        for job, request in zip(jobs, read, strict=True)
        if not isinstance(request, CAError)
    ]
    orders = [
        Order(
            request=request,
            profile=job.profile,
            issuer=terms.issuer,
            wishes=job.wishes,
            now=terms.now,
            serial=job.serial,
            ca_subjects=terms.ca_subjects,
            thorough=terms.thorough,
        )
        for job, request in good
    ]
    ready = iter(
        [
            prepared if isinstance(prepared, CAError) else attempt(_ready, job, request, prepared)
            for (job, request), prepared in zip(good, prepare_all(orders), strict=True)
        ]
    )
    return [each if isinstance(each, CAError) else next(ready) for each in read]


def _request(job: Job) -> CertificateRequest:
    if job.own is None:
        request = read_request(job.data)
        if job.proven and is_emptied(request):
            return msgspec.structs.replace(request, proven=True)
        return request
    return own_request(job.own.spki, job.own.subject)


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
