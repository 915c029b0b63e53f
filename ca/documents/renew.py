"""The answer of ``renew``."""

from __future__ import annotations

from ca.documents.sign import SigningDocument


class RenewDocument(SigningDocument, frozen=True, kw_only=True):
    """The answer of ``renew``: ``signed`` are the successors, ``skipped`` files of earlier ones.

    ``by_devices``: due certificates that were left to the devices which renew them by SCEP.
    """

    by_devices: list[str]
