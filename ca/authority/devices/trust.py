"""``trust build`` and ``trust diff``: reading sources, writing a bundle and its manifest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from ca.authority.devices.trust_sources import Gathered, octets_of
from ca.authority.own_files import is_manifest, refuse_foreign
from ca.device.trust import Candidate, Store, gather, judge
from ca.documents.base import encode_json
from ca.documents.trust import TrustDiffDocument, TrustDocument, TrustDrop, TrustMember
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.encoding.json_text import read_json
from ca.errors import BugError, ConflictError, MalformedError
from ca.files import holds, make_folder, write_atomic
from ca.model.certificates import subject_text
from ca.model.findings import raise_failures
from ca.profiles.target import Target


class TrustWishes(msgspec.Struct, frozen=True):
    """The sources, the device's target, and the place of the bundle."""

    sources: tuple[Path, ...]
    target: Target
    at: datetime
    own: tuple[bytes, ...] = ()
    path: Path | None = None
    manifest: Path | None = None
    overwrite: bool = False
    on_bug: Callable[[BugError], None] | None = None


def build(wishes: TrustWishes) -> tuple[TrustDocument, str]:
    """The bundle as a document and as PEM; written to a path if one is given, atomically.

    Raises:
        MalformedError: a source is damaged, or is a private key.
        PolicyError: there are more certificates than the target's store holds.
        ConflictError: a file holds something else.
    """
    gathered = Gathered(wishes.on_bug)
    for source in wishes.sources:
        gathered.read(source)
    gathered.raise_if_empty()
    own = [Candidate(read_certificate(der), "this CA") for der in wishes.own]
    store = gather([*gathered.candidates, *own], wishes.target, at=wishes.at, on_bug=wishes.on_bug)
    findings = judge(store, on_bug=wishes.on_bug)
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
        path=None if wishes.path is None or not store.members else str(wishes.path),
        notes=notes,
    )
    text = "".join(pem.encode(each.facts.der) for each in store.members)
    unchanged = _write(wishes, document, text)
    return msgspec.structs.replace(document, unchanged=unchanged), text


def diff(a: Path, b: Path) -> TrustDiffDocument:
    """The differences between two bundles or manifests; unreadable parts are reported.

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
    for member in only_a:
        twins = waiting.get(member.subject)
        if twins:
            changed.append((member, twins.pop(0)))
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


def _write(wishes: TrustWishes, document: TrustDocument, text: str) -> bool:
    """Write bundle and manifest; whether the bundle was there already."""
    manifest = msgspec.json.format(encode_json(document), indent=2) + b"\n"
    if wishes.manifest is not None and not wishes.overwrite:
        refuse_foreign(wishes.manifest, is_manifest)
    bundle = wishes.path if text else None  # it would only make an empty store
    targets = [(bundle, text.encode()), (wishes.manifest, manifest)]
    unchanged = False
    for path, data in targets:
        if path is None:
            continue
        if path.is_dir():
            raise ConflictError(f"'{path}' is a folder", hint="name a file")
        make_folder(path.parent)
        unchanged = unchanged or (path is bundle and holds(path, [data]))
        write_atomic(path, data, overwrite=wishes.overwrite or path is wishes.manifest)
    return unchanged


def _members_of(path: Path) -> tuple[dict[str, TrustMember], list[TrustDrop]]:
    gathered = Gathered()
    if path.is_dir():
        gathered.read(path)
    else:
        data = octets_of(path)
        if data.lstrip()[:1] == b"{":
            return _manifest(data, path), []
        gathered.take_in(path, data)
    gathered.raise_if_empty()
    members = [_member(each) for each in gathered.candidates]
    return {each.fingerprint: each for each in members}, gathered.unread


def _manifest(data: bytes, path: Path) -> dict[str, TrustMember]:
    try:
        manifest: TrustDocument = read_json(data, TrustDocument)
    except MalformedError as error:
        raise MalformedError(f"'{path}' is not a manifest: {error}") from None
    return {each.fingerprint: each for each in manifest.members}


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
