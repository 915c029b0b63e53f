"""From arguments to requests: files, folders, stdin, a CSV of names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer

from ca.authority.signing.candidates import Source
from ca.csr.parsing import read_request
from ca.errors import CAError, ConflictError, MalformedError, NotFoundError, attempt
from ca.files import MAX_INPUT, read_bounded
from ca.model.escaping import escape_undecodable
from ca.model.wishes import SigningWishes
from ca.names.text import printable
from cli.settings import Settings
from cli.utf8 import read_stdin

REQUEST_SUFFIXES = (".csr", ".req", ".p10")
STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
MAX_FILES = 200_000
COLUMNS = ("source", "device", "context", "profile", "cn", "san", "replace_san")


def read_one(word: str, settings: Settings) -> bytes:
    """The octets of one file, or of stdin.

    Raises:
        CAError: it cannot be read, or is longer than any CSR.
    """
    if word not in STDIN:
        return read_bounded(Path(word), pipes=True)
    settings.take_stdin("the CSR")
    if sys.stdin is not None and sys.stdin.isatty():
        return _pasted()
    data = read_stdin(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        raise MalformedError(
            f"stdin has more than {MAX_INPUT} octets, the most that is read",
            hint="a CSR has a few thousand: send the lines from BEGIN to END and nothing else",
        )
    return data


def _pasted() -> bytes:
    """A CSR pasted at the terminal, up to its END line."""
    print("paste the CSR; its END line ends the input", file=sys.stderr)
    lines: list[bytes] = []
    for line in sys.stdin.buffer:
        lines.append(line)
        if (b"END" in line and b"REQUEST" in line) or sum(map(len, lines)) > MAX_INPUT:
            break
    return b"".join(lines)


class Search(NamedTuple):
    """How folders are searched: with their sub-folders or not, and which one is the output."""

    recursive: bool = False
    out: Path | None = None


def expand(
    words: list[str], wishes: SigningWishes, settings: Settings, search: Search
) -> list[Source]:
    """The sources that the arguments name, in order; a folder's files are sorted by name.

    Raises:
        NotFoundError: a folder holds nothing to sign.
    """
    sources: list[Source] = []
    for word in words:
        path = Path(word)
        if not word:
            raise NotFoundError("a source has an empty name", hint="check the words of the call")
        if word in STDIN:
            sources.append(Source(word, None, wishes, data=read_one(word, settings)))
        elif path.is_dir():
            sources.extend(_of_folder(path, wishes, search))
        elif path.exists() and not path.is_file():
            sources.append(_of_pipe(word, wishes))
        else:
            sources.append(Source(escape_undecodable(word), path.stem, wishes, path=path))
    return sources


def _of_pipe(word: str, wishes: SigningWishes) -> Source:
    """Read a pipe or device now, because it can be read only once.

    Its own name is the stem, but not that of a descriptor (``/dev/fd/63``, as ``<(...)`` gives).
    """
    path = Path(word)
    stem = None if path.is_relative_to("/dev") or path.is_relative_to("/proc") else path.stem
    source = Source(escape_undecodable(word), stem, wishes, path=path)
    try:
        return msgspec.structs.replace(source, data=read_bounded(path, pipes=True))
    except CAError as error:
        return msgspec.structs.replace(source, failure=error)


def _of_folder(folder: Path, wishes: SigningWishes, search: Search) -> list[Source]:
    """The files of a folder: those that are called as requests are, and the others if they are one.

    Raises:
        NotFoundError: none is called as requests are or holds one.
    """
    files = sorted(_files_below(folder, search)) if search.recursive else _files_in(folder)
    if not any(_is_request(path) for path in files):
        below = [] if search.recursive else list(islice(_requests_below(folder, search), 2))
        shown = printable(str(folder))
        if below:
            raise NotFoundError(
                f"'{shown}' itself holds no CSR, but its sub-folders do",
                hint=f"--recursive looks into them, as into '{printable(str(below[0].parent))}'",
            )
        what = "no CSR" if files else "no files"
        raise NotFoundError(
            f"'{shown}' holds {what}", hint="put the CSRs into it, or name another folder"
        )
    return [
        Source(
            escape_undecodable(str(path)),
            path.stem,
            wishes,
            path=path,
            must_be_request=path.suffix.casefold() in REQUEST_SUFFIXES,
        )
        for path in files
    ]


def _files_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [folder / name for name in sorted(each.name for each in entries if _is_file(each))]


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is no folder; only of a link the disk has to be asked, and it may lead nowhere."""
    return not (Path(entry).is_dir() if entry.is_symlink() else entry.is_dir())


def _files_below(folder: Path, search: Search) -> Iterator[Path]:
    """The files of a folder and its sub-folders, without hidden folders and links to folders.

    Nor those of the output folder: what a call wrote is not what the next one signs.

    Raises:
        MalformedError: there are more than any lab has.
    """
    out = None if search.out is None else search.out.resolve()
    count = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and not (here / name).is_symlink()
            and (here / name).resolve() != out
        )
        for name in names:
            count += 1
            if count > MAX_FILES:
                raise MalformedError(
                    f"'{printable(str(folder))}' and its sub-folders hold more than {MAX_FILES} "
                    "files",
                    hint="name the folders with the CSRs",
                )
            yield here / name


def _requests_below(folder: Path, search: Search) -> Iterator[Path]:
    return (path for path in _files_below(folder, search) if _is_request(path))


def _is_request(path: Path) -> bool:
    """Whether a file is called as requests are, or holds one."""
    if path.suffix.casefold() in REQUEST_SUFFIXES:
        return True
    if not path.is_file():
        return False
    return not isinstance(attempt(lambda: read_request(read_bounded(path))), CAError)


def with_names(sources: list[Source], file: Path) -> list[Source]:
    """The sources, each with the wishes of its line in a CSV.

    Raises:
        MalformedError: the CSV has an unknown column, a line twice, or a bad value.
        NotFoundError: a line names a source that is not there.
    """
    rows = read_names(file)
    named: list[Source] = []
    for source in sources:
        row = rows.pop(source.label, None) or rows.pop(Path(source.label).name, None)
        named.append(msgspec.structs.replace(source, wishes=_wished(source.wishes, row, file)))
    if rows:
        raise NotFoundError(
            f"{file}: no source is called {', '.join(sorted(rows)[:5])}",
            hint="the column 'source' holds file names as given on the command line",
        )
    return named


def read_names(file: Path) -> dict[str, dict[str, str]]:
    """The lines of a names CSV by source.

    Raises:
        MalformedError: it is not such a CSV.
    """
    import csv
    import io

    try:
        text = read_bounded(file, limit=64 * MAX_INPUT, pipes=True).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=None), strict=True)
        columns = list(reader.fieldnames or ())
        if not set(columns) <= set(COLUMNS) or "source" not in columns:
            raise MalformedError(
                f"{file}: the header is {printable(','.join(columns)) or 'empty'}",
                hint=f"columns are {','.join(COLUMNS)}; SANs are split by ;",
            )
        if twice := [name for name in COLUMNS if columns.count(name) > 1]:
            raise MalformedError(
                f"{file}: the header has the column '{twice[0]}' twice",
                hint="leave one of them out",
            )
        rows: dict[str, dict[str, str]] = {}
        for line in reader:
            cells = {name: (value or "").strip() for name, value in line.items() if name}
            if None in line:
                raise MalformedError(f"{file} line {reader.line_num}: too many columns")
            if cells["source"] in rows or not cells["source"]:
                raise ConflictError(
                    f"{file} line {reader.line_num}: source '{cells['source']}' is empty or twice"
                )
            rows[cells["source"]] = cells | {"line": str(reader.line_num)}
    except UnicodeDecodeError as error:
        raise MalformedError(
            f"{file} is not UTF-8 at octet {error.start}",
            hint="save it as 'CSV UTF-8', as spreadsheets call it",
        ) from None
    except csv.Error as error:
        long = "field limit" in str(error)
        problem = "a cell is too long" if long else "a quotation mark stands where none can"
        raise MalformedError(
            f"{file} line {reader.line_num}: {problem}",
            hint='a cell with , or " is put between "; a " within it is written twice',
        ) from None
    return rows


def _wished(wishes: SigningWishes, row: dict[str, str] | None, file: Path) -> SigningWishes:
    from ca.names.general import SeveralNamesError, parse_general_name

    if row is None:
        return wishes
    changes: dict[str, Any] = {key: row[key] for key in ("device", "profile", "cn") if row.get(key)}
    where = f"{file} line {row['line']}, column "
    column = "context"
    try:
        if row.get("context"):
            changes["context"] = context_number(row["context"])
        column = "replace_san"
        if row.get("replace_san"):
            changes["replace_san"] = _yes(row["replace_san"])
        column = "san"
        names = [each.strip() for each in row.get("san", "").split(";") if each.strip()]
        if names:
            changes["san"] = tuple(parse_general_name(each) for each in names)
    except (CAError, typer.BadParameter) as error:
        hint = getattr(error, "hint", None)
        if isinstance(error, SeveralNamesError):
            hint = f"put ; between them: {';'.join(error.names)}"
        raise MalformedError(f"{where}{column}: {error}", hint=hint) from None
    if "san" in changes or "cn" in changes:
        changes["origin"] = where
    return msgspec.structs.replace(wishes, **changes)


def _yes(text: str) -> bool:
    if text.casefold() not in ("yes", "no"):
        raise MalformedError(f"replace_san is '{printable(text)}'", hint="yes or no")
    return text.casefold() == "yes"


def context_number(text: str) -> int:
    """A TLS context's number, 0 to 99.

    Raises:
        MalformedError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise MalformedError(f"'{text}' is no TLS context", hint="0 to 99")
    return int(text)
