"""``renew``: the same key and names, with new dates, today's profile and today's issuing CA."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ca.authority import server_files, server_places, upload_files
from ca.authority.home import Home
from ca.authority.refs import find, label, relic_refusal
from ca.authority.server_places import Served
from ca.authority.signing import places
from ca.authority.signing.candidates import Source
from ca.authority.signing.judge import Judge
from ca.authority.signing.prepare import Job, OwnKey, Ready, outcomes
from ca.authority.signing.renew_server import ServerPlace, renew_files, server_place
from ca.authority.signing.sign import sign
from ca.authority.succession import use_of
from ca.documents.renew import RenewDocument
from ca.documents.sign import Files, SigningDocument, Skipped
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.encoding.oids import Purpose
from ca.errors import CAError, ConflictError, NotFoundError, PolicyError, attempt
from ca.files import conflicts, lock_folder, write_atomic
from ca.keys.files import KeyFileFormat
from ca.model.certificates import CertificateFacts, subject_text
from ca.model.status import CURRENT, RENEW_BEFORE, is_due
from ca.model.wishes import SigningWishes
from ca.names.text import printable
from ca.profiles.durations import parse_lifetime
from ca.store import audit, certificates, plans
from ca.store.certificates import IMPORTED, CertificateRow
from ca.store.enrolments import SOURCE


class RenewWishes(msgspec.Struct, frozen=True):
    """What to renew, and where its files are written.

    Named certificates (``refs``, ``device``) are renewed at once, unless ``within`` is given:
    then, as without names, only those that are due within that span. Certificates that came by SCEP
    are renewed if they are named: by themselves they are the devices', which would not fetch these.
    """

    folder: Path
    refs: tuple[str, ...] = ()
    device: str | None = None
    within: timedelta | None = None
    lifetime: timedelta | datetime | str | None = None
    allow: frozenset[str] = frozenset()
    revoke_old: bool = False
    overwrite: bool = False
    dry_run: bool = False
    target: str | None = None
    form: KeyFileFormat = KeyFileFormat()

    @property
    def is_named(self) -> bool:
        """Whether the certificates to renew are named."""
        return bool(self.refs) or self.device is not None


def renew(home: Home, wishes: RenewWishes) -> RenewDocument:
    """Renew certificates; each is judged on its own by all of today's rules.

    What the operator once allowed for a certificate by name is allowed again. Files of an earlier
    renewal that were never written, because it was killed, are written now.

    Raises:
        NotFoundError: a REF matches nothing.
        ConflictError: a REF could mean several, or a certificate is superseded already.
        PolicyError: a certificate is revoked, held or a CA's.
        CAError: whatever ends ``sign`` as a whole.
    """
    home.assert_sound()
    rows: list[CertificateRow] = []
    by_devices: list[CertificateRow] = []
    for row in _chosen(home, wishes):
        is_left = not wishes.is_named and row.source.startswith(SOURCE)
        (by_devices if is_left else rows).append(row)
    server = server_place(home, rows, _place(home, rows, wishes))
    repaired = [] if wishes.dry_run else list(_repair(home, wishes.folder))
    allowed = audit.allowed_rules(home.store, [row.plan_id for row in rows])
    judge = Judge(home)
    sources = [_source(judge, row, wishes, allowed.get(row.plan_id, frozenset())) for row in rows]
    if server is None:
        there = server_places.served(home, wishes.folder)
        sources = [_unless_left_behind(each, there) for each in sources]
    placed = list(zip(_distinct_stems(sources, rows), rows, strict=True))
    documents = []
    for fullchain in (False, True):
        part = [s for s, row in placed if has_fullchain(row, wishes.folder) is fullchain]
        if part or not fullchain:
            folder = wishes.folder if server is None else None
            delivery = upload_files.Delivery(
                folder, None, fullchain, wishes.overwrite, _renewed(rows)
            )
            documents.append(sign(home, part, delivery=delivery, dry_run=wishes.dry_run))
    if server is not None:
        documents = [_into_server(home, each, server) for each in documents]
    first, *others = documents
    return RenewDocument(
        ca=first.ca,
        home=first.home,
        chain_pem=first.chain_pem,
        root_pem=first.root_pem,
        dry_run=first.dry_run,
        ignored=[],
        signed=[*first.signed, *(entry for each in others for entry in each.signed)],
        skipped=[*repaired, *(entry for each in documents for entry in each.skipped)],
        refused=[*first.refused, *(entry for each in others for entry in each.refused)],
        pending=next((each.pending for each in documents if each.pending), None),
        by_devices=[label(row) or row.serial.hex() for row in by_devices],
    )


def _place(home: Home, rows: Sequence[CertificateRow], wishes: RenewWishes) -> ServerPlace | None:
    """The server of a certificate; several are refused, but only where a target is named."""
    if not rows or (len(rows) > 1 and wishes.target is None):
        return None
    names = {server_files.target_for(home, wishes.target, row.device).name for row in rows}
    return ServerPlace(wishes.folder, home.library.target(names.pop()), wishes.form)


def _into_server(home: Home, document: SigningDocument, server: ServerPlace) -> SigningDocument:
    """Write what was signed into the server's files."""
    entries = []
    for entry in document.signed:
        if entry.serial is not None:  # none in a dry run
            files, setup = renew_files(home, entry.serial, server)
            entries.append(msgspec.structs.replace(entry, files=files, server=setup))
    return msgspec.structs.replace(document, signed=entries or document.signed)


def _chosen(home: Home, wishes: RenewWishes) -> Iterator[CertificateRow]:
    """The certificates to renew: those that are named, or those that are due."""
    now = home.now()
    named = wishes.is_named
    if wishes.device is not None:
        _check_device(home, wishes.device)
    if wishes.refs:
        rows: Iterable[CertificateRow] = {
            row.plan_id: row for row in (_named(home, ref) for ref in wishes.refs)
        }.values()
    else:
        until = None if named else int((now + (wishes.within or RENEW_BEFORE)).timestamp())
        rows = certificates.certificates(home.store, device=wishes.device, until=until, in_use=True)
    for row in rows:
        validity = row.validity
        if (named and wishes.within is None) or is_due(validity, now, wishes.within):
            yield row


def _check_device(home: Home, name: str) -> None:
    """Check that a device has a certificate, whatever its status.

    Raises:
        NotFoundError: it has none.
    """
    if next(certificates.certificates(home.store, device=name), None) is None:
        raise NotFoundError(
            f"no certificate of a device '{printable(name)}' is known",
            hint="sipca device list shows the devices",
        )


def _named(home: Home, ref: str) -> CertificateRow:
    """The certificate that a REF means, if it can be renewed.

    Raises:
        ConflictError: it is superseded.
        PolicyError: it is revoked, held, or a CA's.
    """
    row, now = find(home, ref).row, home.now()
    serial = row.serial.hex()[:12]
    if row.is_relic:
        raise relic_refusal(row)
    if row.for_issuer_id is not None:
        raise PolicyError(
            f"{serial} is the certificate of a CA", hint="sipca ca rotate", rule="ca-certificate"
        )
    if row.status(now) in CURRENT or row.is_lapsed(now):
        return row
    if row.superseded_by is not None and row.revocation is None:
        raise ConflictError(
            f"{serial} is superseded by {row.superseded_by.hex()[:12]}",
            hint="name that one",
            rule="superseded-already",
        )
    advice = "make a new key and CSR on the device, and sign that"
    if row.revocation == "held":
        advice = f"sipca release {serial}, if it is to be used again"
    elif row.request_id is None and not row.is_imported:
        advice = "sipca issue again, once the old key's file was moved away, makes a new key"
    raise PolicyError(
        f"{serial} is {row.status(now)} and cannot be renewed", hint=advice, rule="renew-status"
    )


def profile_of(row: CertificateRow, facts: CertificateFacts) -> str:
    """The profile for a successor; of an imported certificate one with its purposes."""
    if not row.is_imported:
        return row.profile
    purposes = (Purpose.SERVER_AUTH.label, Purpose.CLIENT_AUTH.label)
    server, client = (each in facts.extended_key_usage for each in purposes)
    return "sip" if server == client else "server" if server else "client"


def _source(
    judge: Judge, row: CertificateRow, wishes: RenewWishes, allowed: frozenset[str]
) -> Source:
    """The order for the successor: of the stored request, or of the key itself if it was issued."""
    if row.is_relic:
        return Source(
            row.source, row.serial.hex()[:12], SigningWishes(), failure=relic_refusal(row)
        )
    facts = read_certificate(row.der)
    own = OwnKey(facts.spki, facts.subject) if row.request_id is None else None
    order = SigningWishes(
        profile=profile_of(row, facts),
        device=row.device,
        context=row.context,
        lifetime=wishes.lifetime or _lifetime(row),
        allow=allowed | wishes.allow,
        again=True,
        revoke_old=wishes.revoke_old,
    )
    exact = msgspec.structs.replace(order, cn=facts.cn, san=facts.san, replace_san=True)
    data = plans.request_der(judge.home.store, row.request_id) or b""
    stem = upload_files.stem_of_row(row)
    source = Source(row.source, stem, order, data=data, own=own, old_plan=row.plan_id, proven=True)
    if own is None:
        outcome = attempt(_prepared, judge, source)
        if isinstance(outcome, Ready):
            prepared = outcome.prepared
            if (prepared.subject, prepared.san) == (facts.subject, facts.san):
                return source
    return msgspec.structs.replace(source, wishes=exact)


def _unless_left_behind(source: Source, there: dict[str, Served]) -> Source:
    """The source, as a failure where a server's file in the folder would keep the old one."""
    stem = source.stem or ""
    if stem not in there or source.failure is not None:
        return source
    return msgspec.structs.replace(source, data=None, failure=there[stem].left_behind(stem))


def _prepared(judge: Judge, source: Source) -> Ready | CAError:
    job: Job = judge.job(source)
    return outcomes(judge.terms(), [job])[0]


def _lifetime(row: CertificateRow) -> timedelta | datetime | str | None:
    """The lifetime that was requested at first; a fixed last day cannot be requested again."""
    if row.lifetime in ("default", IMPORTED):
        return None
    lifetime = parse_lifetime(row.lifetime)
    return None if isinstance(lifetime, datetime) else lifetime


def _distinct_stems(sources: list[Source], rows: list[CertificateRow]) -> Iterator[Source]:
    """The sources; those whose files would have another's names are refused one by one."""
    seen: dict[str, Source] = {}
    for source, row in zip(sources, rows, strict=True):
        name = upload_files.device_name(source.stem or "", source.wishes.context).casefold()
        if name in seen:
            serial = row.serial.hex()[:12]
            failure = ConflictError(
                f"'{source.label}' and '{seen[name].label}' would both be written to '{name}'",
                hint=f"renew it alone: sipca renew {serial} --out ANOTHER",
                rule="same-file",
            )
            yield msgspec.structs.replace(source, stem=serial, data=None, failure=failure)
            continue
        seen[name] = source
        yield source


def has_fullchain(row: CertificateRow, folder: Path) -> bool:
    """Whether a file with leaf and issuing CA is to be renewed, too."""
    name = upload_files.fullchain_name(upload_files.stem_of_row(row), row.context)
    return row.request_id is None or os.path.lexists(folder / name)


def _renewed(rows: list[CertificateRow]) -> Callable[[CertificateRow, str], bool]:
    """Whether a file's certificate is one that is renewed in this call."""
    renewed = {row.plan_id for row in rows}
    return lambda row, _: row.plan_id in renewed


def _repair(home: Home, folder: Path) -> Iterator[Skipped]:
    """Write successors into files that an interrupted renewal left with a superseded certificate.

    Only the same key's: a file whose device made a new key since is left as it is.
    """
    if not folder.is_dir():
        return
    chain = upload_files.chain_of(home)
    with lock_folder(folder):
        for path in sorted(folder.glob("*-device.pem")) + sorted(folder.glob("*-fullchain.pem")):
            old = places.written_here(home, path, chain)
            new = None if old is None else _successor(home, old)
            if new is None:
                continue
            own = upload_files.chain_of(home, issuer_id=new.issuer_id)
            text = pem.encode(new.der) + (own.sent if path.name.endswith("-fullchain.pem") else "")
            if conflicts(path, text.encode()):
                write_atomic(path, text.encode(), overwrite=True)
                yield _skipped(home, new, path, own)


def _successor(home: Home, old: CertificateRow) -> CertificateRow | None:
    """The current certificate of the same key that superseded an older one, or None."""
    row, seen = old, {old.plan_id}
    while row.superseded_by is not None:
        (row, *_) = certificates.by_serial_prefix(home.store, row.superseded_by.hex())
        if row.plan_id in seen:
            return None
        seen.add(row.plan_id)
    same_key = use_of(row).key_identity == use_of(old).key_identity
    return row if row is not old and same_key and row.status(home.now()) in CURRENT else None


def _skipped(home: Home, row: CertificateRow, path: Path, chain: upload_files.Chain) -> Skipped:
    facts = read_certificate(row.der)
    return Skipped(
        source=row.source,
        serial=facts.serial,
        subject=subject_text(facts.subject),
        san=[str(name) for name in facts.san],
        profile=row.profile,
        device=row.device,
        context=row.context,
        issuer=home.ca_of(row.issuer_id).issuer.name,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        certificate_pem=pem.encode(row.der),
        chain_pem=chain.trusted,
        root_pem=chain.root,
        files=Files(device=str(path)),
        account=unpack_account(row.account),
        findings=[],
        supersedes=row.supersedes.hex() if row.supersedes else None,
        reason="renewed earlier; its file still had the superseded certificate",
    )
