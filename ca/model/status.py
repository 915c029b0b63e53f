"""The status of a certificate, the reasons for revoking it, and when to replace it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, cast, get_args

from ca.model.certificates import Validity

Status = Literal[
    "valid",
    "not-yet-valid",
    "superseded",
    "held",
    "revoked",
    "expired",
    "planned",
    "abandoned",
]
STATUSES = cast(tuple[Status, ...], get_args(Status))
CURRENT: frozenset[Status] = frozenset(("valid", "not-yet-valid"))
"""The statuses of a current certificate: issued, not expired, revoked, held or superseded."""

Reason = Literal[
    "unspecified",
    "key-compromise",
    "ca-compromise",
    "affiliation-changed",
    "superseded",
    "cessation",
    "hold",
]
REASONS = cast(tuple[Reason, ...], get_args(Reason))
"""CRLReason (RFC 5280, 5.3.1) as sipca spells it, in the order of its codes from 0;
removeFromCRL belongs to delta CRLs alone."""
KEY_COMPROMISE: Reason = "key-compromise"

RENEW_BEFORE = timedelta(days=60)
"""By default, how long before it expires a certificate should be replaced."""


def is_due(validity: Validity, now: datetime, renew_before: timedelta | None = None) -> bool:
    """Whether a certificate should be replaced: it expires within ``renew_before``.

    Without a span, within 60 days or the last third of its validity, whichever is shorter.
    """
    return due_at(validity, renew_before) <= now


def due_at(validity: Validity, renew_before: timedelta | None = None) -> datetime:
    """From when on ``is_due`` holds."""
    if renew_before is None:
        renew_before = min(RENEW_BEFORE, (validity.not_after - validity.not_before) / 3)
    return validity.not_after - min(renew_before, validity.not_after - _FIRST)


_FIRST = datetime.min.replace(tzinfo=UTC)
