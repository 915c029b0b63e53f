"""A progress bar on a terminal; nothing in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from cli.options import Settings

WORTH_A_BAR = 20


@contextlib.contextmanager
def progress_bar(
    total: int, settings: Settings, *, several: bool
) -> Iterator[Callable[[int], None]]:
    """A function to call with the number just done."""
    if (
        not several
        or total < WORTH_A_BAR
        or settings.quiet
        or settings.json
        or not sys.stderr.isatty()
    ):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("signing", total=total)
        yield lambda done: bar.advance(task, done)
