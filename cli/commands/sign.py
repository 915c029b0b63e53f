"""``sipca sign``.

Without ``from __future__ import annotations``: typer would compile every annotation at each start,
which is a twenty-fifth of the time that one signing takes.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ca.documents.exits import exit_of_several
from ca.files import write_stream
from cli.commands.arguments import (
    Beside,
    Overwrite,
    Report,
    RevokeOld,
    WholeAccount,
    allowed,
    lifetime,
    names,
    span,
)
from cli.options import opened, settings_of
from cli.output import json_pieces, print_json, say_anyway, talk, write_pieces
from cli.process import INTERRUPTED, enable_garbage_collection
from cli.settings import Settings
from cli.terminal import one_line

if TYPE_CHECKING:
    from ca.authority.home import Home
    from ca.authority.signing.candidates import Source
    from ca.authority.upload_files import Delivery
    from ca.documents.sign import Signed, SigningDocument
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
        bool,
        typer.Option(
            "--replace-san", help="Take no names from the request; --san and --cn give them."
        ),
    ] = False,
    fix_san: Annotated[
        bool,
        typer.Option(
            "--fix-san", help="Correct the type of names that were typed in the wrong field."
        ),
    ] = False,
    lifetime_: Annotated[
        str | None,
        typer.Option(
            "--lifetime",
            metavar="D|max",
            help="How long it lives: 90d, 2y, a last day as 2028-01-31, or max.",
        ),
    ] = None,
    backdate: Annotated[
        str | None, typer.Option(metavar="D", help="How long before now it begins, as 36h.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE", help="Override one rule; the audit trail records it. Repeatable."
        ),
    ] = None,
    supersedes: Annotated[
        str | None, typer.Option(metavar="REF", help="The certificate this one replaces.")
    ] = None,
    names_file: Annotated[
        Path | None,
        typer.Option(
            "--names",
            metavar="FILE.csv",
            help="A CSV file, a line a source: source,device,context,profile,cn,san,replace_san.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Sign also what has a good certificate already, or had one that was revoked.",
        ),
    ] = False,
    beside: Beside = False,
    revoke_old: RevokeOld = False,
    overwrite: Overwrite = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the account and write nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the upload files.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="A file, not stdout, for a single certificate."
        ),
    ] = None,
    account: WholeAccount = False,
    fullchain: Annotated[
        bool,
        typer.Option("--fullchain", help="Also write device and issuing certificate in one file."),
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Of a folder, look into its sub-folders, too.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            metavar="N",
            help="Processes at most: a second one verifies signatures in batches of 512 or more.",
        ),
    ] = 2,
    report: Report = None,
) -> None:
    """Sign device CSRs; the certificate on stdout, or upload files in a folder.

    Example: sipca sign sbc1.csr --profile sip --out upload
    """
    from ca.authority.upload_files import Delivery
    from ca.model.wishes import SigningWishes
    from cli.sources import STDIN, Search, expand, with_names

    settings = settings_of(ctx)
    if beside and (revoke_old or supersedes):
        raise typer.BadParameter("--beside supersedes nothing; leave out the other option")
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
        allow=allowed(allow),
        supersedes=supersedes,
        again=again,
        beside=beside,
        revoke_old=revoke_old,
    )
    if out is not None and output is not None:
        raise typer.BadParameter("--out and -o are two places; choose one")
    if report is not None and report.is_dir():
        raise typer.BadParameter(f"--report: '{report}' is a folder")
    if report is not None and not overwrite:
        from ca.authority.own_files import refuse_foreign_report

        refuse_foreign_report(report)
    if sum(word in STDIN for word in sources) > 1:
        raise typer.BadParameter("two CSRs cannot both come from stdin")
    several = len(sources) > 1 or any(Path(word).is_dir() for word in sources)
    if several:
        _check_batch(wishes, out)
    delivery = Delivery(out, output, fullchain, overwrite)
    with opened(settings) as home:
        wishes = _meant(home, settings, wishes)  # asked first: nobody answers with half a paste
        expanded = expand(sources, wishes, settings, Search(recursive, out))
        if names_file is not None:
            expanded = _named(home, settings, with_names(expanded, names_file))
        talk(f"CA: {one_line(home.name)} in {one_line(str(home.path))}", settings)
        call = _Call(home, settings, wishes, delivery, dry_run, report, account)
        document = call.batch(expanded, jobs) if several else call.single(expanded)
    code = exit_of_several(each.exit for each in document.refused)
    if document.interrupted:
        code = INTERRUPTED
    if code:
        raise typer.Exit(code)


def _meant(home: "Home", settings: Settings, wishes: "SigningWishes") -> "SigningWishes":
    if wishes.device is None:
        return wishes
    from cli.device_names import with_device_meant

    return with_device_meant(home, settings, wishes)


def _named(home: "Home", settings: Settings, sources: "list[Source]") -> "list[Source]":
    from cli.device_names import with_devices_meant

    return with_devices_meant(home, settings, sources)


class _Call(NamedTuple):
    """What one call signs with, and where its answer goes."""

    home: "Home"
    settings: Settings
    wishes: "SigningWishes"
    delivery: "Delivery"
    dry_run: bool
    report: Path | None
    account: bool

    def single(self, sources: "list[Source]") -> "SigningDocument":
        """One source: the account, the certificate on stdout unless it has a place."""
        from ca.authority.signing.sign import sign
        from cli.views.sign import pem_of, refused_text, single_text

        delivery = self.delivery
        document = sign(self.home, sources, delivery=delivery, dry_run=self.dry_run)
        if self.settings.json:
            print_json(document)
        else:
            if not self.settings.quiet:
                steps = self._steps([*document.signed, *document.skipped])
                talk(lambda: single_text(document, steps, whole=self.account), self.settings)
            say_anyway(lambda: refused_text(document.refused, several=False))
            if not (delivery.folder or delivery.file or self.dry_run):
                print(pem_of(document, fullchain=delivery.fullchain), end="")
        if self.report is not None:
            write_stream(self.report, json_pieces(document))
        return document

    def batch(self, sources: "list[Source]", jobs: int) -> "SigningDocument":
        """Many: a line each as they are done; the document is never held in memory."""
        from ca.authority.signing.batch import Watch
        from ca.authority.signing.sign import WORTH_CHECKER, sign
        from cli.batch_output import Entries, interruptible
        from cli.views.progress import progress_bar
        from cli.views.sign import NO_DEVICE, batch_text, refused_text, signing_word

        enable_garbage_collection()
        if self.settings.debug and jobs > 1 and len(sources) < WORTH_CHECKER:
            say_anyway(f"fewer than {WORTH_CHECKER} requests: this is one process")
        aside = self.home.path if self.settings.json or self.report is not None else None
        silent = self.settings.json or self.settings.quiet
        with (
            progress_bar(len(sources), self.settings) as talker,
            contextlib.closing(
                Entries(aside, None if silent else talker, dry_run=self.dry_run)
            ) as entries,
        ):
            with interruptible(talker.say) as stop:
                document = sign(
                    self.home,
                    sources,
                    delivery=self.delivery,
                    dry_run=self.dry_run,
                    jobs=jobs,
                    watch=Watch(entries.advance, stop, entries.take),
                )
            try:
                if self.report is not None:
                    write_stream(self.report, entries.pieces(document))
            finally:  # neither costs the other
                if self.settings.json:
                    write_pieces(entries.pieces(document), binary=False)
        if not self.settings.json:
            steps = self._steps(entries.first)
            done = signing_word(dry_run=self.dry_run)
            talk(lambda: batch_text(document, steps, done=done, **entries.counts), self.settings)
            if entries.first and not self.dry_run and not entries.has_device:
                talk(NO_DEVICE, self.settings)
            say_anyway(lambda: refused_text(document.refused))
        return document

    def _steps(self, signed: "list[Signed]") -> list[str]:
        from ca.authority.upload_files import upload_steps

        return [] if self.dry_run else upload_steps(self.home, signed, self.wishes.target)


def _check_batch(wishes: "SigningWishes", out: Path | None) -> None:
    if out is None:
        raise typer.BadParameter("several sources need --out DIR")
    given = (wishes.cn, wishes.san, wishes.replace_san, wishes.device, wishes.supersedes)
    for flag, value in zip(SINGLE_ONLY, given, strict=True):
        if value:
            raise typer.BadParameter(f"{flag} is for one CSR; --names FILE.csv gives each its own")
