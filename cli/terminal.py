"""Text that is safe to print, tables that fit the terminal, and colours that mean something."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import IO, Literal, NamedTuple

from ca.model.escaping import escape_hidden

Meaning = Literal["error", "warning", "ok", "quiet"]
_SGR: dict[Meaning, str] = {"error": "31", "warning": "33", "ok": "32", "quiet": "2"}
_MARKS = dict(zip(_SGR, "\ufdd0\ufdd1\ufdd2\ufdd3", strict=True))
_END, _AS_IT_IS = "\ufdd4", "\ufdd5"
"""Noncharacters, which no text of others keeps: ``safe`` spells them out."""
_MARKED = re.compile(f"([{''.join(_MARKS.values())}{_END}{_AS_IT_IS}])")
_PROGRAM, _ENDS_COMMAND = "sipca", tuple(",;:)")
LEAST_CELL, LEAST_TEXT = 8, 20
"""The fewest columns that a shortened cell, and a cell of running text, may have."""
BELOW = 4
"""How far running text is set in that begins in the line below its row."""


class Page(NamedTuple):
    """What is printed on: its columns, None where nothing is ever cut, and whether in colour."""

    width: int | None = None
    colour: bool = False


_NOWHERE = Page()
_page: ContextVar[Page] = ContextVar("page", default=_NOWHERE)


def page_of(stream: IO[str]) -> Page:
    """The page of a stream: a terminal's width, and colour unless NO_COLOR or a pipe says no."""
    is_terminal = stream.isatty()
    forced = os.environ.get("FORCE_COLOR", "") not in ("", "0")
    colour = not os.environ.get("NO_COLOR") and (forced or is_terminal)
    if is_terminal and os.environ.get("TERM") == "dumb" and not forced:
        colour = False
    return Page(_width(stream) if is_terminal else None, colour)


@contextlib.contextmanager
def printed_on(stream: IO[str]) -> Iterator[Page]:
    """While this lasts, tables are made for this stream."""
    page = page_of(stream)
    token = _page.set(page)
    try:
        yield page
    finally:
        _page.reset(token)


def _width(stream: IO[str]) -> int | None:
    with contextlib.suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def is_cut() -> bool:
    """Whether what is being made is for a terminal, so that it has to fit."""
    return _page.get().width is not None


class _Marked(str):
    """Text that ``meaning`` marked: no text of others can claim to be that."""

    __slots__ = ()


def meaning(kind: Meaning, text: str) -> str:
    """Text with a meaning that a terminal shows by colour; elsewhere only the text."""
    return _Marked(f"{_MARKS[kind]}{one_line(text)}{_END}") if _page.get().colour else text


def verbatim(text: str) -> str:
    """Lines of data, for a file or a shell: ``prose`` leaves them as they are."""
    lines = safe(text)
    return "\n".join(_AS_IT_IS + line for line in lines.split("\n")) if is_cut() else lines


def safe(text: str) -> str:
    """Text whose control, format and bidirectional characters are spelled out, save line ends."""
    if text.isprintable():
        return text
    return "\n".join(escape_hidden(line) for line in text.split("\n"))


def painted(text: str) -> str:
    """Safe text, with what ``meaning`` marked in its colours."""
    if text.isprintable():
        return text
    parts = _MARKED.split(text)
    return "".join(
        safe(part) if number % 2 == 0 else _shown_mark(part) for number, part in enumerate(parts)
    )


def _shown_mark(mark: str) -> str:
    """The escape sequence of a mark; one that this page cannot have is text of others."""
    if mark == _AS_IT_IS and is_cut():
        return ""
    if mark == _AS_IT_IS or not _page.get().colour:
        return safe(mark)
    code = next((_SGR[kind] for kind, each in _MARKS.items() if each == mark), "0")
    return f"\x1b[{code}m"


def one_line(text: str) -> str:
    """Safe text without line ends."""
    return safe(text).replace("\n", "\\n")


def cells(text: str) -> int:
    """The columns that a text takes: wide characters take two, combining ones none."""
    plain = _MARKED.sub("", text)
    if plain.isascii():
        return len(plain)
    from rich.cells import cell_len

    return cell_len(plain)


def shortened(text: str, width: int) -> str:
    """A text cut to a width, with an ellipsis in the place of the rest."""
    if cells(text) <= width:
        return text
    plain = _MARKED.sub("", text)
    kept = ""
    for character in plain:
        if cells(kept + character) > width - 1:
            break
        kept += character
    return kept.rstrip() + "…"


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most a width, broken at blanks alone."""
    lines: list[str] = []
    for piece in _pieces(text, width):
        if lines and cells(lines[-1]) + 1 + cells(piece) <= width:
            lines[-1] += f" {piece}"
        elif piece or not lines:
            lines.append(piece)
    return lines


def _pieces(text: str, width: int) -> list[str]:
    """The words of a text; a command of ours is one piece, so that it can be copied whole."""
    pieces: list[str] = []
    is_in_command = False
    for word in text.split(" "):
        if is_in_command:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
        is_in_command = (is_in_command or word.strip("'(") == _PROGRAM) and not word.endswith(
            _ENDS_COMMAND
        )
    return [
        part
        for piece in pieces
        for part in (piece.split(" ") if cells(piece) > width and " -" not in piece else [piece])
    ]


Column = str | int
"""A column of a table by its head, or by its number where there is no head."""


def prose(text: str) -> str:
    """Lines of running text; on a terminal that is narrower they go on below, at their blanks."""
    width = _page.get().width
    if width is None:
        return text
    return "\n".join(_paragraph(line, width) for line in text.split("\n"))


def _paragraph(line: str, width: int) -> str:
    if cells(line) <= width or line.startswith(_AS_IT_IS):
        return line
    begin = len(line) - len(line.lstrip(" "))
    hang = " " * (begin + 2)
    first, *rest = _wrapped(line[begin:], width - begin - 2)
    return "\n".join([line[:begin] + first, *(hang + each for each in rest)])


def table(
    rows: Sequence[Sequence[str]],
    *,
    head: Sequence[str] = (),
    indent: str = "",
    drop: Sequence[Column] = (),
    shorten: Sequence[Column] = (),
) -> str:
    """Columns as wide as their widest cell, two spaces apart; cells are made safe.

    On a terminal that is too narrow the columns of ``drop`` are left out, one by one, then those
    of ``shorten`` get an ellipsis, then the last one is wrapped at its blanks, below its row where
    beside it there is no room. Nowhere else is anything cut.
    """
    return "\n".join(table_rows(rows, head=head, indent=indent, drop=drop, shorten=shorten))


def table_rows(
    rows: Sequence[Sequence[str]],
    *,
    head: Sequence[str] = (),
    indent: str = "",
    drop: Sequence[Column] = (),
    shorten: Sequence[Column] = (),
) -> list[str]:
    """The rows of ``table``, each of one line or of several."""
    lines = [[_cell(cell) for cell in row] for row in ([head, *rows] if head else rows)]
    if not lines:
        return []
    width = _page.get().width
    if width is not None:
        names: list[Column] = [*head] if head else [*range(len(lines[0]))]
        lines = _fitted(lines, names, width - len(indent), drop=drop, shorten=shorten)
    widths = _widths(lines)
    return [_line(row, widths, indent, width) for row in lines]


def _cell(text: str) -> str:
    return text if isinstance(text, _Marked) else one_line(text)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(cells(row[column]) for row in lines) for column in range(len(lines[0]))]


def _total(lines: Sequence[Sequence[str]]) -> int:
    widths = _widths(lines)
    return sum(widths) + 2 * (len(widths) - 1)


def _fitted(
    lines: list[list[str]],
    names: list[Column],
    width: int,
    *,
    drop: Sequence[Column],
    shorten: Sequence[Column],
) -> list[list[str]]:
    """The lines without columns that do not fit, and with others shortened."""
    for name in drop:
        if _total(lines) <= width:
            return lines
        gone = names.index(name)
        names = [*names[:gone], *names[gone + 1 :]]
        lines = [[*row[:gone], *row[gone + 1 :]] for row in lines]
    _shorten(lines, [names.index(name) for name in shorten if name in names], width)
    return lines


def _shorten(lines: list[list[str]], columns: Sequence[int], width: int) -> None:
    """Cut the widest of some columns again and again until the lines fit, if they can."""
    while columns and (excess := _total(lines) - width) > 0:
        widths = _widths(lines)
        first, *rest = sorted(columns, key=lambda column: -widths[column])
        if widths[first] <= LEAST_CELL:
            return
        next_widest = min(widths[rest[0]], widths[first] - 1) if rest else 0
        least = max(LEAST_CELL, widths[first] - excess, next_widest)
        for row in lines:
            row[first] = shortened(row[first], least)


def _line(row: Sequence[str], widths: Sequence[int], indent: str, width: int | None) -> str:
    """One row; on a terminal its last cell may go on in further lines, or begin in the next."""
    before = "".join(
        cell + " " * (column - cells(cell) + 2)
        for cell, column in zip(row[:-1], widths[:-1], strict=True)
    )
    lead = indent + before
    left = None if width is None else width - cells(lead)
    if width is None or left is None or cells(row[-1]) <= left:
        return (lead + row[-1]).rstrip()
    longest = max(map(cells, row[-1].split(" ")))
    hang = indent + " " * BELOW
    if left < LEAST_TEXT or left < longest <= width - cells(hang):
        below = _wrapped(row[-1], width - cells(hang))
        return "\n".join([lead.rstrip(), *(hang + each for each in below)])
    first, *more = _wrapped(row[-1], left)
    hang = " " * cells(lead)
    return "\n".join([(lead + first).rstrip(), *(hang + each for each in more)])
