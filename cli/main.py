"""Entry point: the table of commands, loaded when named, and errors to exit codes.

Imports next to nothing: each worker of ``sign --jobs`` imports this module once more.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
import warnings
from pathlib import Path
from typing import Any

INTERRUPTED = 130
UNHEARD = 8
"""Nobody reads what is printed any more: of the kind of a full disk behind stdout."""
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
    "samples": "Write sample CSRs, to try things with.",
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
    "rule": (
        "The rules that requests and certificates are judged by.",
        {"list": "All rules.", "show": "One rule, with what it cites and an example."},
    ),
}
"""Every command with its one-line help; its function is ``cli.commands.<first word>``'s."""


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    if arguments[:1] == ["__complete"]:
        return _complete(arguments[1:])
    import typer

    from cli.groups import root_group
    from cli.options import Settings

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
        for each in for_bash(*words[1:3]) if words[:1] == ["--bash"] else candidates(words):
            print(each)
    return 0


def _mute(descriptor: int) -> None:
    """What still waits to be written there goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _text(name: str | bytes | int) -> str:
    """A file's name in a message, not longer than one wants to read."""
    text = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return text if len(text) <= 200 else f"{text[:200]}..."


def stay_long() -> None:
    """What runs long collects its garbage, but does not look for it among what is loaded."""
    gc.freeze()
    gc.enable()


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
