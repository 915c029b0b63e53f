"""The operator's options for signing one request."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.model.certificates import GeneralName
from ca.model.escaping import escape_hidden

OPTIONS = "--"
"""The origin of names that options of the command line give."""


class SigningWishes(msgspec.Struct, frozen=True):
    """The options of one signing; None means the default of the profile or the home.

    ``lifetime`` is a duration, a notAfter, or "max" for the longest that profile and CA allow.
    ``origin``: where the names are given, before the name of a column; None if each has no name.
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
    origin: str | None = OPTIONS

    @property
    def from_options(self) -> bool:
        """Whether the names are those of options."""
        return self.origin == OPTIONS

    def said(self, column: str, text: str, value: str) -> str:
        """A name as it was given: ``--san dns:a.lab``, ``names.csv line 2, column san: dns:a.lab``.

        ``value`` is the name without its type, which is all that ``issue`` gets.
        """
        if self.origin is None:
            return f"'{escape_hidden(value)}'"
        colon = "" if self.from_options else ":"
        return f"{self.origin}{column}{colon} {escape_hidden(text)}"
