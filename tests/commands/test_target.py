"""``target``: the device targets."""

from __future__ import annotations

from stand_in.lab import CommandLine


def test_targets_are_listed_and_shown(bare: CommandLine) -> None:
    names = {each["name"] for each in bare("target", "list", "--json").json["targets"]}

    assert {"audiocodes-7.4", "generic"} <= names
    assert "Send Device Certificate file" in bare("target", "show", "audiocodes-7.4").out
