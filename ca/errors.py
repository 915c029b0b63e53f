"""Words: what can go wrong, by kind. Knows neither exit codes nor HTTP statuses.

A message is one sentence, lower case, without a full stop, naming the thing and the
two values that disagree; the hint is a next step, often a command.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Kind(StrEnum):
    """The kinds of failure that a face has a table for."""

    MALFORMED = "malformed"
    REFUSED = "refused"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    KEY = "key"
    STORE = "store"
    INVALID = "invalid"
    UNREACHABLE = "unreachable"
    BUG = "bug"


class CAError(Exception):
    """An expected failure, with a sentence for the operator and perhaps a next step."""

    kind: Kind
    rule: str | None = None
    """The code of the rule that refused, if one did."""

    def __init__(self, message: str, *, hint: str | None = None, rule: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.rule = rule


class MalformedError(CAError):
    """Input is not what it claims to be (CSR, PEM, profile)."""

    kind = Kind.MALFORMED


class PolicyError(CAError):
    """Well formed, but a profile, the issuer, a key rule or a lint forbids it."""

    kind = Kind.REFUSED


class NotFoundError(CAError):
    """There is no such certificate, profile, issuer, device or file."""

    kind = Kind.NOT_FOUND


class ConflictError(CAError):
    """It exists already, is revoked already, or its name is ambiguous."""

    kind = Kind.CONFLICT


class KeyUnavailableError(CAError):
    """A key is missing, locked, not opened by this passphrase, or another certificate's."""

    kind = Kind.KEY


class StoreError(CAError):
    """The database or a file cannot be read or written: locked, full, damaged, too new."""

    kind = Kind.STORE


class VerificationError(CAError):
    """A signature, chain or preflight check does not hold."""

    kind = Kind.INVALID


class UnreachableError(CAError):
    """A device, token or responder did not answer."""

    kind = Kind.UNREACHABLE


class BugError(CAError):
    """Something of sipca's own is wrong, found while it worked on one thing of several."""

    kind = Kind.BUG
    trace = ""
    """The traceback as text, which unlike the exception crosses processes; for ``--debug``."""


ERRORS: dict[Kind, type[CAError]] = {
    error.kind: error
    for error in (
        MalformedError,
        PolicyError,
        NotFoundError,
        ConflictError,
        KeyUnavailableError,
        StoreError,
        VerificationError,
        UnreachableError,
        BugError,
    )
}

ENDS_ALL = (KeyboardInterrupt, SystemExit, GeneratorExit)
OF_THE_REGISTER = "sqlite3"
"""The module whose exceptions concern every source alike: the register's opener translates them."""


def attempt(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | CAError:
    """Work on one thing of several: its result, or as a value what keeps it from having one.

    Whatever is raised ends this thing alone, panics of extension modules included; only the end
    of the whole call (Ctrl-C) and trouble with the register pass.
    """
    try:
        return work(*args, **kwargs)
    except CAError as error:
        return error
    except ENDS_ALL:
        raise
    except BaseException as error:
        if type(error).__module__ == OF_THE_REGISTER:
            raise
        return unexpected(error)


def unexpected(error: BaseException) -> CAError:
    """What to tell of an exception that nobody meant: trouble with a file, else a bug of ours."""
    if isinstance(error, OSError):
        where = f"'{error.filename}' " if error.filename else ""
        return StoreError(
            f"{where}cannot be used: {error.strerror or 'input or output failed'}",
            hint="check the path, its owner and mode, and the space left",
        )
    import traceback

    bug = BugError(
        f"this is a bug of sipca's: {type(error).__name__}",
        hint="run it again with --debug and report what it prints",
    )
    bug.trace = "".join(traceback.format_exception(error))
    bug.__cause__ = error
    return bug
