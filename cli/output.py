"""Documents on stdout, messages on stderr, errors with their exit codes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ca.documents.base import encode_json
from ca.documents.exits import EXIT_CODES
from ca.errors import CAError
from cli.terminal import meaning, one_line, painted, printed_on, prose

if TYPE_CHECKING:
    from ca.documents.base import Document
    from ca.files import Spool
    from cli.settings import Settings

D = TypeVar("D", bound="Document")
BUG, USAGE = 1, 2


def show(document: D, settings: Settings, view: Callable[[D], str]) -> None:
    """Print a document: as JSON, or as its view renders it for people."""
    if settings.json:
        print_json(document)
        return
    if settings.quiet:
        return
    with printed_on(sys.stdout):
        text = painted(prose(view(document)))
    if text:
        print(text)


def print_json(document: Document) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(b"".join(json_pieces(document)).decode())


def json_pieces(document: Document) -> list[bytes]:
    """A JSON document as octets, as it is printed and written to files."""
    return [msgspec.json.format(encode_json(document), indent=2), b"\n"]


def put_aside(spool: Spool, entry: object) -> None:
    """Append one entry of a long list to a spool file as JSON, for ``spooled_json``."""
    comma = b"," if spool.size else b""
    spool.write(comma + _indented(encode_json(entry), 4))


def spooled_json(document: Document, spools: Mapping[str, Spool]) -> Iterator[bytes]:
    """A JSON document whose long lists are in spool files, in the form of ``json_pieces``."""
    yield b"{"
    for number, (name, value) in enumerate(msgspec.to_builtins(document).items()):
        yield b",\n  " if number else b"\n  "
        yield encode_json(name) + b": "
        spool = spools.get(name)
        if spool is None:
            yield _indented(encode_json(value), 2).lstrip()
        elif spool.size:
            yield b"["
            yield from spool.read()
            yield b"\n  ]"
        else:
            yield b"[]"
    yield b"\n}\n"


def _indented(json: bytes, columns: int) -> bytes:
    """Pretty-printed JSON with every line indented, after a line end."""
    text = b"\n" + msgspec.json.format(json, indent=2)
    return text.replace(b"\n", b"\n" + b" " * columns)


def talk(text: str | Callable[[], str], settings: Settings) -> None:
    """Print a message on stderr, unless ``--quiet`` was given; a view is made for its width."""
    if not settings.quiet:
        say_anyway(text)


def say_anyway(text: str | Callable[[], str]) -> None:
    """Print a message on stderr even with ``--quiet``; a closed stderr stops nothing."""
    with printed_on(sys.stderr):
        said = painted(prose(text if isinstance(text, str) else text()))
    if said:
        with contextlib.suppress(OSError):
            print(said, file=sys.stderr)


def report_error(error: CAError, settings: Settings) -> int:
    """Print an expected failure; returns its exit code."""
    code = EXIT_CODES[error.kind]
    if settings.debug:
        import traceback

        traceback.print_exception(error)
    _report(str(error.kind), error.message, error.hint, code, settings, rule=error.rule)
    return code


def report_usage(error: Any, settings: Settings) -> int:
    """Print a usage error; returns its exit code."""
    message = str(error.format_message()).rstrip(".")
    context: Any = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "sipca --help"
    if type(error).__name__ == "NoArgsIsHelpError":
        if settings.json:
            message = f"'{context.command_path}' needs the name of a command"
            _report("usage", message, hint, USAGE, settings)
        else:
            say_anyway(message)
        return USAGE
    if type(error).__name__ == "NoSuchOption":
        from cli.near_misses import option_hint

        message = error.message
        hint = option_hint(error.option_name, context.command, context.command_path)
    elif type(error).__name__ in ("BadParameter", "WrongWordError") and not error.param:
        message = error.message.rstrip(".")
        hint = getattr(error, "hint", None) or hint
    _report("usage", message[:1].lower() + message[1:], hint, USAGE, settings)
    return USAGE


def report_bug(error: Exception, settings: Settings) -> int:
    """Print an internal error, with its traceback only if ``--debug`` was given."""
    if settings.debug:
        import traceback

        traceback.print_exception(error)
    message = f"this is a bug of sipca's: {type(error).__name__}"
    _report("bug", message, "run it again with --debug and report what it prints", BUG, settings)
    return BUG


def _report(
    kind: str,
    message: str,
    hint: str | None,
    code: int,
    settings: Settings,
    *,
    rule: str | None = None,
) -> None:
    if settings.json:
        from ca.documents.error import ErrorDocument, ErrorRecord

        error = ErrorRecord(kind=kind, message=message, hint=hint, exit=code, rule=rule)
        with contextlib.suppress(OSError):
            print(encode_json(ErrorDocument(error=error)).decode(), file=sys.stderr)
        return
    say_anyway(lambda: error_text(message, hint, rule))


def error_text(message: str, hint: str | None, rule: str | None = None) -> str:
    """An error with the code of its rule, and its hint, a line each."""
    code = f" [{rule}]" if rule else ""
    line = f"{meaning('error', 'error:')} {one_line(message)}{code}"
    return f"{line}\n{meaning('quiet', 'hint:')} {one_line(hint)}" if hint else line


def write_bytes(data: bytes, *, binary: bool) -> None:
    """Data on stdout.

    Raises:
        CAError: it is binary, and stdout is a terminal.
    """
    write_pieces([data], binary=binary)


def write_pieces(pieces: Iterable[bytes], *, binary: bool) -> None:
    """Data on stdout, piece by piece.

    Raises:
        CAError: it is binary, and stdout is a terminal.
    """
    from ca.errors import ConflictError

    if binary and sys.stdout.isatty():
        raise ConflictError("binary data does not go to a terminal", hint="-o FILE, or a pipe")
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()
