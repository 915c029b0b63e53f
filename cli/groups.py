"""Command groups that load a command only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from cli.command_table import MODULES
from cli.options import global_options, version_option
from cli.utf8 import refuse_octets


class LazyGroup(TyperGroup):
    """A group that has one-line help for its commands, and loads a command when it is called."""

    def __init__(self, path: tuple[str, ...], table: Mapping[str, Any], summary: str) -> None:
        super().__init__(
            name=path[-1] if path else "sipca",
            help=summary,
            params=[*global_options(), *([] if path else [version_option()])],
            rich_markup_mode=None,
            no_args_is_help=True,
        )
        self.path = path
        self.table = table

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        """Load a command by name; None if there is no such command."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        path = (*self.path, cmd_name)
        if isinstance(entry, tuple):
            return LazyGroup(path, entry[1], entry[0])
        return load_command(path)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """List the commands with their one-line help, without loading any."""
        rows = [
            (name, entry[0] if isinstance(entry, tuple) else entry)
            for name, entry in self.table.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load_command(path: tuple[str, ...]) -> Any:
    """The click command of one function: ``cli.commands.csr`` has ``show`` for ``csr show``."""
    module = importlib.import_module(f"cli.commands.{MODULES.get(path[0], path[0])}")
    function = getattr(module, f"{path[-1].replace('-', '_')}_command")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(path[-1], context_settings={"help_option_names": ["-h", "--help"]})(function)
    command = typer.main.get_command(app)
    command.params.extend(global_options())
    for parameter in command.params:
        refuse_octets(parameter)
    return command


def root_group(table: Mapping[str, Any]) -> LazyGroup:
    """The whole command line."""
    return LazyGroup(
        (),
        table,
        "A local private CA for SIP labs: device CSR in, device certificate and chain out.",
    )
