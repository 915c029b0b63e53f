"""The reference of the command line, written from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ca.documents.schema import DOCUMENTS
from cli.command_table import COMMANDS
from cli.groups import load_command
from cli.options import global_options

GLOBAL = {each.opts[-1] for each in global_options()} | {"--help"}


def paths() -> Iterator[tuple[str, ...]]:
    """The words of every command, in the order of ``sipca --help``."""
    for name, entry in COMMANDS.items():
        if isinstance(entry, tuple):
            yield from ((name, inner) for inner in entry[1])
        else:
            yield (name,)


def reference() -> str:
    """A section for each command: what it does, an example, its options, its JSON keys."""
    return "\n".join(_section(path) for path in paths())


def _section(path: tuple[str, ...]) -> str:
    command = load_command(path)
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    words = " ".join(("sipca", *path, *(_argument(each) for each in arguments)))
    text, _, example = command.help.partition("Example: ")
    lines = [f"### `{words}`", "", *_paragraphs(text)]
    lines += ["```sh", example.strip(), "```", ""]
    rows = [row for each in command.params if (row := _option(each))]
    if rows:
        lines += ["| option | what it does |", "|---|---|", *rows, ""]
    document = DOCUMENTS.get(" ".join(path))
    if document is not None:
        keys = ", ".join(f"`{name}`" for name in document.__struct_encode_fields__)
        lines += [f"JSON: {keys}", ""]
    return "\n".join(lines)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).removesuffix("...").strip("{}[]")
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str | None:
    if option.param_type_name != "option" or option.opts[-1] in GLOBAL or option.hidden:
        return None
    *others, last = option.opts
    if not option.is_flag:
        last += " " + (option.metavar or ("N" if "int" in option.type.name else "TEXT"))
    names = ", ".join(f"`{each}`" for each in (*others, last))
    meaning = option.help
    if option.default not in (None, False) and not callable(option.default):
        meaning += f" Default: `{option.default}`."
    if option.required:
        meaning += " Required."
    cells = [each.replace("|", "\\|") for each in (names, meaning)]
    return f"| {cells[0]} | {cells[1]} |"
