"""The answer of ``rekey``."""

from __future__ import annotations

from ca.documents.sign import SigningDocument


class RekeyDocument(SigningDocument, frozen=True, kw_only=True):
    """The answer of ``rekey``: ``signed`` is the certificate of the new key."""
