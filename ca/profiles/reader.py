"""A strict TOML reader: an unknown key is an error that names the file, the key and a near one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from typing import Any, TypeVar, get_args

import msgspec

from ca.errors import MalformedError
from ca.names.text import printable

T = TypeVar("T", bound=msgspec.Struct)
MAX_TEXT = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 50_000
MAX_KEY, MAX_STRING, MAX_NUMBER = 200, 16_384, 1 << 31
_LAYOUT = re.compile("[\\t\\r\\n]")
_TOKEN = re.compile(r"""(?P<part>"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+|[ \t]+)|.""", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(.*?)`(?: - at `\$\.?(.*?)`)?$")
_INDEX = re.compile(r"\[[^\]]*\]")
_PATH = re.compile(r"^(.*?) - at `\$\.?(.*?)`$")


def read_toml(
    text: str, kind: type[T], *, file: str, former: Collection[tuple[str, str]] = ()
) -> T:
    """Read a TOML text into a Struct of this kind.

    ``former`` are keys that earlier versions had, each with its table: they are ignored.

    Raises:
        MalformedError: it is not TOML, exceeds a limit, has an unknown key, lacks a key, or has a
            value of the wrong type.
    """
    data = _parse(text, file)
    for reserved in ("name", "text"):
        if reserved in data and reserved in kind.__struct_fields__:
            raise MalformedError(
                f"{file}: unknown key '{reserved}'", hint="remove it: the name is that of the file"
            )
    for table, key in former:
        tables = data.get(table)
        for entry in tables if isinstance(tables, list) else [tables]:
            if isinstance(entry, dict):
                entry.pop(key, None)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), kind, file) from None


def decode_utf8(data: bytes, file: str) -> str:
    """Decode the text of a TOML file.

    Raises:
        MalformedError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{file} is not UTF-8 at octet {error.start}") from None


def _parse(text: str, file: str) -> dict[str, Any]:
    too_deep = MalformedError(f"{file} is nested deeper than {MAX_DEPTH} tables and lists")
    if len(text) > MAX_TEXT:
        raise MalformedError(f"{file} has more than {MAX_TEXT} characters")
    if text.count(".") > MAX_DEPTH and _most_dots(text) > MAX_DEPTH:
        raise too_deep  # tomllib takes 72 s for a key of 65,000 parts
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise too_deep from None
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(f"{file} is not TOML: {printable(str(error), 200)}") from None
    except ValueError:  # a number of thousands of digits
        raise MalformedError(f"{file}: a number is beyond {MAX_NUMBER}") from None
    _check_bounds(data, file)
    return data


def _most_dots(text: str) -> int:
    """The dots in the longest dotted key; those in a multi-line string count as well."""
    longest = dots = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ".":
            dots += 1
            longest = max(longest, dots)
        elif token.lastgroup != "part":
            dots = 0
    return longest


def _check_bounds(data: dict[str, Any], file: str) -> None:
    """Check every key and value against the limits, and for control and invisible characters.

    Raises:
        MalformedError: a limit is exceeded or a text hides something; the message names the key.
    """
    waiting: list[tuple[str, Any, int]] = [("", data, 0)]
    for count, (key, value, depth) in enumerate(waiting):  # grows as it is walked
        if depth > MAX_DEPTH:
            raise MalformedError(f"{file} is nested deeper than {MAX_DEPTH} tables and lists")
        if count > MAX_VALUES:
            raise MalformedError(f"{file} holds more than {MAX_VALUES} values")
        if isinstance(value, dict):
            for name, each in value.items():
                _check_text(name, f"key '{printable(name)}'", file, MAX_KEY)
                waiting.append((f"{key}.{name}" if key else name, each, depth + 1))
        elif isinstance(value, list):
            waiting += ((f"{key}[{n}]", each, depth + 1) for n, each in enumerate(value))
        elif isinstance(value, str):
            _check_text(value, key, file, MAX_STRING)
        elif isinstance(value, int) and abs(value) > MAX_NUMBER:
            raise MalformedError(f"{file}: {key}: the number is beyond {MAX_NUMBER}")


def _check_text(text: str, key: str, file: str, limit: int) -> None:
    if len(text) > limit:
        raise MalformedError(f"{file}: {key}: {len(text)} characters, but {limit} is the maximum")
    shown = text if text.isprintable() else _LAYOUT.sub("", text)
    if not shown.isprintable() and printable(shown, len(shown)) != shown:
        raise MalformedError(
            f"{file}: {key}: '{printable(text)}' holds control or invisible characters"
        )


def _explain(problem: str, kind: type[msgspec.Struct], file: str) -> MalformedError:
    if unknown := _UNKNOWN.search(problem):
        key, path = unknown[1], unknown[2] or ""
        import difflib

        table = _table(kind, path)
        known = _keys(table, reserved=("name", "text") if table is kind else ())
        near = difflib.get_close_matches(key, known, n=1)
        dotted = f"{path}.{key}" if path else key
        return MalformedError(
            f"{file}: unknown key '{printable(dotted)}'",
            hint=f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(known)}",
        )
    if located := _PATH.match(problem):
        return MalformedError(f"{file}: {located[2]}: {_lower(located[1])[:300]}")
    return MalformedError(f"{file}: {_lower(problem)[:300]}")


_KINDS = {
    "bool": "true or false",
    "str": "a string in quotation marks",
    "int": "a whole number",
    "float": "a number",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def _lower(text: str) -> str:
    """Translate an error of msgspec into the terms of somebody who writes TOML."""
    if wrong := re.fullmatch(r"Expected `(.+?)`, got `(.+?)`", text):
        expected, got = (
            " or ".join(_KINDS.get(k, k) for k in w.split(" | ")) for w in wrong.groups()
        )
        return f"this is {got}, but {expected} is expected"
    if wrong := re.fullmatch(r"Invalid enum value (.*)", text, re.DOTALL):
        return f"{printable(wrong[1], 60)} is not an allowed value"
    text = text.replace("Object missing required field", "The table lacks the key")
    return (text[:1].lower() + text[1:]).replace("`", "'")


def _table(kind: Any, path: str) -> Any:
    """The Struct that a path of msgspec's leads to: ``device[1]`` is the table of one device."""
    for part in _INDEX.sub("", path).split("."):
        types = {each.encode_name: each.type for each in msgspec.structs.fields(kind)}
        inner = [each for each in _structs(types.get(part)) if each is not kind]
        if not inner:
            return kind
        kind = inner[0]
    return kind


def _structs(kind: Any) -> list[Any]:
    """The Structs in a type: itself, or those of a list or an alternative."""
    return [
        each
        for each in (kind, *get_args(kind))
        if isinstance(each, type) and issubclass(each, msgspec.Struct)
    ]


def _keys(kind: Any, *, reserved: Collection[str]) -> list[str]:
    """The keys of a table; at the top some fields of its Struct are not a file's."""
    return [
        field.encode_name for field in msgspec.structs.fields(kind) if field.name not in reserved
    ]
