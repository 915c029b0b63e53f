"""Profiles of the operator's own."""

from __future__ import annotations

from pathlib import Path

from stand_in.lab import CommandLine

ROLE = 'role = "end-entity"\n'
VERBATIM = (ROLE, f"{ROLE}verbatim = true\n")


def own_profile(sipca: CommandLine, name: str, *changes: tuple[str, str]) -> None:
    """A profile of the operator's own: sip with some of its lines changed."""
    made = sipca("profile", "new", name, "--from", "sip", "--json")
    path = Path(made.json["path"])
    text = path.read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text)
