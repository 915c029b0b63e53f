"""Rules for what expires, is revoked, or was left unfinished: CAs, certificates and plans."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.model.findings import Finding, Rule, Violation, cases, rule, run


class CAHealth(msgspec.Struct, frozen=True):
    """A CA: when its certificate began and ends, and the longest lifetime of a shipped profile."""

    name: str
    role: str
    now: datetime
    not_after: datetime
    longest: timedelta
    not_before: datetime | None = None

    @property
    def left(self) -> timedelta:
        """The time until the certificate ends."""
        return self.not_after - self.now


class RevokedCA(msgspec.Struct, frozen=True):
    """A CA whose own certificate is revoked or on hold; ``status`` is "revoked" or "held"."""

    name: str
    serial: str
    status: str
    reason: str
    since: datetime


class CertificateHealth(msgspec.Struct, frozen=True):
    """A current certificate that expires soon."""

    name: str
    serial: str
    now: datetime
    not_after: datetime


class CompromisedKey(msgspec.Struct, frozen=True):
    """A certificate that is valid although its key was revoked for key-compromise."""

    name: str
    serial: str
    not_after: datetime


class UnfinishedPlans(msgspec.Struct, frozen=True):
    """Serials that were planned a while ago, and were neither signed nor abandoned."""

    serials: tuple[str, ...]


class UnfinishedRotation(msgspec.Struct, frozen=True):
    """A CA that a rotation has begun and that never was the current one."""

    role: str


def time_left(end: datetime, now: datetime) -> str:
    """The time until an expiry, for people: "21 d left", "expired 3 d ago"."""
    days = (end - now) / timedelta(days=1)
    if days < 0:
        return f"expired {-days:.0f} d ago"
    return f"{days:.0f} d left" if days >= 2 else f"{days * 24:.0f} h left"


def rotation(role: str) -> str:
    """The next step for a CA that should be replaced."""
    command = "sipca ca rotate --root" if role == "root" else "sipca ca rotate"
    return f"{command} makes its successor; sipca ca plan says what each device needs"


@rule("ca-ended", "error", "RFC 5280 6.1.3 (a)")
@cases("It ends in 2036.", "It ended yesterday: no certificate below it is trusted any more.")
def ca_expired(ca: CAHealth) -> Violation | None:
    """The CA's certificate has not expired."""
    if ca.now < ca.not_after:
        return None
    return Violation(
        f"{ca.name}: its certificate expired on {ca.not_after:%Y-%m-%d}",
        rotation(ca.role),
    )


@rule("ca-revoked", "error", "RFC 5280 6.1.3 (a)")
@cases("An issuing CA that no CRL of the root lists.", "sipca revoke was run on the issuing CA.")
def ca_revoked(ca: RevokedCA) -> Violation | None:
    """The CA's own certificate is neither revoked nor held."""
    text = "on hold" if ca.status == "held" else f"revoked for {ca.reason}"
    return Violation(
        f"{ca.name}: its certificate has been {text} since {ca.since:%Y-%m-%d}; it signs nothing "
        "more",
        f"sipca release {ca.serial}"
        if ca.status == "held"
        else "sipca ca rotate makes its successor; sipca ca plan says what each device needs",
    )


@rule("ca-ending", "warning", "profiles 3")
@cases("Ten years are left.", "One year is left, and profile sip gives 825 days.")
def ca_expiring(ca: CAHealth) -> Violation | None:
    """The CA has more time left than the longest profile gives.

    If not, new certificates end with it.
    """
    if not timedelta(0) < ca.left < ca.longest:
        return None
    return Violation(
        f"{ca.name}: {time_left(ca.not_after, ca.now)}, less than the {ca.longest.days} d that a "
        "profile gives; certificates expire with it",
        rotation(ca.role),
    )


@rule("ca-last-fifth", "warning", "profiles 3; decision 60")
@cases("Twelve of twenty years are left.", "Three of twenty years are left.")
def ca_in_last_fifth(ca: CAHealth) -> Violation | None:
    """The CA has more than a fifth of its life left, which leaves time to change every device."""
    if ca.not_before is None or ca.left < ca.longest:
        return None  # too short for a profile, or ended: other rules say so
    if ca.left >= (ca.not_after - ca.not_before) / 5:
        return None
    return Violation(
        f"{ca.name}: {time_left(ca.not_after, ca.now)}, less than a fifth of its life",
        rotation(ca.role),
    )


@rule("certificate-ending", "warning", "RFC 5280 4.1.2.5; targets 9")
@cases("400 days are left.", "20 days are left.")
def certificate_expiring(certificate: CertificateHealth) -> Violation | None:
    """No certificate in use ends soon."""
    if certificate.now > certificate.not_after:
        return None
    return Violation(
        f"{certificate.name}: {time_left(certificate.not_after, certificate.now)}, "
        f"until {certificate.not_after:%Y-%m-%d} (serial {certificate.serial[:12]})",
        f"sipca renew {certificate.serial[:12]} --out DIR, or sign a new CSR of the device",
    )


@rule("certificate-ended", "error", "RFC 5280 4.1.2.5; targets 9")
@cases("It was renewed before it expired.", "It expired last week, and nothing replaced it.")
def certificate_expired(certificate: CertificateHealth) -> Violation | None:
    """No certificate has expired without being replaced or revoked."""
    if certificate.now <= certificate.not_after:
        return None
    serial = certificate.serial[:12]
    return Violation(
        f"{certificate.name}: {time_left(certificate.not_after, certificate.now)}, on "
        f"{certificate.not_after:%Y-%m-%d}, and nothing replaced it (serial {serial})",
        f"sipca renew {serial} --out DIR, or sign a new CSR of the device; if it is not used any "
        f"more: sipca revoke {serial} --reason cessation",
    )


@rule("compromised-key-live", "warning", "RFC 5280 5.3.1")
@cases(
    "sipca revoke REF --reason key-compromise --all-with-key.",
    "The renewed certificate was revoked for key-compromise, the one before it is still valid.",
)
def compromised_key_live(certificate: CompromisedKey) -> Violation | None:
    """Every certificate of a key that was revoked for key-compromise is revoked.

    Whoever has the key can use any certificate of it that is left.
    """
    serial = certificate.serial[:12]
    return Violation(
        f"{certificate.name}: its key was revoked for key-compromise, and this certificate is "
        f"valid until {certificate.not_after:%Y-%m-%d} (serial {serial})",
        f"sipca revoke {serial} --reason key-compromise",
    )


@rule("plan-without-result", "warning", "decision 5")
@cases(
    "Each plan has its certificate.", "The machine lost power between the plan and the signature."
)
def plan_without_result(plans: UnfinishedPlans) -> Violation | None:
    """Every signing that was begun was finished.

    Of one that was not, the serial number stays used.
    """
    if not plans.serials:
        return None
    shown = ", ".join(serial[:12] for serial in plans.serials[:5])
    return Violation(
        f"{len(plans.serials)} planned and never signed: {shown}",
        "nothing to do: the next sipca sign abandons them; if in doubt, sipca revoke --serial HEX",
    )


@rule("ca-rotation-unfinished", "warning", "RFC 4210 4.4")
@cases(
    "Each CA of the home is or was the current one.",
    "The machine lost power while sipca ca rotate made a new CA.",
)
def rotation_unfinished(rotation: UnfinishedRotation) -> Violation | None:
    """Every rotation that was begun was finished; until then the CA before signs."""
    return Violation(
        f"the successor of the {rotation.role} CA was begun and is not in use",
        f"sipca ca rotate{' --root' if rotation.role == 'root' else ''} finishes it",
    )


Fact = (
    UnfinishedRotation | CAHealth | RevokedCA | CertificateHealth | CompromisedKey | UnfinishedPlans
)
_RULES: dict[type, tuple[Rule, ...]] = {
    CAHealth: (ca_expired, ca_expiring, ca_in_last_fifth),
    RevokedCA: (ca_revoked,),
    CertificateHealth: (certificate_expired, certificate_expiring),
    CompromisedKey: (compromised_key_live,),
    UnfinishedPlans: (plan_without_result,),
    UnfinishedRotation: (rotation_unfinished,),
}


def judge_lifetime(fact: Fact) -> list[Finding]:
    """Judge a fact by the rules for its type."""
    return run(_RULES[type(fact)], fact)
