"""The files that an operator is about to upload, parsed for the preflight."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from ca.encoding.bundles import (
    BOM,
    Bundle,
    Damage,
    Member,
    form_of_others,
    not_a_certificate,
    read_bundle,
)
from ca.encoding.certificates import read_certificate
from ca.errors import Kind, MalformedError
from ca.keys.public import PublicKey, read_public_key
from ca.model.certificates import CertificateFacts
from ca.profiles.target import Target

Role = Literal["both", "server", "client"]
ROLES = get_args(Role)


class DeviceFile(msgspec.Struct, frozen=True):
    """The device certificate's file: its form, and the first certificate in it.

    ``key`` is None if the certificate's public key does not decode.
    """

    name: str
    bundle: Bundle
    facts: CertificateFacts
    key: PublicKey | None
    has_bom: bool
    is_ascii: bool
    ends_with_newline: bool


class TrustFile(msgspec.Struct, frozen=True):
    """The trust file: its certificates in order, and the blocks that cannot be read."""

    name: str
    bundle: Bundle
    members: tuple[CertificateFacts, ...]
    unread: tuple[Damage, ...] = ()


class UnreadFile(msgspec.Struct, frozen=True):
    """A further file that cannot be read, and why."""

    label: str
    reason: str
    hint: str | None = None
    kind: Kind = Kind.MALFORMED


class OtherKey(msgspec.Struct, frozen=True):
    """A key to compare the certificate's key with, from a CSR or a private key."""

    label: str
    identity: bytes


class Upload(msgspec.Struct, frozen=True):
    """All that is judged together. ``at`` is the device's time; ``role`` is the TLS context's."""

    target: Target
    device: DeviceFile
    at: datetime
    trust: TrustFile | None = None
    keys: tuple[OtherKey, ...] = ()
    peers: tuple[str, ...] = ()
    role: Role = "both"
    unread: tuple[UnreadFile, ...] = ()


def device_file(name: str, data: bytes) -> DeviceFile:
    """Parse the device certificate's file.

    Raises:
        MalformedError: it holds no certificate that can be read.
    """
    bundle = read_bundle(data, what=f"'{name}'")
    if not bundle.members:
        for each in bundle.damaged:
            raise MalformedError(f"'{name}' line {each.line}: {each.reason}")
        raise not_a_certificate(f"'{name}'", form_of_others(bundle))
    facts = _facts(name, bundle.members[0])
    return DeviceFile(
        name,
        bundle,
        facts,
        _key(facts),
        data.startswith(BOM),
        data.isascii() or bundle.form != "pem",
        data.endswith(b"\n") or bundle.form != "pem",
    )


def trust_file(name: str, data: bytes) -> TrustFile:
    """Parse the trust file; blocks that cannot be read are listed in ``unread``.

    Raises:
        MalformedError: it is not a file of certificates.
    """
    bundle = read_bundle(data, what=f"'{name}'")
    members: list[CertificateFacts] = []
    unread = list(bundle.damaged)
    for member in bundle.members:
        try:
            members.append(read_certificate(member.der))
        except MalformedError as error:
            unread.append(Damage(member.line, error.message))
    return TrustFile(name, bundle, tuple(members), tuple(unread))


def _facts(name: str, member: Member) -> CertificateFacts:
    try:
        return read_certificate(member.der)
    except MalformedError as error:
        raise MalformedError(f"'{name}' line {member.line}: {error.message}") from None


def _key(facts: CertificateFacts) -> PublicKey | None:
    try:
        return read_public_key(facts.spki)
    except MalformedError:
        return None
