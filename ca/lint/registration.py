"""Rules about enrolment by SCEP: the RA certificate, and passwords that were kept readable."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.lint.lifetimes import time_left
from ca.model.findings import Finding, Rule, Violation, cases, rule, run
from ca.names.text import printable

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


@rule("challenge-readable", "warning", "RFC 2985 5.4.1")
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
        "use these passwords for nothing else: whoever reads ca.db or a backup reads them; then "
        "sipca check --acknowledge challenge-readable",
    )


class Arrived(msgspec.Struct, frozen=True):
    """A request that came by SCEP: with a challenge, as a renewal, by weak algorithms.

    ``held``: serial and device of certificates of other keys for its names or on its device.
    """

    challenge: bool
    renewal: bool
    legacy: tuple[str, ...] = ()
    held: tuple[tuple[str, str | None], ...] = ()


@rule("scep-names-held", "warning", "RFC 8894 2.3")
@cases("A new phone.", "A phone that claims to be one which has a certificate of another key.")
def names_held(arrived: Arrived) -> list[Violation]:
    """No other key has a current certificate for the names of a request, or on its device.

    A device that was reset makes a new key; so does somebody else who claims to be it.
    """
    return [
        Violation(
            f"another key has the certificate {serial[:12]}"
            + (f" on '{printable(device)}'" if device else "")
            + ", for its names or on the device that it claims to be",
            "approve it only if that device made a new key: ask whoever has it in hand",
        )
        for serial, device in arrived.held
    ]


@rule("scep-legacy", "warning", "RFC 8894 3.5.2")
@cases("AES and SHA-256.", "3DES and SHA-1, which serve --allow scep-legacy accepted.")
def legacy_message(arrived: Arrived) -> Violation | None:
    """The message of a request used no weak algorithm."""
    if not arrived.legacy:
        return None
    return Violation(f"its message used {', '.join(arrived.legacy)}, which others could read")


@rule("scep-unasked", "info", "RFC 8894 2.3")
@cases("A request with a challenge, and a renewal.", "A request of whoever reached the server.")
def unasked(arrived: Arrived) -> Violation | None:
    """A request comes with a challenge or renews a certificate, so that its device is known."""
    if arrived.challenge or arrived.renewal:
        return None
    return Violation("it came without a challenge: nothing but the operator tells whose it is")


def judge_arrived(arrived: Arrived) -> list[Finding]:
    """The findings about how a request came."""
    return run([names_held, legacy_message, unasked], arrived)


class Waiting(msgspec.Struct, frozen=True):
    """How many requests wait for the operator, and since when the oldest does."""

    count: int
    since: datetime | None = None


@rule("scep-waiting", "info", "RFC 8894 3.3.2.3")
@cases("Nobody waits.", "A phone waits since yesterday for sipca scep approve.")
def waiting(queue: Waiting) -> Violation | None:
    """No request that came by SCEP waits for the operator."""
    if not queue.count or queue.since is None:
        return None
    who = "a request waits" if queue.count == 1 else f"{queue.count} requests wait"
    return Violation(f"{who} for you since {queue.since:%Y-%m-%d %H:%M}Z", "sipca scep list")


Fact = RAHealth | KeptChallenges | Waiting
_RULES: dict[type, tuple[Rule, ...]] = {
    RAHealth: (ra_missing, ra_not_yet_valid, ra_ended, ra_unusable, ra_ending),
    KeptChallenges: (challenge_readable,),
    Waiting: (waiting,),
}


def judge_registration(fact: Fact) -> list[Finding]:
    """Judge a fact by the rules for its type."""
    return run(_RULES[type(fact)], fact)
