"""What a certificate is at a moment, why it can be revoked, and when a successor is due."""

from __future__ import annotations

from datetime import datetime, timedelta
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
"""Current = issued, unexpired, not revoked or held, not superseded."""

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
"""How long before its end a certificate is due to be replaced, unless wished otherwise."""


def is_due(validity: Validity, now: datetime, renew_before: timedelta = RENEW_BEFORE) -> bool:
    """Whether a certificate should be replaced: ``renew_before`` or less is left of its life.

    Of a short life a third counts, where that is less than ``renew_before``.
    """
    whole = validity.not_after - validity.not_before
    return validity.not_after - now <= min(renew_before, whole / 3)
