"""Option types that several commands share, and the parsing of their text."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ca.errors import CAError
from ca.profiles.durations import parse_lifetime, parse_moment, parse_span
from cli.options import settings_of
from cli.usage import WrongWordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ca.model.certificates import GeneralName

T = TypeVar("T")
Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="Device, CN, any SAN, or 4 or more hex digits of the serial."
    ),
]
NoCRL = Annotated[bool, typer.Option("--no-crl", help="Make no new CRL in this call.")]
AllowClock = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="RULE",
        help="clock-behind: this machine's clock is right. The audit trail records it.",
    ),
]


def _take_root_key(ctx: typer.Context, file: Path | None) -> Path | None:
    if file is not None:
        settings_of(ctx).root_key_file = file
    return file


RootKeyFile = Annotated[
    Path | None,
    typer.Option(
        "--root-key-file",
        metavar="FILE",
        callback=_take_root_key,
        help="The root's key, if it is away: what sipca ca export-root-key wrote.",
    ),
]
"""Where a command lets the root sign; the settings remember it, and the home gets it from them."""
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that have other content.")
]

WholeAccount = Annotated[
    bool,
    typer.Option("--account", help="Every line of the account, also what was taken as asked."),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Also write the JSON document into a file; an earlier report is replaced.",
    ),
]
Protect = Annotated[
    str | None, typer.Option(help="Which keys get the passphrase: both, root, none [both].")
]
NoPassphrase = Annotated[bool, typer.Option("--no-passphrase", help="The same as --protect none.")]
Beside = Annotated[
    bool, typer.Option("--beside", help="Supersede nothing: older certificates stay current.")
]
RevokeOld = Annotated[
    bool,
    typer.Option(
        "--revoke-old",
        help="Also revoke the certificate that is superseded: at once, before the upload.",
    ),
]


def parsed(flag: str, parse: Callable[[str], T], text: str) -> T:
    """Parse the text of an option.

    Raises:
        typer.BadParameter: it does not (exit 2).
    """
    try:
        return parse(text)
    except CAError as error:
        raise WrongWordError(f"{flag}: {error.message}", hint=error.hint) from None


def span(flag: str, text: str | None) -> timedelta | None:
    """A span of time, or None."""
    return None if text is None else parsed(flag, parse_span, text.casefold())


def moment(flag: str, text: str | None) -> datetime | None:
    """A moment in UTC, or None."""
    return None if text is None else parsed(flag, parse_moment, text)


def lifetime(text: str | None) -> timedelta | datetime | str | None:
    """A wished lifetime, or None."""
    return None if text is None else parsed("--lifetime", parse_lifetime, text.casefold())


def names(texts: list[str] | None) -> tuple[GeneralName, ...]:
    """Names spelled ``dns:NAME``, ``ip:ADDR``, ``uri:URI``, ``email:ADDR``."""
    from ca.names.general import SeveralNamesError, parse_general_name

    try:
        return tuple(parsed("--san", parse_general_name, text) for text in texts or ())
    except WrongWordError as error:
        if isinstance(error.__context__, SeveralNamesError):
            repeated = " ".join(f"--san {each}" for each in error.__context__.names)
            error.hint = f"repeat --san: {repeated}"
        raise


def one_of(flag: str, text: str, choices: tuple[str, ...]) -> Any:
    """Check that an option has one of the given values.

    Raises:
        typer.BadParameter: it is not one of them.
    """
    if text not in choices:
        raise typer.BadParameter(f"{flag}: '{text}' is not one of {', '.join(choices)}")
    return text


def allowed(codes: list[str] | None) -> frozenset[str]:
    """Check the rule codes given to ``--allow``.

    Raises:
        typer.BadParameter: one of them is none (exit 2).
    """
    if not codes:
        return frozenset()
    from ca.authority.reports.rule import overridable

    known = overridable()
    for code in codes:
        if code not in known:
            raise typer.BadParameter(
                f"--allow: '{code}' is not one of {', '.join(sorted(known))} (sipca rule list)"
            )
    return frozenset(codes)


def allowed_clock(codes: list[str] | None) -> frozenset[str]:
    """What ``AllowClock`` overrides."""
    return frozenset(one_of("--allow", code, ("clock-behind",)) for code in codes or ())


def key_passphrase(path: Path | None) -> bytes | None:
    """A key's own passphrase from its file, one line end cut."""
    if path is None:
        return None
    from ca.files import read_bounded

    return read_bounded(path, limit=1024, pipes=True).removesuffix(b"\n").removesuffix(b"\r")


def key_of(flag: str, text: str) -> None:
    """Check a type of key, or the URI of one on a token.

    Raises:
        typer.BadParameter: it is neither (exit 2).
    """
    from ca.keys.specs import SPECS
    from ca.keys.token_uri import is_token_uri, read_token_uri

    if is_token_uri(text):
        parsed(flag, read_token_uri, text)
    else:
        one_of(flag, text, SPECS)
