"""``check``: the health of a home: lifetimes, status services, keys, leftovers."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from ca.authority.clock import read_clock
from ca.authority.home import CA, Home
from ca.authority.refs import label
from ca.authority.status.crl import crl_record, served_until
from ca.authority.status.keys import key_findings
from ca.authority.status.ocsp import signer_health
from ca.authority.status.restored import gap_findings
from ca.authority.status.root_away import away_findings
from ca.authority.status.soundness import soundness
from ca.documents.check import CheckDocument
from ca.documents.verdict import verdict_of
from ca.encoding.certificates import read_certificate
from ca.lint.clock import clock_behind
from ca.lint.lifetimes import (
    CAHealth,
    CertificateHealth,
    RevokedCA,
    UnfinishedPlans,
    judge_lifetime,
)
from ca.model.findings import SEVERITIES, Finding, Severity, run
from ca.model.status import CURRENT, RENEW_BEFORE
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.revocation.health import CRLHealth, judge
from ca.store import certificates, plans


def check(
    home: Home, *, expiring: timedelta = RENEW_BEFORE, least: Severity = "warning"
) -> CheckDocument:
    """The findings of at least a severity; the verdict takes all into account."""
    now = home.now()
    findings = soundness(home)
    if any(each.code == "register-altered" for each in findings):
        return CheckDocument(verdict="fail", findings=findings)  # the other checks rely on it
    findings += clock_findings(home)
    findings += gap_findings(home)
    longest = max(
        (each.lifetime_span for each in _shipped_profiles() if each.role == "end-entity"),
        default=timedelta(0),
    )
    for ca in home.cas():
        facts = ca.issuer.facts
        assert facts is not None
        if home.revocation_of(ca) is None:
            end = facts.validity.not_after
            findings += judge_lifetime(CAHealth(ca.issuer.name, ca.role, now, end, longest))
        findings += status_service_findings(home, ca)
    findings += away_findings(home, longest)
    until = int((now + expiring).timestamp())
    for row in certificates.certificates(home.store, until=until, since=int(now.timestamp())):
        if row.status(now) in CURRENT:
            end = read_certificate(row.der).validity.not_after
            findings += judge_lifetime(CertificateHealth(label(row), row.serial.hex(), now, end))
    left = plans.open_plans(home.store, before=now - plans.ABANDON_AFTER)
    findings += judge_lifetime(UnfinishedPlans(tuple(serial.hex() for _, serial in left)))
    findings += key_findings(home)
    shown = [each for each in findings if SEVERITIES[each.severity] >= SEVERITIES[least]]
    return CheckDocument(verdict=verdict_of(findings), findings=shown)


def _shipped_profiles() -> list[Profile]:
    library = Library()
    return [library.profile(name) for name in library.profiles.names()]


def status_service_findings(home: Home, ca: CA) -> list[Finding]:
    """The findings about a CA's status services: its CRL, its OCSP signer, its revocation."""
    if (revocation := home.revocation_of(ca)) is not None:
        assert ca.issuer.facts is not None
        serial = ca.issuer.facts.serial
        fact = RevokedCA(
            ca.issuer.name, serial, revocation.status, revocation.reason, revocation.since
        )
        return judge_lifetime(fact)
    crl = crl_record(home, ca)
    served = served_until(home, ca)
    return [
        *judge(CRLHealth(ca.issuer.name, ca.role, home.now(), served, crl.pending)),
        *judge(signer_health(home, ca)),
    ]


def clock_findings(home: Home) -> list[Finding]:
    """The finding that the clock is behind; a home unused for a year is not a fault."""
    way = "pass --allow clock-behind once to sign, issue, revoke or crl to record that"
    return [
        msgspec.structs.replace(each, hint=f"{each.hint}: {way}")
        for each in run([clock_behind], read_clock(home))
    ]
