"""JSON from outside, read or refused in one way."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca.encoding.json_text import read_json
from ca.errors import MalformedError


class Pair(msgspec.Struct):
    """Something with fields."""

    first: int
    second: str = ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_another_writer_wrote_is_read_back(value: Any) -> None:
    assert read_json(json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        read_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"other":' + b"[" * 100_000,
        b'{"first": 1, "second": "\xff"}',
        b'{"first": "one"}',
        b"\xff\xfe{",
        b"",
        b"[]",
    ],
)
def test_what_is_not_of_the_type_or_too_deep_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_json(data, Pair)
