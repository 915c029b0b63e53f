"""``push``: load certificate and trust files into devices over REST, what is there already left.

The order is the manual one: trust first, then the certificate, then a look at the key's state, then
saving. Every step says whether it was done; after one that failed, what was already done is not
taken back, and the next call goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from ca.authority.devices.doctor import SIP_TLS_PORT, DoctorWishes, examine
from ca.authority.devices.plan import STEPS, record_step
from ca.authority.devices.session import Place, Reach, place_of, session
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.documents.push import DeviceStep, PushDocument, PushedDevice
from ca.documents.verdict import Verdict
from ca.encoding import pem
from ca.encoding.bundles import read_bundle
from ca.errors import CAError, ConflictError, NotFoundError, VerificationError, attempt
from ca.files import write_atomic
from ca.model.status import CURRENT, is_due
from ca.store import certificates
from ca.store.certificates import CertificateRow
from ca.wire.rest import DeviceAPI


class PushWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What to load where.

    ``yes``: really do it. ``replace_trust``: the folder where the store that is replaced is kept
    first, or None to add only. ``check``: whether doctor looks at the SIP port afterwards.
    """

    reach: Reach
    context: int | None = None
    replace_trust: Path | None = None
    keep_going: bool = False
    check: bool = True
    yes: bool = False


def push(
    home: Home,
    names: Sequence[str],
    wishes: PushWishes,
    tell: Callable[[PushedDevice], None] = lambda _: None,
) -> PushDocument:
    """Bring devices up to date, one after the other; stops at the first failure.

    Raises:
        CAError: a name is no device with a current certificate; nothing was touched.
    """
    places = [place for name in names for place in _places(home, name, wishes)]
    rows = [current_of(home, place) for place in places]
    done: list[PushedDevice] = []
    for place, row in zip(places, rows, strict=True):
        done.append(_Pushing(home, place, row, wishes).run())
        tell(done[-1])
        if done[-1].verdict == "fail" and not wishes.keep_going:
            break
    verdict: Verdict = "fail" if any(each.verdict == "fail" for each in done) else "ok"
    return PushDocument(
        verdict=verdict,
        dry_run=not wishes.yes,
        devices=done,
        not_begun=[place.label for place in places[len(done) :]],
    )


def _places(home: Home, name: str, wishes: PushWishes) -> list[Place]:
    """A device's contexts: the wished one, else each that has a current certificate."""
    now = home.now()
    first = place_of(home, name, wishes.context, wishes.reach.address)
    if wishes.context is not None:
        return [first]
    rows = certificates.certificates(home.store, device=first.device.name, in_use=True)
    contexts = {row.context for row in rows if row.status(now) in CURRENT} - {None}
    if not contexts:
        return [first]
    return [
        msgspec.structs.replace(first, context=context)
        for context in sorted(each for each in contexts if each is not None)
    ]


def current_of(home: Home, place: Place) -> CertificateRow:
    """The newest current certificate of a device and context.

    Raises:
        NotFoundError: there is none.
    """
    now = home.now()
    rows = certificates.certificates(home.store, device=place.device.name, in_use=True)
    current = [
        row for row in rows if row.status(now) in CURRENT and row.context in (place.context, None)
    ]
    if not current:
        raise NotFoundError(
            f"no current certificate is recorded for {place.label}",
            hint=f"sipca pull {place.device.name} fetches its CSR; sipca sign CSR --device "
            f"{place.device.name}",
        )
    return max(current, key=lambda row: (row.context is not None, row.plan_id))


def names_to_push(home: Home, expiring: timedelta | None) -> list[str]:
    """The registered devices with a current certificate.

    ``expiring``: only those on whose context a certificate that ends within this span was, that is
    of which a successor was signed meanwhile, or that are due themselves.
    """
    from ca.store import devices

    now = home.now()
    named = []
    for device in devices.devices(home.store):
        rows = [
            row
            for row in certificates.certificates(home.store, device=device.name)
            if row.status(now) in (*CURRENT, "superseded", "expired")
        ]
        if not any(row.status(now) in CURRENT for row in rows):
            continue
        if expiring is None or any(is_due(row.validity, now, expiring) for row in rows):
            named.append(device.name)
    return named


class _Pushing:
    """One device's turn."""

    def __init__(self, home: Home, place: Place, row: CertificateRow, wishes: PushWishes) -> None:
        self.home, self.place, self.row, self.wishes = home, place, row, wishes
        self.steps: list[DeviceStep] = []
        self.version: str | None = None
        self.changed = False

    def run(self) -> PushedDevice:
        """Every step, until one fails."""
        error = attempt(self._load)
        if isinstance(error, CAError):
            self.home.note(error)
            self._note("failed", "failed", error.message)
            if self.changed:
                self._note("save", "skipped", "not saved: a restart takes back what was loaded")
        elif self.wishes.yes and self.wishes.check:
            self._look()
        failed = any(each.state == "failed" for each in self.steps)
        return PushedDevice(
            device=self.place.device.name,
            context=self.place.context,
            address=self.place.address,
            serial=self.row.serial_text,
            version=self.version,
            changed=self.changed,
            verdict="fail" if failed else "ok",
            steps=self.steps,
        )

    def _load(self) -> None:
        context = self.place.context
        with session(self.home, self.place, self.wishes.reach) as api:
            self.version = api.version()
            self._trust(api, context)
            self._certificate(api, context)
            if self.changed:
                api.save()
                self._note("save", "done", "the configuration is saved")
            elif not self.wishes.yes and any(each.state == "would" for each in self.steps):
                self._note("save", "would", "the configuration would be saved")
            else:
                self._note("save", "unchanged", "nothing was changed")
        if self.wishes.yes:
            for step in STEPS:
                attempt(record_step, self.home, self.place.device.name, step)

    def _trust(self, api: DeviceAPI, context: int) -> None:
        present = api.trusted_roots(context)
        there = set(_ders(present))
        ours = {ca.facts.der: ca.issuer.name for ca in trusted(self.home)}
        missing = {der: name for der, name in ours.items() if der not in there}
        foreign = there - set(ours)
        if self.wishes.replace_trust is not None and (missing or foreign):
            self._replace_trust(api, present, ours)
            return
        room = self.place.target.trust.limit - len(there)
        if len(missing) > room:
            raise ConflictError(
                f"the trust store of {self.place.label} holds {len(there)} certificates and "
                f"takes {self.place.target.trust.limit}: {len(missing)} more do not fit",
                hint="remove what nobody needs, or --replace-trust, which first keeps a copy",
            )
        for der, name in missing.items():
            if self.wishes.yes:
                api.add_trusted_root(context, pem.encode(der))
                self.changed = True
            self._note("trust", self._done, f"{name} added to the trust store")
        if not missing:
            self._note("trust", "unchanged", "the trust store has every CA that it needs")
        if foreign:
            self._note("trust", "skipped", f"{len(foreign)} other certificates stay in it")

    def _replace_trust(self, api: DeviceAPI, present: str, ours: dict[bytes, str]) -> None:
        folder = self.wishes.replace_trust
        assert folder is not None
        stamp = f"{self.home.now():%Y%m%dT%H%M%SZ}"
        place = self.place
        copy = folder / f"{place.device.name}-ctx{place.context}-trust-before-{stamp}.pem"
        if self.wishes.yes:
            write_atomic(copy, present.encode("ascii", "replace"))
            api.replace_trusted_roots(place.context, "".join(map(pem.encode, ours)))
            self.changed = True
        self._note(
            "trust", self._done, f"the whole store is replaced; what was there is in '{copy}'"
        )

    def _certificate(self, api: DeviceAPI, context: int) -> None:
        there = _ders(api.certificate(context))
        if there[:1] == [self.row.der]:
            self._note("certificate", "unchanged", f"serial {self.row.serial_text[:12]} is on it")
        else:
            if self.wishes.yes:
                api.load_certificate(context, pem.encode(self.row.der))
                self.changed = True
                self._read_back(api, context)
            self._note("certificate", self._done, f"serial {self.row.serial_text[:12]} loaded")
            if not self.wishes.yes:
                return
        self._key(api, context)

    def _read_back(self, api: DeviceAPI, context: int) -> None:
        if _ders(api.certificate(context))[:1] != [self.row.der]:
            raise VerificationError(
                f"{self.place.label} took certificate {self.row.serial_text[:12]} and has another "
                "one now: somebody else changes it, or it keeps the old one; nothing was saved",
                hint="ask who else works at this device; the same command then tries again",
            )

    def _key(self, api: DeviceAPI, context: int) -> None:
        state = api.key_state(context)
        if state.valid is False:
            raise VerificationError(
                f"{self.place.label} says that its private key does not fit the certificate: it "
                "is another key than that of the CSR that was signed, and nothing was saved",
                hint=f"sipca pull {self.place.device.name} fetches a CSR of the key that it has",
            )
        if state.valid is None:
            self._note("key", "skipped", "the device does not tell whether the key fits")
        else:
            self._note("key", "unchanged", "the device says that the private key fits")

    def _look(self) -> None:
        """What doctor says of the SIP port; a device may not answer there, which is no failure."""
        peer = f"[{self.place.host}]" if ":" in self.place.host else self.place.host
        wishes = DoctorWishes(
            peer=f"{peer}:{SIP_TLS_PORT}",
            device=self.place.device.name,
            context=self.place.context,
            brief=True,
        )
        seen = attempt(examine, self.home, wishes)
        if isinstance(seen, CAError):
            self._note("doctor", "skipped", seen.message)
        else:
            said = "; ".join(each.message for each in seen.findings if each.result != "pass")
            state = "failed" if seen.verdict == "fail" else "done"
            self._note("doctor", state, said or "serves the new certificate")

    @property
    def _done(self) -> str:
        return "done" if self.wishes.yes else "would"

    def _note(self, step: str, state: str, detail: str) -> None:
        self.steps.append(DeviceStep(step=step, state=state, detail=detail))  # type: ignore[arg-type]


def _ders(text: str) -> list[bytes]:
    """The certificates of a PEM text; none if it holds none."""
    if "-----BEGIN " not in text:
        return []
    return [each.der for each in read_bundle(text.encode(), what="the device's answer").members]


def pasted(home: Home, place: Place, row: CertificateRow, form: str) -> Iterator[str]:
    """Lines for hand work: ``cli-script`` or ``ini``; marked where nothing verifies them.

    Yields:
        The lines without their ends.
    """
    cas = [pem.encode(ca.facts.der) for ca in trusted(home)]
    leaf = pem.encode(row.der)
    if form == "ini":
        yield f"; {place.label}: inferred from parameter names (targets 6), not tried on a device"
        yield "; put the files where the device fetches them, then load this as an incremental INI"
        yield f"HTTPSCertFileName = '{place.device.name}-device.pem'"
        yield "HTTPSRootFileName = 'trusted-root.pem'"
        yield "; these two also serve SIPS on context 0; no parameter is known for other contexts"
        return
    yield f"# {place.label}: inferred from general knowledge (targets 6), not tried on a device;"
    yield "# type ? after each word first, and compare"
    yield "configure network"
    yield f"tls {place.context}"
    for text in cas:
        yield "trusted-root import"
        yield from text.splitlines()
        yield ""
    yield "certificate import"
    yield from leaf.splitlines()
    yield ""
    yield "private-key status"
    yield "exit"
    yield "exit"
    yield "write"
