"""``csr show``: what a device asked for, and what would be issued."""

from __future__ import annotations

import msgspec

from ca.authority.home import Home
from ca.authority.signing.candidates import Source
from ca.authority.signing.judge import Judge
from ca.authority.signing.prepare import outcomes
from ca.csr.parsing import read_request
from ca.csr.proof import prove_possession
from ca.csr.request import CertificateRequest
from ca.csr.rules import judge_request, undecodable_name
from ca.device.crib import Wanted, crib
from ca.device.request_rules import device_verbatim, judge_at_target
from ca.documents.csr import ExtensionRecord, RequestDocument
from ca.documents.device import CribDocument
from ca.documents.verdict import verdict_of
from ca.errors import CAError
from ca.lint.public_keys import ANY_KEY, check_public_key
from ca.model.account import FieldAccount
from ca.model.certificates import GeneralName, subject_text
from ca.model.findings import Finding, run
from ca.model.wishes import SigningWishes
from ca.names.common_name import cn_port, name_of_cn
from ca.names.general import check_general_name, retype
from ca.names.subjects import check_subject
from ca.profiles.library import Library
from ca.profiles.target import Target


def inspect_request(data: bytes, *, source: str, library: Library, target: str) -> RequestDocument:
    """A request as received, with findings; needs no CA.

    Raises:
        MalformedError: the data has no request.
        NotFoundError: there is no such target.
    """
    request = read_request(data)
    names_flaws = (*request.subject_flaws, *request.san_flaws)
    findings = [
        *judge_request(request),
        *check_public_key(request.key, ANY_KEY),
        *(f for flaw in names_flaws for f in run([undecodable_name], flaw)),
        *check_subject(request.subject),
        *(f for name in _names(request) for f in check_general_name(name, wildcard=True)),
        *run([cn_port], request.cn or ""),
        *judge_at_target(request, library.target(target)),
    ]
    known = library.target(target)
    return RequestDocument(
        crib=_crib_of(request, known, findings),
        source=source,
        subject=subject_text(request.subject),
        san=[
            *map(str, request.san),
            *request.other_names,
            *(flaw.text for flaw in request.san_flaws),
        ],
        key=request.key.label,
        key_identity=request.key.identity.hex(),
        signature_algorithm=request.signature_algorithm,
        proof=str(prove_possession(request).outcome),
        extensions=[ExtensionRecord(e.name, e.critical, e.text) for e in request.extensions],
        attributes=list(request.attributes),
        repairs=list(request.repairs),
        verdict=verdict_of(findings),
        findings=findings,
        profile=None,
        account=[],
    )


def _names(request: CertificateRequest) -> tuple[GeneralName, ...]:
    """The requested names; if there are none, the one that the CN represents."""
    if request.san or request.san_flaws or not request.cn:
        return request.san
    name = name_of_cn(request.cn, alone=True)
    return () if name is None else (name,)


def with_account(
    home: Home, document: RequestDocument, data: bytes, profile: str, target: str
) -> RequestDocument:
    """Add the account of what this home would issue by a profile, or why it would refuse.

    Raises:
        NotFoundError: there is no such profile.
    """
    account, more = _account(home, data, profile, target)
    findings = _each_once([*document.findings, *more])
    return msgspec.structs.replace(
        document,
        profile=profile,
        account=account,
        findings=findings,
        verdict=verdict_of(findings),
        crib=_crib_of(read_request(data), home.library.target(target), findings),
    )


def _each_once(findings: list[Finding]) -> list[Finding]:
    """Findings without those that another says in the same words."""
    return list({(each.code, each.message): each for each in findings}.values())


def _account(
    home: Home, data: bytes, profile: str, target: str
) -> tuple[list[FieldAccount], list[Finding]]:
    """The account and the findings, and the refusal if ``sign`` would refuse it.

    The refusal has the code of its rule, and once more that of its kind.
    """
    home.library.profile(profile)
    judge = Judge(home)
    source = Source("request", None, SigningWishes(profile=profile, target=target), data=data)
    try:
        candidate = judge.candidate(source)
    except CAError as error:
        codes = dict.fromkeys([*([error.rule] if error.rule else []), f"profile-{error.kind}"])
        refusals = [
            Finding(code, "error", "fail", error.message, error.hint, "standard", "profiles 1")
            for code in codes
        ]
        shown = error.rule == device_verbatim.code
        return _account_alone(judge, source) if shown else [], refusals
    return list(candidate.prepared.account), list(candidate.findings)


def _account_alone(judge: Judge, source: Source) -> list[FieldAccount]:
    """The account of what is refused only for its device's sake, which shows what differs."""
    (outcome,) = outcomes(judge.terms(), [judge.job(_for_any_device(source))])
    return [] if isinstance(outcome, CAError) else list(outcome.prepared.account)


def _for_any_device(source: Source) -> Source:
    wishes = msgspec.structs.replace(source.wishes, target="generic")
    return msgspec.structs.replace(source, wishes=wishes)


def _crib_of(
    request: CertificateRequest, target: Target, findings: list[Finding]
) -> CribDocument | None:
    """What should have been typed, where the request would be refused."""
    failed = {each.code for each in findings if each.result == "fail"}
    if not failed - {"broken-signature"}:  # that one is to be copied again
        return None
    names = tuple(retype(name) or name for name in _names(request))
    cn = None if request.cn is None else name_of_cn(request.cn, alone=False)
    known = dict.fromkeys(([cn] if cn else []) + list(names))
    device = cn.value if cn else "NAME"
    return crib(Wanted(device=device, context=None, target=target, names=tuple(known)))
