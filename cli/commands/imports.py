"""``sipca import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import NoPassphrase, Protect, key_passphrase, one_of
from cli.options import settings_of, warn_of_synced_folder
from cli.output import show, talk


def import_command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name of the CA [the root's CN].")] = None,
    root: Annotated[
        Path | None, typer.Option(metavar="CERT", help="The root's certificate: PEM, DER, PKCS#12.")
    ] = None,
    root_key: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="Its key: PEM, DER, PKCS#12; encrypted or not."),
    ] = None,
    issuing: Annotated[
        Path | None,
        typer.Option(metavar="CERT", help="The issuing CA's certificate, signed by the root."),
    ] = None,
    issuing_key: Annotated[
        Path | None, typer.Option(metavar="KEY", help="The issuing CA's key.")
    ] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="F", help="File with the passphrase of these keys.")
    ] = None,
    openssl: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="A folder of `openssl ca`: index.txt, newcerts, its CA."),
    ] = None,
    easy_rsa: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A pki folder of easy-rsa.")
    ] = None,
    certificates: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Certificates, or folders of them. Repeatable."),
    ] = None,
    protect: Protect = None,
    no_passphrase: NoPassphrase = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge everything, change nothing.")
    ] = False,
) -> None:
    """Make a home from a CA that exists, or add certificates that its CAs issued.

    Keys are stored under the home's passphrase; the files stay as they are.

    Example: sipca import --easy-rsa /etc/easy-rsa/pki --key-passphrase-file F
    """
    from ca.authority.founding.wishes import PROTECTIONS
    from ca.authority.importing.imports import ImportWishes, import_ca
    from ca.documents.exits import exit_of_several
    from cli.passphrase import environment_of
    from cli.views.imports import import_text

    settings = settings_of(ctx)
    if protect is not None:
        one_of("--protect", protect, PROTECTIONS)
    if no_passphrase and protect not in (None, "none"):
        raise typer.BadParameter(f"--no-passphrase and --protect {protect} contradict each other")
    for key, flag, certificate in ((root_key, "root", root), (issuing_key, "issuing", issuing)):
        if key is not None and certificate is None and not (openssl or easy_rsa):
            raise typer.BadParameter(f"--{flag}-key goes with --{flag} CERT")
    wishes = ImportWishes(
        name=name,
        root=root,
        root_key=root_key,
        issuing=issuing,
        issuing_key=issuing_key,
        key_passphrase=key_passphrase(key_passphrase_file),
        openssl=tuple(openssl or ()),
        easy_rsa=tuple(easy_rsa or ()),
        certificates=tuple(certificates or ()),
        protect="none" if no_passphrase else protect or "both",  # type: ignore[arg-type]
        dry_run=dry_run,
    )
    if not any((root, issuing, openssl, easy_rsa, certificates)):
        raise typer.BadParameter("name what to import: --root, --openssl, --easy-rsa, ...")
    document = import_ca(settings.home_path, wishes, environment_of(settings))
    warn_of_synced_folder(settings)
    for note in document.notes:
        talk(f"note: {note}", settings)
    show(document, settings, import_text)
    code = exit_of_several(each.exit for each in document.refused)
    if code:
        raise typer.Exit(code)
