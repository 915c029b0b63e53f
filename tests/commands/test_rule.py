"""``rule``: the catalogue at the command line."""

from __future__ import annotations

from stand_in.lab import CommandLine

from ca.authority.reports.rule import rules


def test_rule_list_shows_all_and_needs_no_home(bare: CommandLine) -> None:
    document = bare("rule", "list", "--json").json
    text = bare("rule", "list").out

    assert {r["code"] for r in document["rules"]} == {r.code for r in rules().rules}
    assert set(document["rules"][0]) >= {"code", "severity", "allow", "meaning"}
    assert "weak-key" in text
