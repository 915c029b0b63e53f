"""``ca rotate``: a successor of the issuing CA or of the root, or a new certificate of its key.

A successor is made step by step beside the current CA, and becomes the current one only when it
has its certificate, its OCSP signer and its CRL. A call that is killed in between leaves the CA as
it was, and the next call goes on where it ended.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from ca.authority import register
from ca.authority.clock import check_clock
from ca.authority.founding.ca import ca_entry, cross_entry
from ca.authority.founding.successor_keys import (
    check_spec,
    is_wished,
    kept_key,
    new_key,
    spec_of,
    throwaway_key,
)
from ca.authority.home import CA, Home
from ca.authority.lineage import Cross, cross_certificates, key_state, trusted, unfinished
from ca.authority.status.crl import make_crl, needs_new
from ca.authority.status.registration import ensure_ra, is_enrolling
from ca.authority.status.signers import rotate
from ca.documents.ca import CAEntry, CARotationDocument
from ca.encoding.certificates import read_certificate
from ca.encoding.der import certificate
from ca.errors import ConflictError, MalformedError, PolicyError
from ca.files import lock_folder
from ca.issuance.extensions import key_identifier
from ca.issuance.order import Issuer, Order, Permitted, Prepared, own_request
from ca.issuance.prepare import prepare
from ca.keys.public import PublicKey, read_public_key
from ca.keys.signer import DigestSigner
from ca.keys.soft import NewKey
from ca.model.certificates import CertificateFacts, SubjectAttribute, cn_of
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.store import devices, issuers, ocsp_signers
from ca.store.audit import Event

_NUMBERED = re.compile(r" (\d{1,4})$")
_LONGEST_CN = 64


class RotationWishes(msgspec.Struct, frozen=True):
    """What is rotated, and how; what is left out is as with the CA before."""

    root: bool = False
    same_key: bool = False
    name: str | None = None
    lifetime: timedelta | datetime | None = None
    key: str | None = None
    dry_run: bool = False

    @property
    def role(self) -> str:
        """The role of the CA that is rotated."""
        return "root" if self.root else "issuing"


class _Subject(msgspec.Struct, frozen=True):
    """The CA to certify: its number, its key, its name, and what it is like."""

    id: int
    role: str
    public: PublicKey
    name: tuple[SubjectAttribute, ...]
    like: CA


def rotate_ca(home: Home, wishes: RotationWishes) -> CARotationDocument:
    """Make the successor of the current issuing CA, or of root and issuing CA.

    With ``same_key`` the CA keeps key and name, and has a new certificate with new dates.

    Raises:
        KeyUnavailableError: a key that has to sign cannot be opened.
        ConflictError: a CA of this home has that name already.
        MalformedError: the name or the type of key is not well formed.
        PolicyError: the clock is behind, or the lifetime is longer than the CA above has left.
    """
    home.assert_sound()
    check_clock(home, ())
    before = [ca.issuer.id for ca in home.cas() if ca.is_current]
    if not wishes.dry_run:
        home.signer(home.ca("root"))  # may ask for the passphrase, so before the lock
    with lock_folder(home.path):
        home.forget()
        if before != [ca.issuer.id for ca in home.cas() if ca.is_current]:
            raise ConflictError(
                "another call has made a new CA just now", hint="sipca ca list shows it"
            )
        return _rotated(home, wishes)


def _rotated(home: Home, wishes: RotationWishes) -> CARotationDocument:
    if wishes.name is not None:
        _check_name(home, wishes.name)
    if wishes.key is not None:
        check_spec(wishes.key)
    if wishes.dry_run:
        return _document(home, _tried(home, wishes), wishes, resumed=False)
    if wishes.same_key:
        return _document(home, [_renew(home, wishes)], wishes, resumed=False)
    return _succeed(home, wishes)


def _succeed(home: Home, wishes: RotationWishes) -> CARotationDocument:
    old_root, old_issuing = home.ca("root"), home.ca("issuing")
    home.signer(old_root)
    above = None if wishes.root else old_root.issuer.id
    resumed = unfinished(home, wishes.role, above) is not None
    new = []
    crosses: list[Cross] = []
    parent = old_root
    if wishes.root:
        parent = _successor(home, old_root, None, wishes)
        _put_into_service(home, parent)
        if old_root.facts.validity.not_after > home.now():  # else no peer believes it any more
            crosses = [_cross(home, parent, old_root), _cross(home, old_root, parent)]
        new.append(parent)
        wishes = msgspec.structs.replace(wishes, name=None, key=None, lifetime=None)
    issuing = _successor(home, old_issuing, parent, wishes)
    _put_into_service(home, issuing)
    new.append(issuing)
    with home.store.write():
        for ca in new:
            issuers.make_current(home.store, ca.issuer.id)
            detail = {"ca": ca.issuer.ca_id, "role": ca.role}
            home.record(Event("ca-rotated", ca.issuer.name, detail))
    home.step("rotated")
    home.forget()
    entries = [ca_entry(home, home.ca_of(ca.issuer.id)) for ca in new]
    entries += [cross_entry(home, cross) for cross in crosses]
    return _document(home, entries, wishes, resumed=resumed)


def _successor(home: Home, like: CA, parent: CA | None, wishes: RotationWishes) -> CA:
    """A new CA with a new key and a new name, not current yet; one that was begun is finished."""
    begun = unfinished(home, like.role, None if parent is None else parent.issuer.id)
    if begun is not None and begun.signature is not None:
        return _as_wished(home.ca_of(begun.id), wishes)
    key = kept_key(home, begun, like, wishes.key) if begun else None
    name = _next_name(home, like, wishes.name)
    if begun is None or key is None:
        fresh = new_key(home, like, wishes.key, cn=cn_of(name) or home.name)
        number = _keep(home, fresh, like.role, parent)
        key, public = fresh.signer, fresh.public
        home.step("ca-key-kept")
    else:
        number, public = begun.id, read_public_key(key.public_key)
    home.use_signer(number, key)
    subject = _Subject(number, like.role, public, name, like)
    above = Issuer(number, _ca_id(public), public, None) if parent is None else parent.issuer
    prepared, profile = _prepare(home, subject, above, wishes)
    signer = key if parent is None else home.signer(parent)
    _certify(home, subject, prepared, profile, (above, signer))
    return home.ca_of(number)


def _as_wished(begun: CA, wishes: RotationWishes) -> CA:
    """A CA that an earlier call has made, but did not put into use.

    Raises:
        ConflictError: other wishes than its own are spelled.
    """
    name, key = begun.facts.cn or "", spec_of(begun)
    other_name = wishes.name is not None and wishes.name.strip() != name
    other_key = wishes.key is not None and not is_wished(
        wishes.key, begun.key.pkcs8, begun.issuer.key
    )
    if other_name or other_key or wishes.lifetime is not None:
        raise ConflictError(
            f"an earlier call has begun this rotation: '{name}', {key}, until "
            f"{begun.facts.validity.not_after:%Y-%m-%d}",
            hint="sipca ca rotate without --name, --key and --lifetime finishes it",
        )
    return begun


def _keep(home: Home, key: NewKey, role: str, parent: CA | None) -> int:
    ca_id = _ca_id(key.public)
    with home.store.write():
        number = issuers.add_issuer(
            home.store,
            role=role,
            ca_id=ca_id,
            key_id=register.keep_key(home, key.ref),
            parent_id=None if parent is None else parent.issuer.id,
            is_current=False,
        )
        home.record(Event("ca-key", ca_id, {"ca": ca_id, "role": role}))
    return number


def _renew(home: Home, wishes: RotationWishes) -> CAEntry:
    """A new certificate for a CA's own name and key: same identifiers, new serial and dates."""
    ca = home.ca(wishes.role)
    _check_identifier(ca)
    above = _above(home, ca)
    subject = _Subject(ca.issuer.id, ca.role, ca.issuer.key, ca.facts.subject, ca)
    signer = home.signer(ca if ca.parent_id is None else home.ca_of(ca.parent_id))
    prepared, profile = _prepare(home, subject, above, wishes)
    _certify(home, subject, prepared, profile, (above, signer))
    return ca_entry(home, home.ca_of(ca.issuer.id))


def _above(home: Home, ca: CA) -> Issuer:
    """The issuer of a CA's certificate; a root's is itself, without a certificate yet."""
    if ca.parent_id is not None:
        return home.ca_of(ca.parent_id).issuer
    return msgspec.structs.replace(ca.issuer, facts=None)


def _cross(home: Home, subject: CA, by: CA) -> Cross:
    """The cross certificate of a root by another root, for as long as both are valid."""
    for cross in cross_certificates(home):
        same = (subject.issuer.id, by.issuer.id) == (cross.subject.issuer.id, cross.by.issuer.id)
        if same:
            return cross
    until = min(subject.facts.validity.not_after, by.facts.validity.not_after)
    certified = _Subject(subject.issuer.id, "root", subject.issuer.key, subject.facts.subject, by)
    prepared, profile = _prepare(home, certified, by.issuer, RotationWishes(lifetime=until))
    _certify(home, certified, prepared, profile, (by.issuer, home.signer(by)), step="cross-")
    return _cross(home, subject, by)


def _prepare(
    home: Home, subject: _Subject, issuer: Issuer, wishes: RotationWishes
) -> tuple[Prepared, Profile]:
    profile = Library().profile(subject.role)
    before = subject.like.facts.validity
    span = before.not_after - before.not_before + timedelta(seconds=1)
    facts = subject.like.facts
    permit = Permitted(facts.permitted_dns, facts.permitted_ip)
    order = Order(
        request=own_request(subject.public.spki, subject.name),
        profile=msgspec.structs.replace(profile, lifetime=f"{span // timedelta(hours=1)}h"),
        issuer=issuer,
        wishes=SigningWishes(profile=subject.role, lifetime=wishes.lifetime),
        now=home.now(),
        serial=home.new_serial(),
        permit=permit if subject.role == "issuing" else None,
    )
    return prepare(order), profile


def _certify(
    home: Home,
    subject: _Subject,
    prepared: Prepared,
    profile: Profile,
    signing: tuple[Issuer, DigestSigner],
    *,
    step: str | None = None,
) -> None:
    issuer, signer = signing
    draft = register.Draft(
        prepared, profile, issuer.id, "rotation", "ca rotate", for_issuer_id=subject.id
    )
    hooks = register.Hooks(step=f"{subject.role}-" if step is None else step)
    register.certify(home, draft, signer=signer, issuer_key=issuer.key, hooks=hooks)
    home.forget()


def _put_into_service(home: Home, ca: CA) -> None:
    """Give a new CA its OCSP signer, its first CRL and its RA, unless it has them."""
    if ocsp_signers.in_force(home.store, ca.issuer.id, home.now()) is None:
        rotate(home, ca)
    if needs_new(home, ca, within=None):
        make_crl(home, ca)
    if ca.role == "issuing" and is_enrolling(home):
        ensure_ra(home, ca)
    home.step(f"{ca.role}-in-service")


def _tried(home: Home, wishes: RotationWishes) -> list[CAEntry]:
    """What a call would make; prepared with throw-away keys, and nothing is recorded."""
    like = home.ca(wishes.role)
    if wishes.same_key:
        _check_identifier(like)
        subject = _Subject(like.issuer.id, like.role, like.issuer.key, like.facts.subject, like)
        return [_would_be(_prepare(home, subject, _above(home, like), wishes)[0], subject)]
    public = throwaway_key(like, wishes.key)
    subject = _Subject(0, like.role, public, _next_name(home, like, wishes.name), like)
    above = home.ca("root").issuer
    if wishes.root:
        above = Issuer(0, _ca_id(public), public, None)
    prepared = _prepare(home, subject, above, wishes)[0]
    entries = [_would_be(prepared, subject)]
    if wishes.root:
        issuing = home.ca("issuing")
        below = _Subject(0, "issuing", issuing.issuer.key, _next_name(home, issuing, None), issuing)
        signed_by = msgspec.structs.replace(above, facts=_facts_of(prepared))
        prepared = _prepare(home, below, signed_by, RotationWishes())[0]
        entries.append(_would_be(prepared, below))
    return entries


def _facts_of(prepared: Prepared) -> CertificateFacts:
    return read_certificate(certificate(prepared.tbs, b"\x00"))


def _would_be(prepared: Prepared, subject: _Subject) -> CAEntry:
    return CAEntry(
        id=subject.like.issuer.ca_id if subject.id else None,
        role=subject.role,
        name=prepared.cn,
        subject=", ".join(f"{each.type}={each.value}" for each in prepared.subject),
        serial=None,
        not_before=prepared.validity.not_before,
        not_after=prepared.validity.not_after,
        key=key_state(subject.like.key),
        live=0,
        state="current",
        fingerprint=None,
        cross_of=None,
    )


def _document(
    home: Home, entries: list[CAEntry], wishes: RotationWishes, *, resumed: bool
) -> CARotationDocument:
    notes = []
    root = home.ca("root").facts.validity.not_after
    issuing = [each for each in entries if each.role == "issuing"]
    if not wishes.root and issuing and issuing[0].not_after >= root:
        notes.append(
            f"it ends with its root on {root:%Y-%m-%d}; sipca ca rotate --root makes a new root"
        )
    if not wishes.dry_run:
        notes += [*_full_stores(home), *_root_came_home(home, wishes)]
    return CARotationDocument(
        ca=home.name,
        home=str(home.path),
        dry_run=wishes.dry_run,
        resumed=resumed,
        cas=entries,
        notes=notes,
    )


def _root_came_home(home: Home, wishes: RotationWishes) -> list[str]:
    """A note where the root's key was away, and that of its successor is here."""
    away = any(ca.role == "root" and ca.key.is_away for ca in home.cas())
    if not wishes.root or not away or home.ca("root").key.is_away:
        return []
    return ["the new root's key is here; sipca ca export-root-key FILE is the way off the machine"]


def _full_stores(home: Home) -> list[str]:
    """The kinds of device in use whose trust store is too small for the trust files."""
    count = len(trusted(home))
    named = {row.target or home.target for row in devices.devices(home.store)} | {home.target}
    targets = [home.library.target(name) for name in sorted(named)]
    return [
        f"the trust files hold {count} certificates, and the store of {target.name} "
        f"{target.trust.limit}; sipca ca retire ends an earlier CA"
        for target in targets
        if count > target.trust.limit
    ]


def _check_name(home: Home, name: str) -> None:
    plain = name.strip()
    if not 1 <= len(plain) <= _LONGEST_CN:
        raise MalformedError(
            f"--name has {len(plain)} characters", hint=f"1 to {_LONGEST_CN}, as a CN may have"
        )
    _refuse_taken(home, plain)


def _refuse_taken(home: Home, name: str) -> None:
    """Two CAs with one name and different keys would break the building of chains."""
    begun = [unfinished(home, role) for role in ("root", "issuing")]
    unused = {row.id for row in begun if row is not None}
    taken = [ca for ca in home.cas() if ca.issuer.id not in unused]
    if name.casefold() in {(ca.facts.cn or "").casefold() for ca in taken}:
        raise ConflictError(
            f"a CA of this home is called '{name}' already, with another key",
            hint="leave --name out, or choose a new one; --same-key keeps name and key",
        )


def _next_name(home: Home, like: CA, name: str | None) -> tuple[SubjectAttribute, ...]:
    """The subject of a successor: the CN with the next number, the rest as before."""
    cn = (name or _next_cn(home, like)).strip()
    return tuple(
        SubjectAttribute(each.type, cn) if each.type == "CN" else each
        for each in like.facts.subject
    )


def _next_cn(home: Home, like: CA) -> str:
    base = _NUMBERED.sub("", like.facts.cn or home.name)
    names = [ca.facts.cn or "" for ca in home.cas()]
    numbers = [1]
    for name in names:
        match = _NUMBERED.search(name)
        if match and name[: match.start()].casefold() == base.casefold():
            numbers.append(int(match[1]))
    ending = f" {max(numbers) + 1}"
    return base[: _LONGEST_CN - len(ending)] + ending


def _check_identifier(ca: CA) -> None:
    """Check that a new certificate of the same key would have the same key identifier.

    Raises:
        PolicyError: the CA was imported, and its identifier made in another way.
    """
    if ca.facts.key_identifier not in (None, key_identifier(ca.issuer.key.bits)):
        raise PolicyError(
            f"{ca.issuer.name} has a key identifier that sipca does not make, which its "
            "certificates name",
            hint="leave --same-key out: a new key and name",
            rule="rotate-key-identifier",
        )


def _ca_id(public: PublicKey) -> str:
    return key_identifier(public.bits).hex()[:8]
