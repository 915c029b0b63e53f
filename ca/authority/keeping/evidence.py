"""What is told to a restored home: later CRLs and certificates of its CAs, into its history."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ca.authority.home import CA, Home
from ca.authority.register import index_of
from ca.documents.restore import EnteredCertificate, EnteredCRL
from ca.encoding.account import pack_account
from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate
from ca.encoding.der import certificate, serial_of, signed_parts
from ca.errors import MalformedError, PolicyError, VerificationError
from ca.files import read_bounded
from ca.model.certificates import CertificateFacts, subject_text
from ca.revocation import reading
from ca.revocation.reading import ReadCRL, ReadEntry
from ca.store import certificates, crls, derived, plans, revocations
from ca.store.audit import Event
from ca.store.certificates import CertificateRow
from ca.store.crls import NewestCRL
from ca.store.revocations import StatusEvent
from ca.verification import issued_by

MOST_CRL = 256 << 20
PROFILE = "restored"
"""The profile of an entered certificate that nothing here had issued before."""
_PROFILE_TEXT = "# a certificate that sipca restore --cert entered; its profile is not known\n"
_SUFFIXES = (".pem", ".crt", ".cer", ".der")


class LaterCRL(msgspec.Struct, frozen=True):
    """A CRL of a CA of this home, whose signature was verified."""

    source: str
    ca: CA
    crl: ReadCRL


class LaterCertificate(msgspec.Struct, frozen=True):
    """A certificate of a CA of this home, whose signature was verified."""

    source: str
    ca: CA
    facts: CertificateFacts


def read_crls(home: Home, paths: tuple[Path, ...]) -> list[LaterCRL]:
    """Read CRLs, oldest first.

    Raises:
        MalformedError: one is no full CRL.
        VerificationError: no CA of this home signed it.
    """
    later = []
    for path in paths:
        what = f"'{path}'"
        for crl in reading.read_crls(read_bounded(path, limit=MOST_CRL), what=what):
            later.append(LaterCRL(str(path), _signer_of(home, crl, what), crl))
    return sorted(later, key=lambda each: each.crl.number)


def _signer_of(home: Home, crl: ReadCRL, what: str) -> CA:
    """The CA that signed a CRL: of several with one name, that whose key did."""
    named = [ca for ca in home.cas() if _facts(ca).subject_der == crl.issuer_der]
    for position, ca in enumerate(named, 1):
        try:
            reading.verify_crl(crl, _facts(ca).spki, what=what)
        except VerificationError:
            if position == len(named):
                raise
        else:
            return ca
    raise VerificationError(
        f"{what} is of none of the CAs in this backup",
        hint="give CRLs of these alone, or another backup",
    )


def read_certificates(home: Home, paths: tuple[Path, ...]) -> list[LaterCertificate]:
    """Read certificates, of folders those in files named like certificates; no CA's own.

    Raises:
        MalformedError: a file holds no certificate.
        VerificationError: no CA of this home signed one.
        PolicyError: it is a CA's, of which the backup has no key.
    """
    own = {_facts(ca).der for ca in home.cas()}
    later: dict[bytes, LaterCertificate] = {}
    for path in _files(paths):
        bundle = read_bundle(read_bounded(path), what=f"'{path}'")
        if bundle.damaged or not bundle.members:
            raise MalformedError(f"'{path}' holds no certificate, or one that is damaged")
        for member in bundle.members:
            if member.der not in own:
                later[member.der] = _later(home, path, member.der)
    return sorted(later.values(), key=lambda each: each.facts.validity.not_before)


def enter_certificate(home: Home, later: LaterCertificate) -> EnteredCertificate:
    """Enter a certificate into history, inside a write transaction.

    Device, context and profile are those of the newest certificate with the same names.

    Raises:
        VerificationError: this serial was given to another certificate, or given up.
    """
    facts = later.facts
    tbs = signed_parts(facts.der, what="the certificate")[0].raw
    signature = signed_parts(facts.der, what="the certificate")[2]
    row = _planned(home, later.ca, serial_of(facts.der))
    known = row is not None and row.signature is not None
    if row is not None and (row.tbs != tbs or row.abandoned is not None):
        raise VerificationError(
            f"'{later.source}': serial {facts.serial} is another certificate's here",
            hint="it can be revoked all the same: sipca revoke --serial after the restore",
        )
    if not known:
        number = row.plan_id if row is not None else _plan(home, later, tbs)
        plans.add_results(home.store, [number], [signature], at=home.now())
        derived.add_to_index(home.store, [(number, index_of(facts.der))])
        detail = {"serial": facts.serial, "subject": subject_text(facts.subject)}
        home.record(Event("entered", facts.serial, detail, "result", number))
    return EnteredCertificate(
        source=later.source, serial=facts.serial, subject=subject_text(facts.subject), known=known
    )


def enter_crl(home: Home, later: LaterCRL) -> EnteredCRL:
    """Enter a CRL's number and entries into history and publish it, inside a write transaction.

    Nothing is entered of a CRL that is not later than the newest of this home.
    """
    issuer, crl = later.ca.issuer, later.crl
    held = crls.newest(home.store, issuer.id)
    is_later = crls.highest_number(home.store, issuer.id) < crl.number
    revoked = []
    if is_later:
        revoked = [each for each in crl.entries if _enter_status(home, later.ca, each)]
        number = crls.add_number(
            home.store,
            issuer.id,
            crl.number,
            this_update=crl.this_update,
            next_update=crl.next_update,
        )
        detail = {"ca": issuer.ca_id, "number": str(crl.number), "source": later.source}
        home.record(Event("crl-numbered", issuer.name, detail, "crl_number", number))
        newest = NewestCRL(
            issuer.id,
            crl.number,
            crl.this_update,
            crl.next_update,
            len(crl.entries),
            revocations.last_event(home.store, issuer.id),
        )
        if held is None or held.this_update <= crl.this_update:
            crls.publish(home.store, newest, [crl.der])
            home.record(Event("crl", issuer.name, {**detail, "entries": str(len(crl.entries))}))
    listed = {each.serial for each in crl.entries}
    held_here = revocations.held(home.store, issuer.id)
    return EnteredCRL(
        source=later.source,
        ca=issuer.name,
        number=crl.number,
        later=is_later,
        revoked=[each.serial.hex() for each in revoked],
        still_held=[each.hex() for each in held_here if is_later and each not in listed],
    )


def _enter_status(home: Home, ca: CA, entry: ReadEntry) -> bool:
    """Record what a CRL says of a serial; False if history says it already."""
    status = "held" if entry.reason == "hold" else "revoked"
    current = revocations.current_status(home.store, ca.issuer.id, entry.serial)
    if current is not None and (
        current.status == "revoked" or (current.status, current.reason) == (status, entry.reason)
    ):
        return False
    event = StatusEvent(ca.issuer.id, entry.serial, status, entry.reason, entry.invalid_since)
    number = revocations.add_event(home.store, event, at=entry.revoked_at)
    serial = entry.serial.hex()
    detail = {"serial": serial, "reason": entry.reason, "from": "a CRL"}
    home.record(Event(status, serial, detail, "status_event", number))
    return True


def _files(paths: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
        else:
            files.append(path)
    return files


def _later(home: Home, path: Path, der: bytes) -> LaterCertificate:
    facts = read_certificate(der)
    name = facts.cn or facts.serial
    ca = next((ca for ca in home.cas() if issued_by(facts, _facts(ca))), None)
    if ca is None:
        raise VerificationError(
            f"'{path}': no CA of this backup signed the certificate of '{name}'",
            hint="give certificates of this CA alone",
        )
    if facts.is_ca:
        raise PolicyError(
            f"'{path}' is the certificate of the CA '{name}', whose key the backup does not have",
            hint="use a backup that was made after it",
            rule="backup-lacks-key",
        )
    tbs, _, signature = signed_parts(der, what="the certificate")
    if certificate(tbs.raw, signature) != der:
        raise VerificationError(f"'{path}': the certificate of '{name}' is not plain DER")
    return LaterCertificate(str(path), ca, facts)


def _plan(home: Home, later: LaterCertificate, tbs: bytes) -> int:
    facts = later.facts
    like = _like(home, facts)
    plan = plans.NewPlan(
        issuer_id=later.ca.issuer.id,
        serial=serial_of(facts.der),
        profile_sha256=like.profile_sha256
        if like
        else plans.keep_profile(home.store, PROFILE, _PROFILE_TEXT),
        tbs=tbs,
        account=pack_account(()),
        lifetime=like.lifetime if like else "default",
        source=later.source,
        device=like.device if like else None,
        context=like.context if like else None,
    )
    (number,) = plans.add_plans(home.store, [plan], at=home.now())
    detail = {"plans": "1", "serial": facts.serial}
    home.record(Event("planned", facts.serial, detail, "plan", number, 1))
    return number


def _like(home: Home, facts: CertificateFacts) -> CertificateRow | None:
    """The newest certificate of an end entity with the same names and purposes."""
    names = [facts.cn or "", *(each.value for each in facts.san)]
    for name in filter(None, names):
        for row in certificates.by_name(home.store, name.casefold()):
            if row.signature is None or row.for_issuer_id is not None:
                continue
            other = read_certificate(row.der)
            same = (other.subject_der, other.san, other.extended_key_usage)
            if same == (facts.subject_der, facts.san, facts.extended_key_usage):
                return row
    return None


def _planned(home: Home, ca: CA, serial: bytes) -> CertificateRow | None:
    rows = certificates.by_serial_prefix(home.store, serial.hex())
    return next((r for r in rows if (r.issuer_id, r.serial) == (ca.issuer.id, serial)), None)


def _facts(ca: CA) -> CertificateFacts:
    assert ca.issuer.facts is not None
    return ca.issuer.facts
