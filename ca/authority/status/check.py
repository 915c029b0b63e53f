"""``check``: the health of a home: lifetimes, status services, keys, leftovers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ca.authority.clock import read_clock
from ca.authority.home import CA, Home
from ca.authority.lineage import in_service, unfinished
from ca.authority.own_files import refuse_foreign_metrics
from ca.authority.refs import label
from ca.authority.status.crl import crl_record, served_until
from ca.authority.status.folder import look_at_folder
from ca.authority.status.keys import key_findings
from ca.authority.status.metrics import write_metrics
from ca.authority.status.ocsp import signer_health
from ca.authority.status.restored import gap_findings
from ca.authority.status.root_away import away_findings
from ca.authority.status.soundness import is_reliable, soundness
from ca.documents.check import CheckDocument
from ca.documents.verdict import verdict_of
from ca.lint.clock import clock_behind
from ca.lint.homes import CAKey, WithoutAddresses, judge_home
from ca.lint.lifetimes import (
    CAHealth,
    CertificateHealth,
    CompromisedKey,
    RevokedCA,
    UnfinishedPlans,
    UnfinishedRotation,
    judge_lifetime,
)
from ca.model.findings import SEVERITIES, CertificateMarks, Finding, Severity, about, run
from ca.model.status import RENEW_BEFORE, is_due
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.revocation.health import CRLHealth, judge
from ca.store import addresses, certificates, compromised, plans
from ca.store.certificates import CertificateRow
from ca.verification import has_weak_hash


def check(
    home: Home,
    *,
    expiring: timedelta | None = None,
    least: Severity = "warning",
    metrics: Path | None = None,
) -> CheckDocument:
    """The findings of at least a severity; the verdict takes all into account.

    ``metrics``: where to write a file for Prometheus, of all findings.

    Raises:
        ConflictError: at ``metrics`` is something else.
        StoreError: it cannot be written.
    """
    if metrics is not None:
        refuse_foreign_metrics(metrics)
    findings = soundness(home)
    sound = is_reliable(findings)
    if sound:
        findings += _findings(home, expiring)
    if metrics is not None:
        write_metrics(home, metrics, findings, sound=sound)
    shown = [each for each in findings if SEVERITIES[each.severity] >= SEVERITIES[least]]
    return CheckDocument(verdict=verdict_of(findings), findings=shown)


def _findings(home: Home, expiring: timedelta | None) -> list[Finding]:
    """What there is to say of a register that agrees with its history."""
    now = home.now()
    findings = [*judge_home(look_at_folder(home)), *clock_findings(home), *gap_findings(home)]
    longest = max(
        (each.lifetime_span for each in _shipped_profiles() if each.role == "end-entity"),
        default=timedelta(0),
    )
    for role in ("root", "issuing"):
        if unfinished(home, role):
            findings += judge_lifetime(UnfinishedRotation(role))
    for ca in in_service(home):
        if ca.is_current:
            findings += _ca_findings(home, ca, longest)
        findings += status_service_findings(home, ca)
    findings += away_findings(home, longest)
    until = int((now + (expiring or RENEW_BEFORE)).timestamp())
    for row in certificates.certificates(home.store, until=until, in_use=True):
        validity = row.validity
        if is_due(validity, now, expiring):
            end = validity.not_after
            certificate = CertificateHealth(label(row), row.serial.hex(), now, end)
            findings += about(judge_lifetime(certificate), _marks(row, end))
    for row in compromised.live_certificates(home.store, now):
        end = row.validity.not_after
        live = CompromisedKey(label(row), row.serial.hex(), end)
        findings += about(judge_lifetime(live), _marks(row, end))
    left = plans.open_plans(home.store, before=now - plans.ABANDON_AFTER)
    findings += judge_lifetime(UnfinishedPlans(tuple(serial.hex() for _, serial in left)))
    if home.base_url is not None:
        count = addresses.count_without_address(home.store, home.base_url, now)
        findings += judge_home(WithoutAddresses(home.base_url, count))
    return findings + key_findings(home)


def _ca_findings(home: Home, ca: CA, longest: timedelta) -> list[Finding]:
    """The findings about the certificate and the key of a CA that is not revoked."""
    if home.revocation_of(ca) is not None:
        return []
    facts = ca.issuer.facts
    assert facts is not None
    name, begin, end = ca.issuer.name, facts.validity.not_before, facts.validity.not_after
    beside = any(each.key.encrypted for each in home.cas())
    key = CAKey(name, ca.role, ca.issuer.key, ca.key.encrypted, has_weak_hash(facts), beside)
    health = CAHealth(name, ca.role, home.now(), end, longest, begin)
    return about([*judge_lifetime(health), *judge_home(key)], _ca_marks(ca))


def _marks(row: CertificateRow, end: datetime) -> CertificateMarks:
    return CertificateMarks(
        serial=row.serial.hex(), device=row.device, context=row.context, not_after=end
    )


def _ca_marks(ca: CA) -> CertificateMarks:
    facts = ca.issuer.facts
    assert facts is not None
    return CertificateMarks(serial=facts.serial, not_after=facts.validity.not_after)


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
        return about(judge_lifetime(fact), _ca_marks(ca))
    crl = crl_record(home, ca)
    served = served_until(home, ca)
    signer = signer_health(home, ca)
    return [
        *judge(CRLHealth(ca.issuer.name, ca.word, home.now(), served, crl.pending)),
        *about(judge(signer), CertificateMarks(serial=signer.serial, not_after=signer.not_after)),
    ]


def clock_findings(home: Home) -> list[Finding]:
    """The finding that the clock is behind; a home unused for a year is not a fault."""
    way = "pass --allow clock-behind once to sign, issue, revoke or crl to record that"
    return [
        msgspec.structs.replace(each, hint=f"{each.hint}: {way}")
        for each in run([clock_behind], read_clock(home))
    ]
