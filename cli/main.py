"""Entry point: one command is run, and its errors become exit codes."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from cli.process import INTERRUPTED, UNHEARD


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    if arguments[:1] == ["__complete"]:
        return _complete(arguments[1:])
    import typer

    from cli.command_table import COMMANDS
    from cli.groups import root_group
    from cli.settings import Settings

    settings = Settings(json="--json" in arguments, debug="--debug" in arguments)
    try:
        code = root_group(COMMANDS).main(arguments, "sipca", standalone_mode=False, obj=settings)
        sys.stdout.flush()
    except typer.Abort:
        print(file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click exits where `| head -1` has gone: no word of it
        _mute(1)
        return UNHEARD
    except Exception as error:
        return _failed(error, settings)
    return code if isinstance(code, int) else 0


def _failed(error: Exception, settings: Any) -> int:
    from ca.errors import CAError, StoreError
    from cli.output import report_bug, report_error, report_usage

    if isinstance(error, CAError):
        return report_error(error, settings)
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        return report_usage(error, settings)
    if isinstance(error, OSError):  # a full disk behind stdout, a folder that is another user's
        if error.filename is None and error.errno == errno.ENOENT:
            where, error.strerror = "the working directory", "it is gone"
        elif error.filename is None:
            _mute(1)
            where = "the output"
        else:
            where = f"'{_text(error.filename)}'"
        hint = "free some space, or check its owner and mode"
        return report_error(StoreError(f"{where}: {error.strerror or error}", hint=hint), settings)
    return report_bug(error, settings)


def _complete(words: list[str]) -> int:
    """Print what may stand next, for the scripts of ``sipca completion``; never an error."""
    from cli.completion import candidates, for_bash

    with contextlib.suppress(Exception):  # a shell shows nothing rather than a message
        for candidate in for_bash(*words[1:3]) if words[:1] == ["--bash"] else candidates(words):
            print(candidate)
    return 0


def _mute(descriptor: int) -> None:
    """Discard what is still buffered for a file descriptor."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _text(name: str | bytes | int) -> str:
    """A file's name for a message, shortened if it is very long."""
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return text if len(text) <= 200 else f"{text[:200]}..."


def main() -> None:
    """The console script."""
    gc.disable()  # loading modules makes no garbage to look for: 4 ms of every start
    if not sys.warnoptions:  # libraries' warnings are for developers: -W default shows them
        warnings.simplefilter("ignore")
    _open_descriptors()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Windows consoles and LANG=C: never fail on a name
            encoding = "utf-8" if "--json" in sys.argv else stream.encoding  # as JSON always is
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were loading
        code = INTERRUPTED
    try:
        sys.stderr.flush()
    except OSError:  # full, or nobody listens: no reason for another exit code
        _mute(2)
    sys.exit(code)


def _open_descriptors() -> None:
    """Open what the caller closed of 0, 1 and 2 (``>&-``): it goes nowhere.

    Else the register itself could get one of these numbers, and be written to by what prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
