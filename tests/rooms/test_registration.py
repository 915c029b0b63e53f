"""The rules about RA certificates: each names what to run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ca.lint.registration import KeptChallenges, RAHealth, Waiting, judge_registration

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BEGUN, LATER = NOW - timedelta(days=1), NOW + timedelta(days=300)


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (RAHealth("Lab", NOW), "scep-ra-missing"),
        (RAHealth("Lab", NOW, NOW + timedelta(days=1), LATER), "scep-ra-not-yet-valid"),
        (RAHealth("Lab", NOW, BEGUN - timedelta(days=400), BEGUN), "scep-ra-ended"),
        (RAHealth("Lab", NOW, BEGUN, LATER, "it does not open"), "scep-ra-unusable"),
        (RAHealth("Lab", NOW, BEGUN, NOW + timedelta(days=7)), "scep-ra-ending"),
    ],
)
def test_what_is_wrong_with_an_ra_certificate_names_the_command_that_mends_it(
    health: RAHealth, code: str
) -> None:
    findings = judge_registration(health)

    assert [each.code for each in findings] == [code]
    assert findings[0].hint == "sipca scep rotate"


def test_of_an_ra_certificate_in_force_nothing_is_said() -> None:
    assert judge_registration(RAHealth("Lab", NOW, BEGUN, LATER)) == []


def test_passwords_that_were_kept_are_told_of() -> None:
    assert judge_registration(KeptChallenges(0)) == []
    assert [each.code for each in judge_registration(KeptChallenges(2))] == ["challenge-readable"]


def test_requests_that_wait_are_told_of() -> None:
    assert judge_registration(Waiting(0)) == []
    (told,) = judge_registration(Waiting(3, NOW))

    assert (told.code, told.hint) == ("scep-waiting", "sipca scep list")
    assert told.message == "3 requests wait for you since 2026-11-23 00:00Z"
