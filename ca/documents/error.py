"""What ``--json`` prints on stderr if there is no other document."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class ErrorRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error: its kind, a sentence, a next step, the exit code.

    ``rule`` is the code of the rule that refused, which ``sipca rule show`` explains; it is absent
    where none did.
    """

    kind: str
    message: str
    hint: str | None
    exit: int
    rule: str | None = None


class ErrorDocument(Document, frozen=True, kw_only=True):
    """What is printed on stderr if there is no other document."""

    error: ErrorRecord
