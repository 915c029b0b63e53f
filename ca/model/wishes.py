"""The operator's options for signing one request."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.model.certificates import GeneralName


class SigningWishes(msgspec.Struct, frozen=True):
    """The options of one signing; None means the default of the profile or the home.

    ``lifetime`` is a duration, a notAfter, or "max" for the longest that profile and CA allow.
    ``beside``: no certificate is superseded. ``revoke_old``: those superseded are revoked.
    """

    profile: str = "sip"
    device: str | None = None
    context: int | None = None
    target: str | None = None
    cn: str | None = None
    san: tuple[GeneralName, ...] = ()
    replace_san: bool = False
    fix_san: bool = False
    lifetime: timedelta | datetime | str | None = None
    backdate: timedelta | None = None
    allow: frozenset[str] = frozenset()
    supersedes: str | None = None
    again: bool = False
    beside: bool = False
    revoke_old: bool = False
