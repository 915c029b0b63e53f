"""``version``: the same as ``--version``."""

from __future__ import annotations

from stand_in.lab import CommandLine

from ca import __version__


def test_version_is_a_command_and_an_option(bare: CommandLine) -> None:
    word, option = bare("version", home=False), bare("--version", home=False)

    assert word == option
    assert word.out == f"sipca {__version__}\n"
    assert bare("version", "--json", home=False).json["version"] == __version__
