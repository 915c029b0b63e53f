"""Judge one source: its request, its key among those known, whether it is already signed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from hashlib import sha256

import msgspec

from ca.authority import upload_files
from ca.authority.clock import read_clock
from ca.authority.devices.new_devices import NewDevices, judge_taken_over
from ca.authority.home import CA, Home
from ca.authority.refs import find, relic_refusal
from ca.authority.signing.candidates import Candidate, Forbidding, Known, Source
from ca.authority.signing.prepare import Job, Ready, Terms, outcomes
from ca.authority.signing.reuse import Wanted, can_be_reused
from ca.authority.succession import Predecessors, Use, attached_place, use_of
from ca.encoding import der
from ca.encoding.account import pack_account
from ca.encoding.certificates import common_name
from ca.errors import CAError, ConflictError, PolicyError
from ca.issuance.order import Prepared
from ca.lint.clock import Clock, judge_clock
from ca.lint.reused_key import MAX_LOOKED_UP, SameKey, reused_key
from ca.lint.signed_before import SIGNED_BEFORE, SignedBefore
from ca.model.findings import Finding, raise_failures, run
from ca.model.wishes import SigningWishes
from ca.names.text import check_device_name
from ca.profiles.profile import Profile
from ca.profiles.target import Target
from ca.revocation.rules import check_not_blocked
from ca.store import certificates, revocations
from ca.store.certificates import CertificateRow


class Judge:
    """Judges the sources of one call against one issuing CA; writes nothing."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.ca: CA = home.ca("issuing")
        self._profiles: dict[str, Profile] = {}
        self._targets: dict[str | None, Target] = {}
        self.ca_subjects = tuple(
            each.issuer.facts.subject for each in home.cas() if each.issuer.facts
        )
        self._keys: dict[bytes, dict[str, None]] = {}
        self.thorough = True
        self.new_devices = NewDevices(home)
        self._clock: Clock | None = None
        self._of_clock: dict[frozenset[str], list[Finding]] = {}

    def candidate(self, source: Source) -> Candidate:
        """Read a source and prepare its certificate; nothing is written.

        Raises:
            CAError: it is refused.
        """
        (outcome,) = outcomes(self.terms(), [self.job(source)])
        if isinstance(outcome, CAError):
            raise outcome
        ready = self.as_kept(outcome)
        return self.judged(source, ready, self.known([(source, ready)]))

    def as_kept(self, ready: Ready) -> Ready:
        """A request in the form in which the register has it.

        Before schema 9 it was kept whole, with its challengePassword: it is known by that hash.
        """
        if not ready.received:
            return ready
        hashed = sha256(ready.received).digest()
        if not certificates.known_requests(self.home.store, [hashed]):
            return ready
        return msgspec.structs.replace(ready, request=ready.received, request_hash=hashed)

    def terms(self) -> Terms:
        """The terms that all requests prepared now have in common."""
        return Terms(self.ca.issuer, self.home.now(), self.ca_subjects, self.thorough)

    def job(self, source: Source) -> Job:
        """Everything that is needed to prepare a source.

        Raises:
            CAError: it cannot be read, its device name is not valid, or there is no such profile
                or target.
        """
        wishes = source.wishes
        if wishes.device is not None:
            check_device_name(wishes.device)
        profile, target = self.profile(wishes.profile), self._target(wishes.target)
        serial = self.home.new_serial()
        return Job(source.read(), profile, target, wishes, serial, source.own, source.proven)

    def known(self, pairs: Sequence[tuple[Source, Ready]]) -> Known:
        """What the register knows about these requests, in few queries."""
        ready = [each for _, each in pairs]
        keys = [each.prepared.key_identity for each in ready]
        hashes = [each.request_hash for each in ready]
        store = self.home.store
        limit = MAX_LOOKED_UP + 2 * len(keys)
        certified = certificates.current_by_keys(store, keys, self.home.now(), limit=limit)
        sizes = [len(each) for each in certified.values()]
        complete = sum(sizes) < limit and max(sizes, default=0) < MAX_LOOKED_UP
        return Known(
            self.forbidding(ready),
            certified,
            certificates.known_requests(store, hashes),
            Predecessors(store, [self.use(source, each) for source, each in pairs]),
            {} if complete else self._shared(ready),
        )

    def use(self, source: Source, ready: Ready) -> Use:
        """What the certificate of a request will be used for."""
        wishes, prepared = source.wishes, ready.prepared
        return Use(
            wishes.device,
            wishes.context,
            self.profile(wishes.profile).name,
            self.profile(wishes.profile).text_hash,
            prepared.key_identity,
            prepared.subject,
            prepared.san,
            not ready.request,
        )

    def _shared(self, ready: Sequence[Ready]) -> dict[tuple[bytes, str], list[bytes]]:
        """The first certificates of each key under other CNs, with one query per key."""
        now = self.home.now()
        pairs = {(each.prepared.key_identity, each.prepared.cn) for each in ready}
        return {
            (key, cn): certificates.current_by_keys(
                self.home.store, [key], now, limit=MAX_LOOKED_UP, except_cn=cn
            ).get(key, [])
            for key, cn in pairs
        }

    def forbidding(self, ready: Sequence[Ready]) -> Forbidding:
        """Whatever forbids certifying any of these at this moment."""
        keys = [each.prepared.key_identity for each in ready]
        return Forbidding(revocations.blocked_keys(self.home.store, keys), self._refusal())

    def _refusal(self) -> CAError | None:
        try:
            self.check_ca()
        except CAError as error:
            return error
        return None

    def judged(self, source: Source, ready: Ready, known: Known) -> Candidate:
        """Judge a prepared request against what the register knows.

        Raises:
            CAError: it is refused.
        """
        held = self._held(source, ready.request_hash, known)
        if held is not None:
            source = _in_place_of(source, held)
        wishes, prepared = source.wishes, ready.prepared
        profile = self.profile(wishes.profile)
        known.forbidding.check(prepared)
        good = None
        if not wishes.again and ready.request_hash in known.requests:
            rows = self._of_request(ready.request_hash, wishes)
            raise_failures(self._judge_before(rows, prepared))
            good = self._good(rows, profile, prepared, wishes)
        old = self._superseded(source)
        if old is not None:
            good = _already_in_its_place(old, good)
        of_clock = self.check_clock(wishes.allow) if good is None else []
        of_device = self.new_devices.judge(wishes.device, wishes.allow) if good is None else []
        if held is not None and good is None:
            of_device = judge_taken_over(held)
        cn = prepared.cn
        certified = known.certified(prepared.key_identity, cn)
        if good is None and not wishes.beside:
            predecessors = known.predecessors.of(self.use(source, ready))
            ready = _with_new_key(ready, predecessors)
        return Candidate(
            source,
            upload_files.stem_of(source.stem) or upload_files.file_safe(wishes.device or cn),
            profile,
            ready,
            (
                *ready.findings,
                *self._judge_key(prepared, cn, wishes, certified),
                *of_device,
                *of_clock,
            ),
            None if old is None else old.plan_id,
            good,
        )

    def _held(self, source: Source, request_hash: bytes, known: Known) -> CertificateRow | None:
        """The certificate of a request whose device its successor has: it was attached to one."""
        if source.wishes.device is not None or request_hash not in known.requests:
            return None
        return attached_place(self.home.store, self._of_request(request_hash, source.wishes))

    def check_clock(self, allowed: Collection[str]) -> list[Finding]:
        """Check the clock against the events before this call.

        Raises:
            PolicyError: it is behind them, and the wishes do not allow clock-behind.
        """
        if self._clock is None:
            self._clock = read_clock(self.home)
        key = frozenset(allowed)
        if key not in self._of_clock:
            self._of_clock[key] = judge_clock(self._clock, key)
        findings = self._of_clock[key]
        raise_failures(findings)
        return findings

    def judged_again(self, candidate: Candidate) -> Candidate:
        """The same candidate, with a good certificate that was issued meanwhile, if any."""
        profile, wishes = candidate.profile, candidate.source.wishes
        if wishes.again or candidate.supersedes is not None:
            return candidate
        rows = self._of_request(candidate.ready.request_hash, wishes)
        good = self._good(rows, profile, candidate.prepared, wishes)
        return msgspec.structs.replace(candidate, good=good)

    def _target(self, name: str | None) -> Target:
        if name not in self._targets:
            self._targets[name] = self.home.library.target(name or self.home.target)
        return self._targets[name]

    def check_good(self, candidate: Candidate) -> None:
        """Check that the certificate to hand out again was not revoked meanwhile.

        Raises:
            ConflictError: it was revoked.
        """
        good = candidate.good
        if good is not None and revocations.current_status(
            self.home.store, good.issuer_id, good.serial
        ):
            raise ConflictError(f"{good.serial.hex()} was revoked just now", hint="run it again")

    def check_key(self, identity: bytes) -> None:
        """Check that a key may be certified now: not blocked, and the issuing CA not revoked.

        Raises:
            PolicyError: it may not be certified.
        """
        check_not_blocked(blocked=revocations.is_blocked(self.home.store, identity))
        self.check_ca()

    def check_ca(self) -> None:
        """Check that the issuing CA is neither revoked nor held.

        Raises:
            PolicyError: it is.
        """
        self.home.check_not_revoked(self.ca)

    def profile(self, name: str) -> Profile:
        """An end-entity profile by name, read once.

        Raises:
            CAError: there is none, or it is a CA profile.
        """
        if name not in self._profiles:
            profile = self.home.library.profile(name)
            if profile.role != "end-entity":
                raise PolicyError(
                    f"profile {name} has the role {profile.role}; requests are not signed by it",
                    hint="'sipca profile list' shows the profiles",
                    rule="profile-role",
                )
            self._profiles[name] = profile
        return self._profiles[name]

    def _judge_key(
        self, prepared: Prepared, cn: str, wishes: SigningWishes, certified: list[bytes]
    ) -> list[Finding]:
        names = self._keys.setdefault(prepared.key_identity, {})
        for tbs in certified:
            names.setdefault(common_name(tbs) or der.serial_in(tbs).hex())
        others = tuple(name for name in names if name.casefold() != cn.casefold())[:MAX_LOOKED_UP]
        if len(names) <= MAX_LOOKED_UP:
            names.setdefault(cn)
        if others and wishes.device is not None:
            own = self._names_on(wishes.device, prepared.key_identity)
            others = tuple(name for name in others if name not in own)
        return run([reused_key], SameKey(cn, others), wishes.allow)

    def _names_on(self, device: str, key_identity: bytes) -> set[str]:
        """The CNs that a key has on a device: one with a new name is no clone of itself."""
        rows = certificates.by_key(self.home.store, key_identity)
        own = [row for row in rows if (row.device or "").casefold() == device.casefold()]
        return {common_name(row.tbs) or row.serial.hex() for row in own}

    def _superseded(self, source: Source) -> CertificateRow | None:
        """The certificate that the operator, or a renewal, says is superseded."""
        if source.old_plan is not None:
            return certificates.by_plan(self.home.store, source.old_plan)
        wished = source.wishes.supersedes
        return None if wished is None else find(self.home, wished).row

    def _of_request(self, request_hash: bytes, wishes: SigningWishes) -> list[CertificateRow]:
        """The certificates of a request for the same device and context, newest first."""
        return [
            row
            for row in certificates.by_request(self.home.store, request_hash)
            if row.signature is not None
            and (wishes.device or row.device or "").casefold() == (row.device or "").casefold()
            and wishes.context in (None, row.context)
        ]

    def _judge_before(self, rows: list[CertificateRow], prepared: Prepared) -> list[Finding]:
        """Whether the newest certificate of a request forbids to sign the request again."""
        if not rows:
            return []
        newest, serial = rows[0], rows[0].serial.hex()
        status = newest.revocation or ""
        successor = None
        if newest.superseded_by is not None:
            (row,) = certificates.by_serial_prefix(self.home.store, newest.superseded_by.hex())[:1]
            if use_of(row).key_identity != prepared.key_identity:
                successor = row.serial.hex()
        since = (newest.revoked_at or "")[:10]
        before = SignedBefore(serial, status, newest.revocation_reason or "", since, successor)
        return run(SIGNED_BEFORE, before)

    def _good(
        self,
        rows: list[CertificateRow],
        profile: Profile,
        prepared: Prepared,
        wishes: SigningWishes,
    ) -> CertificateRow | None:
        """The newest certificate that equals what would be signed and is not yet due."""
        now = self.home.now()
        wanted = Wanted(self.ca.issuer.id, profile, lifetime_text(wishes), prepared)
        return next((row for row in rows if can_be_reused(row, wanted, now)), None)


def _in_place_of(source: Source, held: CertificateRow) -> Source:
    wishes = msgspec.structs.replace(source.wishes, device=held.device, context=held.context)
    return msgspec.structs.replace(source, wishes=wishes)


def _with_new_key(ready: Ready, predecessors: list[CertificateRow]) -> Ready:
    """Say in the account's line about the key that the device had another key before."""
    identities = [use_of(row).key_identity for row in predecessors]
    if not identities or ready.prepared.key_identity in identities:
        return ready
    rule = f"another key than {identities[0].hex()[:8]}...: made anew on the device since"
    account = tuple(
        msgspec.structs.replace(line, rule=rule) if line.field == "key" else line
        for line in ready.prepared.account
    )
    prepared = msgspec.structs.replace(ready.prepared, account=account)
    return msgspec.structs.replace(ready, prepared=prepared, account=pack_account(account))


def _already_in_its_place(
    old: CertificateRow, good: CertificateRow | None
) -> CertificateRow | None:
    """The good certificate, if an earlier call already superseded the old one with it.

    Raises:
        PolicyError: the old one is a CA's, or a relic, which the register cannot link.
        ConflictError: another certificate supersedes it already.
    """
    if old.for_issuer_id is not None:
        raise PolicyError(
            "--supersedes names a CA's certificate", hint="name a device's", rule="ca-certificate"
        )
    if old.is_relic:
        raise relic_refusal(old)
    if good is not None and (old.superseded_by == good.serial or (old == good and good.supersedes)):
        return good
    if old.superseded_by is not None:
        raise ConflictError(
            f"{old.serial.hex()} is superseded already, by {old.superseded_by.hex()}",
            hint="name the newer one, or leave --supersedes out",
            rule="superseded-already",
        )
    return None


def lifetime_text(wishes: SigningWishes) -> str:
    """The requested lifetime in normal form, for comparison with an earlier one."""
    wished = wishes.lifetime
    if wished is None:
        return "default"
    if isinstance(wished, timedelta):
        return f"{wished // timedelta(hours=1)}h"
    return wished if isinstance(wished, str) else wished.strftime("%Y-%m-%d")
