"""Choose the certificates for a device's trust store, and judge the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from ca.encoding.oddities import oddities
from ca.errors import BugError, CAError, MalformedError, attempt
from ca.keys.public import read_public_key
from ca.model.certificates import CertificateFacts, subject_text
from ca.model.findings import Finding, Violation, cases, rule, run, run_all
from ca.names.text import printable
from ca.profiles.target import Target
from ca.verification import has_weak_hash, is_self_issued, is_self_signed, signed_by_key


class Candidate(msgspec.Struct, frozen=True):
    """A certificate found in a source."""

    facts: CertificateFacts
    source: str


def name_of(facts: CertificateFacts) -> str:
    """How a certificate is called in messages: its CN, else its subject, else its fingerprint."""
    return printable(facts.cn or subject_text(facts.subject)) or facts.fingerprint[:16]


class Dropped(msgspec.Struct, frozen=True):
    """A candidate that was left out, why, and the kind: "duplicate", "refused" or "bug"."""

    candidate: Candidate
    kind: str
    reason: str


class Store(msgspec.Struct, frozen=True):
    """A bundle for a target: its members in their order, and the candidates left out."""

    target: Target
    members: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]


def refusal(facts: CertificateFacts, at: datetime) -> str | None:
    """Why a certificate does not belong in a trust store, or None if it does."""
    fatal = next((each for each in facts.faults if each.fatal), None)
    if fatal is not None:
        return f"{fatal}, and no verifier accepts such a certificate"
    if isinstance(attempt(read_public_key, facts.spki), MalformedError):
        return "its public key does not decode, and no verifier accepts such a certificate"
    if not facts.is_ca and not may_be_root(facts):
        if is_self_issued(facts) and not facts.extended_key_usage:
            return "it is not marked as a CA and its self-signature does not verify: is it damaged?"
        return (
            "it is not a CA certificate: a client's own certificate beside its CA switches the web "
            "password off (vendor)"
        )
    if at > facts.validity.not_after:
        return f"it expired on {facts.validity.not_after:%Y-%m-%d}"
    if at < facts.validity.not_before:
        return f"it is not valid before {facts.validity.not_before:%Y-%m-%d}"
    return None


def may_be_root(facts: CertificateFacts) -> bool:
    """Whether a certificate that is not marked as a CA may be a root: v1 roots are self-signed."""
    return not facts.extended_key_usage and is_self_signed(facts)


def gather(
    candidates: Iterable[Candidate],
    target: Target,
    *,
    at: datetime,
    on_bug: Callable[[BugError], None] | None = None,
) -> Store:
    """The bundle of all candidates that belong in it: intermediates by name, then roots."""
    members: dict[str, Candidate] = {}
    dropped = []
    for candidate in candidates:
        known = members.get(candidate.facts.fingerprint)
        if known is not None:
            dropped.append(Dropped(candidate, "duplicate", f"it is already in {known.source}"))
            continue
        reason = attempt(refusal, candidate.facts, at)
        if isinstance(reason, CAError):
            if on_bug is not None and isinstance(reason, BugError):
                on_bug(reason)
            dropped.append(Dropped(candidate, str(reason.kind), reason.message))
            continue
        if reason is not None:
            dropped.append(Dropped(candidate, "refused", reason))
            continue
        members[candidate.facts.fingerprint] = candidate
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


@rule("trust-twins", "warning", "RFC 5280 6.1", basis="standard")
@cases("One certificate for each root.", "A root and its renewed certificate with the same key.")
def twins(store: Store) -> list[Violation]:
    """No two certificates have one name and key.

    Both are kept; the older one may be meant to go.
    """
    firsts: dict[tuple[bytes, bytes], Candidate] = {}
    violations = []
    for member in store.members:
        facts = member.facts
        first = firsts.setdefault((facts.subject_der, facts.spki), member)
        if first is not member:
            violations.append(
                Violation(
                    f"'{name_of(facts)}' is there twice with the same key: until "
                    f"{first.facts.validity.not_after:%Y-%m-%d} and until "
                    f"{facts.validity.not_after:%Y-%m-%d}",
                    "both were kept; remove the older one once no peer needs it",
                )
            )
    return violations


@rule("trust-encoding", "warning", "RFC 5280 4.1; X.690", basis="inferred")
@cases("DER with a positive serial number", "A negative serial number, or TRUE encoded as 0x01.")
def encoded(store: Store) -> Iterator[Violation]:
    """Every certificate is encoded as X.509 demands, so that strict readers accept it."""
    for member in store.members:
        odd, faults = oddities(member.facts)
        if odd or faults:
            what = "; ".join((*map(str, faults), *odd))
            yield Violation(
                f"'{name_of(member.facts)}' ({member.source}) was accepted, although {what}",
                "many programs accept it; look on the device's page whether it does too",
            )


@rule("trust-self-signature", "warning", "RFC 5280 6.1; RFC 4210 4.4")
@cases("A root as its CA publishes it.", "A damaged copy of a root.")
def self_signature(store: Store) -> Iterator[Violation]:
    """A root's signature verifies with its own key, if sipca can verify it."""
    for member in store.members:
        facts = member.facts
        own = facts.authority_key_identifier in (None, facts.key_identifier)
        if is_self_issued(facts) and own and signed_by_key(facts, facts.spki) is False:
            yield Violation(
                f"'{name_of(facts)}' ({member.source}) names itself as its issuer, but its key did "
                "not sign it: it is from a key rollover, or damaged",
                f"compare its SHA-256 with the one its CA publishes: {facts.fingerprint}",
            )


@rule("trust-root-signature", "info", "RFC 5280 6.1")
@cases(
    "A root signed with sha256WithRSAEncryption.",
    "A root of 1999 signed with sha1WithRSAEncryption.",
)
def root_signature(store: Store) -> Iterator[Violation]:
    """Every root is signed with an algorithm that is still in use.

    No validator looks at it, so it is only noted.
    """
    for member in store.members:
        facts = member.facts
        if not is_self_issued(facts):
            continue
        verifiable = signed_by_key(facts, facts.spki) is not None
        if verifiable and not has_weak_hash(facts):
            continue
        how = "is signed with" if verifiable else "is signed with what sipca cannot verify,"
        yield Violation(
            f"'{name_of(facts)}' ({member.source}) {how} {facts.signature_algorithm}: a root's own "
            "signature is not part of path validation, so the root can be used"
        )


@rule("trust-v1-root", "info", "RFC 5280 4.1.2.1; RFC 5280 6.1.4 (k)")
@cases("A root with basicConstraints CA:TRUE.", "A root of version 1, which has no extensions.")
def v1_root(store: Store) -> Iterator[Violation]:
    """Every root is of X.509 version 3 and says that it is a CA."""
    for member in store.members:
        if not member.facts.is_ca:
            yield Violation(
                f"'{name_of(member.facts)}' ({member.source}) is a root of X.509 version "
                f"{member.facts.version} without basicConstraints: it was accepted because it is "
                "self-signed"
            )


@rule("trust-limit", "error", "targets 3", basis="vendor")
@cases("12 certificates for firmware 7.0, which takes 20.", "140 certificates for firmware 7.0.")
def within_limit(store: Store) -> Violation | None:
    """The bundle fits into the device's trust store."""
    count, limit = len(store.members), store.target.trust.limit
    if count <= limit:
        return None
    return Violation(
        f"the bundle has {count} certificates, but the store of {store.target.name} holds {limit}",
        "leave out what this context's peers do not need",
    )


def judge(store: Store, *, on_bug: Callable[[BugError], None] | None = None) -> list[Finding]:
    """Judge a bundle; if it does not fit into the device's store, report only that."""
    too_many = run((within_limit,), store)
    if too_many:
        return [msgspec.structs.replace(each, basis=store.target.trust.basis) for each in too_many]
    return run_all((twins, encoded, self_signature, v1_root, root_signature), store, on_bug)
