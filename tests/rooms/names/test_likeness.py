"""Which names are slips of the fingers for a known one, and which are names of their own."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca.names.likeness import Likeness

NAMES = st.text(alphabet=string.ascii_letters + string.digits + "-_. é½", min_size=1, max_size=64)


@pytest.mark.parametrize(
    "typed",
    ["scb1", "sbc-1", "sbc_1", "SBC-1", "sbcc1", "sb1", "sbcl", "sbc01", "zbc1", "s bc1"],
)
def test_a_slip_is_nearly_the_known_name(typed: str) -> None:
    assert Likeness(["gw-north", "sbc1"]).of(typed) == "sbc1"


@pytest.mark.parametrize("typed", ["sbc1", "SBC1"])
def test_a_known_name_in_any_case_is_like_none(typed: str) -> None:
    assert Likeness(["scb1", "sbc1"]).of(typed) is None


@pytest.mark.parametrize(
    ("known", "typed"),
    [
        ("sbc1", "sbc2"),
        ("sbc1", "sbc11"),
        ("sbc12", "sbc21"),
        ("sbc", "sbc1"),
        ("gw-a", "gw-b"),
        ("sbc1a", "sbc1b"),
        ("gw-north", "gw-south"),
        ("gw", "gx"),
        ("sbc1", "proxy"),
    ],
)
def test_members_of_a_series_and_other_names_are_not_near(known: str, typed: str) -> None:
    assert Likeness([known]).of(typed) is None


@given(known=st.lists(NAMES, max_size=5), typed=NAMES)
def test_an_answer_is_always_a_known_name_of_another_spelling(known: list[str], typed: str) -> None:
    near = Likeness(known).of(typed)

    assert near is None or (near in known and near.casefold() != typed.casefold())


@given(name=st.text(alphabet="abcdefghjk", min_size=5, max_size=20), place=st.integers(0, 18))
def test_two_neighbours_swapped_are_found(name: str, place: int) -> None:
    place %= len(name) - 1
    swapped = name[:place] + name[place + 1] + name[place] + name[place + 2 :]

    assert Likeness([name]).of(swapped) == (None if swapped == name else name)
