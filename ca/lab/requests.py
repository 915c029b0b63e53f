"""Requests of a lab file: signed in runs of those that have nothing to do with each other.

A run gives what signing one after another gives, in a fraction of the time: one call of ``sign``
judges all of it. Requests that share a device, a key or a file are never in one run, so that the
later one finds what was signed for the earlier.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.csr.parsing import read_request
from ca.documents.apply import ApplyStep
from ca.documents.sign import Signed, SigningDocument, Skipped
from ca.errors import CAError, attempt
from ca.files import conflicts, read_bounded
from ca.lab.lab_file import CertificateTable, Lab, file_stem, label_of, signing_wishes
from ca.lint.factoring import MOST_AT_ONCE
from ca.store.certificates import CertificateRow


class Wanted(msgspec.Struct, frozen=True):
    """A certificate to be made of a CSR: its table, its source, its folder."""

    table: CertificateTable
    source: Source
    out: Path


def wanted(lab: Lab, table: CertificateTable) -> Wanted:
    """What a table asks for.

    Raises:
        MalformedError: a value is not well formed.
    """
    assert table.csr is not None
    path = lab.path(table.csr)
    source = Source(table.csr, file_stem(table), signing_wishes(table), path=path)
    return Wanted(table, source, lab.path(table.out))


class Run:
    """Tables with CSRs that have nothing to do with each other, in the order of the file.

    Nothing is done before the step of one of them is asked for.
    """

    def __init__(self, home: Home, lab: Lab, *, check: bool) -> None:
        self._home = home
        self._lab = lab
        self._check = check
        self._tables: list[CertificateTable] = []
        self._steps: dict[str, ApplyStep | CAError] | None = None

    def add(self, table: CertificateTable) -> None:
        """One more table."""
        self._tables.append(table)

    def takes(self, table: CertificateTable) -> bool:
        """Whether there is room for a table, and all or none have a device.

        A request without one may be on a device by the register. RSA keys are examined thoroughly
        only in small calls, so a run has no more requests.
        """
        alike = all((each.device is None) == (table.device is None) for each in self._tables[:1])
        return alike and len(self._tables) < MOST_AT_ONCE

    def step(self, table: CertificateTable) -> ApplyStep:
        """What was done for one of the tables, or (``check``) would be.

        Raises:
            CAError: it is refused.
        """
        if self._steps is None:
            self._steps = {} if len(self._tables) == 1 else self._together()
        outcome = self._steps.get(table.csr or "")
        if isinstance(outcome, CAError):
            raise outcome
        return outcome or self._alone(wanted(self._lab, table))

    def _together(self) -> dict[str, ApplyStep | CAError]:
        """The outcomes by request; those are left out that have to be found for each alone."""
        asked = {each.table.csr or "": each for each in map(self._wanted, self._tables)}
        judged = self._sign(list(asked.values()), Delivery(), dry_run=True)
        if isinstance(judged, CAError):
            return {}
        steps: dict[str, ApplyStep | CAError] = {}
        changed = set()
        chain = upload_files.chain_of(self._home)
        for entry in judged.skipped:
            one = asked[entry.source]
            delivery = Delivery(folder=one.out)
            foreign = attempt(upload_files.refuse_foreign_trust_files, delivery, chain)
            if isinstance(foreign, CAError) or _missing(entry, one):
                changed.add(entry.source)
            else:
                steps[entry.source] = _step(one, "unchanged", entry.serial)
        left: dict[Path, list[Wanted]] = {}
        for label, one in asked.items():
            if label not in steps:
                left.setdefault(one.out, []).append(one)
        for folder, group in left.items():
            steps |= self._into(folder, group, changed)
        return steps

    def _into(
        self, folder: Path, group: list[Wanted], changed: set[str]
    ) -> dict[str, ApplyStep | CAError]:
        """The outcomes of those whose files go into one folder."""
        done = self._sign(group, _delivery(folder, group), dry_run=self._check)
        if isinstance(done, CAError):
            return {}
        steps: dict[str, ApplyStep | CAError] = {each.source: each.error() for each in done.refused}
        by_label = {each.source.label: each for each in group}
        for entry in (*done.skipped, *done.signed):
            verb = "changed" if entry.source in changed else "made"
            steps[entry.source] = self._entered(by_label[entry.source], verb, entry)
        return steps

    def _alone(self, one: Wanted) -> ApplyStep:
        delivery = _delivery(one.out, [one])
        judged = sign(self._home, [one.source], delivery=delivery, dry_run=True)
        _raise_refusals(judged)
        if judged.skipped and not _missing(judged.skipped[0], one):
            return _step(one, "unchanged", judged.skipped[0].serial)
        verb = "changed" if judged.skipped else "made"
        if self._check:
            return _step(one, f"would {_PRESENT[verb]}", None)
        done = sign(self._home, [one.source], delivery=delivery)
        _raise_refusals(done)
        return self._entered(one, verb, (*done.skipped, *done.signed)[0])

    def _entered(self, one: Wanted, verb: str, entry: Signed) -> ApplyStep:
        if self._check:
            return _step(one, f"would {_PRESENT[verb]}", None)
        replaced = [each.serial for each in entry.superseded]
        return msgspec.structs.replace(_step(one, verb, entry.serial), superseded=replaced)

    def _wanted(self, table: CertificateTable) -> Wanted:
        return wanted(self._lab, table)

    def _sign(
        self, group: list[Wanted], delivery: Delivery, *, dry_run: bool
    ) -> SigningDocument | CAError:
        sources = [each.source for each in group]
        return attempt(sign, self._home, sources, delivery=delivery, dry_run=dry_run)


_PRESENT = {"made": "make", "changed": "change"}


def runs(home: Home, lab: Lab, *, check: bool) -> list[tuple[CertificateTable, Run]]:
    """Each table with a CSR, with its run."""
    known = {each.name.casefold() for each in lab.file.device}
    found: list[tuple[CertificateTable, Run]] = []
    run, taken = Run(home, lab, check=check), set[object]()
    for table in lab.file.certificate:
        marks = _marks(lab, table, known) if table.csr is not None else None
        if marks is None or marks & taken or not run.takes(table):
            run, taken = Run(home, lab, check=check), set()
        if table.csr is not None:
            run.add(table)
            found.append((table, run))
        if marks is None:
            run, taken = Run(home, lab, check=check), set()
        else:
            taken |= marks
    return found


def _marks(lab: Lab, table: CertificateTable, known: set[str]) -> set[object] | None:
    """What no other request of its run may have, or None for one that is signed alone.

    That is one with a new device, whose name is held against those of earlier certificates.
    """
    device = None if table.device is None else table.device.casefold()
    if device is not None and device not in known:
        return None
    path = lab.path(table.csr or "")
    request = attempt(lambda: read_request(read_bounded(path)))
    if isinstance(request, CAError):
        return None
    marks: set[object] = {("file", table.csr), ("key", request.key.identity)}
    return marks if device is None else marks | {("device", device)}


def _delivery(folder: Path, group: Iterable[Wanted]) -> Delivery:
    by_label = {each.source.label: each for each in group}

    def is_entrys(row: CertificateRow, label: str) -> bool:
        """Whether the certificate in an entry's place is an earlier one of that entry."""
        one = by_label[label]
        return row.device == one.table.device or Path(row.source).stem == one.source.stem

    return Delivery(folder=folder, yields=is_entrys)


def _step(one: Wanted, state: str, serial: str | None) -> ApplyStep:
    return ApplyStep("certificate", label_of(one.table), state, serial)


def _raise_refusals(document: SigningDocument) -> None:
    for refusal in document.refused:
        raise refusal.error()


def _missing(entry: Skipped, one: Wanted) -> bool:
    """Whether a file of a good certificate is missing or has other content."""
    texts = {
        upload_files.device_name(file_stem(one.table), entry.context): entry.certificate_pem,
        upload_files.TRUSTED_ROOT: entry.chain_pem,
    }
    return any(
        not (one.out / name).exists() or conflicts(one.out / name, (text or "").encode())
        for name, text in texts.items()
    )
