"""The catalogue of rules: every code unique, documented, cited; README names those of --allow."""

from __future__ import annotations

import re
from pathlib import Path

from stand_in.lab import ROOT

from ca.authority.reports.rule import overridable, rules


def test_every_rule_is_documented_and_cited() -> None:
    for each in rules().rules:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.code), each
        assert each.meaning.endswith("."), each
        assert each.cites, each
        assert each.severity in ("info", "warning", "error"), each


def test_every_rule_is_named_by_a_test() -> None:
    here = Path(__file__).parents[1]
    said = "\n".join(
        path.read_text()
        for ending in ("py", "txt")
        for path in here.rglob(f"*.{ending}")
        if "vectors" not in path.parts
    )
    words = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+|[a-z0-9]+", said))

    assert {each.code for each in rules().rules} - words == set()


def test_the_contract_s_overridable_rules_are_there() -> None:
    assert overridable() >= {"weak-key", "md5-request", "underscore-name", "wildcard", "reused-key"}


def test_readme_lists_every_overridable_rule() -> None:
    text = (ROOT / "README.md").read_text()
    line = re.search(r"<!-- allow -->(.*?)<!-- /allow -->", text, re.DOTALL)

    assert line is not None
    assert set(re.findall(r"`([a-z0-9-]+)`", line[1])) == overridable()
