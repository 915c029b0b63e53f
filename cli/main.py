"""Entry point: the table of commands, loaded when named, and errors to exit codes."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from ca.errors import CAError
from cli.options import Settings, global_options, version_option
from cli.output import report_bug, report_error, report_usage

Table = Mapping[str, "str | tuple[str, Table]"]

COMMANDS: dict[str, Any] = {
    "init": "Make a root and an issuing CA.",
    "status": "Which CA this is, what it holds, the head of the audit chain.",
    "chain": "The CA certificates, issuing first and root last.",
    "log": "The audit trail.",
    "csr": ("Look at certificate signing requests.", {"show": "What a device asked for."}),
    "sign": "Sign device CSRs.",
    "issue": "Make a key and its certificate here.",
    "list": "The certificates issued.",
    "show": "One certificate, with its account.",
    "export": "Write a certificate's upload files again.",
    "revoke": "Revoke certificates, or hold them.",
    "release": "End a hold.",
    "crl": "The newest CRL; a new one where needed.",
    "ocsp": (
        "OCSP without a server, and the signers it needs.",
        {
            "respond": "Answer a request file.",
            "presign": "Write answers that a static web server hands out.",
            "rotate": "Make a new OCSP signer.",
        },
    ),
    "preflight": "Will the device take these files, and its peers this certificate?",
    "trust": (
        "Trusted-root bundles for devices.",
        {"build": "Gather CA certificates into one.", "diff": "Compare two."},
    ),
    "fixture": (
        "Bad certificates from a throw-away CA, for testing devices.",
        {"list": "Which ones there are.", "make": "Make one, or all."},
    ),
    "check": "What ends soon or was left undone.",
    "serve": "OCSP, CRLs and CA certificates over HTTP.",
    "ca": ("The CA's own settings.", {"set": "Change base URL and target."}),
    "profile": (
        "Signing profiles.",
        {
            "list": "All profiles.",
            "show": "The text of one.",
            "check": "Check a profile file.",
            "new": "Copy a profile into the home to edit.",
        },
    ),
    "target": (
        "Device targets.",
        {"list": "All targets.", "show": "The text of one."},
    ),
    "device": (
        "Devices: their kind, context, addresses, and what is on them.",
        {
            "list": "All devices.",
            "show": "One device and its certificates.",
            "set": "Enter a device, or change what is known of it.",
            "remove": "Forget a device; its certificates stay.",
        },
    ),
    "apply": "Bring a lab to what a file says.",
    "completion": "The completion script of a shell.",
    "env": "Paths of root, chain and CRL for scripts.",
    "schema": "The JSON Schema of a command's --json document.",
    "rule": ("The rules that requests and certificates are judged by.", {"list": "All rules."}),
}
"""Every command with its one-line help; its function is ``cli.commands.<first word>``'s."""


class LazyGroup(TyperGroup):
    """A group that knows its commands' one-line helps and loads a command when it is named."""

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
        """The names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        """The command of a name, loaded now, or None."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        path = (*self.path, cmd_name)
        if isinstance(entry, tuple):
            return LazyGroup(path, entry[1], entry[0])
        return load_command(path)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """The names and one-line helps, without loading anything."""
        rows = [
            (name, entry[0] if isinstance(entry, tuple) else entry)
            for name, entry in self.table.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load_command(path: tuple[str, ...]) -> Any:
    """The click command of one function: ``cli.commands.csr`` has ``show`` for ``csr show``."""
    module = importlib.import_module(f"cli.commands.{path[0]}")
    function = getattr(module, f"{path[-1]}_command")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(path[-1], context_settings={"help_option_names": ["-h", "--help"]})(function)
    command = typer.main.get_command(app)
    command.params.extend(global_options())
    return command


def root_group() -> LazyGroup:
    """The whole command line."""
    return LazyGroup(
        (),
        COMMANDS,
        "A local private CA for SIP labs: device CSR in, device certificate and chain out.",
    )


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    if arguments[:1] == ["__complete"]:
        return _complete(arguments[1:])
    settings = Settings(json="--json" in arguments, debug="--debug" in arguments)
    try:
        code = root_group().main(arguments, "sipca", standalone_mode=False, obj=settings)
    except CAError as error:
        return report_error(error, settings)
    except typer.Abort:
        print(file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "format_message"):
            return report_usage(error, settings)
        return report_bug(error, settings)
    return code if isinstance(code, int) else 0


def _complete(words: list[str]) -> int:
    """Print what may stand next, for the scripts of ``sipca completion``; never an error."""
    from cli.completion import candidates

    with contextlib.suppress(Exception):  # a shell shows nothing rather than a message
        for each in candidates(words):
            print(each)
    return 0


def main() -> None:
    """The console script."""
    if not sys.warnoptions:  # libraries' warnings are for developers: -W default shows them
        warnings.simplefilter("ignore")
    if sys.stdout is None:  # closed by the caller (>&-): what is meant for it goes nowhere
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Windows consoles and LANG=C: never fail on a name
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
