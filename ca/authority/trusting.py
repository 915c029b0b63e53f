"""``trust build`` and ``trust diff``: reading sources, writing a bundle and its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from ca.device.trust import Candidate, Store, gather, judge
from ca.documents.trust import TrustDiffDocument, TrustDocument, TrustDrop, TrustMember
from ca.encoding import pem
from ca.encoding.bundles import Bundle, read_bundle
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, MalformedError, NotFoundError
from ca.files import MAX_INPUT, make_folder, read_bounded, write_atomic
from ca.model.certificates import CertificateFacts, subject_text
from ca.model.findings import raise_failures
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


def build(wishes: TrustWishes) -> tuple[TrustDocument, str]:
    """The bundle as a document and as PEM; written where wished, whole or not at all.

    Raises:
        MalformedError: a source is damaged, or is a private key.
        PolicyError: more certificates than the target's store takes.
        ConflictError: a file holds something else.
    """
    candidates: list[Candidate] = []
    notes: list[str] = []
    for source in wishes.sources:
        found = list(_candidates(source, notes))
        if not found:
            raise NotFoundError(f"'{source}' holds no certificate", hint=", ".join(SUFFIXES))
        candidates += found
    candidates += [Candidate(read_certificate(der), "this CA") for der in wishes.own]
    store = gather(candidates, wishes.target, at=wishes.at)
    findings = judge(store)
    raise_failures(findings)
    if wishes.target.rest.trusted_root and wishes.target.rest.trusted_root_replaces:
        notes.append("a REST upload (PUT trustedRoot) replaces the whole store of the context")
    document = TrustDocument(
        target=wishes.target.name,
        limit=wishes.target.trust.limit,
        members=[_member(each) for each in store.members],
        dropped=_drops(store),
        findings=findings,
        path=None if wishes.path is None else str(wishes.path),
        notes=notes,
    )
    text = "".join(pem.encode(each.facts.der) for each in store.members)
    _write(wishes, document, text)
    return document, text


def diff(a: Path, b: Path) -> TrustDiffDocument:
    """What two bundles or manifests do not share.

    Raises:
        CAError: one of them cannot be read.
    """
    left, right = _members_of(a), _members_of(b)
    only_a = [each for key, each in left.items() if key not in right]
    only_b = [each for key, each in right.items() if key not in left]
    changed = []
    for each in list(only_a):
        twin = next((other for other in only_b if other.subject == each.subject), None)
        if twin is not None:
            changed.append((each, twin))
            only_a.remove(each)
            only_b.remove(twin)
    return TrustDiffDocument(
        only_a=only_a, only_b=only_b, changed=changed, same=len(left.keys() & right.keys())
    )


def _candidates(source: Path, notes: list[str], data: bytes | None = None) -> Iterator[Candidate]:
    if data is None and source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file() and path.suffix.casefold() in SUFFIXES:
                yield from _candidates(path, notes)
        return
    if data is None:
        data = read_bounded(source, limit=MAX_SOURCE, pipes=True)
    bundle = read_bundle(data, what=f"'{source}'")
    if bundle.keys:
        raise MalformedError(
            f"'{source}' line {bundle.keys[0]} is a private key, where CA certificates are due",
            hint="take it out, and consider the key known to others",
        )
    _note_rest(source, bundle, notes)
    for member in bundle.members:
        yield Candidate(_facts(member.der, source, member.line), f"{source}:{member.line}")


def _note_rest(source: Path, bundle: Bundle, notes: list[str]) -> None:
    if bundle.strays:
        lines = ", ".join(map(str, bundle.strays[:5]))
        notes.append(f"'{source}' has other text between its blocks, left out: line {lines}")
    if bundle.others:
        notes.append(f"'{source}' has other blocks, left out: {', '.join(bundle.others)}")


def _facts(der: bytes, source: Path, line: int) -> CertificateFacts:
    try:
        return read_certificate(der)
    except CAError as error:
        raise MalformedError(f"'{source}' line {line}: {error.message}") from None


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


def _members_of(path: Path) -> dict[str, TrustMember]:
    data = read_bounded(path, limit=MAX_SOURCE, pipes=True)
    if data.lstrip()[:1] == b"{":
        try:
            members = msgspec.json.decode(data, type=TrustDocument).members
        except msgspec.MsgspecError as error:
            raise MalformedError(f"'{path}' is no manifest: {error}") from None
        return {each.fingerprint: each for each in members}
    notes: list[str] = []
    found = [_member(each) for each in _candidates(path, notes, data)]
    return {each.fingerprint: each for each in found}


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
