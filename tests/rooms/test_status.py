"""When a certificate is due to be replaced, and the codes of the reasons to revoke one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto.crl import CRLReason

from ca.encoding.crl import REASON_CODES
from ca.model.certificates import Validity
from ca.model.status import CURRENT, REASONS, STATUSES, is_due

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(("life", "wish", "window"), [
    (365 * DAY, None, 60 * DAY),
    (90 * DAY, None, 30 * DAY),
    (365 * DAY, 10 * DAY, 10 * DAY),
    (365 * DAY, 300 * DAY, 300 * DAY),
])  # fmt: skip
def test_a_certificate_is_due_when_no_more_than_the_window_is_left(
    life: timedelta, wish: timedelta | None, window: timedelta
) -> None:
    validity = Validity(BEGIN, BEGIN + life)
    wished = () if wish is None else (wish,)
    first = validity.not_after - window

    assert is_due(validity, first, *wished)
    assert not is_due(validity, first - SECOND, *wished)


def test_an_expired_certificate_is_due() -> None:
    assert is_due(Validity(BEGIN, BEGIN + DAY), BEGIN + 2 * DAY)


def test_reasons_have_the_codes_of_rfc_5280() -> None:
    theirs = {word.replace("_", "-"): code for code, word in CRLReason._map.items()}
    renamed = {"cessation": "cessation-of-operation", "hold": "certificate-hold"}

    assert {reason: theirs[renamed.get(reason, reason)] for reason in REASONS} == REASON_CODES


def test_a_current_certificate_has_one_of_the_statuses() -> None:
    assert set(STATUSES) > CURRENT
