"""Words: what can go wrong, by kind. Knows neither exit codes nor HTTP statuses.

A message is one sentence, lower case, without a full stop, naming the thing and the
two values that disagree; the hint is a next step, often a command.
"""

from __future__ import annotations

from enum import StrEnum


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


class CAError(Exception):
    """An expected failure, with a sentence for the operator and perhaps a next step."""

    kind: Kind

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


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
    )
}
