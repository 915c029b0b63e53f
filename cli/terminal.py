"""Text that is safe to print, and plain tables."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.escaping import escape_hidden


def safe(text: str) -> str:
    """Text whose control, format and bidirectional characters are spelled out, save line ends."""
    if text.isprintable():
        return text
    return "\n".join(escape_hidden(line) for line in text.split("\n"))


def one_line(text: str) -> str:
    """Safe text without line ends."""
    return safe(text).replace("\n", "\\n")


def table(rows: Sequence[Sequence[str]], *, head: Sequence[str] = (), indent: str = "") -> str:
    """Columns as wide as their widest cell, two spaces apart; cells are made safe."""
    cells = [[one_line(cell) for cell in row] for row in ([head, *rows] if head else rows)]
    if not cells:
        return ""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = (
        indent
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
    return "\n".join(lines)
