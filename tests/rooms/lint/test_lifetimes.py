"""What ``check`` says of CAs, certificates and plans: to the second, the good case silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ca.lint.lifetimes import (
    CAHealth,
    CertificateHealth,
    RevokedCA,
    UnfinishedPlans,
    judge_lifetime,
    time_left,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
NONE = timedelta(0)


def ca(remaining: timedelta) -> list[tuple[str, str]]:
    health = CAHealth("CA", "root", NOW, NOW + remaining, 825 * DAY)
    return [(finding.code, finding.result) for finding in judge_lifetime(health)]


@pytest.mark.parametrize(
    ("remaining", "code"),
    [
        (-SECOND, ("ca-ended", "fail")),
        (NONE, ("ca-ended", "fail")),
        (SECOND, ("ca-ending", "warn")),
        (825 * DAY - SECOND, ("ca-ending", "warn")),
        (825 * DAY, None),
    ],
)
def test_a_ca_is_warned_of_while_it_has_less_left_than_a_profile_gives(
    remaining: timedelta, code: tuple[str, str] | None
) -> None:
    assert ca(remaining) == ([code] if code else [])


@pytest.mark.parametrize(
    ("remaining", "code"),
    [
        (1460 * DAY, None),
        (1460 * DAY - SECOND, "ca-last-fifth"),
        (825 * DAY, "ca-last-fifth"),
        (825 * DAY - SECOND, "ca-ending"),
        (-SECOND, "ca-ended"),
    ],
)
def test_a_ca_of_twenty_years_is_warned_of_in_its_last_four(
    remaining: timedelta, code: str | None
) -> None:
    end = NOW + remaining
    health = CAHealth("CA", "root", NOW, end, 825 * DAY, end - 20 * 365 * DAY)

    findings = judge_lifetime(health)

    assert [each.code for each in findings] == ([code] if code else [])
    if code == "ca-last-fifth":
        assert str(findings[0].hint).startswith("sipca ca rotate --root ")
        assert "less than a fifth of its life" in findings[0].message


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        ("held", "on hold since 2026-11-23", "sipca release 0a"),
        (
            "revoked",
            "revoked for superseded since 2026-11-23",
            "sipca ca rotate makes its successor",
        ),
    ],
)
def test_a_revoked_and_a_held_ca_sign_nothing_more(status: str, text: str, hint: str) -> None:
    (finding,) = judge_lifetime(RevokedCA("CA", "0a", status, "superseded", NOW))

    assert (finding.code, finding.result) == ("ca-revoked", "fail")
    assert finding.message == f"CA: its certificate has been {text}; it signs nothing more"
    assert str(finding.hint).startswith(hint)


def test_plans_that_were_never_signed_are_counted_and_five_of_them_named() -> None:
    serials = tuple(f"{number}" * 16 for number in range(1, 7))

    (finding,) = judge_lifetime(UnfinishedPlans(serials))

    assert (finding.code, finding.result) == ("plan-without-result", "warn")
    named = ", ".join(str(number) * 12 for number in range(1, 6))
    assert finding.message == f"6 planned and never signed: {named}"
    assert judge_lifetime(UnfinishedPlans(())) == []


def test_a_certificate_that_ends_soon_is_named_with_its_end() -> None:
    (finding,) = judge_lifetime(CertificateHealth("sbc1", "ab" * 16, NOW, NOW + 21 * DAY))

    assert (finding.code, finding.result) == ("certificate-ending", "warn")
    assert finding.message == "sbc1: 21 d left, until 2026-12-14 (serial abababababab)"


@pytest.mark.parametrize(
    ("remaining", "text"),
    [
        (21 * DAY, "21 d left"),
        (2 * DAY, "2 d left"),
        (2 * DAY - timedelta(hours=1), "47 h left"),
        (NONE, "0 h left"),
        (-3 * DAY, "expired 3 d ago"),
    ],
)
def test_what_is_left_is_said_in_days_and_the_last_two_in_hours(
    remaining: timedelta, text: str
) -> None:
    assert time_left(NOW + remaining, NOW) == text
