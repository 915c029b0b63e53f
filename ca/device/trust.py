"""What belongs into a device's trust store, and what does not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ca.model.certificates import CertificateFacts, subject_text
from ca.model.findings import Finding, Violation, rule, run
from ca.profiles.target import Target
from ca.verification import is_self_signed


class Candidate(msgspec.Struct, frozen=True):
    """A certificate found in a source."""

    facts: CertificateFacts
    source: str


class Dropped(msgspec.Struct, frozen=True):
    """A candidate left out: "duplicate" or "refused", and the reason."""

    candidate: Candidate
    kind: str
    reason: str


class Store(msgspec.Struct, frozen=True):
    """A bundle to be: its members in their order, what was left out, what is worth a look."""

    target: Target
    members: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]


def refusal(facts: CertificateFacts, at: datetime) -> str | None:
    """Why a certificate does not belong into a trust store, or None."""
    if not facts.is_ca and not (is_self_signed(facts) and not facts.extended_key_usage):
        return (
            "it is no CA: a client's own certificate beside its CA switches the web password off "
            "(vendor)"
        )
    if at > facts.validity.not_after:
        return f"it expired on {facts.validity.not_after:%Y-%m-%d}"
    if at < facts.validity.not_before:
        return f"it is not valid before {facts.validity.not_before:%Y-%m-%d}"
    return None


def gather(candidates: Iterable[Candidate], target: Target, *, at: datetime) -> Store:
    """The bundle of all candidates that belong in one: intermediates by name, then roots."""
    members: dict[str, Candidate] = {}
    dropped = []
    for each in candidates:
        known = members.get(each.facts.fingerprint)
        if known is not None:
            dropped.append(Dropped(each, "duplicate", f"it is in {known.source} already"))
            continue
        reason = refusal(each.facts, at)
        if reason is not None:
            dropped.append(Dropped(each, "refused", reason))
            continue
        members[each.facts.fingerprint] = each
    ordered = sorted(
        members.values(),
        key=lambda each: (
            each.facts.subject_der == each.facts.issuer_der,
            subject_text(each.facts.subject).casefold(),
            each.facts.validity.not_after,
            each.facts.fingerprint,
        ),
    )
    return Store(target, tuple(ordered), tuple(dropped))


@rule("trust-twins", "warning", "RFC 5280, 6.1", basis="standard")
def twins(store: Store) -> list[Violation]:
    """Two certificates have one name and key: both are kept, and one may be meant to go."""
    seen: dict[tuple[bytes, bytes], Candidate] = {}
    found = []
    for each in store.members:
        first = seen.setdefault((each.facts.subject_der, each.facts.spki), each)
        if first is not each:
            found.append(
                Violation(
                    f"'{each.facts.cn}' is there twice with one key: until "
                    f"{first.facts.validity.not_after:%Y-%m-%d} and until "
                    f"{each.facts.validity.not_after:%Y-%m-%d}",
                    "both were kept; leave the older one out once no peer needs it",
                )
            )
    return found


@rule("trust-limit", "error", "audiocodes.md, 3: Capacity", basis="vendor")
def within_limit(store: Store) -> Violation | None:
    """The bundle fits into the device's trust store."""
    count, limit = len(store.members), store.target.trust.limit
    if count <= limit:
        return None
    return Violation(
        f"{count} certificates, and the store of {store.target.name} takes {limit}",
        "leave out what this context's peers do not need",
    )


def judge(store: Store) -> list[Finding]:
    """What is worth a look in a bundle."""
    found = run((twins, within_limit), store)
    return [
        msgspec.structs.replace(each, basis=store.target.trust.basis)
        if each.code == "trust-limit"
        else each
        for each in found
    ]
