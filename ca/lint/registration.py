"""Rules about enrolment by SCEP: the RA certificate, and passwords that were kept readable."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.lint.lifetimes import time_left
from ca.model.findings import Finding, Violation, cases, rule, run

ENDING = timedelta(days=30)
_MEND = "sipca scep rotate"


class RAHealth(msgspec.Struct, frozen=True):
    """The RA certificate of an issuing CA; ``trouble`` is what keeps its key from being used."""

    name: str
    now: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    trouble: str | None = None
    serial: str | None = None


class KeptChallenges(msgspec.Struct, frozen=True):
    """How many requests of an older register hold a challengePassword that can be read."""

    count: int


@rule("scep-ra-missing", "error", "RFC 8894 2.1.2")
@cases("The first sipca scep challenge made one.", "The issuing CA was rotated by an older sipca.")
def ra_missing(ra: RAHealth) -> Violation | None:
    """Where devices enrol by SCEP, the issuing CA has an RA certificate."""
    if ra.not_after is not None:
        return None
    return Violation(f"{ra.name}: no RA certificate, so no device can enrol", _MEND)


@rule("scep-ra-not-yet-valid", "error", "RFC 8894 2.1.2")
@cases("It began yesterday.", "It begins next year: the clock was ahead when it was made.")
def ra_not_yet_valid(ra: RAHealth) -> Violation | None:
    """The RA certificate has begun."""
    if ra.not_before is None or ra.now >= ra.not_before:
        return None
    return Violation(
        f"{ra.name}: its RA certificate is not valid before {ra.not_before:%Y-%m-%d}", _MEND
    )


@rule("scep-ra-ended", "error", "RFC 8894 2.1.2")
@cases("300 days are left.", "It ended yesterday.")
def ra_ended(ra: RAHealth) -> Violation | None:
    """The RA certificate has not expired; with an expired one, no device enrols."""
    if ra.not_after is None or ra.now < ra.not_after:
        return None
    return Violation(f"{ra.name}: its RA certificate {time_left(ra.not_after, ra.now)}", _MEND)


@rule("scep-ra-unusable", "error", "RFC 8894 2.1.2")
@cases("Key and certificate match.", "The key in the register was damaged.")
def ra_unusable(ra: RAHealth) -> Violation | None:
    """The RA certificate's key can be opened and belongs to it."""
    if ra.trouble is None:
        return None
    return Violation(f"{ra.name}: its RA certificate: {ra.trouble}", _MEND)


@rule("scep-ra-ending", "warning", "RFC 8894 2.1.2")
@cases("300 days are left.", "A week is left.")
def ra_ending(ra: RAHealth) -> Violation | None:
    """The RA certificate has 30 days or more left; signing renews it when half of it is over."""
    if ra.not_after is None or not timedelta(0) < ra.not_after - ra.now < ENDING:
        return None
    return Violation(f"{ra.name}: its RA certificate has {time_left(ra.not_after, ra.now)}", _MEND)


@rule("challenge-readable", "info", "RFC 2985 5.4.1")
@cases(
    "CSRs that came since schema 9: a challengePassword is taken out before they are kept.",
    "A CSR with a challengePassword that an older sipca signed, and kept whole.",
)
def challenge_readable(kept: KeptChallenges) -> Violation | None:
    """No CSR in the register holds a challengePassword.

    History is never rewritten, so those that an older sipca kept stay: in ca.db and its backups.
    """
    if not kept.count:
        return None
    what = "a CSR that holds" if kept.count == 1 else f"{kept.count} CSRs that hold"
    return Violation(
        f"the register has {what} a challengePassword, from before sipca took them out",
        "use these passwords for nothing else; whoever reads ca.db or a backup can read them",
    )


RA_RULES = (ra_missing, ra_not_yet_valid, ra_ended, ra_unusable, ra_ending)


def judge_registration(fact: RAHealth | KeptChallenges) -> list[Finding]:
    """The findings about an RA certificate, or about kept passwords."""
    return run(RA_RULES if isinstance(fact, RAHealth) else (challenge_readable,), fact)
