"""``check``: the lifetimes and leftovers of a home, judged."""

from __future__ import annotations

from datetime import timedelta

from ca.authority import crls
from ca.authority.finding import label
from ca.authority.home import CA, Home
from ca.authority.key_health import key_findings
from ca.authority.responding import signer_record
from ca.authority.soundness import soundness
from ca.documents.reports import verdict_of
from ca.documents.revocation import CheckDocument
from ca.encoding.certificates import read_certificate
from ca.model.findings import SEVERITIES, Finding, Severity
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.revocation.health import (
    CAHealth,
    CertificateHealth,
    Clock,
    CRLHealth,
    LeftPlans,
    SignerHealth,
    judge,
)
from ca.store import audit, certificates, plans
from ca.store.certificates import CURRENT

DEFAULT_EXPIRING = timedelta(days=60)


def check(
    home: Home, *, expiring: timedelta = DEFAULT_EXPIRING, least: Severity = "warning"
) -> CheckDocument:
    """Every finding of at least a severity; the verdict counts them all."""
    now = home.now()
    findings = soundness(home)
    if any(each.code == "register-altered" for each in findings):
        return CheckDocument(verdict="fail", findings=findings)  # the rest would build on it
    findings += judge(Clock(now, audit.newest_moment(home.store)))
    longest = max(
        (each.lifetime_span for each in _shipped_profiles() if each.role == "end-entity"),
        default=timedelta(0),
    )
    for ca in home.cas():
        facts = ca.issuer.facts
        assert facts is not None
        end = facts.validity.not_after
        findings += judge(CAHealth(ca.issuer.name, ca.role, now, end, longest))
        findings += status_service_findings(home, ca)
    until = int((now + expiring).timestamp())
    for row in certificates.certificates(home.store, until=until, since=int(now.timestamp())):
        if row.status(now) in CURRENT:
            end = read_certificate(row.der).validity.not_after
            findings += judge(CertificateHealth(label(row), row.serial.hex(), now, end))
    left = plans.open_plans(home.store, before=now - plans.ABANDON_AFTER)
    findings += judge(LeftPlans(tuple(serial.hex() for _, serial in left)))
    findings += key_findings(home)
    shown = [each for each in findings if SEVERITIES[each.severity] >= SEVERITIES[least]]
    return CheckDocument(verdict=verdict_of(findings), findings=shown)


def _shipped_profiles() -> list[Profile]:
    library = Library()
    return [library.profile(name) for name in library.profiles.names()]


def status_service_findings(home: Home, ca: CA) -> list[Finding]:
    """What is to be said of a CA's CRL and OCSP signer: ``/healthz`` asks for this alone."""
    now = home.now()
    crl = crls.crl_record(home, ca)
    signer = signer_record(home, ca, made=False)
    return [
        *judge(CRLHealth(ca.issuer.name, ca.role, now, crl.next_update, crl.pending)),
        *judge(SignerHealth(ca.issuer.name, ca.role, now, signer.not_after if signer else None)),
    ]
