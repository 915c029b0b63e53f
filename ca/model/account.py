"""The account: field by field, what was asked, what was issued, how, and by which rule."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

How = Literal["taken", "added", "changed", "refused", "forced"]
T = TypeVar("T")


class FieldAccount(msgspec.Struct, frozen=True, gc=False):
    """One line of the account.

    ``asked`` is None where the request does not have the field, ``issued`` where the certificate
    does not. ``how`` is one of:

    * ``taken``: issued as requested.
    * ``added``: by the profile, the CA or an option of the operator.
    * ``changed``: requested with one value, issued with another.
    * ``refused``: requested, not issued.
    * ``forced``: issued as requested because the operator overrode a rule with ``--allow``.
    """

    field: str
    asked: str | None
    issued: str | None
    how: How
    rule: str


class Decision(msgspec.Struct, Generic[T], frozen=True):
    """What issuance decided for one part of a certificate, and the lines that account for it."""

    value: T
    lines: tuple[FieldAccount, ...]
