"""What the operator wishes for one signing, beside the request itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.model.certificates import GeneralName


class SigningWishes(msgspec.Struct, frozen=True):
    """Wishes of one signing. A lifetime is a span, a last moment, or "max"; None: the profile's."""

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
