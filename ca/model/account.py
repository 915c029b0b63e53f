"""The account: field by field, what was asked, what was issued, how, and by which rule."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

How = Literal["taken", "added", "changed", "refused", "forced"]
T = TypeVar("T")


class FieldAccount(msgspec.Struct, frozen=True, gc=False):
    """One line of the account.

    ``asked`` is None where the request said nothing, ``issued`` where nothing of it is in
    the certificate. ``taken``: as asked. ``added``: by the profile, the CA or a wish of the
    operator's. ``changed``: asked one way, issued another. ``refused``: asked, not issued.
    ``forced``: issued as asked because the operator overrode a rule with ``--allow``.
    """

    field: str
    asked: str | None
    issued: str | None
    how: How
    rule: str


class Decision(msgspec.Struct, Generic[T], frozen=True):
    """What one rule of issuance decided, and the lines that account for it."""

    value: T
    lines: tuple[FieldAccount, ...]
