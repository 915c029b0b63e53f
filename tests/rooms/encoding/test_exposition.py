"""Prometheus' text exposition format: whatever a label holds comes back, and breaks no line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ca.encoding.exposition import Metric, Sample, exposition


def text(*values: object) -> str:
    samples = [Sample({"number": n, "cn": value}, n) for n, value in enumerate(values)]
    return b"".join(exposition([Metric("sipca_x", "What it is.", samples)])).decode()


def read(text: str) -> list[str]:
    (family,) = text_string_to_metric_families(text)
    return [sample.labels["cn"] for sample in family.samples]


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_a_label_comes_back_as_it_was(values: list[str]) -> None:
    assert read(text(*values)) == values


def test_quotes_backslashes_and_line_ends_are_escaped() -> None:
    assert text('a"b\\c\nd').splitlines()[-1] == ('sipca_x{number="0",cn="a\\"b\\\\c\\nd"} 0')


def test_none_is_the_empty_value_and_octets_that_are_no_utf_8_are_spelled_out() -> None:
    assert read(text(None, "a\udcff")) == ["", "a\\xff"]
