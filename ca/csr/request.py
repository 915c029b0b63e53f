"""A parsed certification request (RFC 2986)."""

from __future__ import annotations

import msgspec

from ca.keys.public import PublicKey
from ca.model.certificates import GeneralName, SubjectAttribute, cn_of


class RequestedExtension(msgspec.Struct, frozen=True):
    """An extension from a request's extensionRequest (RFC 2985, 5.4.2), as DER and as text."""

    oid: str
    name: str
    critical: bool
    text: str
    value: bytes


class Flaw(msgspec.Struct, frozen=True):
    """A part of a request that does not decode, occurs twice, or exceeds a limit.

    ``field`` is named as in the account ("subject.O", "san", "extension.keyUsage",
    "attribute.1.2.3"), ``text`` is shown in place of the value, ``problem`` and ``hint`` are for
    the operator. Anything that could hide names (a second extensionRequest, say) has the field
    "san". A flaw alone refuses nothing: whatever would issue the part refuses it.
    """

    field: str
    text: str
    problem: str
    hint: str | None = None


class CertificateRequest(msgspec.Struct, frozen=True):
    """What a device requested, exactly as received and not yet judged.

    ``der`` and ``info`` are the received octets (the whole request; the part that is signed).
    ``subject`` and ``san`` are in the request's order. ``san`` holds only the kinds that
    ``GeneralName`` has; other kinds are text in ``other_names``. ``attributes`` are the names or
    dotted OIDs of all attributes except extensionRequest. ``repairs`` has one sentence for each
    repair that was needed to read the request; ``flaws`` has what could not be repaired.
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
    proven: bool = False
    """Its signature verified when it was received; the kept form has lost it."""

    @property
    def cn(self) -> str | None:
        """The first commonName, or None."""
        return cn_of(self.subject)

    @property
    def san_flaws(self) -> tuple[Flaw, ...]:
        """Flaws of the SAN: parts that do not decode or may hide names."""
        if not self.flaws:  # nearly always
            return ()
        return tuple(flaw for flaw in self.flaws if flaw.field == "san")

    @property
    def subject_flaws(self) -> tuple[Flaw, ...]:
        """Flaws of the subject: parts that do not decode."""
        if not self.flaws:
            return ()
        return tuple(flaw for flaw in self.flaws if flaw.field.partition(".")[0] == "subject")
