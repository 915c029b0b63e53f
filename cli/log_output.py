"""Output of the audit trail event by event, in bounded memory."""

from __future__ import annotations

import codecs
import sys
import tempfile
from pathlib import Path

from ca.documents.log import LogDocument, LogEvent
from ca.files import Spool
from cli.output import put_aside, spooled_json
from cli.settings import Settings
from cli.terminal import painted, printed_on, prose
from cli.views.log import events_text, log_text

TOGETHER = 1000
"""Lines whose columns are made equally wide."""


class Trail:
    """Collects events in a spool file, and prints them with their document."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[LogEvent] = []
        self._spool = Spool(Path(tempfile.gettempdir()))

    def take(self, event: LogEvent) -> None:
        """Add an event; the oldest comes first."""
        if self._settings.json:
            put_aside(self._spool, event)
            return
        self._waiting.append(event)
        if len(self._waiting) == TOGETHER:
            self._lay_out()

    def print(self, document: LogDocument) -> None:
        """Print the collected events, then the rest of the document."""
        if self._settings.json:
            pieces = spooled_json(document, {"events": self._spool})
            sys.stdout.writelines(codecs.iterdecode(pieces, "utf-8"))
        elif not self._settings.quiet:
            self._lay_out()
            sys.stdout.writelines(codecs.iterdecode(self._spool.read(), "utf-8"))
            with printed_on(sys.stdout):
                text = painted(prose(log_text(document)))
            print(text)

    def close(self) -> None:
        """Close the spool files."""
        self._spool.close()

    def _lay_out(self) -> None:
        if self._waiting:
            with printed_on(sys.stdout):
                text = painted(events_text(self._waiting))
            self._spool.write(text.encode("utf-8", "replace") + b"\n")
            self._waiting.clear()
