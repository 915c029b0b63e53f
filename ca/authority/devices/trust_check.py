"""``trust check``: which certificates of a pack are in a device's exported store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from ca.authority.devices.trust_sources import Gathered
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.device.trust import Candidate, name_of
from ca.documents.trust import PackMember, TrustCheckDocument, TrustMember
from ca.encoding.fingerprints import sha1_thumbprint
from ca.errors import BugError
from ca.model.certificates import CertificateFacts, subject_text
from ca.profiles.pack import OURS, Pack, PackRoot


def pack_of_ours(home: Home) -> Pack:
    """The CA certificates that a device of this home needs, by the register."""
    return Pack(
        schema=1,
        name=OURS,
        description=f"the CA certificates of {home.name} that its devices need",
        date="",
        source="the register of this home",
        root=tuple(
            PackRoot(
                name=name_of(ca.facts),
                sha256=ca.facts.fingerprint,
                sha1=sha1_thumbprint(ca.facts.der),
                checked="the register",
            )
            for ca in trusted(home)
        ),
    )


def check_store(
    sources: Iterable[Path],
    pack: Pack,
    *,
    at: datetime,
    on_bug: Callable[[BugError], None] | None = None,
) -> TrustCheckDocument:
    """Compare what a device's store holds with a pack.

    Raises:
        CAError: a source is not there, or none of it can be read.
    """
    gathered = Gathered(on_bug)
    for source in sources:
        gathered.read(source)
    gathered.raise_if_empty()
    held: dict[str, Candidate] = {}
    for each in gathered.candidates:
        held.setdefault(each.facts.fingerprint, each)
    by_sha1 = {sha1_thumbprint(each.facts.der): each for each in held.values()}
    found = [by_sha1.get(root.sha1) for root in pack.root]
    found = [
        each if each is None or root.sha256 in ("", each.facts.fingerprint) else None
        for root, each in zip(pack.root, found, strict=True)
    ]
    members = [_member(root, each, at) for root, each in zip(pack.root, found, strict=True)]
    ours = {each.facts.fingerprint for each in found if each is not None}
    foreign = [each for key, each in held.items() if key not in ours]
    return TrustCheckDocument(
        pack=pack.name,
        description=pack.description,
        origin=pack.source,
        date=pack.date or None,
        verdict="ok" if all(each.state == "there" for each in members) else "fail",
        members=members,
        foreign=[_foreign(each) for each in foreign],
        unread=gathered.unread,
        notes=[*_namesakes(members, foreign), *gathered.notes, *pack.notes],
    )


def _member(root: PackRoot, held: Candidate | None, at: datetime) -> PackMember:
    return PackMember(
        name=root.name,
        state="missing" if held is None else _state(held.facts, at),
        sha256=root.sha256,
        sha1=root.sha1,
        checked=root.checked,
        not_after=None if held is None else held.facts.validity.not_after,
        source=None if held is None else held.source,
    )


def _state(facts: CertificateFacts, at: datetime) -> str:
    if at > facts.validity.not_after:
        return "expired"
    return "not-yet-valid" if at < facts.validity.not_before else "there"


def _namesakes(members: list[PackMember], foreign: list[Candidate]) -> list[str]:
    """Certificates that bear the name of a missing one: cross certificates, mostly."""
    return [
        f"{each.source} has another certificate of the name '{member.name}', which does not do: "
        f"SHA-256 {each.facts.fingerprint}"
        for member in members
        if member.state == "missing"
        for each in foreign
        if name_of(each.facts) == member.name
    ]


def _foreign(each: Candidate) -> TrustMember:
    return TrustMember(
        subject=subject_text(each.facts.subject),
        issuer=subject_text(each.facts.issuer),
        not_after=each.facts.validity.not_after,
        fingerprint=each.facts.fingerprint,
        source=each.source,
    )
