"""The modules of the terminal face import each other in no circle, lazily neither."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

import pytest
from stand_in.lab import ROOT

BY_NAME = {"cli.groups": "cli.commands.", "cli.values": "ca."}
"""What imports modules by names that it puts together, and how those begin."""


def imports() -> dict[str, set[str]]:
    """For each module of cli/ those that it imports, wherever in it that stands."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "cli").rglob("*.py")
    }
    found: dict[str, set[str]] = {name: set() for name in paths}
    for name, path in paths.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named = {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                named = {f"{node.module}.{each.name}" for each in node.names} | {str(node.module)}
            else:
                continue
            found[name] |= named & set(paths)
        by_name = BY_NAME.get(name)
        found[name] |= {each for each in paths if by_name and each.startswith(by_name)}
    return found


def test_the_terminal_face_has_no_circle() -> None:
    graph = imports()

    assert "cli.commands.sign" in graph["cli.groups"]
    tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("back", ["cli.main", "cli.groups", "cli.completion"])
def test_a_circle_through_a_command_is_seen(back: str) -> None:
    graph = imports()
    graph["cli.commands.sign"].add(back)

    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_modules_are_imported_by_name_in_one_place() -> None:
    for path in (ROOT / "cli").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert ("import_module(" in path.read_text()) == (name in BY_NAME), name
