"""Usage errors with a next step of their own, beside ``--help``."""

from __future__ import annotations

from typing import Any

import typer


class WrongWordError(typer.BadParameter):
    """A word of the call that is wrong, and what may be meant by it (exit 2)."""

    def __init__(self, message: str, ctx: Any = None, *, hint: str | None = None) -> None:
        super().__init__(message, ctx)
        self.hint = hint
