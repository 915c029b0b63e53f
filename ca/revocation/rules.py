"""What may become of a certificate's status, and what forbids it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.errors import ConflictError, PolicyError
from ca.model.status import KEY_COMPROMISE

Change = Literal["revoked", "held", "released"]


class Standing(msgspec.Struct, frozen=True):
    """What is in force now: "revoked" or "held", why, and since when (RFC 3339)."""

    status: str
    reason: str
    since: str


def change_of(reason: str) -> Change:
    """The status that a reason leads to."""
    return "held" if reason == "hold" else "revoked"


def check_revocation(name: str, standing: Standing | None, reason: str) -> None:
    """That a certificate can be revoked for a reason (RFC 5280, 5.3.1).

    A held one can be revoked; a revoked one only be upgraded to key-compromise, which blocks
    its key.

    Raises:
        ConflictError: it is revoked or held already.
    """
    if standing is None:
        return
    if standing.status == "held":
        if reason == "hold":
            raise ConflictError(
                f"{name} is held already, since {standing.since}",
                hint="sipca release ends the hold; another --reason revokes it for good",
            )
        return
    if reason != KEY_COMPROMISE or standing.reason == KEY_COMPROMISE:
        raise ConflictError(
            f"{name} is revoked already, since {standing.since} for {standing.reason}",
            hint="nothing was changed",
        )


def check_release(name: str, standing: Standing | None) -> None:
    """That a hold can be released.

    Raises:
        ConflictError: it is not held.
    """
    if standing is None:
        raise ConflictError(f"{name} is not held", hint="nothing was changed")
    if standing.status != "held":
        raise ConflictError(
            f"{name} is revoked for {standing.reason}, and that is for good",
            hint="sign a new certificate; only a hold can be released",
        )


def check_not_blocked(*, blocked: bool) -> None:
    """That a key was never revoked for key-compromise.

    Raises:
        PolicyError: it was.
    """
    if blocked:
        raise PolicyError(
            "this key was revoked for key-compromise and is never certified again",
            hint="make a new key on the device, and a new CSR",
        )
