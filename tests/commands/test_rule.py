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


def test_rule_show_tells_meaning_cases_and_where_the_citations_lead(bare: CommandLine) -> None:
    text = bare("rule", "show", "preflight-san").out
    document = bare("rule", "show", "preflight-san", "--json").json

    assert "dns:sbc1.lab.example, ip:10.4.0.20" in text
    assert "targets 1: The CSR page" in text
    assert "https://www.rfc-editor.org/rfc/rfc9525#section-6" in text
    assert document["cites"] == "RFC 9525 6; targets 1"
    assert document["citations"][1]["where"] == "profiles/targets/README.md"


def test_rule_show_of_none_is_exit_5(bare: CommandLine) -> None:
    answer = bare("rule", "show", "wildcards")

    assert answer.exit == 5
    assert "did you mean 'wildcard'?" in answer.err
