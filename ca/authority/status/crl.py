"""``crl``: sign, publish and write CRLs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ca.authority.clock import accept_clock, check_clock
from ca.authority.home import CA, Home
from ca.authority.lineage import in_service, key_state
from ca.authority.own_files import refuse_foreign
from ca.documents.crl import CRLDocument, CRLRecord
from ca.encoding import pem
from ca.encoding.crl import next_update
from ca.errors import CAError, KeyUnavailableError, NotFoundError, PolicyError
from ca.files import Spool, holds, lock_folder, make_folder, write_stream
from ca.issuance.extensions import key_identifier
from ca.revocation.crl import CRLHead, Entries, sign_crl
from ca.store import crls, revocations
from ca.store.audit import Event
from ca.store.connection import Store, open_store
from ca.store.crls import NewestCRL, Scope

CRLFormat = Literal["pem", "der"]
FORMATS = get_args(CRLFormat)
CRL_LIFETIME = timedelta(days=180)


def ca_called(home: Home, word: str) -> CA:
    """The CA named by "issuing", "root" or its 8 hex digits.

    Raises:
        NotFoundError: there is none.
    """
    if word in ("issuing", "root"):
        return home.ca(word)
    for ca in home.cas():
        if ca.issuer.ca_id == word.lower():
            return ca
    known = ", ".join(each.issuer.ca_id for each in home.cas())
    raise NotFoundError(f"there is no CA '{word}' here", hint=f"issuing, root, or one of {known}")


def crl_record(home: Home, ca: CA) -> CRLRecord:
    """The record of a CA's newest CRL."""
    held = crls.newest(home.store, ca.issuer.id)
    return CRLRecord(
        ca=ca.issuer.name,
        id=ca.issuer.ca_id,
        number=held.number if held else None,
        this_update=held.this_update if held else None,
        next_update=held.next_update if held else None,
        entries=held.entries if held else 0,
        pending=is_pending(home, ca, held),
    )


def is_pending(home: Home, ca: CA, held: NewestCRL | None) -> bool:
    """Whether a recorded revocation or release is missing from the newest CRL."""
    last_listed = held.last_event if held else 0
    return revocations.last_event(home.store, ca.issuer.id) > last_listed


def crl_octets(home: Home, ca: CA) -> Iterator[bytes]:
    """The DER of a CA's newest CRL, in pieces.

    Raises:
        NotFoundError: it has no CRL yet.
    """
    pieces = crls.octets(home.store, ca.issuer.id)
    for piece in pieces:
        yield piece
        break
    else:
        raise NotFoundError(
            f"{ca.issuer.name} has no CRL yet", hint=f"sipca crl --ca {ca.word} --refresh makes one"
        )
    yield from pieces


def served_until(home: Home, ca: CA) -> datetime | None:
    """The nextUpdate read from the published CRL itself, or None."""
    try:
        return next_update(next(crl_octets(home, ca)))
    except CAError:
        return None


def make_crl(
    home: Home, ca: CA, *, lifetime: timedelta = CRL_LIFETIME, allow: Collection[str] = ()
) -> bool:
    """Sign and publish a CRL; False if a higher number was published meanwhile.

    The number is taken in a write transaction, and a second connection keeps a snapshot of that
    moment: its entries are spooled once, then hashed and written, while other processes go on.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened; no number was taken.
        PolicyError: the CA's own certificate is expired or revoked, or the clock is behind.
        StoreError: the list of revoked certificates differs from history.
    """
    home.assert_sound()
    home.check_not_revoked(ca)
    check_clock(home, allow)
    signer = home.signer(ca)
    facts = ca.issuer.facts
    assert facts is not None
    now = home.now()
    until = min(now + lifetime, facts.validity.not_after)
    if until <= now:
        raise PolicyError(
            f"{ca.issuer.name} expired on {facts.validity.not_after:%Y-%m-%d} and can sign no CRL",
            rule="ca-ended",
        )
    with (
        open_store(home.store.path) as reader,
        reader.snapshot(),
        closing(Spool(home.path)) as spool,
    ):
        number, last_event = _take_number(home, ca, reader, period=(now, until), allow=allow)
        home.step("crl-numbered")
        count, revoked = _gather(reader, ca, spool)
        head = CRLHead(
            facts.subject_der,
            facts.key_identifier or key_identifier(ca.issuer.key.bits),
            number,
            now,
            until,
        )
        pieces = sign_crl(head, Entries(count, spool.size, spool.read), signer, ca.issuer.key)
        home.step("crl-signed")
        newest = NewestCRL(ca.issuer.id, number, now, until, count, last_event, revoked)
        published = _publish(home, ca, newest, pieces)
        home.step("crl-published")
    return published


def _take_number(
    home: Home,
    ca: CA,
    reader: Store,
    *,
    period: tuple[datetime, datetime],
    allow: Collection[str],
) -> tuple[int, int]:
    """Take a CRL number and a snapshot; returns the number and the last event it covers."""
    this_update, until = period
    with home.store.write():
        accept_clock(home, allow)
        last_event = revocations.last_event(reader, ca.issuer.id)  # begins the snapshot
        number = crls.next_number(home.store, ca.issuer.id, this_update)
        row = crls.add_number(
            home.store, ca.issuer.id, number, this_update=this_update, next_update=until
        )
        detail = {"ca": ca.issuer.ca_id, "number": str(number)}
        home.record(Event("crl-numbered", ca.issuer.name, detail, "crl_number", row))
    return number, last_event


def _gather(reader: Store, ca: CA, spool: Spool) -> tuple[int, int]:
    """Spool the entries of a CRL; returns their number and the number of revoked serials.

    Raises:
        StoreError: the list of revoked certificates differs from history.
    """
    before = crls.newest(reader, ca.issuer.id)
    scope = Scope(
        ca.issuer.id,
        before.this_update if before else None,
        before.last_event if before else 0,
    )
    count = 0
    for entries in crls.entries(reader, scope):
        spool.write(b"".join(entries))
        count += len(entries)
    revoked = crls.revoked_count(reader, before, ca.issuer.id)
    crls.assert_complete(reader, scope, in_scope=count, revoked=revoked)
    return count, revoked


def _publish(home: Home, ca: CA, newest: NewestCRL, pieces: Iterable[bytes]) -> bool:
    with home.store.write():
        published = crls.publish(home.store, newest, pieces)
        if published:
            detail = {
                "ca": ca.issuer.ca_id,
                "number": str(newest.number),
                "entries": str(newest.entries),
            }
            home.record(Event("crl", ca.issuer.name, detail))
    return published


def needs_new(home: Home, ca: CA, *, within: timedelta | None) -> bool:
    """Whether the newest CRL is missing, expired, pending, or expires ``within`` a span."""
    held = crls.newest(home.store, ca.issuer.id)
    if held is None or is_pending(home, ca, held):
        return True
    return held.next_update - home.now() <= (within or timedelta(0))


class CRLWishes(msgspec.Struct, frozen=True):
    """When to make a new CRL, its lifetime, and where to write it."""

    refresh: bool = False
    within: timedelta | None = None
    lifetime: timedelta = CRL_LIFETIME
    format: CRLFormat = "pem"
    path: Path | None = None
    allow: frozenset[str] = frozenset()


def hand_out_crl(home: Home, ca: CA, wishes: CRLWishes) -> CRLDocument:
    """The newest CRL; a new one is made if requested or needed, and written to a path if given.

    Only a CRL of this CA is replaced there.

        Raises:
            KeyUnavailableError: a new one is needed, and the CA's key cannot be opened.
            ConflictError: the path has something else.
    """
    if wishes.path is not None:
        _refuse_foreign(ca, wishes.path)
    made = wishes.refresh or needs_new(home, ca, within=wishes.within)
    if made:
        make_crl(home, ca, lifetime=wishes.lifetime, allow=wishes.allow)
    unchanged = False
    if wishes.path is not None:
        make_folder(wishes.path.parent)
        with lock_folder(wishes.path.parent):  # the newest CRL at this moment is written
            _refuse_foreign(ca, wishes.path)
            unchanged = holds(wishes.path, formatted(home, ca, wishes.format))
            if not unchanged:
                write_stream(wishes.path, formatted(home, ca, wishes.format))
    path = None if wishes.path is None else str(wishes.path)
    return CRLDocument(crl=crl_record(home, ca), made=made, path=path, unchanged=unchanged)


def hand_out_all(home: Home, wishes: CRLWishes) -> CRLDocument:
    """The newest CRL of every CA that is needed, issuing first, in one PEM.

    A file is replaced if it begins with a CRL of this home. Where a key is away and its CRL still
    holds, the file is written with it before that is raised: servers want the others' news.

    Raises:
        KeyUnavailableError: a new one is needed, and its CA's key cannot be opened.
        ConflictError: the path has something else.
    """
    cas = all_needed(home)
    if wishes.path is not None:
        _refuse_strange(home, wishes.path)
    renewed = []
    unavailable: KeyUnavailableError | None = None
    for ca in cas:
        if not (wishes.refresh or needs_new(home, ca, within=wishes.within)):
            continue
        try:
            make_crl(home, ca, lifetime=wishes.lifetime, allow=wishes.allow)
        except KeyUnavailableError as error:
            if wishes.path is None or not _still_holds(home, ca):
                raise
            unavailable = unavailable or error
        else:
            renewed.append(ca)
    unchanged = False
    if wishes.path is not None:
        make_folder(wishes.path.parent)
        with lock_folder(wishes.path.parent):
            _refuse_strange(home, wishes.path)
            unchanged = holds(wishes.path, formatted_all(home))
            if not unchanged:
                write_stream(wishes.path, formatted_all(home))
    if unavailable is not None:
        raise unavailable
    first, *others = (crl_record(home, ca) for ca in cas)
    path = None if wishes.path is None else str(wishes.path)
    return CRLDocument(crl=first, made=bool(renewed), path=path, others=others, unchanged=unchanged)


def _still_holds(home: Home, ca: CA) -> bool:
    """Whether a CA's newest CRL has not ended and lists all that is recorded."""
    held = crls.newest(home.store, ca.issuer.id)
    return held is not None and held.next_update > home.now() and not is_pending(home, ca, held)


def all_needed(home: Home) -> list[CA]:
    """The CAs whose CRLs peers need: issuing CAs first, of each role the current one first."""
    return sorted(in_service(home), key=lambda ca: (ca.role, not ca.is_current, -ca.issuer.id))


def formatted_all(home: Home) -> Iterator[bytes]:
    """The newest CRLs of ``all_needed`` as PEM, in pieces."""
    for ca in all_needed(home):
        yield from formatted(home, ca, "pem")


def bundle_for_servers(home: Home) -> tuple[bytes, list[str]]:
    """The newest CRLs of ``all_needed`` as PEM, made anew where needed, and what is amiss.

    A server refuses every client if one is missing or has ended, so that is told, not raised: the
    files of a renewal are wanted even so.
    """
    pieces: list[bytes] = []
    notes: list[str] = []
    for ca in all_needed(home):
        renewed = _renew_if_possible(home, ca)
        held = crls.newest(home.store, ca.issuer.id)
        word = "root" if ca.role == "root" else ca.issuer.ca_id
        away = " --root-key-file FILE" if key_state(ca.key) == "away" else ""
        remedy = f"sipca crl --ca {word} --refresh{away} makes one"
        if held is None:
            notes.append(f"{ca.issuer.name} has no CRL: with none, servers refuse all; {remedy}")
            continue
        if held.next_update <= home.now():
            notes.append(f"the CRL of {ca.issuer.name} has ended: servers refuse all; {remedy}")
        elif not renewed:
            notes.append(f"the CRL of {ca.issuer.name} does not list the latest revocations")
        pieces += formatted(home, ca, "pem")
    return b"".join(pieces), notes


def _renew_if_possible(home: Home, ca: CA) -> bool:
    if not needs_new(home, ca, within=None):
        return True
    try:
        make_crl(home, ca)
    except (KeyUnavailableError, PolicyError):
        return False
    return True


def _refuse_strange(home: Home, path: Path) -> None:
    """Check that a path is free or begins with a CRL of a CA of this home."""
    ours = [is_ours(ca) for ca in home.cas()]
    what = "something that is not a CRL of this home"
    refuse_foreign(
        path, lambda start: any(each(start) for each in ours), hint="choose another -o", what=what
    )


def formatted(home: Home, ca: CA, format: CRLFormat) -> Iterator[bytes]:  # noqa: A002 - the option's name
    """The newest CRL as "der" or "pem", in pieces."""
    pieces = crl_octets(home, ca)
    return pieces if format == "der" else pem.encode_stream(pieces, label="X509 CRL")


def is_ours(ca: CA) -> Callable[[bytes], bool]:
    """A test for CRLs of this CA: its name is near their start."""
    facts = ca.issuer.facts
    assert facts is not None
    return lambda start: facts.subject_der in pem.start_of(start[:4096], label="X509 CRL")


def _refuse_foreign(ca: CA, path: Path) -> None:
    """Check that a path is free or has a CRL of this CA."""
    what = f"something that is not a CRL of {ca.issuer.name}"
    refuse_foreign(path, is_ours(ca), hint="choose another -o", what=what)
