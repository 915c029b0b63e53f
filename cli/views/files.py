"""Files that a command wrote, as text."""

from __future__ import annotations

from cli.terminal import one_line


def written_line(path: str, *, unchanged: bool) -> str:
    """That a file was written, or was there already with the same content."""
    return f"{'unchanged' if unchanged else 'wrote'} {one_line(path)}"
