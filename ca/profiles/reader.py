"""Strict TOML: an unknown key is an error that names the file, the key and the nearest spelling."""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeVar

import msgspec

from ca.errors import MalformedError

T = TypeVar("T", bound=msgspec.Struct)
_UNKNOWN = re.compile(r"unknown field `(.*?)`(?: - at `\$\.?(.*?)`)?$")
_PATH = re.compile(r"^(.*?) - at `\$\.?(.*?)`$")


def read_toml(text: str, kind: type[T], *, file: str) -> T:
    """The Struct that a TOML text spells.

    Raises:
        MalformedError: not TOML, an unknown key, a missing key, or a value of a wrong kind.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(f"{file} is not TOML: {error}") from None
    for reserved in ("name", "text"):
        if reserved in data and reserved in kind.__struct_fields__:
            raise MalformedError(
                f"{file}: unknown key '{reserved}'", hint="the file's name is the name"
            )
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error), kind, file) from None


def _explained(problem: str, kind: type[msgspec.Struct], file: str) -> MalformedError:
    if unknown := _UNKNOWN.search(problem):
        key, path = unknown[1], unknown[2] or ""
        import difflib

        near = difflib.get_close_matches(key, _keys(kind), n=1)
        dotted = f"{path}.{key}" if path else key
        return MalformedError(
            f"{file}: unknown key '{dotted}'",
            hint=f"did you mean '{near[0]}'?" if near else f"keys are {', '.join(_keys(kind))}",
        )
    if located := _PATH.match(problem):
        return MalformedError(f"{file}: {located[2]}: {_lower(located[1])}")
    return MalformedError(f"{file}: {_lower(problem)}")


def _lower(text: str) -> str:
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
