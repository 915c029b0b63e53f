"""Record what ``import`` judged: plans and results, relics, revocations, CRL numbers."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from ca.authority import register
from ca.authority.home import Home
from ca.authority.importing.judging import Candidate, Judged, Known, judge
from ca.authority.importing.sources import Sources
from ca.issuance.order import Prepared
from ca.keys.public import read_public_key
from ca.model.certificates import subject_text
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.store import certificates, crls, relics, revocations
from ca.store.audit import Event
from ca.store.certificates import IMPORTED
from ca.store.relics import NewRelic

CHUNK = 500
_TEXT = "# imported: no profile of sipca decided about this certificate\n"


def known_to(home: Home) -> Known:
    fingerprints = {sha256(der).digest() for der in certificates.recorded_ders(home.store)}
    return Known(
        fingerprints,
        relics.used_serials(home.store),
        revocations.serials_with_events(home.store),
        relics.entry_serials(home.store),
    )


def judge_and_record(home: Home, sources: Sources) -> Judged:
    """Record certificates, revocations and CRL numbers in one transaction."""
    with home.store.write():
        judged = judge(sources, home.cas(), known_to(home), home.now())
        _write(home, judged)
        _write_numbers(home, sources)
        home.step("import-recorded")
    home.step("import-committed")
    return judged


def _write(home: Home, judged: Judged) -> None:
    fitting = [each for each in judged.candidates if each.fits]
    for start in range(0, len(fitting), CHUNK):
        write_plans(home, fitting[start : start + CHUNK])
    for candidate in judged.candidates:
        if not candidate.fits:
            _write_relic(home, candidate)
    for dated in sorted(judged.events, key=lambda each: each.at):
        event = dated.event
        number = revocations.add_event(home.store, event, at=dated.at)
        serial = event.serial.hex()
        detail = {"serial": serial, "reason": event.reason, "imported": "yes"}
        home.record(Event(event.status, serial, detail, "status_event", number))


def write_plans(
    home: Home, candidates: Sequence[Candidate], *, for_issuer_id: int | None = None
) -> None:
    profile = _profile()
    drafts = [
        register.Draft(
            _prepared(each), profile, each.issuer_id, IMPORTED, each.source,
            for_issuer_id=for_issuer_id, action="imported",
        )
        for each in candidates
    ]  # fmt: skip
    numbers = register.write_plans(home, drafts)
    signatures = [each.signature or b"" for each in candidates]
    register.write_results(home, numbers, drafts, signatures)


def _profile() -> Profile:
    return msgspec.structs.replace(Library().profile("sip"), name=IMPORTED, text=_TEXT)


def _prepared(each: Candidate) -> Prepared:
    facts = each.facts
    return Prepared(
        tbs=each.tbs,
        serial=each.serial,
        subject=facts.subject,
        san=facts.san,
        validity=facts.validity,
        key_identity=read_public_key(facts.spki).identity,
        account=(),
        findings=(),
    )


def _write_relic(home: Home, each: Candidate) -> None:
    facts = each.facts
    names = [name.value.casefold() for name in facts.san]
    if facts.cn:
        names.append(facts.cn.casefold())
    relic = NewRelic(
        issuer_id=each.issuer_id,
        serial=each.serial,
        tbs=each.tbs,
        signature=each.signature,
        der=facts.der if each.signature is not None else None,
        not_before=int(facts.validity.not_before.timestamp()),
        not_after=int(facts.validity.not_after.timestamp()),
        names=tuple(dict.fromkeys(names)),
        source=each.source,
    )
    number = relics.add_relic(home.store, relic, at=home.now())
    serial = each.serial.hex()
    detail = {"serial": serial, "subject": subject_text(facts.subject)}
    home.record(Event("imported", serial, detail, "relic", number))


def _write_numbers(home: Home, sources: Sources) -> None:
    """Record the newest CRL number of each CA, so that ours go on above it."""
    for ca in home.cas():
        facts = ca.issuer.facts
        numbers = [n for der, n in sources.last_numbers if facts is not None and der == facts.der]
        if not numbers or crls.is_used_from(home.store, ca.issuer.id, max(numbers)):
            continue
        number, now = max(numbers), home.now()
        row = crls.add_number(home.store, ca.issuer.id, number, this_update=now, next_update=now)
        detail = {"ca": ca.issuer.ca_id, "number": str(number), "imported": "yes"}
        home.record(Event("crl-numbered", ca.issuer.name, detail, "crl_number", row))
