"""The files that an operator is about to upload, taken apart for judging."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ca.encoding.bundles import BOM, Bundle, read_bundle
from ca.encoding.certificates import read_certificate
from ca.errors import MalformedError
from ca.keys.public import PublicKey, read_public_key
from ca.model.certificates import CertificateFacts
from ca.profiles.target import Target

Role = Literal["both", "server", "client"]


class DeviceFile(msgspec.Struct, frozen=True):
    """The device certificate's file: its form, and the first certificate in it."""

    name: str
    bundle: Bundle
    facts: CertificateFacts
    key: PublicKey
    has_bom: bool
    is_ascii: bool
    ends_with_newline: bool


class TrustFile(msgspec.Struct, frozen=True):
    """The trusted roots' file and its certificates in order."""

    name: str
    bundle: Bundle
    members: tuple[CertificateFacts, ...]


class OtherKey(msgspec.Struct, frozen=True):
    """A key to compare with: a CSR's, a private key's."""

    label: str
    identity: bytes


class Upload(msgspec.Struct, frozen=True):
    """All that is judged together. ``at`` is the device's clock; ``role`` what the context does."""

    target: Target
    device: DeviceFile
    at: datetime
    trust: TrustFile | None = None
    keys: tuple[OtherKey, ...] = ()
    peers: tuple[str, ...] = ()
    role: Role = "both"


def device_file(name: str, data: bytes) -> DeviceFile:
    """The device certificate's file.

    Raises:
        MalformedError: there is no certificate in it.
    """
    bundle = read_bundle(data, what=f"'{name}'")
    if not bundle.members:
        what = "a private key" if bundle.keys else ", ".join(bundle.others) or "no certificate"
        raise MalformedError(
            f"'{name}' holds {what} where a certificate is due",
            hint="a private key belongs to nobody but its device: keep it away from mail and shares"
            if bundle.keys
            else "give the certificate that is to be uploaded",
        )
    facts = read_certificate(bundle.members[0].der)
    return DeviceFile(
        name,
        bundle,
        facts,
        read_public_key(facts.spki),
        data.startswith(BOM),
        data.isascii() or bundle.form != "pem",
        data.endswith(b"\n") or bundle.form != "pem",
    )


def trust_file(name: str, data: bytes) -> TrustFile:
    """The trusted roots' file.

    Raises:
        MalformedError: a block of it is damaged, or it holds nothing of the kind.
    """
    bundle = read_bundle(data, what=f"'{name}'")
    return TrustFile(name, bundle, tuple(read_certificate(each.der) for each in bundle.members))
