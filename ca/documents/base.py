"""What every document has."""

from __future__ import annotations

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON document; keys may be added, never taken away or given another meaning."""

    schema: int = 1
