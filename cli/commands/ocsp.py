"""``sipca ocsp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from cli.commands.arguments import AllowClock, Overwrite, RootKeyFile, allowed_clock, one_of, span
from cli.options import opened, settings_of
from cli.output import error_text, say_anyway, show


def respond_command(
    ctx: typer.Context,
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="An OCSP request, DER.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="RESPONSE", help="Where the answer goes.")
    ],
    overwrite: Overwrite = False,
) -> None:
    """Answer a request file with a response file, as the server would.

    A request that is none is answered malformedRequest (exit 3), and the answer written.

    Example: sipca ocsp respond request.der -o response.der
    """
    from ca.authority.status.ocsp import respond
    from cli.views.ocsp import answer_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = respond(home, request, output, overwrite=overwrite)
    show(document, settings, answer_text)
    if document.status == "malformedRequest":
        if settings.quiet and not settings.json:
            say_anyway(
                lambda: error_text(f"'{request}' is no OCSP request: {document.reason}", None)
            )
        raise typer.Exit(EXIT_CODES[Kind.MALFORMED])


def presign_command(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the answers.")],
    lifetime: Annotated[
        str, typer.Option(metavar="D", help="How long the answers may be used.")
    ] = "7d",
    hashes: Annotated[
        list[str] | None,
        typer.Option(
            "--hash",
            metavar="NAME",
            help="Answer requests with this hash: sha1, sha256, sha384, sha512; may be repeated.",
        ),
    ] = None,
) -> None:
    """Write answers that a static web server hands out by GET, and a snippet for nginx.

    Answers that still say what the register says are kept until half of the lifetime is over.
    Replaced and removed is only what an earlier call wrote: answers, their lists, the snippet.
    A revocation made later is not in them: run it again, by cron well within the lifetime.
    Each certificate has two answers a hash; openssl and GnuTLS ask by sha1.

    Example: sipca ocsp presign --out /var/www/ocsp
    """
    from ca.authority.status.presign import presign
    from ca.revocation.presign import HASH_NAMES
    from cli.views.ocsp import presign_text

    settings = settings_of(ctx)
    lasting = span("--lifetime", lifetime)
    assert lasting is not None
    names = dict.fromkeys(
        one_of("--hash", each.lower(), tuple(HASH_NAMES)) for each in hashes or HASH_NAMES
    )
    asked = [HASH_NAMES[name] for name in names]
    with opened(settings) as home:
        document = presign(home, out, lifetime=lasting, hashes=asked)
    show(document, settings, presign_text)


def rotate_command(
    ctx: typer.Context,
    ca: Annotated[
        str | None, typer.Option("--ca", help="issuing, root, or a CA's 8 hex digits; else all.")
    ] = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if half of the signer's life is over.")
    ] = False,
    allow: AllowClock = None,
    root_key_file: RootKeyFile = None,  # noqa: ARG001 - the settings have it
) -> None:
    """Make a new OCSP signer with a new key; a running server takes it up by itself.

    Example: sipca ocsp rotate --if-due
    """
    from ca.authority.status.signers import rotate_some
    from cli.views.ocsp import signers_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = rotate_some(home, ca, if_due=if_due, allow=allowed_clock(allow))
    show(document, settings, signers_text)
