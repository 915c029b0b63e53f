"""Rules about the health of CRLs and OCSP signers."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.lint.lifetimes import time_left
from ca.model.findings import Finding, Rule, Violation, cases, rule, run

ENDING = timedelta(days=30)
"""How long before the end of a CRL or OCSP signer a warning is given and ``/healthz`` fails."""


class CRLHealth(msgspec.Struct, frozen=True):
    """A CA's newest CRL; ``next_update`` is None if there is none yet.

    ``pending``: a revocation was recorded that the CRL does not list.
    """

    name: str
    role: str
    now: datetime
    next_update: datetime | None
    pending: bool


class SignerHealth(msgspec.Struct, frozen=True):
    """The OCSP signer that answers for a CA, or the newest one if none is valid now.

    ``not_before``, ``not_after`` and ``serial`` are None if there is no signer.
    ``trouble`` says why it cannot sign.
    """

    name: str
    role: str
    now: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    trouble: str | None = None
    serial: str | None = None


@rule("crl-missing", "error", "RFC 5280 5")
@cases("init made one.", "The first CRL could not be made, because the disk was full.")
def crl_missing(crl: CRLHealth) -> Violation | None:
    """The CA has made a CRL."""
    if crl.next_update is not None:
        return None
    return Violation(f"{crl.name}: no CRL was issued yet", _refresh(crl))


@rule("crl-ended", "error", "RFC 5280 5.1.2.5")
@cases("nextUpdate is in 180 days.", "nextUpdate was yesterday.")
def crl_ended(crl: CRLHealth) -> Violation | None:
    """The newest CRL is not past its nextUpdate.

    Peers that check a CRL past it refuse every certificate of the CA.
    """
    if crl.next_update is None or crl.now < crl.next_update:
        return None
    return Violation(f"{crl.name}: its CRL {time_left(crl.next_update, crl.now)}", _refresh(crl))


@rule("crl-ending", "warning", "RFC 5280 5.1.2.5")
@cases("nextUpdate is in 180 days.", "nextUpdate is in a week.")
def crl_ending(crl: CRLHealth) -> Violation | None:
    """The newest CRL has 30 days or more until its nextUpdate."""
    if crl.next_update is None or not timedelta(0) < crl.next_update - crl.now < ENDING:
        return None
    return Violation(
        f"{crl.name}: its CRL has {time_left(crl.next_update, crl.now)}", _refresh(crl)
    )


@rule("crl-pending", "warning", "RFC 5280 5")
@cases(
    "The CRL was made after the last revocation.",
    "A certificate was revoked while the passphrase was not at hand.",
)
def crl_pending(crl: CRLHealth) -> Violation | None:
    """The newest CRL lists every revocation that is recorded. OCSP reports them in any case."""
    if not crl.pending:
        return None
    return Violation(f"{crl.name}: its CRL does not list the latest revocations", _refresh(crl))


@rule("crl-fresh", "info", "RFC 5280 5.1.2.5")
@cases("180 days are left.", "(Never a fault: crl-ending and crl-ended report those.)")
def crl_fresh(crl: CRLHealth) -> Violation | None:
    """The newest CRL is up to date; this finding says for how long."""
    if crl.next_update is None or crl.pending or crl.next_update - crl.now < ENDING:
        return None
    return Violation(f"{crl.name}: its CRL has {time_left(crl.next_update, crl.now)}")


@rule("ocsp-signer-missing", "error", "RFC 6960 4.2.2.2")
@cases("init made one.", "There is none, so nobody can be told a certificate's status.")
def signer_missing(signer: SignerHealth) -> Violation | None:
    """The CA has an OCSP signer."""
    if signer.not_after is not None:
        return None
    return Violation(f"{signer.name}: no OCSP signer", _rotate(signer))


@rule("ocsp-signer-not-yet-valid", "error", "RFC 6960 4.2.2.2")
@cases("It began yesterday.", "It begins next year: the clock was ahead when it was made.")
def signer_not_yet_valid(signer: SignerHealth) -> Violation | None:
    """The OCSP signer's certificate has begun."""
    if signer.not_before is None or signer.now >= signer.not_before:
        return None
    return Violation(
        f"{signer.name}: its OCSP signer is not valid before {signer.not_before:%Y-%m-%d}, "
        "so no request is answered",
        _rotate(signer),
    )


@rule("ocsp-signer-unusable", "error", "RFC 6960 4.2.2.2")
@cases("Key and certificate match.", "The key in the register was damaged.")
def signer_unusable(signer: SignerHealth) -> Violation | None:
    """The OCSP signer's key can be opened and belongs to its certificate."""
    if signer.trouble is None:
        return None
    return Violation(f"{signer.name}: its OCSP signer: {signer.trouble}", _rotate(signer))


@rule("ocsp-signer-ended", "error", "RFC 6960 4.2.2.2")
@cases("300 days are left.", "It ended yesterday.")
def signer_ended(signer: SignerHealth) -> Violation | None:
    """The OCSP signer's certificate has not expired; with an expired one, devices refuse every
    call.
    """
    if signer.not_after is None or signer.now < signer.not_after:
        return None
    text = time_left(signer.not_after, signer.now)
    return Violation(f"{signer.name}: its OCSP signer {text}", _rotate(signer))


@rule("ocsp-signer-ending", "warning", "RFC 6960 4.2.2.2")
@cases("300 days are left.", "A week is left.")
def signer_ending(signer: SignerHealth) -> Violation | None:
    """The OCSP signer's certificate has 30 days or more left."""
    if signer.not_after is None or not timedelta(0) < signer.not_after - signer.now < ENDING:
        return None
    text = time_left(signer.not_after, signer.now)
    return Violation(f"{signer.name}: its OCSP signer has {text}", _rotate(signer))


@rule("ocsp-signer-fresh", "info", "RFC 6960 4.2.2.2")
@cases(
    "300 days are left.", "(Never a fault: ocsp-signer-ending and ocsp-signer-ended report those.)"
)
def signer_fresh(signer: SignerHealth) -> Violation | None:
    """The OCSP signer is in force; this finding says for how long."""
    if signer.not_before is None or signer.not_after is None or signer.trouble is not None:
        return None
    if signer.now < signer.not_before or signer.not_after - signer.now < ENDING:
        return None
    return Violation(
        f"{signer.name}: its OCSP signer has {time_left(signer.not_after, signer.now)}"
    )


_RULES: dict[type, tuple[Rule, ...]] = {
    CRLHealth: (crl_missing, crl_ended, crl_ending, crl_pending, crl_fresh),
    SignerHealth: (
        signer_missing,
        signer_not_yet_valid,
        signer_ended,
        signer_unusable,
        signer_ending,
        signer_fresh,
    ),
}


Fact = CRLHealth | SignerHealth


def judge(fact: Fact) -> list[Finding]:
    """Findings about a CRL or OCSP signer."""
    return run(_RULES[type(fact)], fact)


def _refresh(crl: CRLHealth) -> str:
    return f"sipca crl --ca {crl.role} --refresh"


def _rotate(signer: SignerHealth) -> str:
    return f"sipca ocsp rotate --ca {signer.role}"
