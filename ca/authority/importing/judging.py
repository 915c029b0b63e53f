"""Which CA issued what ``import`` read, and in which form the register can hold it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from ca.authority.home import CA
from ca.authority.importing.cas import remarks_on
from ca.authority.importing.sources import Entry, SourcedCertificate, Sources, refusal
from ca.authority.register import index_of
from ca.documents.imports import Imported
from ca.encoding import der
from ca.encoding.certificates import read_certificate, serial_text
from ca.encoding.crl import CRLFacts
from ca.encoding.extensions import VERSION_3
from ca.encoding.oids import RSA, SIGNATURES
from ca.encoding.openssl_index import subject_der
from ca.encoding.times import encode_time
from ca.errors import CAError, PolicyError, attempt
from ca.keys.signatures import Algorithm, verify_signature
from ca.model.certificates import CertificateFacts, Validity, subject_text
from ca.store.revocations import StatusEvent
from ca.verification import names_as_issuer, signed_by_key

MAX_SERIAL = 20
Serial = tuple[int, bytes]
"""The number of an issuer in the register, and a serial's octets."""


class Candidate(msgspec.Struct, frozen=True):
    """A certificate to import. ``fits``: as plan and result, else as a relic.

    ``signature`` is None where only the entry of an index is known.
    """

    issuer_id: int
    serial: bytes
    tbs: bytes
    signature: bytes | None
    facts: CertificateFacts
    source: str
    fits: bool
    is_repeated: bool = False
    """Another certificate of its issuer has its serial."""


class DatedEvent(msgspec.Struct, frozen=True):
    """A revocation or hold, and when it happened."""

    event: StatusEvent
    at: datetime


class Judged(msgspec.Struct):
    """What is to be recorded, and what the document says of it."""

    candidates: list[Candidate] = []
    events: list[DatedEvent] = []
    imported: list[Imported] = []
    known: int = 0


class Known(msgspec.Struct, frozen=True):
    """What a home has already: fingerprints, serials, revoked serials, entries without a file."""

    fingerprints: Collection[bytes] = ()
    serials: Collection[Serial] = ()
    revoked: Collection[Serial] = ()
    entries: Collection[Serial] = ()


def judge(sources: Sources, cas: list[CA], known: Known, now: datetime) -> Judged:
    """Match certificates, index entries and CRLs with the CAs; what fits none is refused."""
    judged = Judged()
    taken = set(known.serials) | {_own_serial(ca) for ca in cas}
    seen = {ca.issuer.facts.der for ca in cas if ca.issuer.facts}
    for sourced in sources.certificates:
        if sourced.der in seen:
            continue
        seen.add(sourced.der)
        outcome = attempt(_candidate, sourced, cas, taken, known)
        if isinstance(outcome, CAError):
            sources.refused.append(refusal(sourced.source, outcome))
        elif outcome is None:
            judged.known += 1
        else:
            taken.add((outcome.issuer_id, outcome.serial))
            judged.candidates.append(outcome)
    _judge_entries(sources, cas, known, judged, taken)
    _judge_crls(sources, cas, judged, taken | set(known.entries), set(known.revoked))
    statuses = {
        (each.event.issuer_id, each.event.serial): each.event.status for each in judged.events
    }
    judged.imported = [_imported(each, statuses, now) for each in judged.candidates]
    return judged


def _own_serial(ca: CA) -> Serial:
    assert ca.issuer.facts is not None
    return (ca.parent_id or ca.issuer.id, der.serial_of(ca.issuer.facts.der))


def _candidate(
    found: SourcedCertificate, cas: list[CA], taken: Collection[Serial], known: Known
) -> Candidate | None:
    if sha256(found.der).digest() in known.fingerprints:
        return None
    facts = read_certificate(found.der)
    ca = _issuer_of(facts, cas)
    tbs, _, signature = der.signed_parts(found.der, what="the certificate")
    serial = der.serial_in(tbs.raw)
    is_repeated = (ca.issuer.id, serial) in taken
    fits = (
        len(serial) <= MAX_SERIAL
        and not is_repeated
        and der.certificate(tbs.raw, signature) == found.der
        and not isinstance(attempt(index_of, found.der), CAError)
    )
    return Candidate(
        ca.issuer.id, serial, tbs.raw, signature, facts, found.source, fits, is_repeated
    )


def _issuer_of(facts: CertificateFacts, cas: list[CA]) -> CA:
    named = [ca for ca in cas if ca.issuer.facts and names_as_issuer(facts, ca.issuer.facts)]
    for ca in named:
        if signed_by_key(facts, ca.issuer.key.spki) is not False:
            return ca  # one whose algorithm is unknown here is taken, and reported
    issuer = subject_text(facts.issuer)
    if named:
        raise PolicyError(
            f"it names '{issuer}' as its issuer, but the key of that CA did not sign it",
            hint="it is damaged or a forgery, or of another CA with the same name",
            rule="import-forged",
        )
    raise PolicyError(
        f"no CA of this home issued it: its issuer is '{issuer}'",
        hint="import the CA that issued it into a home of its own",
        rule="import-foreign",
    )


def _judge_entries(
    sources: Sources, cas: list[CA], known: Known, judged: Judged, taken: set[Serial]
) -> None:
    revoked = set(known.revoked)
    for entry in sources.entries:
        ca = next(
            (ca for ca in cas if ca.issuer.facts and ca.issuer.facts.der == entry.ca_der), None
        )
        if ca is None:
            error = PolicyError(
                "the CA whose index this is has no certificate here",
                hint="import its CA certificate: --root, --issuing, or cacert.pem in the folder",
                rule="import-foreign",
            )
            sources.refused.append(refusal(entry.source, error))
            continue
        one = (ca.issuer.id, der.serial_octets(entry.line.serial))
        if one not in taken and one not in known.entries:
            outcome = attempt(_stub, entry, ca)
            if isinstance(outcome, CAError):
                sources.refused.append(refusal(entry.source, outcome))
                continue
            taken.add(one)
            judged.candidates.append(outcome)
        line = entry.line
        if line.status == "R" and line.revoked_at is not None and one not in revoked:
            revoked.add(one)
            judged.events.append(_event(*one, line.reason, line.revoked_at, line.invalid_since))


def _event(
    issuer_id: int, serial: bytes, reason: str, at: datetime, invalid_since: datetime | None = None
) -> DatedEvent:
    status = "held" if reason == "hold" else "revoked"
    return DatedEvent(StatusEvent(issuer_id, serial, status, reason, invalid_since), at)


def _stub(entry: Entry, ca: CA) -> Candidate:
    """A certificate of which only the entry of an index is left."""
    return stub(
        ca, entry.line.serial, subject_der(entry.line.subject), entry.line.not_after, entry.source
    )


def stub(ca: CA, serial: int, subject: bytes, not_after: datetime, source: str) -> Candidate:
    """A TBSCertificate with what is known of a certificate whose file is gone."""
    facts = ca.issuer.facts
    assert facts is not None
    start = min(facts.validity.not_before, not_after - timedelta(seconds=1))
    algorithm = der.algorithm_of(der.signed_parts(facts.der, what="the CA")[0].raw)
    key = der.sequence(
        der.sequence(der.encode_oid(RSA), der.tlv(der.NULL, b"")), der.tlv(der.BIT_STRING, b"\x00")
    )
    tbs = der.sequence(
        VERSION_3,
        der.encode_integer(serial),
        algorithm,
        facts.subject_der,
        der.sequence(encode_time(start), encode_time(not_after)),
        subject,
        key,
    )
    outline = read_certificate(der.certificate(tbs, b"\x00"))
    return Candidate(
        ca.issuer.id, der.serial_octets(serial), tbs, None, outline, source, fits=False
    )


def _judge_crls(
    sources: Sources, cas: list[CA], judged: Judged, taken: set[Serial], revoked: set[Serial]
) -> None:
    revoked |= {(each.event.issuer_id, each.event.serial) for each in judged.events}
    for sourced in sources.crls:
        ca = next((ca for ca in cas if _signed_crl(sourced.crl, ca)), None)
        if ca is None:
            error = PolicyError(
                "no CA of this home signed this CRL",
                hint="import its CA into a home of its own",
                rule="import-foreign",
            )
            sources.refused.append(refusal(sourced.source, error))
            continue
        assert ca.issuer.facts is not None
        if sourced.crl.number is not None and 0 <= sourced.crl.number < 1 << 158:
            sources.last_numbers.append((ca.issuer.facts.der, sourced.crl.number))
        for entry in sourced.crl.entries:
            one = (ca.issuer.id, entry.serial)
            if one in revoked:
                continue
            if one not in taken:
                taken.add(one)
                end = ca.issuer.facts.validity.not_after
                number = der.serial_number(entry.serial)
                judged.candidates.append(stub(ca, number, der.sequence(), end, sourced.source))
            revoked.add(one)
            judged.events.append(_event(*one, entry.reason, entry.revoked_at))


def _signed_crl(crl: CRLFacts, ca: CA) -> bool:
    facts = ca.issuer.facts
    if facts is None or crl.issuer_der != facts.subject_der:
        return False
    oid, *rest = der.split(crl.algorithm)
    name = der.oid(der.read(oid))
    algorithm = Algorithm(SIGNATURES.get(name, name), rest[0] if rest else b"")
    return bool(verify_signature(facts.spki, algorithm, crl.signature, crl.tbs))


def _imported(each: Candidate, statuses: dict[Serial, str], now: datetime) -> Imported:
    facts = each.facts
    status = statuses.get((each.issuer_id, each.serial)) or _by_date(facts.validity, now)
    remarks = ["its file is gone: only its entry is known"]
    if each.signature is not None:
        remarks = remarks_on(facts)
        if each.is_repeated:
            remarks.append("its serial number is that of another certificate of its issuer")
    return Imported(
        serial=serial_text(der.serial_number(each.serial)),
        subject=subject_text(facts.subject),
        not_after=facts.validity.not_after,
        status=status,
        source=each.source,
        fingerprint=facts.fingerprint if each.signature is not None else None,
        remarks=remarks,
    )


def _by_date(validity: Validity, now: datetime) -> str:
    if now > validity.not_after:
        return "expired"
    return "not-yet-valid" if now < validity.not_before else "valid"
