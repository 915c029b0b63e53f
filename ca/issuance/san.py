"""Decide the subjectAltName: names from the request, from the operator, and from the CN."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ca.csr.request import Flaw
from ca.csr.requested import MAX_NAMES
from ca.csr.rules import undecodable_name
from ca.issuance.given_names import about_given_cn, about_given_san
from ca.issuance.order import Order
from ca.issuance.subject_names import judge_names_in_subject
from ca.model.account import Decision, FieldAccount, How
from ca.model.certificates import NAME_KINDS, GeneralName, SubjectAttribute, cn_of
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.common_name import cn_port, name_of_cn
from ca.names.general import check_general_name, fold, retype
from ca.names.hosts import is_factory_name, looks_like_host
from ca.names.sip import sip_uri_host, sip_uri_user

Names = tuple[GeneralName, ...]


class NoName(msgspec.Struct, frozen=True):
    """The CN of a certificate that would have no SAN."""

    cn: str | None


@rule("san-required", "error", "RFC 5280 4.2.1.6; RFC 9525 2")
@cases("CN=sbc1.lab.example, which becomes dns:sbc1.lab.example", "CN=ACL_482913 and no SAN")
def san_required(subject: NoName) -> Violation:
    """The certificate has at least one name in its SAN, where peers look for it."""
    if subject.cn and is_factory_name(subject.cn):
        return Violation(
            f"the request has no SAN, and its CN '{subject.cn}' is a factory name no peer dials",
            "give the names that peers dial: --cn sbc1.lab.example, or --san dns:NAME, --san ip:IP",
        )
    return Violation(
        f"the request has no SAN, and its CN '{subject.cn or ''}' is neither host name nor address",
        "give the names that peers dial: --san dns:NAME, --san ip:ADDR",
    )


@rule("factory-cn", "warning", "targets 1", basis="vendor")
@cases("CN=sbc1.lab.example", "CN=ACL_482913, or a MAC address")
def factory_cn(cn: str) -> Violation | None:
    """The CN is not one that the device made up."""
    if is_factory_name(cn):
        return Violation(
            f"the CN '{cn}' is a factory name that no peer dials", "give another with --cn NAME"
        )
    return None


@rule("san-kind", "error", "profiles 1")
@cases("--san ip:10.4.0.20 with profile sip", "--san uri:sip:lab.example with profile https")
def san_kind(pair: tuple[GeneralName, Order]) -> Violation | None:
    """Each name given with --san is of a type that the profile takes."""
    name, order = pair
    if name.kind in order.profile.san.take:
        return None
    kinds = ", ".join(order.profile.san.take) or "no names at all"
    return Violation(
        f"{order.wishes.said('san', str(name), name.value)}: profile {order.profile.name} takes "
        f"{kinds}",
        "choose another profile",
    )


@rule("sip-uri-trap", "warning", "RFC 5922 7.1")
@cases("dns:lab.example, uri:sip:lab.example", "dns:sbc1.lab.example, uri:sip:lab.example")
def sip_uri_trap(names: Names) -> Violation | None:
    """If the SAN has a sip: URI, each DNS name in it is there as a sip: URI too."""
    dialled = {host for name in names if name.kind == "uri" and (host := sip_uri_host(name.value))}
    if not dialled:
        return None
    left = [n.value for n in names if n.kind == "dns" and n.value.casefold() not in dialled]
    if not left:
        return None
    return Violation(
        f"a strict SIP peer (RFC 5922) sees only the sip: URIs: {', '.join(left)} will not match",
        f"add --san uri:sip:{left[0]} for each name that such a peer dials",
    )


@rule("san-count", "error", "profiles 5")
@cases("Five names, as the CSR page offers.", "101 names.")
def san_count(count: int) -> Violation | None:
    """A certificate has at most 100 names."""
    if count <= MAX_NAMES:
        return None
    return Violation(
        f"the certificate would have {count} names; at most {MAX_NAMES} are allowed",
        "give each device its own certificate, or a wildcard where no SIP peer compares it",
    )


class _Collector:
    """Collects names in order, without duplicates, with their lines of the account and findings."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.names: list[GeneralName] = []
        self.lines: list[FieldAccount] = []
        self.findings: list[Finding] = []
        self._folded: set[str] = set()

    def judge(self, name: GeneralName) -> tuple[Finding, ...]:
        san = self.order.profile.san
        findings = check_general_name(
            name,
            wildcard=san.wildcard,
            allowed=self.order.wishes.allow,
            schemes=san.uri_schemes,
        )
        if san.sip_domain and name.kind == "uri":
            findings += tuple(run([sip_uri_user], name, self.order.wishes.allow))
        return findings

    def add(self, name: GeneralName, asked: str | None, how: How, rule_name: str) -> None:
        findings = self.judge(name)
        if rule_name == "--san":
            findings = tuple(about_given_san(findings, name, self.order.wishes))
        self.findings.extend(findings)
        if (folded := fold(name)) in self._folded:
            if asked is not None:
                self.lines.append(FieldAccount("san", asked, None, "refused", "san-duplicate"))
            return
        self._folded.add(folded)
        self.names.append(name)
        forced = [
            each.code for each in findings if each.result == "warn" and each.severity == "error"
        ]
        if forced:
            how, rule_name = "forced", forced[0]
        self.lines.append(FieldAccount("san", asked, str(name), how, rule_name))

    def drop(self, asked: str, rule_name: str) -> None:
        self.lines.append(FieldAccount("san", asked, None, "refused", rule_name))

    def take(self, name: GeneralName) -> None:
        """Add a name of the request; with ``--fix-san``, one of the wrong type is re-typed."""
        profile = self.order.profile
        if self.order.wishes.fix_san and any(f.result == "fail" for f in self.judge(name)):
            retyped = retype(name)
            if retyped is not None and retyped.kind in profile.san.take:
                self.add(retyped, str(name), "changed", "--fix-san")
                return
        if name.kind not in profile.san.take:
            self.drop(str(name), f"profile {profile.name}")
            return
        self.add(name, str(name), "taken", "san")

    def add_cn(self, cn: str) -> None:
        """Add the CN as a name unless it is present; its findings are marked as about the CN."""
        if ":" in cn:
            self.findings.extend(about_given_cn(run([cn_port], cn), self.order.wishes))
        name = name_of_cn(cn, alone=not self.names)
        if name is None or name.kind not in self.order.profile.san.take:
            return
        if fold(name) not in self._folded:
            before, better = len(self.findings), cn.rstrip(".")
            better = better if better != cn and looks_like_host(better) else "NAME"
            hint = f"--cn {better} takes its place"
            self.add(name, None, "added", "cn-in-san")
            of_cn = [
                msgspec.structs.replace(each, message=f"from the CN: {each.message}", hint=hint)
                for each in self.findings[before:]
            ]
            self.findings[before:] = about_given_cn(of_cn, self.order.wishes)


def decide_san(
    order: Order, subject: tuple[SubjectAttribute, ...]
) -> tuple[Decision[Names], list[Finding]]:
    """Take the request's names in its order, then the operator's, then the CN if it is a name."""
    rules, wishes = order.profile.san, order.wishes
    asked = 0 if wishes.replace_san else len(order.request.san)
    if too_many := run([san_count], asked + len(wishes.san)):
        return Decision((), ()), too_many
    collector = _Collector(order)
    _take_requested(collector)
    for name in order.wishes.san:
        collector.findings.extend(run([san_kind], (name, order)))
        collector.add(name, None, "added", "--san")
    cn = cn_of(subject)
    if cn and rules.from_cn:
        collector.add_cn(cn)
    names = tuple(collector.names)
    findings = collector.findings
    if rules.require and not names and not any(f.result == "fail" for f in findings):
        findings.append(san_required.finding(san_required.check(NoName(cn))))  # type: ignore[arg-type]
    if cn and not order.profile.subject.factory_cn and order.profile.role == "end-entity":
        findings += about_given_cn(run([factory_cn], cn), wishes)
    findings += run([sip_uri_trap], names)
    # first, because no other spelling of a SAN helps against these
    about_subject = judge_names_in_subject(order, subject, names)
    return Decision(names, tuple(collector.lines)), [*about_subject, *findings]


def _take_requested(collector: _Collector) -> None:
    """Take the request's names; with ``--replace-san`` they are dropped without being judged."""
    order, wishes = collector.order, collector.order.wishes
    for name in order.request.san:
        if wishes.replace_san:
            collector.drop(str(name), "--replace-san")
        else:
            collector.take(name)
    for text in order.request.other_names:
        collector.drop(text, "--replace-san" if wishes.replace_san else "san-kinds")
    for flaw in order.request.san_flaws:
        if wishes.replace_san or not _would_be_taken(flaw, order.profile.san.take):
            source = "--replace-san" if wishes.replace_san else f"profile {order.profile.name}"
            collector.drop(flaw.text, source)
        else:
            collector.findings.extend(run([undecodable_name], flaw))


def _would_be_taken(flaw: Flaw, take: Collection[str]) -> bool:
    """Whether a flaw could be a name that the profile takes; one of unknown kind could be any."""
    kind = flaw.text.partition(":")[0]
    return bool(take) and (kind in take or kind not in NAME_KINDS)
