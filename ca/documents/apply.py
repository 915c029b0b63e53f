"""The answer of ``apply``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document
from ca.documents.sign import Refused
from ca.model.findings import Finding


class ApplyStep(msgspec.Struct, frozen=True):
    """One item of a lab file, and its state.

    ``state`` is "made", "changed" or "unchanged"; with ``--check`` "would make" or "would change";
    "drift" if it differs from the file and sipca cannot change it; or "refused".
    """

    what: str
    name: str
    state: str
    detail: str | None
    superseded: list[str] = []
    """The serials of the certificates that a new one replaced."""


class Unlisted(msgspec.Struct, frozen=True):
    """A device or a current certificate of the register of which the lab file says nothing."""

    what: str
    name: str
    detail: str | None


class ApplyDocument(Document, frozen=True, kw_only=True):
    """The answer of ``apply``; ``converged`` is true if there was nothing to do.

    ``findings`` are about devices that were new and nearly called as a known one.
    """

    check: bool
    converged: bool
    steps: list[ApplyStep]
    refused: list[Refused]
    unlisted: list[Unlisted]
    findings: list[Finding] = []  # noqa: RUF012 - msgspec copies it
