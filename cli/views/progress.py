"""The progress bar of a batch, with rate and time left; only on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cli.output import talk
from cli.settings import Settings
from cli.terminal import painted, printed_on

if TYPE_CHECKING:
    from rich.progress import Task

WORTH_A_BAR = 20


class Talker:
    """Prints messages above the bar, if there is one, and advances it."""

    def __init__(
        self, say: Callable[[str | Callable[[], str]], None], advance: Callable[[int], None]
    ) -> None:
        self.say = say
        self.advance = advance


@contextlib.contextmanager
def progress_bar(total: int, settings: Settings) -> Iterator[Talker]:
    """The Talker of a batch: prints messages, and is told how many sources are done."""
    if total < WORTH_A_BAR or settings.quiet or settings.json or not sys.stderr.isatty():
        yield Talker(lambda text: talk(text, settings), lambda _: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    columns = (BarColumn(), MofNCompleteColumn(), _rate_column(), TimeRemainingColumn())
    # no thread of its own, so that a checker can be forked: it is drawn anew at each advance
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("signing", total=total)

        @contextlib.contextmanager
        def out_of_the_way() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        settings.around_prompt = out_of_the_way

        def say(text: str | Callable[[], str]) -> None:
            with printed_on(sys.stderr):
                said = painted(text if isinstance(text, str) else text())
            console.print(Text.from_ansi(said), soft_wrap=True)

        def advance(done: int) -> None:
            bar.advance(task, done)
            bar.refresh()

        yield Talker(say, advance)


def _rate_column() -> Any:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Certificates a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.completed / task.elapsed:,.0f}/s" if task.elapsed else "")

    return Rate()
