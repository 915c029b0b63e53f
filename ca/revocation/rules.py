"""Which changes of a certificate's status are permitted."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.errors import ConflictError, PolicyError
from ca.model.status import KEY_COMPROMISE

Change = Literal["revoked", "held", "released"]


class Standing(msgspec.Struct, frozen=True):
    """The current status, "revoked" or "held", its reason, and since when (RFC 3339)."""

    status: str
    reason: str
    since: str


def change_of(reason: str) -> Change:
    """The change of status that a reason causes."""
    return "held" if reason == "hold" else "revoked"


def check_revocation(name: str, standing: Standing | None, reason: str) -> None:
    """Check that a certificate can be revoked for a reason (RFC 5280, 5.3.1).

    One that is held can be revoked. If it is revoked, its reason can only be changed to
    key-compromise, which blocks its key.

    Raises:
        ConflictError: it is already revoked, or already held.
    """
    if standing is None:
        return
    if standing.status == "held":
        if reason == "hold":
            raise ConflictError(
                f"{name} is already held, since {standing.since}",
                hint="end the hold with sipca release, or revoke it for good with another --reason",
            )
        return
    if reason != KEY_COMPROMISE or standing.reason == KEY_COMPROMISE:
        raise ConflictError(
            f"{name} is already revoked, since {standing.since} for {standing.reason}",
            hint="nothing was changed",
        )


def check_release(name: str, standing: Standing | None) -> None:
    """Check that a hold can be released.

    Raises:
        ConflictError: the certificate is not held.
    """
    if standing is None:
        raise ConflictError(f"{name} is not held", hint="nothing was changed")
    if standing.status != "held":
        raise ConflictError(
            f"{name} is revoked for {standing.reason}, which is permanent",
            hint="sign a new certificate; only a hold can be released",
        )


def check_not_blocked(*, blocked: bool) -> None:
    """Check that no certificate of a key was revoked for key-compromise.

    Raises:
        PolicyError: one was.
    """
    if blocked:
        raise PolicyError(
            "this key was revoked for key-compromise and is never certified again",
            hint="create a new key on the device, and a new CSR",
            rule="key-compromised",
        )
