"""What every document has, and its octets as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from ca.model.spelling import spelled


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON document; keys may be added, never taken away or given another meaning."""

    schema: int = 1


def encoded(value: object) -> bytes:
    """A document or a part of one as JSON: always UTF-8, whatever octets file names hold."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_all_spelled(msgspec.to_builtins(value)))


def _all_spelled(value: Any) -> Any:
    if isinstance(value, str):
        return spelled(value)
    if isinstance(value, dict):
        return {_all_spelled(key): _all_spelled(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_all_spelled(each) for each in value]
    return value
