"""Command groups that load a command only when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.command_table import HEADINGS, MODULES
from cli.dashes import check_dashes
from cli.options import global_options, version_option
from cli.utf8 import refuse_octets
from cli.values import home_of, listed, name_value, take_any_case

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""click's UsageError, which typer does not name."""
HELP = {"help_option_names": ["-h", "--help"]}


@contextmanager
def _told_of(ctx: Any) -> Iterator[None]:
    """Let a usage error say of which command it is, which the parser leaves out of some."""
    try:
        yield
    except USAGE_ERROR as error:
        error.ctx = error.ctx or ctx  # type: ignore[attr-defined]
        raise


class LazyCommand(TyperCommand):
    """A command that says in its help what its options are chosen from."""

    path: tuple[str, ...] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words apart; a long option with one dash is an error, never a file's name."""
        check_dashes(ctx, self, args, group=False)
        with _told_of(ctx):
            rest: list[str] = super().parse_args(ctx, args)
        return rest

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """End the help with the values of options, those of the home included."""
        rows = listed(self.params, self.path, home_of(ctx), width=formatter.width - 18)
        if rows:
            with formatter.section("Values"):
                for option, lines in rows:
                    for number, line in enumerate(lines):
                        formatter.write(f"  {'' if number else option:<15} {line}\n")


class LazyGroup(TyperGroup):
    """A group that has one-line help for its commands, and loads a command when it is called."""

    def __init__(self, path: tuple[str, ...], table: Mapping[str, Any], summary: str) -> None:
        super().__init__(
            name=path[-1] if path else "sipca",
            help=summary,
            params=[*global_options(), *([] if path else [version_option()])],
            rich_markup_mode=None,
            no_args_is_help=True,
            context_settings=dict(HELP),
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

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words apart up to the command's."""
        check_dashes(ctx, self, args, group=True)
        with _told_of(ctx):
            rest: list[str] = super().parse_args(ctx, args)
        return rest

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the words begin with.

        Raises:
            UnknownCommandError: there is none.
        """
        if args[0] not in self.table and not args[0].startswith("-"):
            from cli.near_misses import unknown_command

            raise unknown_command(args[0], self, ctx)
        found: tuple[str | None, Any, list[str]] = super().resolve_command(ctx, args)
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """List the commands with their one-line help, without loading any."""
        width = max(map(len, self.table))
        for heading, names in self._headings().items():
            rows = []
            for name in names:
                entry = self.table[name]
                rows.append((name.ljust(width), entry[0] if isinstance(entry, tuple) else entry))
            with formatter.section(heading):
                formatter.write_dl(rows)

    def _headings(self) -> dict[str, list[str]]:
        if self.path:
            return {"Commands": list(self.table)}
        placed = {name for names in HEADINGS.values() for name in names}
        headings = {
            heading: [name for name in names if name in self.table]
            for heading, names in HEADINGS.items()
        }
        rest = [name for name in self.table if name not in placed]
        return headings | ({"Other": rest} if rest else {})


def load_command(path: tuple[str, ...]) -> Any:
    """The click command of one function: ``cli.commands.csr`` has ``show`` for ``csr show``."""
    module = importlib.import_module(f"cli.commands.{MODULES.get(path[0], path[0])}")
    function = getattr(module, f"{path[-1].replace('-', '_')}_command")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(path[-1], cls=LazyCommand, context_settings=dict(HELP))(function)
    command = typer.main.get_command(app)
    assert isinstance(command, LazyCommand)
    command.path = path
    command.params.extend(global_options())
    for parameter in command.params:
        take_any_case(parameter, path)
        refuse_octets(parameter)
        name_value(parameter)
    return command


def root_group(table: Mapping[str, Any]) -> LazyGroup:
    """The whole command line."""
    return LazyGroup(
        (),
        table,
        "A local private CA for SIP labs: device CSR in, device certificate and chain out.",
    )
