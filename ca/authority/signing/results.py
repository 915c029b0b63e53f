"""The result of each source of one call of ``sign``, for the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ca.authority.home import Home
from ca.authority.signing.candidates import Candidate, Source
from ca.authority.signing.crew import SignedCertificate
from ca.authority.upload_files import Chain
from ca.documents.exits import EXIT_CODES
from ca.documents.sign import Files, Refused, Signed, SigningDocument, Skipped, Superseded
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, MalformedError
from ca.model.certificates import subject_text
from ca.store import successions
from ca.store.certificates import CertificateRow

HandOn = Callable[[Signed], None]
"""Called with each certificate, new or handed out again, as soon as its files are written."""


def superseded_record(home: Home, row: CertificateRow, *, revoked: bool) -> Superseded:
    """A superseded certificate for a document; ``revoked``: it was revoked in the same call."""
    line = successions.line_before(home.store, [row.plan_id])
    older = sum(old.status(home.now()) == "superseded" for old in line)
    end = read_certificate(row.der).validity.not_after
    return Superseded(row.serial.hex(), end, revoked, older)


class Results:
    """The entries of a ``SigningDocument``; ``hand_on`` receives certificates instead."""

    def __init__(self, home: Home, chain: Chain, hand_on: HandOn | None) -> None:
        self._home = home
        self._chain = chain
        self._issuer = home.ca("issuing").issuer.name
        self._hand_on = hand_on or self._keep
        self.left = 0
        self.revoked: list[CertificateRow] = []
        """Those that were revoked in this call."""
        self.pending: str | None = None
        self._signed: list[Signed] = []
        self._skipped: list[Skipped] = []
        self._refused: list[Refused] = []
        self._ignored: list[str] = []

    def _keep(self, entry: Signed) -> None:
        if isinstance(entry, Skipped):
            self._skipped.append(entry)
        else:
            self._signed.append(entry)

    def refuse(self, source: Source, error: CAError) -> None:
        """Enter a refusal; a file that turned out not to be a request is ignored."""
        self._home.note(error)
        if isinstance(error, MalformedError) and not source.must_be_request:
            self._ignored.append(source.label)
            return
        self._refused.append(
            Refused(
                source.label,
                error.kind,
                error.message,
                error.hint,
                EXIT_CODES[error.kind],
                error.rule,
            )
        )

    def enter(
        self,
        candidate: Candidate,
        signed: SignedCertificate | None,
        superseded: Sequence[CertificateRow],
        files: Files,
    ) -> None:
        """Enter a new certificate, an existing one, or (dry run) one that would be signed."""
        if candidate.good is not None:
            self._enter_skipped(candidate, candidate.good, files)
            return
        prepared = candidate.prepared
        if candidate.source.wishes.revoke_old:
            self.revoked.extend(superseded)
        self._hand_on(
            Signed(
                **self._shared(candidate),
                serial=None if signed is None else prepared.serial.hex(),
                not_before=prepared.validity.not_before,
                not_after=prepared.validity.not_after,
                fingerprint=None if signed is None else signed.fingerprint,
                certificate_pem=None if signed is None else signed.pem,
                files=files,
                device=candidate.source.wishes.device,
                context=candidate.source.wishes.context,
                account=list(prepared.account),
                supersedes=superseded[0].serial.hex() if superseded else None,
                superseded=[
                    superseded_record(self._home, row, revoked=candidate.source.wishes.revoke_old)
                    for row in superseded
                ],
            )
        )

    def _enter_skipped(self, candidate: Candidate, row: CertificateRow, files: Files) -> None:
        facts = read_certificate(row.der)
        until = facts.validity.not_after
        self._hand_on(
            Skipped(
                **self._shared(candidate),
                serial=facts.serial,
                not_before=facts.validity.not_before,
                not_after=until,
                fingerprint=facts.fingerprint,
                certificate_pem=pem.encode(row.der),
                files=files,
                device=row.device,
                context=row.context,
                account=unpack_account(row.account),
                supersedes=row.supersedes.hex() if row.supersedes else None,
                reason=f"signed already and good until {until:%Y-%m-%d}; --again signs anew",
            )
        )

    def _shared(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "source": candidate.source.label,
            "subject": subject_text(candidate.prepared.subject),
            "san": [str(name) for name in candidate.prepared.san],
            "profile": candidate.profile.name,
            "issuer": self._issuer,
            "chain_pem": self._chain.trusted,
            "root_pem": self._chain.root,
            "findings": list(candidate.findings),
        }

    def document(self, *, dry_run: bool) -> SigningDocument:
        """The document of the whole call."""
        return SigningDocument(
            ca=self._home.name,
            home=str(self._home.path),
            chain_pem=self._chain.trusted,
            root_pem=self._chain.root,
            dry_run=dry_run,
            signed=self._signed,
            skipped=self._skipped,
            refused=self._refused,
            ignored=self._ignored,
            interrupted=self.left > 0,
            left=self.left,
            pending=self.pending,
        )
