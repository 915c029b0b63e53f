"""The answer of ``renew``: that of ``sign``, for the successors."""

from __future__ import annotations

from ca.documents.sign import SigningDocument

__all__ = ["SigningDocument"]
