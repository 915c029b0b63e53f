"""``help``, ``-h`` everywhere, the headings, and the values that options are chosen from."""

from __future__ import annotations

import re

import pytest
from stand_in.lab import CommandLine
from stand_in.reference import paths

from cli.command_table import COMMANDS, HEADINGS


def test_each_command_stands_below_one_heading() -> None:
    placed = [name for names in HEADINGS.values() for name in names]

    assert sorted(placed) == sorted(COMMANDS)


def test_the_help_groups_the_commands(bare: CommandLine) -> None:
    out = bare("--help", home=False).out

    places = [out.index(f"\n{heading}:\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert out.index("Signing:") < out.index("\n  sign ") < out.index("Afterwards:")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("path", [(), ("csr",), ("device",), *paths()], ids=" ".join)
def test_help_is_an_option_in_two_spellings_and_a_command(
    bare: CommandLine, path: tuple[str, ...]
) -> None:
    short, long = bare(*path, "-h", home=False), bare(*path, "--help", home=False)
    word = bare("help", *path, home=False)

    assert short == long
    assert (short.exit, short.err) == (0, "")
    assert word.out.strip() == short.out.strip()
    assert word.out.startswith(" ".join(("Usage: sipca", *path)))


def test_help_is_a_document_too(bare: CommandLine) -> None:
    document = bare("help", "csr", "show", "--json", home=False).json

    assert document["command"] == "csr show"
    assert document["text"].startswith("Usage: sipca csr show")


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (["sing"], "no such command 'sing'", "did you mean 'sipca sign'?"),
        (["csr", "shwo"], "'sipca csr' has no command 'shwo'", "did you mean 'sipca csr show'?"),
        (["sign", "show"], "'sign' has no commands of its own", "sipca help sign"),
    ],
)
def test_help_of_what_is_no_command(
    bare: CommandLine, words: list[str], says: str, hint: str
) -> None:
    answer = bare("help", *words, home=False)

    assert answer.exit == 2
    assert f"error: {says}\nhint: {hint}" in answer.err


@pytest.mark.parametrize(
    ("words", "option", "some"),
    [
        (["sign"], "--profile", ["sip", "sip-client", "phone"]),
        (["sign"], "--target", ["audiocodes-7.4", "generic"]),
        (["sign"], "--allow", ["weak-key", "rsa-close-primes"]),
        (["issue"], "--allow", ["underscore-name"]),
        (["list"], "--profile", ["https"]),
        (["profile", "new"], "--from", ["sip"]),
    ],
)
def test_help_lists_what_an_option_is_chosen_from(
    bare: CommandLine, words: list[str], option: str, some: list[str]
) -> None:
    out = bare(*words, "--help", home=False).out

    values = out.partition("\nValues:\n")[2]
    assert option in values
    assert [each for each in some if each not in values.replace(",", " ").split()] == []
    assert max(map(len, values.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["list"], ["superseded", "not-yet-valid"]),
        (["revoke"], ["key-compromise", "cessation"]),
        (["issue"], ["rsa:2048", "ec:p256"]),
        (["init"], ["rsa:4096", "both"]),
    ],
)
def test_a_short_list_stands_in_the_help_of_the_option_or_below(
    bare: CommandLine, words: list[str], some: list[str]
) -> None:
    out = " ".join(bare(*words, "--help", home=False).out.split()).replace("- ", "-")

    assert [each for each in some if each not in out] == []


def test_help_lists_the_profiles_of_the_home_too(sipca: CommandLine) -> None:
    sipca("profile", "new", "mine", "--from", "sip")

    told = sipca("sign", "--home", sipca.home, "--help", home=False).out
    assert re.search(r",\s+mine\n", told), told  # wherever the line was broken
