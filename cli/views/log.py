"""The answer of ``log`` as text."""

from __future__ import annotations

from ca.documents.log import LogDocument, LogEvent
from cli.terminal import is_cut, meaning, one_line, table


def events_text(events: list[LogEvent]) -> str:
    """One line an event."""
    return table(
        [
            (
                f"{event.at:%Y-%m-%d %H:%M:%S}Z",
                f"{event.os_user}@{event.host}",
                event.action,
                ", ".join(f"{key} {_value(value)}" for key, value in event.detail.items())
                or event.subject,
            )
            for event in events
        ],
        drop=(1,),
    )


def log_text(document: LogDocument) -> str:
    """The head and the verdict."""
    lines = [f"head {document.head}"]
    if document.problems is not None:
        altered = meaning("error", "ALTERED:")
        lines += [f"{altered} {one_line(problem)}" for problem in document.problems]
        if not document.problems:
            lines.append(
                "the trail is whole; only a head noted elsewhere shows one rewritten whole"
            )
    return "\n".join(lines)


def _value(text: str) -> str:
    """A value; on a terminal one that is JSON may be wrapped after its commas."""
    return text.replace(",", ", ") if text.startswith("{") and is_cut() else text
