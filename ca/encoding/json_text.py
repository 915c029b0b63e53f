"""JSON that comes from outside: whatever it is, reading it fails in one way."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ca.errors import MalformedError

T = TypeVar("T")


def read_json(data: bytes | str, kind: type[T] | Any = Any) -> T:
    """Read one JSON value of a type.

    Raises:
        MalformedError: it is no JSON (RFC 8259), no UTF-8, of another type, or nested too deeply.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedError(str(error)) from None
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
