"""``sipca sign``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.arguments import Overwrite, lifetime, names, span
from cli.options import Settings, opened, settings_of
from cli.output import print_json, talk

if TYPE_CHECKING:
    from ca.documents.signing import SigningDocument
    from ca.model.wishes import SigningWishes

SINGLE_ONLY = ("--cn", "--san", "--replace-san", "--device", "--supersedes")


def sign_command(
    ctx: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE|DIR|-...", help="CSRs; - is stdin.")
    ],
    profile: Annotated[str, typer.Option(help="The signing profile.")] = "sip",
    device: Annotated[str | None, typer.Option(help="The device's name in the register.")] = None,
    context: Annotated[
        int | None, typer.Option(min=0, max=99, help="The device's TLS context.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="The kind of device.")
    ] = None,
    cn: Annotated[
        str | None, typer.Option(help="Another CN; a host name goes into the SAN too.")
    ] = None,
    san: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:VALUE", help="dns:, ip:, uri:, email:; repeatable."),
    ] = None,
    replace_san: Annotated[
        bool, typer.Option("--replace-san", help="Take none of the request's names.")
    ] = False,
    fix_san: Annotated[
        bool, typer.Option("--fix-san", help="Re-type names typed in the wrong slot.")
    ] = False,
    lifetime_: Annotated[
        str | None, typer.Option("--lifetime", metavar="D|max", help="90d, 2y, 2028-01-31, max.")
    ] = None,
    backdate: Annotated[
        str | None, typer.Option(metavar="D", help="How far notBefore lies back.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Override one rule; recorded.")
    ] = None,
    supersedes: Annotated[
        str | None, typer.Option(metavar="REF", help="The certificate this one replaces.")
    ] = None,
    names_file: Annotated[
        Path | None, typer.Option("--names", metavar="FILE.csv", help="Wishes for each source.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Sign even what is signed and good.")
    ] = False,
    overwrite: Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the account.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the upload files.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="File for one certificate."),
    ] = None,
    fullchain: Annotated[
        bool, typer.Option("--fullchain", help="Leaf and issuing in one file, too.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Processes for a batch.")
    ] = 1,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The JSON document in a file.")
    ] = None,
) -> None:
    """Sign device CSRs; the certificate on stdout, or upload files in a folder.

    Example: sipca sign sbc1.csr --profile sip --out upload
    """
    from ca.authority.delivery import Delivery
    from ca.authority.signing import sign
    from ca.model.wishes import SigningWishes
    from cli.sources import expand, with_names
    from cli.views.progress import progress_bar

    settings = settings_of(ctx)
    wishes = SigningWishes(
        profile=profile,
        device=device,
        context=context,
        target=target,
        cn=cn,
        san=names(san),
        replace_san=replace_san,
        fix_san=fix_san,
        lifetime=lifetime(lifetime_),
        backdate=span("--backdate", backdate),
        allow=_allowed(allow),
        supersedes=supersedes,
        again=again,
    )
    if out is not None and output is not None:
        raise typer.BadParameter("--out and -o are two places; choose one")
    if report is not None and report.is_dir():
        raise typer.BadParameter(f"--report: '{report}' is a folder")
    several = len(sources) > 1 or any(Path(word).is_dir() for word in sources)
    if several:
        _check_batch(wishes, out)
    delivery = Delivery(out, output, fullchain, overwrite)
    with opened(settings) as home:
        expanded = expand(sources, wishes, settings)
        if names_file is not None:
            expanded = with_names(expanded, names_file)
        talk(f"CA: {home.name} in {home.path}", settings)
        with progress_bar(len(expanded), settings, several=several) as advance:
            document = sign(
                home,
                expanded,
                delivery=delivery,
                dry_run=dry_run,
                jobs=jobs if several else 1,
                progress=advance,
            )
        steps = _steps(home, document, wishes)
    _show(
        document,
        settings,
        steps,
        fullchain=fullchain,
        to_stdout=not (out or output),
        several=several,
    )
    if report is not None:
        _write_report(report, document)
    code = max((each.exit for each in document.refused), default=0)
    if code:
        raise typer.Exit(code)


def _allowed(codes: list[str] | None) -> frozenset[str]:
    if not codes:
        return frozenset()
    from ca.authority.catalogue import overridable

    known = overridable()
    for code in codes:
        if code not in known:
            raise typer.BadParameter(
                f"--allow: '{code}' is none of {', '.join(sorted(known))} (sipca rule list)"
            )
    return frozenset(codes)


def _check_batch(wishes: SigningWishes, out: Path | None) -> None:
    if out is None:
        raise typer.BadParameter("several sources need --out DIR")
    given = (wishes.cn, wishes.san, wishes.replace_san, wishes.device, wishes.supersedes)
    for flag, value in zip(SINGLE_ONLY, given, strict=True):
        if value:
            raise typer.BadParameter(f"{flag} is for one CSR; --names FILE.csv gives each its own")


def _steps(home: object, document: SigningDocument, wishes: SigningWishes) -> list[str]:
    from ca.authority.delivery import upload_steps
    from ca.authority.home import Home

    assert isinstance(home, Home)
    return upload_steps(home, document, wishes.target)


def _write_report(path: Path, document: SigningDocument) -> None:
    import msgspec

    from ca.files import write_atomic

    encoded = msgspec.json.format(msgspec.json.encode(document), indent=2)
    write_atomic(path, encoded + b"\n", overwrite=True)


def _show(
    document: SigningDocument,
    settings: Settings,
    steps: list[str],
    *,
    fullchain: bool,
    to_stdout: bool,
    several: bool,
) -> None:
    from cli.views.signing import batch_text, pem_of, refusals_text, single_text

    if settings.json:
        print_json(document)
        return
    if not settings.quiet:
        talk(batch_text(document, steps) if several else single_text(document, steps), settings)
    refusals = refusals_text(document, several=several)
    if refusals:
        import sys

        print(refusals, file=sys.stderr)
    if to_stdout and not document.dry_run:
        print(pem_of(document, fullchain=fullchain), end="")
