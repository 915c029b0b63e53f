"""The base of all documents, and their encoding as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from ca.model.escaping import escape_undecodable


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON document; keys may be added, but never removed or given another meaning."""

    schema: int = 1


def encode_json(value: object) -> bytes:
    """Encode a document, or a part of one, as JSON; file names that are not UTF-8 are escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_escape_all(msgspec.to_builtins(value)))


def _escape_all(value: Any) -> Any:
    if isinstance(value, str):
        return escape_undecodable(value)
    if isinstance(value, dict):
        return {_escape_all(key): _escape_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escape_all(item) for item in value]
    return value
