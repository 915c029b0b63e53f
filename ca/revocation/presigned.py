"""What is known of presigned answers from the call that wrote them, and whether they are due.

A record is a line of the file ``presigned.state`` beside the answers: a certificate, what its
answers say, from when until when, and the hash of their octets. So the answers are kept without a
look into them, where the register still says the same and their octets are still there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from ca.revocation.ocsp import Responder, Revoked

STATE = "presigned.state"
HEAD = b"answers of sipca ocsp presign, form 1\n"
"""The first line: by it, sipca recognises the file as its own."""
_LINE = re.compile(
    rb"([0-9a-f]{16}) ([0-9a-f]+) (\d{1,12}) (\d{1,12}) ([0-9a-f]{32}) ([0-9a-f]{64})\n"
)
LONGEST = 1 << 16
"""Octets of a line; the serials of other CAs may be long."""


class Presented(msgspec.Struct, frozen=True):
    """The answers for one certificate: seconds since 1970, and hashes in hex digits."""

    issuer: str
    serial: str
    this_update: int
    next_update: int
    said: str
    octets: str

    @property
    def place(self) -> tuple[str, str]:
        """Records follow each other in this order."""
        return self.issuer, self.serial

    def line(self) -> bytes:
        """The record as a line."""
        return (
            f"{self.issuer} {self.serial} {self.this_update} {self.next_update} "
            f"{self.said} {self.octets}\n"
        ).encode()

    def holds(self, answers: Sequence[bytes | None]) -> bool:
        """Whether these are the answers: none is missing, none was changed."""
        present = [each for each in answers if each is not None]
        return len(present) == len(answers) and octets_of(present) == self.octets

    def is_due(self, *, said: str, now: datetime, lifetime: timedelta, end: datetime) -> bool:
        """Whether the answers have to be made anew.

        They have not if the register says the same, if they are valid already, and for another half
        of ``lifetime`` and no longer than that, or as long as their signer, which ends at ``end``.
        """
        if said != self.said or self.this_update > now.timestamp():
            return True
        left = self.next_update - now.timestamp()
        if left > lifetime.total_seconds():
            return True
        lasting = left >= lifetime.total_seconds() / 2
        return not (lasting or (left > 0 and self.next_update == int(end.timestamp())))


class Records:
    """The records of an earlier call, asked for in their order.

    A file that was damaged or changed has no records from there on: what is not known of is due.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._records = _read(lines)
        self._next = next(self._records, None)

    def find(self, issuer: str, serial: str) -> Presented | None:
        """The record of a certificate, or None; the next one asked for comes after it."""
        while self._next is not None and self._next.place < (issuer, serial):
            self._next = next(self._records, None)
        found = self._next
        return found if found is not None and found.place == (issuer, serial) else None


def _read(lines: Iterable[bytes]) -> Iterator[Presented]:
    read = iter(lines)
    if next(read, b"") != HEAD:
        return
    for line in read:
        parts = _LINE.fullmatch(line)
        if parts is None:
            return
        issuer, serial, this_update, next_update, said, octets = (each.decode() for each in parts.groups())  # fmt: skip  # noqa: E501
        yield Presented(issuer, serial, int(this_update), int(next_update), said, octets)


def issuer_of(responder: Responder) -> str:
    """What stands for an issuer in records."""
    return sha256(responder.issuer_name + responder.issuer_key_bits).hexdigest()[:16]


def said_by(responder: Responder, status: Revoked | str) -> str:
    """What stands for a signer and a status in records: another of them, and answers are due."""
    if isinstance(status, Revoked):
        status = f"revoked {status.since.isoformat()} {status.reason}"
    return sha256(responder.certificate + status.encode()).hexdigest()[:32]


def octets_of(answers: Sequence[bytes]) -> str:
    """The hash of all answers for a certificate."""
    digest = sha256()
    for each in answers:
        digest.update(each)
    return digest.hexdigest()
