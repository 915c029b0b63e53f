"""``trust build`` and ``trust diff``: reading sources, writing a bundle and its manifest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from ca.device.trust import Candidate, Store, gather, judge
from ca.documents.trust import TrustDiffDocument, TrustDocument, TrustDrop, TrustMember
from ca.encoding import pem
from ca.encoding.bundles import Bundle, Member, nothing_due, read_bundle, what_else
from ca.encoding.certificates import read_certificate
from ca.errors import (
    BugError,
    CAError,
    ConflictError,
    Kind,
    MalformedError,
    NotFoundError,
    attempt,
)
from ca.files import MAX_INPUT, make_folder, read_bounded, write_atomic
from ca.model.certificates import subject_text
from ca.model.findings import raise_failures
from ca.names.text import printable
from ca.profiles.target import Target

SUFFIXES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p7c", ".txt")
MAX_SOURCE = 64 * MAX_INPUT


class TrustWishes(msgspec.Struct, frozen=True):
    """Where certificates come from, for which device, and where the bundle goes."""

    sources: tuple[Path, ...]
    target: Target
    at: datetime
    own: tuple[bytes, ...] = ()
    path: Path | None = None
    manifest: Path | None = None
    overwrite: bool = False
    on_bug: Callable[[BugError], None] | None = None


class Gathered:
    """What the sources hold: candidates, what could not be read, what is worth a note."""

    def __init__(self, on_bug: Callable[[BugError], None] | None = None) -> None:
        self.candidates: list[Candidate] = []
        self.unread: list[TrustDrop] = []
        self.errors: list[CAError] = []
        self.notes: list[str] = []
        self._on_bug = on_bug

    def read(self, source: Path) -> None:
        """Take up a file, or the files of a folder that are named as certificates are.

        Raises:
            NotFoundError: there is no such source, or a folder holds nothing of the kind.
        """
        if not source.is_dir():
            self._read_file(source)
            return
        paths = [
            path
            for path in sorted(source.iterdir())
            if path.is_file() and path.suffix.casefold() in SUFFIXES
        ]
        if not paths:
            raise NotFoundError(f"'{source}' holds no certificate", hint=", ".join(SUFFIXES))
        for path in paths:
            self._read_file(path)

    def raise_if_empty(self) -> None:
        """Raise the first error where nothing but errors was found.

        Raises:
            CAError: no certificate could be read.
        """
        if self.candidates or not self.errors:
            return
        error = self.errors[0]
        if len(self.errors) > 1:
            error.message += f" (and {len(self.errors) - 1} more cannot be read)"
        raise error

    def _read_file(self, path: Path) -> None:
        bundle = attempt(_bundle_in, path)
        if isinstance(bundle, NotFoundError):
            raise bundle
        if isinstance(bundle, CAError):
            self._refuse(str(path), bundle)
            return
        for line in bundle.keys:
            hint = "take it out, and consider the key known to others"
            message = f"'{path}' line {line} is a private key, where CA certificates are due"
            self._refuse(f"{path}:{line}", MalformedError(message, hint=hint))
        for damage in bundle.damaged:
            message = f"'{path}' line {damage.line}: {damage.reason}"
            self._refuse(f"{path}:{damage.line}", MalformedError(message))
        for member in bundle.members:
            self._take(member, path)
        if not (bundle.members or bundle.keys or bundle.damaged):
            form = what_else(bundle) or "file without a certificate"
            self._refuse(str(path), nothing_due(f"'{path}'", form))
        elif bundle.others:
            others = ", ".join(dict.fromkeys(bundle.others))
            self.notes.append(f"'{path}' has other blocks, left out: {printable(others)}")
        self._note(path, bundle)

    def _take(self, member: Member, path: Path) -> None:
        source = f"{path}:{member.line}"
        facts = attempt(read_certificate, member.der)
        if isinstance(facts, CAError):
            message = facts.message
            if not isinstance(facts, BugError):
                facts = MalformedError(f"'{path}' line {member.line}: {message}", hint=facts.hint)
            self._refuse(source, facts, reason=message, fingerprint=sha256(member.der).hexdigest())
        else:
            self.candidates.append(Candidate(facts, source))

    def _refuse(
        self, source: str, error: CAError, *, reason: str = "", fingerprint: str = ""
    ) -> None:
        self.errors.append(error)
        kind = "refused"
        if isinstance(error, BugError):
            kind = str(Kind.BUG)
            if self._on_bug is not None:
                self._on_bug(error)
        reason = reason or error.message
        if error.hint:
            reason += f" ({error.hint})"
        drop = TrustDrop(
            subject="", fingerprint=fingerprint, source=source, kind=kind, reason=reason
        )
        self.unread.append(drop)

    def _note(self, path: Path, bundle: Bundle) -> None:
        self.notes += [f"'{path}': {sentence}" for sentence in bundle.repairs]
        if bundle.strays:
            lines = ", ".join(map(str, bundle.strays[:5]))
            more = f" and {len(bundle.strays) - 5} more" if len(bundle.strays) > 5 else ""
            self.notes.append(
                f"'{path}' has other text between its blocks, left out: line {lines}{more}"
            )


def _bundle_in(path: Path) -> Bundle:
    return read_bundle(read_bounded(path, limit=MAX_SOURCE), what=f"'{path}'")


def build(wishes: TrustWishes) -> tuple[TrustDocument, str]:
    """The bundle as a document and as PEM; written where wished, whole or not at all.

    Raises:
        MalformedError: a source is damaged, or is a private key.
        PolicyError: more certificates than the target's store takes.
        ConflictError: a file holds something else.
    """
    gathered = Gathered(wishes.on_bug)
    for source in wishes.sources:
        gathered.read(source)
    gathered.raise_if_empty()
    own = [Candidate(read_certificate(der), "this CA") for der in wishes.own]
    store = gather([*gathered.candidates, *own], wishes.target, at=wishes.at)
    findings = judge(store)
    raise_failures(findings)
    notes = gathered.notes
    if wishes.target.rest.trusted_root and wishes.target.rest.trusted_root_replaces:
        notes.append("a REST upload (PUT trustedRoot) replaces the whole store of the context")
    document = TrustDocument(
        target=wishes.target.name,
        limit=wishes.target.trust.limit,
        members=[_member(each) for each in store.members],
        dropped=[*gathered.unread, *_drops(store)],
        findings=findings,
        path=None if wishes.path is None else str(wishes.path),
        notes=notes,
    )
    text = "".join(pem.encode(each.facts.der) for each in store.members)
    _write(wishes, document, text)
    return document, text


def diff(a: Path, b: Path) -> TrustDiffDocument:
    """What two bundles or manifests do not share; what cannot be read in them is told.

    Raises:
        CAError: one of them cannot be read at all.
    """
    (left, unread_a), (right, unread_b) = _members_of(a), _members_of(b)
    only_a = [each for key, each in left.items() if key not in right]
    waiting: dict[str, list[TrustMember]] = {}
    for key, each in right.items():
        if key not in left:
            waiting.setdefault(each.subject, []).append(each)
    changed: list[tuple[TrustMember, TrustMember]] = []
    for each in only_a:
        twins = waiting.get(each.subject)
        if twins:
            changed.append((each, twins.pop(0)))
    paired = {
        fingerprint
        for pair in changed
        for fingerprint in (pair[0].fingerprint, pair[1].fingerprint)
    }
    return TrustDiffDocument(
        only_a=[each for each in only_a if each.fingerprint not in paired],
        only_b=[each for key, each in right.items() if key not in left and key not in paired],
        changed=changed,
        same=len(left.keys() & right.keys()),
        unread=unread_a + unread_b,
    )


def _write(wishes: TrustWishes, document: TrustDocument, text: str) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    targets = [(wishes.path, text.encode()), (wishes.manifest, encoded)]
    for path, data in targets:
        if path is None:
            continue
        if path.is_dir():
            raise ConflictError(f"'{path}' is a folder", hint="name a file")
        make_folder(path.parent)
        write_atomic(path, data, overwrite=wishes.overwrite or path is wishes.manifest)


def _members_of(path: Path) -> tuple[dict[str, TrustMember], list[TrustDrop]]:
    if path.is_file():
        data = read_bounded(path, limit=MAX_SOURCE)
        if data.lstrip()[:1] == b"{":
            return _manifest(data, path), []
    gathered = Gathered()
    gathered.read(path)
    gathered.raise_if_empty()
    found = [_member(each) for each in gathered.candidates]
    return {each.fingerprint: each for each in found}, gathered.unread


def _manifest(data: bytes, path: Path) -> dict[str, TrustMember]:
    try:
        members = msgspec.json.decode(data, type=TrustDocument).members
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedError(f"'{path}' is no manifest: {error}") from None
    return {each.fingerprint: each for each in members}


def _member(candidate: Candidate) -> TrustMember:
    facts = candidate.facts
    return TrustMember(
        subject=subject_text(facts.subject),
        issuer=subject_text(facts.issuer),
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        source=candidate.source,
    )


def _drops(store: Store) -> list[TrustDrop]:
    return [
        TrustDrop(
            subject=subject_text(each.candidate.facts.subject),
            fingerprint=each.candidate.facts.fingerprint,
            source=each.candidate.source,
            kind=each.kind,
            reason=each.reason,
        )
        for each in store.dropped
    ]
