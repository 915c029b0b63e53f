"""Decide the validity: notBefore and notAfter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ca.encoding.times import UTC_TIME_BEGINS
from ca.errors import PolicyError
from ca.issuance.order import Issuer, Order
from ca.model.account import Decision, FieldAccount, How
from ca.model.certificates import Validity
from ca.profiles.durations import format_span
from ca.profiles.profile import Profile

SECOND = timedelta(seconds=1)
EARLIEST = datetime(UTC_TIME_BEGINS, 1, 1, tzinfo=UTC)
"""The earliest time that a UTCTime can express (RFC 5280, 4.1.2.5.1)."""


def decide_validity(order: Order) -> Decision[Validity]:
    """Choose notBefore and notAfter.

    Both are whole UTC seconds and belong to the period (RFC 5280, 4.1.2.5), so notAfter of a
    90-day certificate is one second short of 90 days after notBefore. Without ``--lifetime`` the
    profile's lifetime is cut at the issuer's notAfter, and the account says so.

    Raises:
        PolicyError: the requested lifetime exceeds the issuer's or the profile's maximum, or the
            issuer has expired.
    """
    wishes = order.wishes
    return _decide(order.profile, order.issuer, wishes.lifetime, wishes.backdate, order.now)


@lru_cache(maxsize=64)
def _decide(
    profile: Profile,
    issuer: Issuer,
    lifetime: timedelta | datetime | str | None,
    backdate: timedelta | None,
    now: datetime,
) -> Decision[Validity]:
    """Cached: certificates signed in the same second with the same profile have one validity."""
    begin = now.replace(microsecond=0) - (profile.backdate_span if backdate is None else backdate)
    if begin < EARLIEST:
        raise PolicyError(
            f"the certificate would begin on {_date(begin)}, and {_date(EARLIEST)} is the earliest",
            hint="give a shorter --backdate",
            rule="validity-begin",
        )
    issuer_end = issuer.facts.validity.not_after if issuer.facts else None
    if issuer_end is not None and issuer_end <= now:
        raise PolicyError(
            f"'{issuer.name}' expired on {_date(issuer_end)}, so it can no longer sign",
            hint="sipca ca rotate makes its successor (--root where the root ended)",
            rule="ca-ended",
        )
    if lifetime is None or lifetime == "max":
        decision = _default(profile, begin, issuer_end, longest=lifetime == "max")
    else:
        assert not isinstance(lifetime, str)
        end = lifetime if isinstance(lifetime, datetime) else begin + lifetime - SECOND
        _refuse_expired(end, now)
        _refuse_too_long(profile, begin, end, issuer_end)
        decision = _decision(Validity(begin, end), "added", "--lifetime")
    _refuse_expired(decision.value.not_after, now)
    return decision


def _default(
    profile: Profile, begin: datetime, issuer_end: datetime | None, *, longest: bool
) -> Decision[Validity]:
    span = profile.max_span if longest else profile.lifetime_span
    rule = "--lifetime max" if longest else f"profile {profile.name}"
    end = begin + span - SECOND
    if issuer_end is not None and end > issuer_end:
        asked = f"{format_span(span)} of {rule}"
        return _decision(Validity(begin, issuer_end), "changed", "issuer-end", asked)
    return _decision(Validity(begin, end), "added", rule)


def _refuse_expired(end: datetime, now: datetime) -> None:
    if end <= now:
        raise PolicyError(
            f"the certificate would expire on {_date(end)}, before it is signed",
            hint="give a longer --lifetime, or a shorter --backdate",
            rule="validity-past",
        )


def _refuse_too_long(
    profile: Profile, begin: datetime, end: datetime, issuer_end: datetime | None
) -> None:
    if issuer_end is not None and end > issuer_end:
        raise PolicyError(
            f"the certificate would expire on {_date(end)}, but its issuer on {_date(issuer_end)}",
            hint="--lifetime max goes as far as the issuer allows",
            rule="validity-issuer",
        )
    latest = begin + profile.max_span - SECOND
    if end > latest:
        raise PolicyError(
            f"the certificate would expire on {_date(end)}, but profile {profile.name} "
            f"allows at most {profile.max_lifetime}, until {_date(latest)}",
            hint="choose a shorter --lifetime or another profile",
            rule="validity-profile",
        )


def _decision(
    validity: Validity, how: How, rule: str, asked: str | None = None
) -> Decision[Validity]:
    issued = f"{_moment(validity.not_before)} to {_moment(validity.not_after)}"
    return Decision(validity, (FieldAccount("validity", asked, issued, how, rule),))


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
