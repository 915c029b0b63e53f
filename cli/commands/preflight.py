"""``sipca preflight``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import BugError, Kind
from cli.bugs import raise_for_bugs
from cli.commands.arguments import key_passphrase, moment, one_of
from cli.commands.profile import library_of
from cli.options import settings_of
from cli.output import show


def preflight_command(
    ctx: typer.Context,
    certificate: Annotated[Path, typer.Argument(metavar="CERT", help="The device file.")],
    csr: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="The device's CSR; repeatable.")
    ] = None,
    chain: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The trusted roots' file.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The private key: PEM, DER or PFX.")
    ] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key's own passphrase.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="The kind of device.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(metavar="A", help="What a peer dials; repeatable.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="The device's clock.")] = None,
    role: Annotated[str, typer.Option(help="both, server or client.")] = "both",
) -> None:
    """Will the device take these files, and its peers this certificate? Exit 9 if not.

    Example: sipca preflight sbc1-device.pem --chain trusted-root.pem --csr sbc1.csr --peer 10.0.0.5
    """
    from ca.authority.devices.preflight import PreflightWishes, judge_files
    from ca.authority.reports.target import target_or_default
    from ca.device.upload import ROLES
    from cli.passphrase import environment_of
    from cli.views.preflight import preflight_text

    settings = settings_of(ctx)
    bugs: list[BugError] = []
    one_of("--role", role, ROLES)
    wishes = PreflightWishes(
        certificate=certificate,
        target=target_or_default(library_of(settings), target),
        at=moment("--at", at) or environment_of(settings).clock(),
        requests=tuple(csr or ()),
        chain=chain,
        key=key,
        key_passphrase=key_passphrase(key_passphrase_file),
        peers=tuple(peer or ()),
        role=role,  # type: ignore[arg-type]
        on_bug=bugs.append,
    )
    document = judge_files(wishes)
    show(document, settings, preflight_text)
    raise_for_bugs(bugs, settings)
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
