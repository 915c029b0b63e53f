"""What ``check`` and ``status`` say of ends: each rule to the second, the good case silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ca.revocation.health import (
    CAHealth,
    CertificateHealth,
    CRLHealth,
    LeftPlans,
    RevokedCA,
    SignerHealth,
    judge,
    left,
)

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


def ca(remaining: timedelta) -> list[tuple[str, str]]:
    return _found(CAHealth("CA", "root", NOW, NOW + remaining, 825 * DAY))


def _found(fact: object) -> list[tuple[str, str]]:
    return [(each.code, each.result) for each in judge(fact)]  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        ("held", "on hold since 2026-11-23", "sipca release 0a"),
        ("revoked", "revoked for superseded since 2026-11-23", "sipca init --home NEWDIR"),
    ],
)
def test_a_revoked_and_a_held_ca_sign_nothing_more(status: str, text: str, hint: str) -> None:
    (finding,) = judge(RevokedCA("CA", "0a", status, "superseded", NOW))

    assert (finding.code, finding.result) == ("ca-revoked", "fail")
    assert finding.message == f"CA: its certificate is {text}; it signs nothing more"
    assert str(finding.hint).startswith(hint)


def test_plans_that_were_never_signed_are_counted_and_five_of_them_named() -> None:
    serials = tuple(f"{number}" * 16 for number in range(1, 7))

    (finding,) = judge(LeftPlans(serials))

    assert (finding.code, finding.result) == ("plan-without-result", "warn")
    named = ", ".join(str(number) * 12 for number in range(1, 6))
    assert finding.message == f"6 planned and never signed: {named}"
    assert judge(LeftPlans(())) == []


def test_a_certificate_that_ends_soon_is_named_with_its_end() -> None:
    (finding,) = judge(CertificateHealth("sbc1", "ab" * 16, NOW, NOW + 21 * DAY))

    assert (finding.code, finding.result) == ("certificate-ending", "warn")
    assert finding.message == "sbc1: 21 d left, until 2026-12-14 (serial abababababab)"


@pytest.mark.parametrize(
    ("remaining", "text"),
    [
        (21 * DAY, "21 d left"),
        (2 * DAY, "2 d left"),
        (2 * DAY - timedelta(hours=1), "47 h left"),
        (NONE, "0 h left"),
        (-3 * DAY, "ended 3 d ago"),
    ],
)
def test_what_is_left_is_said_in_days_and_the_last_two_in_hours(
    remaining: timedelta, text: str
) -> None:
    assert left(NOW + remaining, NOW) == text
