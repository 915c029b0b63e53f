"""Strict TOML: an unknown key is an error that names the file, the key and the nearest spelling."""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeVar

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
_PATH = re.compile(r"^(.*?) - at `\$\.?(.*?)`$")


def read_toml(text: str, kind: type[T], *, file: str) -> T:
    """The Struct that a TOML text spells.

    Raises:
        MalformedError: not TOML, beyond the bounds, an unknown key, a missing key, or a value of
            a wrong kind.
    """
    data = _parsed(text, file)
    for reserved in ("name", "text"):
        if reserved in data and reserved in kind.__struct_fields__:
            raise MalformedError(
                f"{file}: unknown key '{reserved}'", hint="the file's name is the name"
            )
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error), kind, file) from None


def utf8(data: bytes, file: str) -> str:
    """The text of a TOML file.

    Raises:
        MalformedError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{file} is not UTF-8 at octet {error.start}") from None


def _parsed(text: str, file: str) -> dict[str, Any]:
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
    """The dots of the longest dotted key; those of a sentence in a text of several lines count."""
    most = dots = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ".":
            dots += 1
            most = max(most, dots)
        elif token.lastgroup != "part":
            dots = 0
    return most


def _check_bounds(data: dict[str, Any], file: str) -> None:
    """That no text, number, list or table is beyond what a request could hold, nor hidden.

    Raises:
        MalformedError: naming the key.
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
        raise MalformedError(f"{file}: {key}: {len(text)} characters are more than {limit}")
    shown = text if text.isprintable() else _LAYOUT.sub("", text)
    if not shown.isprintable() and printable(shown, len(shown)) != shown:
        raise MalformedError(
            f"{file}: {key}: '{printable(text)}' holds control or invisible characters"
        )


def _explained(problem: str, kind: type[msgspec.Struct], file: str) -> MalformedError:
    if unknown := _UNKNOWN.search(problem):
        key, path = unknown[1], unknown[2] or ""
        import difflib

        near = difflib.get_close_matches(key, _keys(kind), n=1)
        dotted = f"{path}.{key}" if path else key
        return MalformedError(
            f"{file}: unknown key '{printable(dotted)}'",
            hint=f"did you mean '{near[0]}'?" if near else f"keys are {', '.join(_keys(kind))}",
        )
    if located := _PATH.match(problem):
        return MalformedError(f"{file}: {located[2]}: {_lower(located[1])[:300]}")
    return MalformedError(f"{file}: {_lower(problem)[:300]}")


_KINDS = {
    "bool": "true or false",
    "str": "a text in quotation marks",
    "int": "a whole number",
    "float": "a number",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def _lower(text: str) -> str:
    """What the reader of values says, in the words of who writes the file."""
    if wrong := re.fullmatch(r"Expected `(.+?)`, got `(.+?)`", text):
        wanted, got = (
            " or ".join(_KINDS.get(k, k) for k in w.split(" | ")) for w in wrong.groups()
        )
        return f"this is {got}, where {wanted} is due"
    if wrong := re.fullmatch(r"Invalid enum value (.*)", text, re.DOTALL):
        return f"{printable(wrong[1], 60)} is no value that it can have"
    return (text[:1].lower() + text[1:]).replace("`", "'").replace("Object", "the table")


def _keys(kind: Any) -> list[str]:
    """Every key of a Struct and of the Structs inside it: the spellings to choose from."""
    found: list[str] = []
    for field in msgspec.structs.fields(kind):
        if field.name in ("name", "text"):
            continue
        found.append(field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found.extend(_keys(field.type))
    return found
