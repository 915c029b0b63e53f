"""Rules for a request whose newest certificate was revoked, is held, or was superseded."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule

_AGAIN = "if it is intended, --again signs it all the same"


class SignedBefore(msgspec.Struct, frozen=True):
    """The newest certificate of a request; ``status`` is that of its serial, or "" if none.

    ``reason`` and ``since`` (a date) are those of the status. ``successor`` is the serial of a
    certificate of another key that superseded it, or None.
    """

    serial: str
    status: str
    reason: str = ""
    since: str = ""
    successor: str | None = None


@rule("revoked-before", "error", "RFC 5280 3.3")
@cases("The request is new.", "Its certificate was revoked, and the CSR lies in the folder still.")
def revoked_before(before: SignedBefore) -> Violation | None:
    """The newest certificate of the request is not revoked."""
    if before.status != "revoked":
        return None
    return Violation(
        f"the certificate of this request, {before.serial[:12]}, was revoked on {before.since} "
        f"({before.reason})",
        f"make a new CSR on the device; {_AGAIN}",
    )


@rule("held-before", "error", "RFC 5280 5.3.1")
@cases("The request is new.", "Its certificate is on hold while the device is looked for.")
def held_before(before: SignedBefore) -> Violation | None:
    """The newest certificate of the request is not on hold."""
    if before.status != "held":
        return None
    return Violation(
        f"the certificate of this request, {before.serial[:12]}, is on hold since {before.since}",
        f"sipca release {before.serial[:12]} ends the hold; {_AGAIN}",
    )


@rule("superseded-before", "error", "RFC 5280 5.3.1")
@cases(
    "The request is the device's latest.",
    "The device made a new key and CSR since, and the old CSR lies in the folder still.",
)
def superseded_before(before: SignedBefore) -> Violation | None:
    """No certificate of another key has superseded the newest one of the request."""
    if before.successor is None:
        return None
    return Violation(
        f"the certificate of this request, {before.serial[:12]}, was superseded by "
        f"{before.successor[:12]}, which has another key",
        f"sign the newer CSR; {_AGAIN}",
    )


SIGNED_BEFORE = (revoked_before, held_before, superseded_before)
