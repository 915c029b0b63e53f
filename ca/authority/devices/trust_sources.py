"""Read the sources of a trust bundle: what is accepted, and what is refused by name.

A bad file, block or certificate does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ca.device.trust import Candidate
from ca.documents.trust import TrustDrop
from ca.encoding.bundles import (
    Bundle,
    Member,
    form_of_others,
    not_a_certificate,
    read_bundle,
)
from ca.encoding.certificates import read_certificate
from ca.errors import BugError, CAError, Kind, MalformedError, NotFoundError, attempt
from ca.files import MAX_INPUT, read_bounded
from ca.names.text import printable

SUFFIXES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p7c", ".txt")
_WHOLE = "copy it again, whole, from its BEGIN line to its END line"
MAX_SOURCE = 64 * MAX_INPUT


class Gathered:
    """The contents of the sources: candidates, errors and notes."""

    def __init__(self, on_bug: Callable[[BugError], None] | None = None) -> None:
        self.candidates: list[Candidate] = []
        self.unread: list[TrustDrop] = []
        self.errors: list[CAError] = []
        self.notes: list[str] = []
        self._on_bug = on_bug

    def read(self, source: Path) -> None:
        """Read a file, or the files of a folder whose names are those of certificates.

        Raises:
            NotFoundError: there is no such source, or the folder has no such file.
        """
        if not source.is_dir():
            self.take_in(source, attempt(octets_of, source))
            return
        paths = [
            path
            for path in sorted(source.iterdir())
            if path.is_file() and path.suffix.casefold() in SUFFIXES
        ]
        if not paths:
            raise NotFoundError(f"'{source}' holds no certificate", hint=", ".join(SUFFIXES))
        for path in paths:
            self.take_in(path, attempt(octets_of, path))
        if others := sorted(set(source.iterdir()) - set(paths)):
            shown = ", ".join(printable(path.name) for path in others[:5])
            more = f" and {len(others) - 5} more" if len(others) > 5 else ""
            self.notes.append(f"'{source}': ignored because of their names: {shown}{more}")

    def raise_if_empty(self) -> None:
        """Raise the first error if there are only errors.

        Raises:
            CAError: no certificate could be read.
        """
        if self.candidates or not self.errors:
            return
        error = self.errors[0]
        if len(self.errors) > 1:
            error.message += f" (and {len(self.errors) - 1} more cannot be read)"
        raise error

    def take_in(self, path: Path, data: bytes | CAError) -> None:
        """Take in the certificates of a file, or record why it cannot be read.

        Raises:
            NotFoundError: it is not there.
        """
        if isinstance(data, NotFoundError):
            raise data
        bundle = data if isinstance(data, CAError) else attempt(read_bundle, data, what=f"'{path}'")
        if isinstance(bundle, CAError):
            self._refuse(str(path), bundle)
            return
        for line in bundle.keys:
            hint = "remove it, and consider the key compromised"
            message = f"'{path}' line {line} is a private key; only CA certificates belong here"
            self._refuse(f"{path}:{line}", MalformedError(message, hint=hint))
        for damage in bundle.damaged:
            message = f"'{path}' line {damage.line}: {damage.reason}"
            self._refuse(f"{path}:{damage.line}", MalformedError(message, hint=_WHOLE))
        for member in bundle.members:
            self._take(member, path)
        if not (bundle.members or bundle.keys or bundle.damaged):
            form = form_of_others(bundle)
            self._refuse(str(path), not_a_certificate(f"'{path}'", form))
        elif bundle.others:
            others = ", ".join(dict.fromkeys(bundle.others))
            self.notes.append(f"'{path}' has other blocks, left out: {printable(others)}")
        self._note(path, bundle)

    def _take(self, member: Member, path: Path) -> None:
        source = f"{path}:{member.line}"
        facts = attempt(read_certificate, member.der)
        if isinstance(facts, CAError):
            message = facts.message
            if not isinstance(facts, BugError):
                facts = MalformedError(
                    f"'{path}' line {member.line}: {message}", hint=facts.hint or _WHOLE
                )
            self._refuse(source, facts, reason=message, fingerprint=sha256(member.der).hexdigest())
        else:
            self.candidates.append(Candidate(facts, source))

    def _refuse(
        self, source: str, error: CAError, *, reason: str = "", fingerprint: str = ""
    ) -> None:
        self.errors.append(error)
        kind = "refused"
        if isinstance(error, BugError):
            kind = str(Kind.BUG)
            if self._on_bug is not None:
                self._on_bug(error)
        reason = reason or error.message
        if error.hint:
            reason += f" ({error.hint})"
        drop = TrustDrop(
            subject="", fingerprint=fingerprint, source=source, kind=kind, reason=reason
        )
        self.unread.append(drop)

    def _note(self, path: Path, bundle: Bundle) -> None:
        self.notes += [f"'{path}': {sentence}" for sentence in bundle.repairs]
        if bundle.strays:
            lines = ", ".join(map(str, bundle.strays[:5]))
            more = f" and {len(bundle.strays) - 5} more" if len(bundle.strays) > 5 else ""
            self.notes.append(
                f"'{path}' has other text between its blocks, left out: line {lines}{more}"
            )


def octets_of(path: Path) -> bytes:
    """The octets of a source.

    Raises:
        CAError: it is not there, too long, or cannot be read.
    """
    return read_bounded(path, limit=MAX_SOURCE, pipes=True)
