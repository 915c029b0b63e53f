"""``ocsp rotate``: each CA's delegated OCSP signers (RFC 6960, 4.2.2.2)."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ca.authority import register
from ca.authority.clock import accept_clock, check_clock
from ca.authority.home import CA, Home
from ca.authority.lineage import in_service
from ca.authority.status.crl import ca_called
from ca.authority.status.due import is_signer_due
from ca.documents.ocsp import SignerRecord, SignersDocument
from ca.encoding.certificates import read_certificate
from ca.issuance.order import Order, own_request
from ca.issuance.prepare import prepare
from ca.keys.public import read_public_key
from ca.keys.soft import generate_key
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library
from ca.store import ocsp_signers
from ca.store.audit import Event

ROLE = ocsp_signers.OCSP


class SignerKind(msgspec.Struct, frozen=True):
    """What a CA's delegate is: its profile, the role it has in the register, its words.

    ``key``: the type of its key, else that of the CA's own, since devices may support no other.
    """

    profile: str
    role: str
    what: str
    word: str
    event: str
    source: str
    key: str | None = None


OCSP_SIGNER = SignerKind(ROLE, ROLE, "OCSP signer", "OCSP", "ocsp-signer", "ocsp rotate")


def rotate(home: Home, ca: CA, *, allow: Collection[str] = ()) -> SignerRecord | None:
    """Give a CA a new OCSP signer with a new key.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    delegate(home, ca, OCSP_SIGNER, allow=allow)
    return signer_record(home, ca, made=True)


def delegate(home: Home, ca: CA, kind: SignerKind, *, allow: Collection[str] = ()) -> None:
    """Give a CA a new delegate of a kind, with a new key.

    Earlier keys are kept until they have expired and a later one has been in force for a while, so
    that a wrong clock destroys nothing.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    home.assert_sound()
    home.check_not_revoked(ca)
    check_clock(home, allow)
    signer = home.signer(ca)
    key = generate_key(kind.key or _key_spec(ca), None, label=f"{kind.what} of {ca.issuer.ca_id}")
    profile = Library().profile(kind.profile)
    lifetime = profile.max_lifetime if ca.role == "root" else profile.lifetime
    order = Order(
        request=own_request(key.public.spki, _subject(home, ca, kind)),
        profile=msgspec.structs.replace(profile, lifetime=lifetime),
        issuer=ca.issuer,
        wishes=SigningWishes(profile=kind.profile),
        now=home.now(),
        serial=home.new_serial(),
    )
    draft = register.Draft(prepare(order), profile, ca.issuer.id, "default", kind.source)
    detail = {"ca": ca.issuer.ca_id, "serial": draft.prepared.serial.hex()}

    def keep_signer(plan_id: int) -> None:
        accept_clock(home, allow)
        key_id = register.keep_key(home, key.ref)
        ocsp_signers.add(
            home.store, plan_id=plan_id, issuer_id=ca.issuer.id, key_id=key_id, role=kind.role
        )
        home.record(Event(f"{kind.event}-planned", ca.issuer.name, detail))

    def forget_old_keys(_: int) -> None:
        for row in ocsp_signers.obsolete(home.store, ca.issuer.id, home.now(), kind.role):
            ocsp_signers.delete_key(home.store, row.key_id)
        home.record(Event(kind.event, ca.issuer.name, detail))

    register.certify(
        home,
        draft,
        signer=signer,
        issuer_key=ca.issuer.key,
        hooks=register.Hooks(with_plan=keep_signer, with_result=forget_old_keys, step="signer-"),
    )


def signer_record(home: Home, ca: CA, *, made: bool) -> SignerRecord | None:
    """The record of the OCSP signer in force for a CA, or of the newest one if none is."""
    return delegate_record(ca, newest_in_force(home, ca), made=made)


def delegate_record(
    ca: CA, held: ocsp_signers.SignerRow | None, *, made: bool
) -> SignerRecord | None:
    """The record of a delegate's certificate; None without one."""
    if held is None:
        return None
    facts = read_certificate(held.der)
    return SignerRecord(
        ca=ca.issuer.name,
        id=ca.issuer.ca_id,
        serial=facts.serial,
        subject=facts.cn or "",
        key=read_public_key(facts.spki).label,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        made=made,
    )


def newest_in_force(home: Home, ca: CA, role: str = ROLE) -> ocsp_signers.SignerRow | None:
    """The newest delegate of a CA that is in force, or the newest of all if none is."""
    rows = ocsp_signers.signers(home.store, ca.issuer.id, role)
    now = home.now()
    return next((row for row in rows if row.is_in_force(now)), rows[0] if rows else None)


def _key_spec(ca: CA) -> str:
    """A key of the CA's own type: devices may support no other."""
    return "rsa:2048" if ca.issuer.key.algorithm == "rsa" else f"ec:{ca.issuer.key.curve}"


def _subject(home: Home, ca: CA, kind: SignerKind) -> tuple[SubjectAttribute, ...]:
    return (SubjectAttribute("CN", f"{home.name[:40]} {kind.word} {ca.role}"),)


def rotate_some(
    home: Home, word: str | None, *, if_due: bool, allow: Collection[str] = ()
) -> SignersDocument:
    """Rotate the OCSP signers of one CA, or of all.

    A CA that is revoked, or whose key is away, does not stop the others.

    Raises:
        NotFoundError: there is no such CA.
        KeyUnavailableError: a CA's key cannot be opened.
        PolicyError: a CA is revoked (the others have their new signers), or the clock is behind.
    """
    cas = in_service(home) if word is None else [ca_called(home, word)]
    check_clock(home, allow)
    records = []
    for ca in sorted(
        cas, key=lambda each: (each.key.is_away, home.revocation_of(each) is not None)
    ):
        if if_due and not is_signer_due(home, ca):
            records.append(signer_record(home, ca, made=False))
        else:
            records.append(rotate(home, ca, allow=allow))
    return SignersDocument(signers=[each for each in records if each is not None])
