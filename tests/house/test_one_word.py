"""One word a subject: a command's modules, documents, views and tests are called by its word."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import ROOT

from ca.documents.schema import DOCUMENTS
from cli.command_table import COMMANDS, MODULES

WORDS = sorted(COMMANDS)
DOCUMENTED = sorted({name.split()[0] for name in DOCUMENTS} & set(WORDS))
TOLD_WITH = {"release": "revoke"}
"""Commands that answer with the document of another, by the same verb's module."""
WITHOUT_VERB = {
    "schema": "ca/documents/schema.py",  # what needs no home is no verb
    "help": "cli/near_misses.py",
    "version": "ca/documents/version.py",
}


def modules(folder: str) -> set[str]:
    """The names of a folder's modules, and of those in the folders below it."""
    return {path.stem for path in (ROOT / folder).rglob("*.py")}


@pytest.mark.parametrize("word", WORDS)
def test_a_command_has_its_module_and_its_tests(word: str) -> None:
    assert MODULES.get(word, word) in modules("cli/commands")
    assert (ROOT / "tests" / "commands" / f"test_{word}.py").is_file()


@pytest.mark.parametrize("word", WORDS)
def test_a_command_s_verb_is_found_by_its_word(word: str) -> None:
    if word in WITHOUT_VERB:
        assert (ROOT / WITHOUT_VERB[word]).is_file()
        return
    verbs = modules("ca/authority") | modules("ca/lab") | modules("ca/service") | modules("ca/web")

    assert TOLD_WITH.get(word, MODULES.get(word, word)) in verbs


@pytest.mark.parametrize("word", DOCUMENTED)
def test_a_command_s_document_and_view_are_found_by_its_word(word: str) -> None:
    word = TOLD_WITH.get(word, word)
    module = MODULES.get(word, word)

    assert module in modules("ca/documents")
    assert word == "schema" or module in modules("cli/views")  # schema prints JSON alone
    for name, document in DOCUMENTS.items():
        if name.split()[0] == word:
            assert document.__module__.startswith("ca.documents."), name


def test_a_document_is_defined_under_the_word_of_a_command_that_answers_with_it() -> None:
    shared = {"target": {"profile"}}  # the TOML of both is one kind of answer
    for name, document in DOCUMENTS.items():
        word = name.split()[0]
        expected = {MODULES.get(word, word), TOLD_WITH.get(word, word), *shared.get(word, ())}

        assert Path(document.__module__.replace(".", "/")).name in expected, name


def test_no_import_renames_one_of_our_modules_or_functions() -> None:
    import ast

    for package in ("ca", "cli"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                    ("ca.", "cli.")
                ):
                    renamed = [alias.name for alias in node.names if alias.asname]
                    assert renamed == [], path
