"""``csr show``: what a device asked for, and what would be issued."""

from __future__ import annotations

import msgspec

from ca.authority.home import Home
from ca.authority.signing.judge import Judge
from ca.authority.signing.prepare import names_at_target
from ca.csr.parsing import read_request
from ca.csr.proof import prove_possession
from ca.csr.request import CertificateRequest
from ca.csr.rules import judge_request, undecodable_name
from ca.device.request_rules import judge_at_target
from ca.documents.csr import ExtensionRecord, RequestDocument
from ca.documents.verdict import verdict_of
from ca.errors import CAError
from ca.issuance.order import Order
from ca.issuance.prepare import prepare
from ca.lint.public_keys import ANY_KEY, check_public_key
from ca.model.account import FieldAccount
from ca.model.certificates import GeneralName, subject_text
from ca.model.findings import Finding, run
from ca.model.wishes import SigningWishes
from ca.names.common_name import cn_port, name_of_cn
from ca.names.general import check_general_name
from ca.names.subjects import check_subject
from ca.profiles.library import Library


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
    return RequestDocument(
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
    request = read_request(data)
    account, more = _account(home, request, profile, target)
    findings = list(dict.fromkeys([*document.findings, *more]))
    return msgspec.structs.replace(
        document, profile=profile, account=account, findings=findings, verdict=verdict_of(findings)
    )


def _account(
    home: Home, request: CertificateRequest, profile: str, target: str
) -> tuple[list[FieldAccount], list[Finding]]:
    ca = home.ca("issuing")
    order = Order(
        request=request,
        profile=home.library.profile(profile),
        issuer=ca.issuer,
        wishes=SigningWishes(profile=profile),
        now=home.now(),
        serial=home.new_serial(),
        ca_subjects=tuple(each.issuer.facts.subject for each in home.cas() if each.issuer.facts),
    )
    try:
        Judge(home).check_key(request.key.identity)
        prepared = prepare(order)
        at_target = names_at_target(home.library.target(target), prepared, order.wishes)
        return list(prepared.account), [*prepared.findings, *at_target]
    except CAError as error:
        code, cites = f"profile-{error.kind}", "profiles 1"
        finding = Finding(code, "error", "fail", error.message, error.hint, "standard", cites)
        return [], [finding]
