"""The noun of this room: a certification request taken apart (RFC 2986)."""

from __future__ import annotations

import msgspec

from ca.keys.public import PublicKey
from ca.model.certificates import GeneralName, SubjectAttribute, cn_of


class RequestedExtension(msgspec.Struct, frozen=True):
    """An extension of the request's extensionRequest (RFC 2985, 5.4.2), as DER and as text."""

    oid: str
    name: str
    critical: bool
    text: str
    value: bytes


class Flaw(msgspec.Struct, frozen=True):
    """A part of a request that does not decode, stands twice, or is beyond a bound.

    ``field`` is the account's ("subject.O", "san", "extension.keyUsage", "attribute.1.2.3"),
    ``text`` what stands there in its place, ``problem`` and ``hint`` are for the operator. What
    could hide names (a second extensionRequest, say) is a flaw of the field "san". Nothing is
    judged by being here: who takes the part refuses it.
    """

    field: str
    text: str
    problem: str
    hint: str | None = None


class CertificateRequest(msgspec.Struct, frozen=True):
    """What a device asked for, exactly as received; nothing is judged yet.

    ``der`` and ``info`` are the received octets (the whole request; the part that is signed).
    ``subject`` is in the request's order. ``san`` keeps the request's order and holds only the
    kinds of ``GeneralName``; other kinds stand in ``other_names`` as text. ``attributes`` are
    the request's attributes beside extensionRequest, by name or dotted OID. ``repairs`` says,
    a sentence each, what was repaired to be able to read it, ``flaws`` what could not be.
    """

    der: bytes
    info: bytes
    key: PublicKey
    subject: tuple[SubjectAttribute, ...]
    san: tuple[GeneralName, ...]
    san_critical: bool
    other_names: tuple[str, ...]
    extensions: tuple[RequestedExtension, ...]
    attributes: tuple[str, ...]
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes
    repairs: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()

    @property
    def cn(self) -> str | None:
        """The first commonName, or None."""
        return cn_of(self.subject)

    @property
    def san_flaws(self) -> tuple[Flaw, ...]:
        """What of the SAN could not be read, or may hide names."""
        if not self.flaws:  # nearly always
            return ()
        return tuple(flaw for flaw in self.flaws if flaw.field == "san")

    @property
    def subject_flaws(self) -> tuple[Flaw, ...]:
        """What of the subject could not be read."""
        if not self.flaws:
            return ()
        return tuple(flaw for flaw in self.flaws if flaw.field.partition(".")[0] == "subject")
