"""The audit trail on its way out: put aside event by event, so that none of it fills the memory."""

from __future__ import annotations

import codecs
import sys
import tempfile
from pathlib import Path

from ca.documents.log import LogDocument, LogEvent
from ca.files import Spool
from cli.output import put_aside, spooled_json
from cli.settings import Settings
from cli.views.log import events_text, log_text

TOGETHER = 1000
"""Lines whose columns are made equally wide."""


class Trail:
    """Takes events, and prints them with the document that they belong to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[LogEvent] = []
        self._spool = Spool(Path(tempfile.gettempdir()))

    def take(self, event: LogEvent) -> None:
        """An event, oldest first."""
        if self._settings.json:
            put_aside(self._spool, event)
            return
        self._waiting.append(event)
        if len(self._waiting) == TOGETHER:
            self._lay_out()

    def print(self, document: LogDocument) -> None:
        """Print what was taken, then the rest of the document."""
        if self._settings.json:
            pieces = spooled_json(document, {"events": self._spool})
            sys.stdout.writelines(codecs.iterdecode(pieces, "utf-8"))
        elif not self._settings.quiet:
            self._lay_out()
            sys.stdout.writelines(codecs.iterdecode(self._spool.read(), "utf-8"))
            print(log_text(document))

    def close(self) -> None:
        """Let go of what was put aside."""
        self._spool.close()

    def _lay_out(self) -> None:
        if self._waiting:
            self._spool.write(events_text(self._waiting).encode("utf-8", "replace") + b"\n")
            self._waiting.clear()
