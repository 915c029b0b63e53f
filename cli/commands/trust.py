"""``sipca trust ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import BugError, Kind
from cli.bugs import raise_for_bugs
from cli.commands.arguments import Overwrite, one_of
from cli.commands.profile import library_of
from cli.options import opened, settings_of
from cli.output import print_json, show, talk


def build_command(
    ctx: typer.Context,
    sources: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR...", help="PEM, DER, PKCS#7, folders.")
    ],
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="The kind of device.")
    ] = None,
    with_ca: Annotated[
        bool, typer.Option("--with-ca", help="Add the CA certificates of this home.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A file, not stdout.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write what went in, for trust diff; an earlier manifest is replaced.",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """A trusted-root bundle for a device: twins dropped, leaves and expired ones refused.

    Exit 4 if something was refused; the bundle of the rest is written all the same.

    Example: sipca trust build teams-roots.pem exported-store.pem --with-ca -o trusted.pem
    """
    from ca.authority.devices.trust import TrustWishes, build
    from ca.authority.lineage import trusted
    from ca.authority.reports.target import target_or_default
    from cli.passphrase import environment_of
    from cli.views.trust import build_text

    settings = settings_of(ctx)
    bugs: list[BugError] = []
    own: tuple[bytes, ...] = ()
    if with_ca:
        with opened(settings) as home:
            own = tuple(ca.facts.der for ca in trusted(home))
    wishes = TrustWishes(
        sources=tuple(sources),
        target=target_or_default(library_of(settings), target),
        at=environment_of(settings).clock(),
        own=own,
        path=output,
        manifest=manifest,
        overwrite=overwrite,
        on_bug=bugs.append,
    )
    document, text = build(wishes)
    if settings.json:
        print_json(document)
    else:
        talk(lambda: build_text(document), settings)
        if output is None:
            print(text, end="")
    raise_for_bugs(bugs, settings)
    if any(each.kind == "refused" for each in document.dropped):
        raise typer.Exit(EXIT_CODES[Kind.REFUSED])


def diff_command(
    ctx: typer.Context,
    a: Annotated[Path, typer.Argument(metavar="A", help="A bundle or manifest.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
) -> None:
    """What two bundles or manifests do not share. Exit 4 if something in them cannot be read.

    Example: sipca trust diff lab1.json exported-store.pem
    """
    from ca.authority.devices.trust import diff
    from cli.views.trust import diff_text

    settings = settings_of(ctx)
    document = diff(a, b)
    show(document, settings, diff_text)
    if document.unread:
        bug = any(each.kind == Kind.BUG for each in document.unread)
        raise typer.Exit(EXIT_CODES[Kind.BUG if bug else Kind.REFUSED])


def export_command(
    ctx: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="KIND",
            help="Whose store: android, chromium, curl, debian, fedora, firefox, ios, java, macos, "
            "node, python, windows. Without it: plain PEM on stdout.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The file, or a folder; else the current one."
        ),
    ] = None,
    run: Annotated[
        bool,
        typer.Option(
            "--run",
            help="Also run the commands shown: --for debian as root, --for chromium as this user.",
        ),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """The root for people's own machines: file, fingerprints, the commands to trust it and to undo.

    Never the issuing CA. While a root is being replaced, every root that certificates still need.

    Example: sipca trust export --for debian
    """
    from ca.authority.reports.trust_export import export_roots
    from ca.authority.reports.trust_run import check_runnable, run_commands
    from cli.views.trust import export_text, ran_text

    settings = settings_of(ctx)
    library = library_of(settings)
    if store is None and run:
        raise typer.BadParameter("--run needs --for: whose store is it?")
    kinds = tuple(library.anchors.shipped())
    anchor = None if store is None else library.anchor(one_of("--for", store, kinds))
    if run and anchor is not None:
        check_runnable(anchor)
    with opened(settings) as home:
        document = export_roots(home, anchor, path=output, overwrite=overwrite)
    if not settings.json and anchor is None and output is None:
        talk(lambda: export_text(document), settings)
        print(document.pem, end="")
        return
    if not settings.json:
        show(document, settings, export_text)
    if run:
        document = run_commands(document)
    if settings.json:
        print_json(document)
    elif run:
        talk(lambda: ran_text(document), settings)
    if any(each.exit for each in document.ran):
        raise typer.Exit(EXIT_CODES[Kind.STORE])


def check_command(
    ctx: typer.Context,
    stores: Annotated[
        list[Path],
        typer.Argument(
            metavar="STORE...", help="What the device exported: PEM, DER, PKCS#7, folders."
        ),
    ],
    pack: Annotated[
        str, typer.Option(metavar="NAME", help="ours, or a list: teams-2026. Required.")
    ],
) -> None:
    """Does a device's trust store have the roots of a list, or this CA's own certificates?

    Exit 9 if one is missing or cannot be used now; otherwise 4 if part of the store cannot be read.

    Example: sipca trust check exported-store.pem --pack teams-2026
    """
    from ca.authority.devices.trust_check import check_store, pack_of_ours
    from ca.profiles.pack import OURS
    from cli.passphrase import environment_of
    from cli.views.trust import check_text

    settings = settings_of(ctx)
    if pack == OURS:
        with opened(settings) as home:
            wanted = pack_of_ours(home)
    else:
        wanted = library_of(settings).pack(pack)
    bugs: list[BugError] = []
    at = environment_of(settings).clock()
    document = check_store(stores, wanted, at=at, on_bug=bugs.append)
    show(document, settings, check_text)
    raise_for_bugs(bugs, settings)
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
    if document.unread:
        raise typer.Exit(EXIT_CODES[Kind.REFUSED])
