"""The account as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.account import FieldAccount
from cli.terminal import table

CELL = 60


def account_text(account: Sequence[FieldAccount]) -> str:
    """One line a field: asked, issued, how, rule."""
    rows = [
        (line.field, _cell(line.asked), _cell(line.issued), line.how, line.rule) for line in account
    ]
    return table(rows, head=("field", "asked", "issued", "how", "rule"), indent="  ")


def _cell(text: str | None) -> str:
    if text is None:
        return "-"
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
