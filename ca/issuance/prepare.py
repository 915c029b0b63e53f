"""Prepare certificates: from an order to a linted TBSCertificate and its account, not yet signed.

A batch is processed step by step, not order by order: the code of a step stays in the processor's
cache, which makes a batch a third faster (``scripts/bench bulk``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ca.csr.proof import Possession, Proof
from ca.csr.rules import judge_request
from ca.errors import CAError, attempt
from ca.issuance.assembly import assemble
from ca.issuance.differences import as_requested, judge_differences
from ca.issuance.extensions import Extension, decide_extensions
from ca.issuance.order import Order, Prepared
from ca.issuance.san import decide_san
from ca.issuance.shape import CertificateShapes
from ca.issuance.subject import decide_subject
from ca.issuance.validity import decide_validity
from ca.keys.signer import algorithm_identifier, signature_name
from ca.lint.certificates import CERTIFICATE_RULES, Promised, ToBeSigned, read_back
from ca.lint.public_keys import KEY_RULES, check_public_key
from ca.model.account import Decision, FieldAccount, How
from ca.model.certificates import GeneralName, SubjectAttribute, Validity
from ca.model.findings import Finding, raise_failures, run


class _Work:
    """An order in progress: what the steps so far have decided, or the error that stopped it."""

    subject: Decision[tuple[SubjectAttribute, ...]]
    san: Decision[tuple[GeneralName, ...]]
    validity: Decision[Validity]
    extensions: Decision[tuple[Extension, ...]]
    promised: Promised
    tbs: bytes
    read: ToBeSigned

    def __init__(self, order: Order) -> None:
        self.order = order
        self.findings: list[Finding] = []
        self.error: CAError | None = None
        self.prepared: Prepared | None = None

    def add(self, findings: Sequence[Finding]) -> None:
        """Add findings.

        Raises:
            CAError: one of them is a failure.
        """
        self.findings += findings
        raise_failures(findings, can_allow=self.order.profile.role == "end-entity")


def prepare(order: Order) -> Prepared:
    """Decide every field of a certificate, encode its TBSCertificate and lint it.

    Raises:
        CAError: the request, an option, a rule about keys or a lint forbids the certificate.
    """
    (outcome,) = prepare_all([order])
    if isinstance(outcome, CAError):
        raise outcome
    return outcome


def prepare_all(
    orders: Sequence[Order], shapes: CertificateShapes | None = None
) -> list[Prepared | CAError]:
    """Prepare many orders; a refused or failed order yields its error at its index.

    With ``shapes``, orders for shaped requests are filled into the shape of an earlier certificate.
    """
    works = [_Work(order) for order in orders]
    for step in _STEPS:
        _take(step, works)
    if shapes is not None:
        _take(partial(_fill, shapes), works)
    long_ways = [work for work in works if work.prepared is None]
    for step in _LONG_WAY:
        _take(step, long_ways)
    return [_outcome(work) for work in works]


def _take(step: Callable[[_Work], None], works: Sequence[_Work]) -> None:
    for work in works:
        if work.error is None:
            work.error = attempt(step, work)


def _outcome(work: _Work) -> Prepared | CAError:
    if work.error is not None:
        return work.error
    assert work.prepared is not None
    return work.prepared


def _fill(shapes: CertificateShapes, work: _Work) -> None:
    """Fill the shape of an earlier certificate; the first of a shape is prepared at once.

    Where filling refuses, nothing is filled: the long way decides, and words the refusal.
    """
    order = work.order
    if order.shape is None:
        return
    if not shapes.knows(order, work.promised):
        for step in _LONG_WAY:
            step(work)
        shapes.learn(order, work.tbs, work.read, work.extensions.lines)
        return
    shape, found = shapes.of(order, work.promised), [*work.findings]
    if shape is None:
        return
    try:
        tbs = shape.fill(order, work.promised)
        if tbs is None:
            return
        prepared = attempt(_taken_the_long_way, work) if shape.trial.is_due() else None
        work.tbs = tbs
        _account_for(work, shape.account(order.request.key))
    except CAError:
        work.findings = found
        return
    if prepared not in (None, work.prepared):
        shapes.forget(order, work.promised)
        raise RuntimeError("a certificate was filled otherwise than it is prepared")


def _taken_the_long_way(work: _Work) -> Prepared | None:
    other = _Work(work.order)
    other.subject, other.san, other.validity = work.subject, work.san, work.validity
    other.promised, other.findings = work.promised, [*work.findings]
    for step in _LONG_WAY:
        step(other)
    return other.prepared


def _judge_request(work: _Work) -> None:
    order = work.order
    if order.request.der:
        proof = Proof(Possession.GOOD, "") if order.vouched else None
        work.add(judge_request(order.request, order.wishes.allow, proof=proof))


def _judge_key(work: _Work) -> None:
    order = work.order
    thorough = order.thorough and bool(
        order.request.der
    )  # keys that sipca created need no such check
    if order.vouched and not thorough:
        return
    key, allow = order.request.key, order.profile.key.allow
    work.add(check_public_key(key, allow, order.wishes.allow, thorough=thorough))


def _decide_names(work: _Work) -> None:
    work.subject, about_subject = decide_subject(work.order)
    work.san, about_san = decide_san(work.order, work.subject.value)
    work.add([*about_subject, *about_san])


def _decide_validity(work: _Work) -> None:
    work.validity = decide_validity(work.order)
    work.promised = Promised(work.subject.value, work.san.value, work.validity.value)


def _decide_extensions(work: _Work) -> None:
    work.extensions = decide_extensions(work.order, work.san.value)


def _assemble(work: _Work) -> None:
    validity, extensions = work.validity.value, work.extensions.value
    work.tbs = assemble(work.order, work.subject.value, validity, extensions)


def _lint(work: _Work) -> None:
    order = work.order
    work.read = read_back(
        work.tbs,
        promised=work.promised,
        profile=order.profile,
        key=order.request.key,
        issuer=order.issuer.facts,
        algorithm=algorithm_identifier(order.issuer.key),
    )
    raise_failures(run(CERTIFICATE_RULES, work.read))


def _join_account(work: _Work) -> None:
    account = _account_for(work, work.extensions.lines)
    _assert_complete(work.order, account, work.read)


def _account_for(work: _Work, extensions: tuple[FieldAccount, ...]) -> tuple[FieldAccount, ...]:
    order = work.order
    names = (*work.subject.lines, *work.san.lines)
    work.add(judge_differences(order, names, extensions))
    if order.profile.verbatim:
        names = as_requested(names)
    account = (
        *names,
        *_key_lines(order, work.findings),
        *extensions,
        *work.validity.lines,
        *_ca_lines(order),
    )
    work.prepared = Prepared(
        work.tbs,
        order.serial.to_bytes(16, "big"),
        work.subject.value,
        work.san.value,
        work.validity.value,
        order.request.key.identity,
        account,
        tuple(work.findings),
    )
    return account


_STEPS: tuple[Callable[[_Work], None], ...] = (
    _judge_request,
    _judge_key,
    _decide_names,
    _decide_validity,
)
_LONG_WAY = (_decide_extensions, _assemble, _lint, _join_account)
"""The steps that filling a shape replaces."""


def _key_lines(order: Order, findings: list[Finding]) -> tuple[FieldAccount, ...]:
    request = order.request
    forced = [
        f.code
        for f in findings
        if f.result == "warn" and f.severity == "error" and f.code in _KEY_CODES
    ]
    how: How = "forced" if forced else "taken"
    rule = forced[0] if forced else "key"
    lines = [FieldAccount("key", request.key.label, request.key.label, how, rule)]
    lines += [
        FieldAccount(f"attribute.{name}", name, None, "refused", "attributes")
        for name in request.attributes
    ]
    return tuple(lines)


_KEY_CODES = frozenset(rule.code for rule in KEY_RULES if rule.allow)
"""Rules about keys that the operator can override."""


def _ca_lines(order: Order) -> tuple[FieldAccount, ...]:
    asked = order.request.signature_algorithm or None
    issued = signature_name(order.issuer.key)
    how: How = "added" if asked is None else "taken" if asked == issued else "changed"
    serial = f"{order.serial:x}"
    return (
        FieldAccount("signature", asked, issued, how, "ca-signature"),
        FieldAccount("issuer", None, order.issuer.name, "added", "issuer"),
        FieldAccount("serial", None, serial, "added", "random-serial"),
        FieldAccount("version", None, "3", "added", "version-3"),
    )


_ALWAYS = frozenset(("version", "serial", "signature", "issuer", "validity", "key"))


def _assert_complete(order: Order, account: tuple[FieldAccount, ...], read: ToBeSigned) -> None:
    """Raise RuntimeError if the account lacks a line for a field of request or certificate."""
    asked = [(line.field, line.asked) for line in account if line.asked is not None]
    for field in _requested_fields(order):
        if field not in asked:
            raise RuntimeError(f"the account has no line for the request's {field}")
        asked.remove(field)
    issued = [line.field for line in account if line.issued is not None]
    extensions = [field for field in issued if field.startswith("extension.")]
    if "san" in issued:
        extensions.append("san")
    if len(read.extensions) != len(extensions):
        raise RuntimeError(
            f"{len(read.extensions)} extensions, but {len(extensions)} in the account"
        )
    if len(read.attributes) != len([field for field in issued if field.startswith("subject.")]):
        raise RuntimeError("an attribute of the subject has no line in the account")
    if missing := _ALWAYS.difference(issued):
        raise RuntimeError(f"the account has no line for {', '.join(sorted(missing))}")


def _requested_fields(order: Order) -> list[tuple[str, str]]:
    """Name and value of every field that the request asks for."""
    request = order.request
    fields = [(f"subject.{each.type}", each.value) for each in request.subject]
    fields += [("san", str(each)) for each in request.san]
    fields += [("san", text) for text in request.other_names]
    fields += [("san", flaw.text) for flaw in request.san_flaws]
    fields += [
        (f"extension.{each.name}", each.text)
        for each in request.extensions
        if each.name != "subjectAltName"
    ]
    fields += [(f"attribute.{name}", name) for name in request.attributes]
    return fields
