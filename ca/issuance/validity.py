"""When a certificate begins and ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from ca.errors import PolicyError
from ca.issuance.order import Order
from ca.model.account import Decision, FieldAccount, How
from ca.model.certificates import Validity
from ca.profiles.durations import spell

SECOND = timedelta(seconds=1)


def decide_validity(order: Order) -> Decision[Validity]:
    """Choose notBefore and notAfter.

    Whole UTC seconds; both ends belong to the period (RFC 5280, 4.1.2.5), so a 90-day
    certificate ends one second short of 90 days after it began. Without a wish the
    profile's lifetime is cut at the issuer's end, with a line that says so.

    Raises:
        PolicyError: a wished lifetime outlives the issuer or the profile's longest, or
            the issuer itself has ended.
    """
    profile, wishes, issuer = order.profile, order.wishes, order.issuer
    backdate = profile.backdate_span if wishes.backdate is None else wishes.backdate
    begin = order.now.replace(microsecond=0) - backdate
    issuer_end = issuer.facts.validity.not_after if issuer.facts else None
    if issuer_end is not None and issuer_end <= order.now:
        raise PolicyError(
            f"'{issuer.name}' ended {_date(issuer_end)}, so it can sign nothing any more",
            hint="make a new CA in another --home",
        )
    if wishes.lifetime is None or wishes.lifetime == "max":
        return _default(order, begin, issuer_end)
    wished = wishes.lifetime
    assert not isinstance(wished, str)
    end = wished if isinstance(wished, datetime) else begin + wished - SECOND
    _refuse_too_long(order, begin, end, issuer_end)
    return _decided(Validity(begin, end), "added", "--lifetime")


def _default(order: Order, begin: datetime, issuer_end: datetime | None) -> Decision[Validity]:
    longest = order.wishes.lifetime == "max"
    span = order.profile.max_span if longest else order.profile.lifetime_span
    rule = "--lifetime max" if longest else f"profile {order.profile.name}"
    end = begin + span - SECOND
    if issuer_end is not None and end > issuer_end:
        asked = f"{spell(span)} of {rule}"
        return _decided(Validity(begin, issuer_end), "changed", "issuer-end", asked)
    return _decided(Validity(begin, end), "added", rule)


def _refuse_too_long(
    order: Order, begin: datetime, end: datetime, issuer_end: datetime | None
) -> None:
    if end <= order.now:
        raise PolicyError(
            f"the certificate would end {_date(end)}, before it is signed",
            hint="give a longer --lifetime",
        )
    if issuer_end is not None and end > issuer_end:
        raise PolicyError(
            f"the certificate would end {_date(end)}, but its issuer ends {_date(issuer_end)}",
            hint="--lifetime max goes as far as the issuer allows",
        )
    latest = begin + order.profile.max_span - SECOND
    if end > latest:
        raise PolicyError(
            f"the certificate would end {_date(end)}, but profile {order.profile.name} "
            f"allows {order.profile.max_lifetime}, to {_date(latest)}",
            hint="choose a shorter --lifetime or another profile",
        )


def _decided(
    validity: Validity, how: How, rule: str, asked: str | None = None
) -> Decision[Validity]:
    issued = f"{_moment(validity.not_before)} to {_moment(validity.not_after)}"
    return Decision(validity, (FieldAccount("validity", asked, issued, how, rule),))


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
