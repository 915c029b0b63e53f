"""``trust export --run``: the commands of a trust store, run on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import msgspec

from ca.documents.trust import TrustExportDocument, TrustRun
from ca.errors import NotFoundError, PolicyError
from ca.profiles.anchor import Anchor

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where programs of the administrator are, which an ordinary PATH may lack."""
SECONDS = 120
SHELL = "/bin/sh"


def check_runnable(anchor: Anchor) -> None:
    """Check, before anything is written, that the commands of a kind can be run here.

    Raises:
        PolicyError: they are for another machine, for the operator's own hand, or for root.
        NotFoundError: a program is missing.
    """
    if not anchor.runs_here:
        raise PolicyError(
            f"--run changes this Debian machine and this user's NSS store alone, not "
            f"'{anchor.name}'",
            hint=f"sipca trust export --for {anchor.name} prints the commands to run yourself",
            rule="trust-run",
        )
    if anchor.runs_where and not Path(anchor.runs_where).exists():
        raise PolicyError(
            f"this machine is none for '{anchor.name}': it has no '{anchor.runs_where}'",
            hint="run the commands on the machine that is meant",
            rule="trust-run",
        )
    for command in anchor.run:
        program = shlex.split(command)[0]
        if shutil.which(program, path=_path()) is None:
            raise NotFoundError(
                f"there is no program '{program}' here",
                hint="on Debian certutil is in libnss3-tools, update-ca-certificates in "
                "ca-certificates",
            )
    if anchor.as_root and os.geteuid() != 0:
        raise PolicyError(
            f"--run for '{anchor.name}' needs root, and this is user {os.geteuid()}",
            hint="run the commands with sudo, or this one with sudo and --home",
            rule="trust-run",
        )


def run_commands(document: TrustExportDocument) -> TrustExportDocument:
    """Run the commands as they were shown, up to the first that fails."""
    ran = []
    for command in document.run:
        ran.append(_run(command.text))
        if ran[-1].exit:
            break
    return msgspec.structs.replace(document, ran=ran)


def _run(text: str) -> TrustRun:
    try:
        done = subprocess.run(  # noqa: S603 - the values in it are quoted, the rest is ours
            [SHELL, "-c", text],
            env={**os.environ, "PATH": _path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TrustRun(text=text, exit=124, output=f"it did not end within {SECONDS} s")
    return TrustRun(text=text, exit=done.returncode, output=done.stdout.decode("utf-8", "replace"))


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS))
