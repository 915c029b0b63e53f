"""Bounds of profiles, targets and their TOML, each from both sides."""

from __future__ import annotations

import msgspec
import pytest

from ca.errors import MalformedError
from ca.profiles.consistency import check_consistent
from ca.profiles.fixture import Change
from ca.profiles.library import Library
from ca.profiles.patterns import check_pattern, matches
from ca.profiles.profile import Profile
from ca.profiles.reader import read_toml
from ca.profiles.target import KeyFacts, OCSPFacts, TrustFacts


class Anything(msgspec.Struct, frozen=True):
    """A file whose one key holds any value."""

    a: object = None


def refusal(text: str) -> str | None:
    try:
        read_toml(text, Anything, file="f.toml")
    except MalformedError as error:
        return error.message
    return None


def lists(depth: int) -> str:
    """A key whose value lies so deep, the table of the file itself being depth 0."""
    return f"a = {'[' * (depth - 1)}1{']' * (depth - 1)}" if depth > 1 else "a = 1"


@pytest.mark.parametrize(
    ("fits", "too_much", "said"),
    [
        ("a = 1 #".ljust(262_144, "x"), "a = 1 #".ljust(262_145, "x"), "f.toml has more than 262144 characters"),
        (lists(32), lists(33), "f.toml is nested deeper than 32 tables and lists"),
        (f"a = '{'x' * 16_384}'", f"a = '{'x' * 16_385}'", "f.toml: a: 16385 characters, but 16384 is the maximum"),
        (f"a = {1 << 31}", f"a = {(1 << 31) + 1}", "f.toml: a: the number is beyond 2147483648"),
        (f"a = -{1 << 31}", f"a = -{(1 << 31) + 1}", "f.toml: a: the number is beyond 2147483648"),
        (f"a = [{'1,' * 49_999}]", f"a = [{'1,' * 50_000}]", "f.toml holds more than 50000 values"),
        (f"a = {{ {'k' * 200} = 1 }}", f"a = {{ {'k' * 201} = 1 }}", "201 characters, but 200 is the maximum"),
    ],
)  # fmt: skip
def test_toml_at_its_bounds_is_read_and_beyond_them_refused(
    fits: str, too_much: str, said: str
) -> None:
    assert refusal(fits) is None
    assert said in str(refusal(too_much))


def test_a_key_of_32_dots_is_as_deep_as_may_be() -> None:
    assert refusal(f"a.{'.'.join('k' * 31)} = 1") is None
    assert (
        refusal(f"a.{'.'.join('k' * 40)} = 1") == "f.toml is nested deeper than 32 tables and lists"
    )


def changed(profile: str, part: str, **values: object) -> Profile:
    found = Library().profile(profile)
    inner = msgspec.structs.replace(getattr(found, part), **values)
    return msgspec.structs.replace(found, **{part: inner})


@pytest.mark.parametrize("length", [None, 0, 10])
def test_a_path_length_of_0_to_10_is_one(length: int | None) -> None:
    check_consistent(changed("issuing", "extensions", path_length=length))


@pytest.mark.parametrize("length", [-1, 11])
def test_a_path_length_below_0_or_from_11_is_refused(length: int) -> None:
    with pytest.raises(MalformedError, match=f"path_length: {length} is not between 0 and 10"):
        check_consistent(changed("issuing", "extensions", path_length=length))


@pytest.mark.parametrize(
    "entry", ["rsa:2048", "rsa:8192", "rsa:1024-2048", "rsa:8192-9000", "rsa:2048-2048"]
)
def test_an_rsa_entry_that_some_key_meets_is_taken(entry: str) -> None:
    check_consistent(changed("sip", "key", allow=(entry,)))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("rsa:1024-2047", "allows no key"),
        ("rsa:8193", "allows no key"),
        ("rsa:3072-2048", "MIN is above MAX"),
        ("rsa:100000", "is not rsa:MIN-MAX"),
        ("rsa:", "is not rsa:MIN-MAX"),
    ],
)
def test_an_rsa_entry_that_no_key_meets_is_refused(entry: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        check_consistent(changed("sip", "key", allow=(entry,)))


def test_a_pattern_has_100_characters_and_two_varying_repetitions_at_most() -> None:
    check_pattern("k", "a" * 100)
    check_pattern("k", "a*b+c{6}")

    for pattern in ("a" * 101, "a*b+c?", "a{1,2}b{1,2}c{1,2}"):
        with pytest.raises(MalformedError, match="is not a name pattern"):
            check_pattern("k", pattern)


def test_a_pattern_is_held_against_names_of_up_to_64_characters() -> None:
    assert matches("a*", "a" * 64)
    assert not matches("a*", "a" * 65)


@pytest.mark.parametrize(("port", "fits"), [(0, False), (1, True), (65_535, True), (65_536, False)])
def test_a_port_is_1_to_65535(port: int, fits: bool) -> None:
    try:
        found = msgspec.convert({"port": port}, OCSPFacts).port
    except msgspec.ValidationError:
        assert not fits
    else:
        assert fits
        assert found == port


@pytest.mark.parametrize(
    ("limit", "fits"), [(-1, False), (0, True), (100_000, True), (100_001, False)]
)
def test_a_count_of_a_target_is_0_to_100000(limit: int, fits: bool) -> None:
    try:
        msgspec.convert({"limit": limit}, TrustFacts)
    except msgspec.ValidationError:
        assert not fits
    else:
        assert fits


def test_what_a_target_leaves_out_is_the_reference_devices() -> None:
    assert (TrustFacts().limit, KeyFacts().smallest_rsa, OCSPFacts().port) == (20, 2048, 2560)
    assert Change().not_after_days == 90
