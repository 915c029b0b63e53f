"""A fixture, a deliberately bad certificate, as data: its defect, and what openssl reports."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.encoding.oids import Purpose


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Change(_Closed, frozen=True):
    """How the fixture differs from a good certificate for peer.lab.example and 10.0.0.9."""

    cn: str = "peer.lab.example"
    names: tuple[str, ...] = ("dns:peer.lab.example", "ip:10.0.0.9")
    san_critical: bool = False
    not_before_days: int = -1
    not_after_days: int = 90
    purposes: tuple[Purpose, ...] = (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH)
    key: Literal["rsa:2048", "rsa:1024", "ec:p256"] = "rsa:2048"
    signature: Literal["sha256", "sha1"] = "sha256"
    issuer: Literal["issuing", "unknown", "below-issuing", "constrained"] = "issuing"
    send_chain: bool = True
    revoked: bool = False


class Prediction(_Closed, frozen=True):
    """Arguments for ``openssl verify`` (``words``), and the text it then reports (``says``)."""

    words: tuple[str, ...]
    says: str


class Fixture(_Closed, frozen=True):
    """One fixture. ``peer`` says what a correct peer does with the certificate.

    ``present``: how it has to be presented, where that is not as usual. ``refused_by`` and
    ``taken_by``: programs that were seen to refuse it, and to take it (targets 14).
    """

    schema: Literal[1]
    description: str
    peer: str
    change: Change
    openssl: Prediction
    present: str = ""
    refused_by: tuple[str, ...] = ()
    taken_by: tuple[str, ...] = ()
    name: str = ""
    text: str = ""
