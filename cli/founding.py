"""What ``init`` asks a person at a terminal, and what it explains there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ca.authority.home import DATABASE
from ca.errors import CAError
from cli.output import say_anyway
from cli.passphrase import is_given
from cli.prompts import TRIES, ask, may_ask
from cli.terminal import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ca.authority.home import Environment
    from cli.settings import Settings

ABOUT_URL = (
    "certificates name where CRLs and OCSP are found, by a base URL such as http://10.0.0.5:8080; "
    "it can be set later (sipca ca set --base-url URL), but not for what is signed before"
)
ABOUT_PROTECTION = (
    "the passphrase protects the CA's keys: it is asked for whenever something is signed, and "
    "nobody can recover it (sipca init --no-passphrase leaves the keys unprotected)"
)


def founding_dialogue(
    settings: Settings,
    environment: Environment,
    name: str | None,
    base_url: str | None,
    *,
    secret: bool,
) -> tuple[str | None, str | None]:
    """Name and base URL of a new CA, asked for where nobody gave them; as given elsewhere.

    Whoever gives the name is asked nothing else: it may be a command of several that were pasted.
    ``secret``: a passphrase is asked for next, and explained before.

    Raises:
        MalformedError: what was typed cannot be, three times.
    """
    path = settings.home_path
    if not may_ask(settings) or os.path.lexists(path / DATABASE) or not _may_be_home(path):
        return name, base_url
    if name is None:
        name = _name(environment)
        if base_url is None:
            say_anyway(ABOUT_URL)
            base_url = _base_url()
    if secret and not is_given(settings):
        say_anyway(ABOUT_PROTECTION)
    return name, base_url


def _may_be_home(path: Path) -> bool:
    """Whether a folder can be made there; where not, that is said before anything is asked."""
    return path.is_dir() or not os.path.lexists(path)


def _name(environment: Environment) -> str:
    from ca.authority.founding.init import unique_name
    from ca.authority.founding.wishes import FoundingWishes, normal

    usual = unique_name(environment)
    question = f'name of the CA, as "Acme Voice Lab" [{usual}]:'
    named = _asked(question, lambda text: normal(FoundingWishes(name=text)).name)
    return named or usual


def _base_url() -> str | None:
    from ca.authority.founding.wishes import normal_base_url

    return _asked("base URL [none]:", normal_base_url)


def _asked(question: str, read: Callable[[str], str | None]) -> str | None:
    """An answer that can be read, or None for Enter alone.

    Raises:
        CAError: none of three could be.
    """
    for tries in range(1, TRIES + 1):
        try:
            typed = ask(question)
            return read(typed) if typed else None
        except CAError as error:
            if tries == TRIES:
                raise
            say_anyway(f"{one_line(error.message)}; once more")
    raise AssertionError("the loop above returns or raises")
