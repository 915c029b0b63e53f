"""``sipca ca ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import RootKeyFile, lifetime
from cli.options import opened, settings_of
from cli.output import show


def set_command(
    ctx: typer.Context,
    base_url: Annotated[
        str | None, typer.Option(help="http URL for CRL, OCSP and CA addresses, or none.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "--for", help="The kind of device, if not said otherwise."),
    ] = None,
) -> None:
    """Change what certificates issued from now on carry, and the usual device target.

    Example: sipca ca set --base-url http://10.0.0.5:8080
    """
    from ca.authority.founding.ca import set_settings
    from cli.views.ca import settings_text

    settings = settings_of(ctx)
    if base_url is None and target is None:
        raise typer.BadParameter("give --base-url or --target")
    with opened(settings) as home:
        show(set_settings(home, base_url=base_url, target=target), settings, settings_text)


def list_command(ctx: typer.Context) -> None:
    """The CAs of this home, the current ones first, and their cross certificates.

    Example: sipca ca list
    """
    from ca.authority.founding.ca import list_cas
    from cli.views.ca import list_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        show(list_cas(home), settings, list_text)


def rotate_command(
    ctx: typer.Context,
    root: Annotated[
        bool, typer.Option("--root", help="A new root, cross certificates, a new issuing CA.")
    ] = False,
    same_key: Annotated[
        bool,
        typer.Option(
            "--same-key/--new-key", help="The same name and key with new dates; default: a new key."
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="N", help="Its CN; default: the next number.")
    ] = None,
    lifetime_: Annotated[
        str | None,
        typer.Option("--lifetime", metavar="D", help="How long; default: as the CA before."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="K", help="rsa:3072, ec:p256, ..., or a pkcs11: URI; default: as before."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
    ] = False,
    root_key_file: RootKeyFile = None,  # noqa: ARG001 - the settings have it
) -> None:
    """The successor of the issuing CA, or of root and issuing CA.

    It signs from now on. The CA before stays in the trust files, and its CRL and OCSP go on, until
    its last certificate has ended.

    Example: sipca ca rotate
    """
    from ca.authority.founding.rotate import RotationWishes, rotate_ca
    from cli.views.ca import rotation_text

    settings = settings_of(ctx)
    if same_key and (name is not None or key is not None):
        raise typer.BadParameter("--same-key keeps name and key; leave --name and --key out")
    wishes = RotationWishes(root, same_key, name, lifetime(lifetime_), key, dry_run)  # type: ignore[arg-type]
    with opened(settings) as home:
        document = rotate_ca(home, wishes)
    show(document, settings, rotation_text)


def plan_command(ctx: typer.Context) -> None:
    """What each device and context needs next after a rotation, and why.

    First the trust files of all, then the certificates; sipca device done records each step.

    Example: sipca ca plan
    """
    from ca.authority.devices.plan import plan
    from cli.views.ca import plan_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        show(plan(home), settings, plan_text)


def retire_command(
    ctx: typer.Context,
    ca_id: Annotated[str, typer.Argument(metavar="ID", help="Its 8 hex digits, of sipca ca list.")],
) -> None:
    """Take an earlier CA out of the trust files, and end its CRL and OCSP.

    Refused while it has certificates that are neither expired nor revoked.

    Example: sipca ca retire 4abc6de2
    """
    from ca.authority.founding.ca import retire
    from cli.views.ca import retirement_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        show(retire(home, ca_id), settings, retirement_text)


NewPassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--new-passphrase-file", metavar="F", help="File with the new passphrase; - is stdin."
    ),
]


def passphrase_command(ctx: typer.Context, new_passphrase_file: NewPassphraseFile = None) -> None:
    """Give the CA's keys another passphrase, with today's rounds, all or none.

    Backups and copies that were made before open with the old one.

    Example: sipca ca passphrase --passphrase-file old --new-passphrase-file new
    """
    from ca.authority.keeping.passphrase import change_passphrase
    from cli.passphrase import NewPassphrase
    from cli.views.ca import passphrase_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = change_passphrase(home, NewPassphrase(settings, new_passphrase_file))
    show(document, settings, passphrase_text)


def export_root_key_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The key; never overwritten.")],
    new_passphrase_file: NewPassphraseFile = None,
) -> None:
    """Write the root's key into a private file, encrypted (PKCS#8), and read it back.

    Without --new-passphrase-file the file has the home's passphrase; it never has none.

    Example: sipca ca export-root-key /media/stick/root.key --new-passphrase-file stick.txt
    """
    from ca.authority.keeping.root_key import export_root_key
    from cli.passphrase import NewPassphrase
    from cli.views.ca import root_key_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        own = new_passphrase_file is not None or not home.ca("root").key.encrypted
        new = NewPassphrase(settings, new_passphrase_file) if own else None
        document = export_root_key(home, file, new)
    show(document, settings, root_key_text)


def drop_root_key_command(
    ctx: typer.Context,
    exported: Annotated[
        Path, typer.Option("--exported", metavar="FILE", help="What export-root-key wrote.")
    ],
) -> None:
    """Remove the root's key from the home, once its exported file was read back.

    The passphrase is the file's. From then on --root-key-file FILE lets the root sign.

    Example: sipca ca drop-root-key --exported /media/stick/root.key --passphrase-file stick.txt
    """
    from ca.authority.keeping.root_key import drop_root_key
    from cli.views.ca import root_key_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = drop_root_key(home, exported)
    show(document, settings, root_key_text)
