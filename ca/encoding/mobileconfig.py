"""Apple configuration profiles that carry root certificates: bytes in, bytes out."""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5

ROOT_PAYLOAD = "com.apple.security.root"


def root_profile(name: str, roots: Sequence[tuple[str, bytes]]) -> bytes:
    """An unsigned profile with the roots: each a name and its DER.

    Its identifiers come from the certificates, so that the same roots make the same octets, and
    a profile installed again replaces the one before.
    """
    payloads = [_payload(title, der) for title, der in roots]
    all_of_them = ":".join(sha256(der).hexdigest() for _, der in roots)
    identity = uuid5(NAMESPACE_URL, f"sipca:{all_of_them}")
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"sipca.roots.{str(identity).lower()}",
        "PayloadUUID": str(identity).upper(),
        "PayloadDisplayName": name,
        "PayloadDescription": "The root certificates of a private CA; no other setting.",
        "PayloadContent": payloads,
    }
    return plistlib.dumps(profile)


def _payload(title: str, der: bytes) -> dict[str, object]:
    fingerprint = sha256(der).hexdigest()
    return {
        "PayloadType": ROOT_PAYLOAD,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"sipca.root.{fingerprint[:16]}",
        "PayloadUUID": str(uuid5(NAMESPACE_URL, f"sipca:{fingerprint}")).upper(),
        "PayloadDisplayName": title,
        "PayloadCertificateFileName": f"{fingerprint[:16]}.cer",
        "PayloadContent": der,
    }
