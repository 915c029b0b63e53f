"""Files that a command left behind, as text."""

from __future__ import annotations

from cli.terminal import one_line


def wrote(path: str, *, unchanged: bool = False) -> str:
    """The line of one file: it was written, or it was there with this content."""
    return f"{'there already' if unchanged else 'wrote'} {one_line(path)}"
