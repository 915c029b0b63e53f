"""The catalogue of rules: all of them, each documented by cases that hold, cited, and tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import ROOT

from ca.authority.reports.rule import overridable, rules, show_rule
from ca.errors import NotFoundError
from ca.model.certificates import SubjectAttribute
from ca.model.citations import citations
from ca.model.findings import CATALOGUE, Rule
from ca.names.general import parse_general_name
from ca.names.uris import USUAL_SCHEMES

NAMES, SUBJECTS = (
    ("ca.names.general", "ca.names.addresses", "ca.names.sip"),
    (
        "ca.names.subjects",
        "ca.names.mistyped",
    ),
)


def decorated() -> Iterator[str]:
    """The code of every ``@rule(...)`` in the sources."""
    for path in (ROOT / "ca").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "rule":
                        yield ast.literal_eval(call.args[0])


def judged(rule: Rule, example: str) -> Any:
    """What a rule of names or attributes says to an example as a case spells it."""
    module = rule.check.__module__
    text = re.sub(r"<U\+([0-9A-F]{4})>", lambda match: chr(int(match[1], 16)), example)
    if module in NAMES:
        name = parse_general_name(text)
        return rule.check((name, USUAL_SCHEMES) if rule.code == "san-uri-scheme" else name)
    kind, _, value = text.partition(",")[0].partition("=")
    if module in SUBJECTS:
        return rule.check(SubjectAttribute(kind, value))
    return rule.check(value)


def examples() -> list[tuple[str, str, bool]]:
    """The cases that are spelled as names and attributes: whose they are, and whether good."""
    rules()
    found = []
    for code, rule in sorted(CATALOGUE.items()):
        module = rule.check.__module__
        for case, good in zip(rule.cases, (True, False), strict=True):
            spelled = re.match(r"(dns|ip|uri|email):\S+$", case) or re.match(r"[A-Za-z]+=", case)
            if spelled and module in (*NAMES, *SUBJECTS, "ca.names.common_name"):
                found.append((code, case, good))
    return found


def test_every_rule_of_the_sources_is_in_the_catalogue_under_a_code_of_its_own() -> None:
    found = list(decorated())

    assert sorted(found) == [each.code for each in rules().rules]


def test_every_rule_is_documented_and_cited() -> None:
    for each in rules().rules:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.code), each
        assert each.meaning.endswith("."), each
        assert each.cites, each
        assert each.severity in ("info", "warning", "error"), each


def test_every_rule_has_a_good_and_a_bad_case() -> None:
    rules()

    assert [code for code, each in CATALOGUE.items() if not all(each.cases)] == []


@pytest.mark.parametrize(("code", "example", "good"), examples())
def test_the_cases_that_are_names_and_attributes_are_judged_as_they_say(
    code: str, example: str, good: bool
) -> None:
    answer = judged(CATALOGUE[code], example)

    assert (not answer) == good, answer


def test_most_rules_of_names_and_subjects_have_cases_that_are_tried() -> None:
    assert len(examples()) >= 50


@pytest.mark.parametrize("code", [each.code for each in rules().rules])
def test_every_citation_of_a_rule_resolves(code: str) -> None:
    document = show_rule(code)

    assert [each.cite for each in document.citations] == document.cites.split("; ")
    for each in document.citations:
        assert each.title, each
        assert each.where.startswith("https://") or (ROOT / each.where).is_file(), each


@pytest.mark.parametrize(
    "text", ["targets", "RFC 99999 1", "RFC 5280, 4.1", "audiocodes.md, 2", "decision x", ""]
)
def test_a_citation_of_another_form_or_of_an_unknown_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a citation|not in the tables"):
        citations(text)


def test_a_rule_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(NotFoundError) as caught:
        show_rule("weak-keys")

    assert caught.value.hint == "did you mean 'weak-key'?"


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
