"""Which certificates a new one supersedes: those in use for the same purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import msgspec

from ca.encoding.certificates import read_certificate
from ca.keys.public import read_public_key
from ca.model.certificates import GeneralName, SubjectAttribute, cn_of
from ca.store import successions
from ca.store.certificates import CertificateRow
from ca.store.connection import Store


class Use(msgspec.Struct, frozen=True):
    """What a certificate is used for: its device and TLS context, profile, key and names.

    ``issued``: its key was made by ``sipca issue``, not by a device.
    """

    device: str | None
    context: int | None
    profile: str
    profile_sha256: bytes
    key_identity: bytes
    subject: tuple[SubjectAttribute, ...]
    san: tuple[GeneralName, ...]
    issued: bool = False

    @property
    def name(self) -> str:
        """A name under which the index finds the certificate."""
        cn = cn_of(self.subject) or ""
        return cn.casefold() or (self.san[0].value.casefold() if self.san else "")

    def succeeds(self, old: Use) -> bool:
        """Whether a certificate for this use replaces one for the other.

        A TLS context holds one certificate, and a device without contexts one a profile. Without
        a device on both sides, certificates of the same key and names replace each other, and
        issued ones those of the same profile and names.
        """
        if self.device is not None and old.device is not None:
            same_place = (self.device.casefold(), self.context) == (
                old.device.casefold(),
                old.context,
            )
            return same_place and (self.context is not None or self._has_profile_of(old))
        same_names = (self.subject, self.san) == (old.subject, old.san)
        same_key = self.key_identity == old.key_identity
        both_issued = self.issued and old.issued and self._has_profile_of(old)
        return same_names and (same_key or both_issued)

    def _has_profile_of(self, old: Use) -> bool:
        """By name, whatever its text was then; by text, whatever name a copy of it has."""
        return self.profile == old.profile or self.profile_sha256 == old.profile_sha256


def use_of(row: CertificateRow) -> Use:
    """What a recorded certificate is used for."""
    facts = read_certificate(row.der)
    return Use(
        row.device,
        row.context,
        row.profile,
        row.profile_sha256,
        read_public_key(facts.spki).identity,
        facts.subject,
        facts.san,
        row.request_id is None,
    )


def attached_place(store: Store, rows: Sequence[CertificateRow]) -> CertificateRow | None:
    """The certificate whose device and context its successor has, where none was named for it.

    That is the newest in use of these, if one of them was attached to a device: whoever signs the
    same request again, or issues for the same key, does not name the device as before.
    """
    newest = next((row for row in rows if row.device is not None and row.is_in_use), None)
    if newest is None or not successions.is_any_attached(store, [row.plan_id for row in rows]):
        return None
    return newest


class Predecessors:
    """Finds predecessors for many new certificates with few queries.

    ``own`` are the numbers of their own plans, where these are recorded already.
    """

    def __init__(self, store: Store, uses: Sequence[Use], own: Sequence[int] = ()) -> None:
        self._store = store
        keys = Counter(use.key_identity for use in uses)
        devices = Counter(use.device.casefold() for use in uses if use.device)
        self._keys = successions.keys_in_register(store, list(keys), except_plans=own)
        self._keys |= {key for key, count in keys.items() if count > 1}
        names = list({use.device for use in uses if use.device})
        self._devices = successions.devices_in_register(store, names, except_plans=own)
        self._devices |= {name for name, count in devices.items() if count > 1}

    def of(self, use: Use, *, without: Collection[int] = ()) -> list[CertificateRow]:
        """The certificates that one for this use supersedes, newest first.

        Where several are current (``--beside``), only those of the same key, if there are any.
        ``without``: the numbers of plans that are recorded in the same transaction, or later.
        """
        rows = {row.plan_id: row for row in self._in_use(use)}
        uses = {number: use_of(row) for number, row in rows.items()}
        matching = [
            number for number, old in uses.items() if use.succeeds(old) and number not in without
        ]
        same_key = [number for number in matching if uses[number].key_identity == use.key_identity]
        return [rows[number] for number in sorted(same_key or matching, reverse=True)]

    def _in_use(self, use: Use) -> Iterator[CertificateRow]:
        if use.device is not None and use.device.casefold() in self._devices:
            yield from successions.in_use_of_device(self._store, use.device)
        if use.key_identity in self._keys:
            yield from successions.in_use_of_key(self._store, use.key_identity, use.name)
        if use.issued:
            yield from successions.in_use_issued(
                self._store, use.profile, use.profile_sha256, use.name
            )
