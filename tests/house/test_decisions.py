"""The map and the decisions of ``ca/README.md`` hold against the code."""

from __future__ import annotations

import ast
import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.lab import ROOT

MAP = ROOT / "ca" / "README.md"
BASES = (ROOT, ROOT / "ca", ROOT / "ca" / "authority")
OF_A_HOME = {"public/", "targets/"}
"""Folders that the map names, and that are in a home, not here."""
FIGURES = [
    (5, "given up after ten minutes", "ca.store.plans", "ABANDON_AFTER", timedelta(minutes=10)),
    (21, "A batch of 512 or more", "ca.authority.signing.sign", "WORTH_CHECKER", 512),
    (26, "256 requests at a time", "ca.authority.signing.sign", "CHUNK", 256),
    (41, "32 MiB a worker", "ca.service.answer_cache", "MAX_OCTETS", 32 << 20),
    (42, "five minutes for machines", "ca.lint.clock", "SKEW", timedelta(minutes=5)),
    (42, "a year before a gap is called a leap", "ca.lint.clock", "LEAP", timedelta(days=365)),
    (
        43,
        "in force for a week",
        "ca.store.ocsp_signers",
        "SUCCESSOR_PROVEN_AFTER",
        timedelta(days=7),
    ),
    (50, "up to 64 requests a call", "ca.lint.factoring", "MOST_AT_ONCE", 64),
    (50, "primes below 2^20", "ca.lint.factoring", "FACTOR_BOUND", 1 << 20),
    (97, "every 64th", "ca.model.trial", "EVERY", 64),
    (52, "over 64 characters", "ca.profiles.patterns", "MAX_NAME", 64),
]


def decisions() -> dict[int, str]:
    """The text of each decision by its number."""
    _, _, text = MAP.read_text().partition("## Decisions")
    found = re.split(r"^([0-9]+)\. ", text, flags=re.MULTILINE)[1:]
    return {
        int(number): " ".join(said.split())
        for number, said in zip(found[::2], found[1::2], strict=True)
    }


def code_lines(path: Path) -> int:
    """Lines that are neither empty, nor a comment, nor part of a docstring."""
    text = path.read_text()
    said: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            said.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in said
        for number, line in enumerate(text.splitlines(), 1)
    )


def test_decisions_are_numbered_without_gaps() -> None:
    assert list(decisions()) == list(range(1, len(decisions()) + 1))


@pytest.mark.parametrize(("number", "said", "module", "name", "value"), FIGURES)
def test_a_figure_of_a_decision_is_that_of_the_code(
    number: int, said: str, module: str, name: str, value: object
) -> None:
    assert said in decisions()[number]
    assert getattr(importlib.import_module(module), name) == value


def test_the_lines_of_code_that_decisions_name_are_right_within_a_quarter() -> None:
    text = " ".join(decisions().values())
    found = re.findall(r"`([a-z_/]+\.py)`, some (\d+) lines of code", text)

    for path, lines in found:
        assert 0.75 < code_lines(ROOT / "ca" / path) / int(lines) < 1.25, path
    assert len(found) >= 3


def test_every_file_that_the_map_names_is_there() -> None:
    named = re.findall(r"`((?:[a-z_-]+/)+(?:[a-z_]+\.(?:py|toml|md))?)`", MAP.read_text())

    lost = {
        path for path in set(named) - OF_A_HOME if not any((base / path).exists() for base in BASES)
    }
    assert len(named) >= 40
    assert lost == set()


@pytest.mark.parametrize("page", ["ca", "cli", "profiles", "scripts", "tests"])
def test_every_decision_that_is_cited_in_prose_and_comments_is_there(page: str) -> None:
    for path in (ROOT / page).rglob("*"):
        if path.suffix in (".py", ".md", ".toml"):
            for number in re.findall(r"\bdecision (\d+)", path.read_text()):
                assert int(number) in decisions(), f"{path}: decision {number}"
