"""What all pages share: the home, opened for one request, the passphrase, and how pages look."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from ca.authority.home import Environment, Home, open_home
from ca.errors import CAError, KeyUnavailableError, NotFoundError
from ca.model.escaping import escape_hidden
from ca.web.once import Once, Secrets, Unlock

if TYPE_CHECKING:
    from ca.web.batch import Work

FOLDER = Path(__file__).parent
MOST_BATCHES = 20
MOST_COMMANDS = 1000
_STATUSES = {
    "malformed": 400,
    "refused": 403,
    "not-found": 404,
    "conflict": 409,
    "key": 503,
    "store": 503,
    "invalid": 400,
    "unreachable": 502,
}


class AtHome(msgspec.Struct, frozen=True):
    """How people are told of the home: its folder, and the option that names it, if one must."""

    shown: str
    option: str = ""


class Desk:
    """One run of the page over one home."""

    def __init__(
        self,
        path: Path,
        environment: Environment,
        *,
        read_only: bool,
        given: bytes | None,
        at_home: AtHome | None = None,
    ) -> None:
        self.path = path
        self.at_home = at_home or AtHome(shown=str(path))
        self.environment = environment
        self.read_only = read_only
        self.secrets = Secrets(environment.random_bits, environment.seconds)
        self.once = Once()
        self.unlock = Unlock(given, environment.seconds)
        self.commands: dict[str, str] = {}
        """The command line that would have made or revoked a certificate, by serial."""
        self._works: dict[str, Work] = {}
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters["whole"] = whole
        self.templates.globals |= {
            "at_home": self.at_home.option,
            "form": self.form,
            "read_only": read_only,
        }

    @contextlib.contextmanager
    def home(self, typed: bytes | None = None) -> Iterator[Home]:
        """The home, open for one request; the passphrase is the typed one, else the one held.

        Raises:
            CAError: it cannot be opened.
        """

        def passphrase(purpose: str, *, new: bool = False) -> bytes:  # noqa: ARG001 - a protocol
            known = typed or self.unlock.passphrase
            if known is None:
                raise KeyUnavailableError(
                    f"the {purpose} is needed", hint="type it beside the button"
                )
            return known

        environment = msgspec.structs.replace(
            self.environment, passphrase=passphrase, again=lambda _: False
        )
        with open_home(self.path, environment, read_only=self.read_only) as home:
            yield home

    def remember(self, name: str, work: Work) -> None:
        """Keep a batch and its files in memory, and forget the oldest that has ended."""
        self._works[name] = work
        ended = [each for each, kept in self._works.items() if not kept.is_running]
        for each in ended[: max(0, len(self._works) - MOST_BATCHES)]:
            del self._works[each]

    def note_command(self, serial: str, command: str) -> None:
        """Keep the command line of what the page did, and forget the oldest."""
        self.commands[serial] = command
        if len(self.commands) > MOST_COMMANDS:
            del self.commands[next(iter(self.commands))]

    def work(self, name: str) -> Work:
        """A batch.

        Raises:
            NotFoundError: it is not known any more.
        """
        work = self._works.get(name)
        if work is None:
            raise NotFoundError(
                "this batch is not known any more", hint="its certificates are in the list"
            )
        return work

    def page(self, name: str, home: Home, *, status: int = 200, **values: Any) -> Response:
        """A page of an opened home."""
        locked = home.ca("issuing").key.encrypted and self.unlock.passphrase is None
        return self._rendered(
            name,
            status,
            ca=home.name,
            home=self.at_home.shown,
            locked=locked,
            unlocked=self.unlock.passphrase is not None,
            now=home.now(),
            **values,
        )

    def refusal(self, status: int, message: str, hint: str | None) -> Response:
        """A page that says what is wrong; needs no home."""
        return self._rendered("refusal.html", status, message=message, hint=hint)

    def error(self, error: CAError) -> Response:
        """The page of an error of a verb."""
        status = _STATUSES.get(str(error.kind), 500)
        return self.refusal(status, error.message, error.hint)

    def form(self, action: str) -> Markup:
        """The hidden fields of a form: its nonce, and what proves that this page made it."""
        nonce = self.secrets.fresh()
        return Markup(
            '<input type="hidden" name="nonce" value="{}">'
            '<input type="hidden" name="form-token" value="{}">'
        ).format(nonce, self.secrets.form_token(action, nonce))

    def _rendered(self, name: str, status: int, **values: Any) -> Response:
        return HTMLResponse(self.templates.get_template(name).render(**values), status)


def whole(text: str) -> Markup:
    """A text of several lines, its hidden characters shown."""
    return Markup("\n").join(escape(escape_hidden(line)) for line in text.splitlines())


def _shown(value: Any) -> Any:
    """Dates in one form, nothing for None, and no hidden character of untrusted text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, str) and not isinstance(value, Markup):
        return escape_hidden(value)
    return value
