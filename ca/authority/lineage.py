"""Which CAs a home has beside the current ones, and which of their certificates peers need.

After a rotation the previous CA goes on: it signs no devices, but its CRL and OCSP answers stay in
service, and its certificate stays in the trust files, until its last certificate has ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from ca.authority.home import CA, Home
from ca.encoding.certificates import read_certificate
from ca.keys.signer import KeyRef
from ca.keys.token_uri import is_on_token
from ca.model.certificates import CertificateFacts
from ca.store import issuers, revocations, settings
from ca.store.audit import Event
from ca.store.issuers import CACertificateRow, IssuerRow

RETIRED = "retired_cas"
"""The setting with the ids of the retired CAs, separated by spaces."""

ENDED = "ended_cas"
"""The setting with the ids of earlier CAs whose last certificate has ended, for good."""
SETTLED_AFTER = timedelta(days=2)
"""How old the successor is (a day of it dated back) when no call signs with the CA before."""

KeyState = Literal["here", "encrypted", "token", "away", "none"]
CAState = Literal["current", "previous", "retired", "certificate-only"]


def key_state(ref: KeyRef) -> KeyState:
    """Where a CA's private key is; one that the register does not hold is away."""
    if not ref.pkcs8:
        return "away"
    if is_on_token(ref.pkcs8):
        return "token"
    return "encrypted" if ref.encrypted else "here"


def retired(home: Home) -> frozenset[str]:
    """The ids of the retired CAs."""
    return _ids(home, RETIRED)


def _ids(home: Home, name: str) -> frozenset[str]:
    return frozenset((settings.read(home.store, name) or "").split())


def state_of(home: Home, ca: CA) -> CAState:
    """What a CA is for: the current one signs, a previous one is still needed or was."""
    if ca.is_current:
        return "current" if ca.key.pkcs8 or ca.role == "root" else "certificate-only"
    return "retired" if ca.issuer.ca_id in retired(home) else "previous"


class Cross(msgspec.Struct, frozen=True):
    """A cross certificate: the certificate of ``subject`` that ``by`` signed (RFC 4210, 4.4)."""

    subject: CA
    by: CA
    row: CACertificateRow
    facts: CertificateFacts


def cross_certificates(home: Home) -> list[Cross]:
    """The cross certificates of this home's roots, newest first, of each pair only the newest."""
    if len(home.cas()) < 3:
        return []
    newest: dict[tuple[int, int], Cross] = {}
    for row in issuers.ca_certificates(home.store):
        pair = (row.for_issuer_id, row.issuer_id)
        if row.is_cross and pair not in newest:
            subject, by = home.ca_of(row.for_issuer_id), home.ca_of(row.issuer_id)
            newest[pair] = Cross(subject, by, row, read_certificate(row.der))
    return list(newest.values())


def crosses_above(home: Home, ca: CA) -> list[Cross]:
    """The cross certificates by which a peer that only trusts another root verifies this CA.

    They are in force, and that root is not retired.
    """
    root, now, gone = home.path_of(ca)[-1], home.now(), retired(home)
    return [
        cross
        for cross in cross_certificates(home)
        if cross.subject.issuer.id == root.issuer.id
        and cross.facts.validity.not_after >= now
        and cross.by.facts.validity.not_after >= now
        and cross.by.issuer.ca_id not in gone
        and not _is_revoked(home, cross.row)
    ]


def trusted(home: Home) -> list[CA]:
    """The CAs whose certificates belong into trust files: the current ones, issuing and root.

    Then each previous CA that a live certificate needs, newest first, with the root above it.
    """
    members = {ca.issuer.id: ca for ca in home.path_of(home.ca("issuing"))}
    for ca in reversed(_previous(home)):
        if issuers.has_live(home.store, ca.issuer.id, home.now()):  # a root's: imported ones
            for above in home.path_of(ca):
                if above.facts.validity.not_after >= home.now():
                    members.setdefault(above.issuer.id, above)
    return list(members.values())


def in_service(home: Home) -> list[CA]:
    """The CAs whose CRL and OCSP answers are needed, oldest first.

    Those of ``trusted``, and each root whose cross certificate a peer may still be sent.
    """
    needed = {ca.issuer.id for ca in trusted(home)}
    needed |= {cross.by.issuer.id for cross in crosses_above(home, home.ca("issuing"))}
    return [ca for ca in home.cas() if ca.issuer.id in needed]


def newly_ended(home: Home) -> list[CA]:
    """The earlier issuing CAs whose last certificate has ended, and of which that is not recorded.

    They sign nothing more, so that stays so; recorded, it is not looked for at each signing.
    """
    since = home.ca("issuing").facts.validity.not_before
    if home.now() - since < SETTLED_AFTER:
        return []
    return [
        ca
        for ca in _previous(home)
        if ca.role == "issuing" and not issuers.has_live(home.store, ca.issuer.id, home.now())
    ]


def record_ended(home: Home, cas: list[CA]) -> None:
    """Record that the last certificates of earlier CAs have ended."""
    with home.store.write():
        ids = {*_ids(home, ENDED), *(ca.issuer.ca_id for ca in cas)}
        settings.write(home.store, ENDED, " ".join(sorted(ids)))
        for ca in cas:
            home.record(Event("ca-ended", ca.issuer.name, {"ca": ca.issuer.ca_id}))


def unfinished(home: Home, role: str, parent_id: int | None = None) -> IssuerRow | None:
    """The successor of the current CA of a role that a killed rotation has left, or None.

    With ``parent_id``, only one below that CA.
    """
    rows = [row for row in issuers.issuers(home.store) if row.role == role]
    current = max((row.id for row in rows if row.is_current), default=0)
    later = [row for row in rows if row.id > current]
    if parent_id is not None:
        later = [row for row in later if row.parent_id == parent_id]
    return later[-1] if later else None


def count_live(home: Home, ca: CA) -> int:
    """How many certificates of a CA peers may still present, an issuing CA's own among a root's.

    A root's cross certificates and its own do not count, nor those of retired CAs.
    """
    if ca.role == "issuing":
        return issuers.count_live(home.store, ca.issuer.id, home.now())
    gone = retired(home)
    return issuers.count_live(home.store, ca.issuer.id, home.now()) + sum(
        each.parent_id == ca.issuer.id
        and each.issuer.ca_id not in gone
        and each.facts.validity.not_after >= home.now()
        and home.revocation_of(each) is None
        for each in home.cas()
    )


def _previous(home: Home) -> list[CA]:
    """The CAs that are not current, and neither retired, ended, revoked nor expired."""
    others = [ca for ca in home.cas() if not ca.is_current]
    gone = retired(home) | _ids(home, ENDED) if others else frozenset()
    return [
        ca
        for ca in others
        if ca.issuer.ca_id not in gone
        and ca.facts.validity.not_after >= home.now()
        and not _is_revoked_ca(home, ca)
    ]


def _is_revoked_ca(home: Home, ca: CA) -> bool:
    status = home.revocation_of(ca)
    return status is not None and status.status == "revoked"


def _is_revoked(home: Home, row: CACertificateRow) -> bool:
    status = revocations.current_status(home.store, row.issuer_id, row.serial)
    return status is not None and status.status == "revoked"
