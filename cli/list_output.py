"""Output of long lists of certificates, in bounded memory."""

from __future__ import annotations

import codecs
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from ca.documents.certificate import CertificateRecord
from ca.documents.list import ListDocument
from ca.files import Spool
from cli.output import put_aside, spooled_json
from cli.settings import Settings
from cli.terminal import painted, printed_on, prose

TOGETHER = 1000
"""Certificates whose columns are made equally wide."""


class View(Protocol):
    """Renders some of the certificates, the first of them below the head."""

    def __call__(self, document: ListDocument, *, with_head: bool) -> str:
        """The text of these certificates."""


class Certificates:
    """Collects certificates in a spool file, and prints them when all were read without fault."""

    def __init__(self, settings: Settings, view: View) -> None:
        self.count = 0
        self._settings = settings
        self._view = view
        self._is_first = True
        self._waiting: list[CertificateRecord] = []
        self._spool = Spool(Path(tempfile.gettempdir()))

    def take(self, record: CertificateRecord) -> None:
        """Add a certificate."""
        self.count += 1
        if self._settings.json:
            put_aside(self._spool, record)
            return
        self._waiting.append(record)
        if len(self._waiting) == TOGETHER:
            self._lay_out()

    def print(self, document: ListDocument) -> None:
        """Print the collected certificates."""
        if self._settings.json:
            pieces = spooled_json(document, {"certificates": self._spool})
            sys.stdout.writelines(codecs.iterdecode(pieces, "utf-8"))
        elif not self._settings.quiet:
            if self._waiting or self._is_first:
                self._lay_out()
            sys.stdout.writelines(codecs.iterdecode(self._spool.read(), "utf-8"))

    def close(self) -> None:
        """Close the spool file."""
        self._spool.close()

    def _lay_out(self) -> None:
        with printed_on(sys.stdout):
            some = ListDocument(certificates=self._waiting)
            text = painted(prose(self._view(some, with_head=self._is_first)))
        if text:
            self._spool.write(text.encode("utf-8", "replace") + b"\n")
        self._waiting.clear()
        self._is_first = False
