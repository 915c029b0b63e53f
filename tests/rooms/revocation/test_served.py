"""What a server gives out against what the register says of it, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ca.revocation.served import Served, judge_served

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEXT = NOW + timedelta(days=90)
SECOND = timedelta(seconds=1)
GOOD = Served("CA", "issuing", 7, NEXT, 7, NEXT, True, NEXT, True)


def found(**changes: object) -> list[tuple[str, str]]:
    fact = msgspec.structs.replace(GOOD, **changes)
    return [(each.code, each.message) for each in judge_served(fact, NOW)]


def test_what_the_register_tells_of_and_is_given_out_has_no_finding() -> None:
    assert found() == []


def test_where_the_register_has_no_crl_none_is_missed() -> None:
    assert found(number=None, next_update=None, served_number=None, crl_is_signed=False) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"served_number": None}, "CA: its CRL cannot be read"),
        ({"served_number": 6}, "CA: the served CRL is number 6 until"),
        ({"served_next_update": NEXT - SECOND}, "the register has number 7 until"),
        ({"served_next_update": None}, "CA: the served CRL is number 7 until None"),
        ({"crl_is_signed": False}, "CA: the served CRL is not signed by this CA"),
    ],
)
def test_another_crl_than_the_registers_is_not_served(
    changes: dict[str, object], message: str
) -> None:
    ((code, said),) = found(**changes)

    assert code == "crl-not-served"
    assert message in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signer_until": None}, "CA: no OCSP signer is loaded"),
        ({"signer_until": NOW}, "CA: the OCSP signer in use expired on 2026-11-23"),
        ({"signer_works": False}, "CA: the OCSP signer's key is not that of its certificate"),
    ],
)
def test_a_signer_that_cannot_answer_now_is_not_served(
    changes: dict[str, object], message: str
) -> None:
    assert found(**changes) == [("ocsp-signer-not-served", message)]


def test_a_signer_answers_in_its_last_second() -> None:
    assert found(signer_until=NOW + SECOND) == []
