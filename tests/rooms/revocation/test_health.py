"""What ``check`` and ``status`` say of ends: each rule to the second, the good case silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ca.revocation.health import CRLHealth, SignerHealth, judge

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
NONE = timedelta(0)


def crl(remaining: timedelta | None, *, pending: bool = False) -> list[tuple[str, str]]:
    end = None if remaining is None else NOW + remaining
    return _found(CRLHealth("CA", "issuing", NOW, end, pending))


def signer(
    remaining: timedelta, *, age: timedelta = DAY, trouble: str | None = None
) -> list[tuple[str, str]]:
    return _found(SignerHealth("CA", "issuing", NOW, NOW - age, NOW + remaining, trouble))


def _found(fact: object) -> list[tuple[str, str]]:
    return [(each.code, each.result) for each in judge(fact)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("remaining", "code"),
    [
        (None, ("crl-missing", "fail")),
        (-SECOND, ("crl-ended", "fail")),
        (NONE, ("crl-ended", "fail")),
        (SECOND, ("crl-ending", "warn")),
        (30 * DAY - SECOND, ("crl-ending", "warn")),
        (30 * DAY, ("crl-fresh", "pass")),
        (180 * DAY, ("crl-fresh", "pass")),
    ],
)
def test_a_crl_is_warned_of_30_days_before_its_end(
    remaining: timedelta | None, code: tuple[str, str]
) -> None:
    assert crl(remaining) == [code]


def test_a_crl_that_does_not_list_the_latest_revocations_is_not_called_fresh() -> None:
    assert crl(180 * DAY, pending=True) == [("crl-pending", "warn")]
    assert crl(DAY, pending=True) == [("crl-ending", "warn"), ("crl-pending", "warn")]


@pytest.mark.parametrize(
    ("remaining", "code"),
    [
        (-SECOND, ("ocsp-signer-ended", "fail")),
        (NONE, ("ocsp-signer-ended", "fail")),
        (SECOND, ("ocsp-signer-ending", "warn")),
        (30 * DAY - SECOND, ("ocsp-signer-ending", "warn")),
        (30 * DAY, ("ocsp-signer-fresh", "pass")),
    ],
)
def test_an_ocsp_signer_is_warned_of_30_days_before_its_end(
    remaining: timedelta, code: tuple[str, str]
) -> None:
    assert signer(remaining) == [code]


def test_an_ocsp_signer_is_in_force_from_the_second_that_it_begins() -> None:
    assert signer(90 * DAY, age=NONE) == [("ocsp-signer-fresh", "pass")]
    assert signer(90 * DAY, age=-SECOND) == [("ocsp-signer-not-yet-valid", "fail")]


def test_an_ocsp_signer_that_is_missing_or_cannot_sign_fails() -> None:
    assert _found(SignerHealth("CA", "root", NOW)) == [("ocsp-signer-missing", "fail")]
    assert signer(90 * DAY, trouble="its key is locked") == [("ocsp-signer-unusable", "fail")]
