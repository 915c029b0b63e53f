"""A signing profile: what a certificate of one kind carries, as data (closed keys)."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from ca.encoding.oids import Purpose
from ca.model.certificates import NameKind
from ca.names.uris import USUAL_SCHEMES
from ca.profiles.durations import parse_span

Role = Literal["root", "issuing", "ocsp-responder", "end-entity"]
KeyUsageBit = Literal["digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"]

SMALLEST_RSA, LARGEST_RSA = 2048, 8192
"""Bits of the RSA keys that sipca certifies: the rules ``weak-key`` and ``rsa-large`` hold them."""


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SubjectRules(_Closed, frozen=True):
    """``take``: the most a request may carry over. ``factory_cn``: a MAC as CN is a name here."""

    take: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    factory_cn: bool = False


class SanRules(_Closed, frozen=True):
    """``take``: kinds of name a request may carry over. ``sip_domain``: URIs are SIP domains.

    ``uri_schemes``: of which schemes a URI may be; those that mean something in a SIP lab.
    """

    take: tuple[NameKind, ...] = ()
    from_cn: bool = False
    require: bool = False
    critical: Literal[False] = False
    wildcard: bool = False
    sip_domain: bool = False
    uri_schemes: tuple[str, ...] = USUAL_SCHEMES


class KeyRules(_Closed, frozen=True):
    """``allow``: ``rsa:MIN-MAX`` bits, ``ec:CURVE``, ``ed25519``."""

    allow: tuple[str, ...]


class ExtensionRules(_Closed, frozen=True):
    """``key_encipherment`` is set only where the key is RSA (RFC 5480, 3)."""

    key_usage: tuple[KeyUsageBit, ...]
    extended_key_usage: tuple[Purpose, ...] = ()
    path_length: int | None = None
    ocsp_nocheck: bool = False


class Profile(_Closed, frozen=True):
    """One profile. ``text`` is the very TOML, kept by hash beside each certificate.

    ``verbatim``: subject and SAN are issued as the request asks for them, or it is refused.
    """

    schema: Literal[1]
    role: Role
    description: str
    issuer: Literal["self", "root", "issuing"]
    lifetime: str
    max_lifetime: str
    backdate: str
    key: KeyRules
    extensions: ExtensionRules
    subject: SubjectRules = SubjectRules()
    san: SanRules = SanRules()
    verbatim: bool = False
    name: str = ""
    text: str = ""

    def __hash__(self) -> int:
        """Cheap: what a batch shares is looked up by profile for each certificate."""
        return hash((self.name, self.text))

    @property
    def lifetime_span(self) -> timedelta:
        """How long a certificate lives when nobody wishes otherwise."""
        return parse_span(self.lifetime)

    @property
    def max_span(self) -> timedelta:
        """The longest life that may be wished for."""
        return parse_span(self.max_lifetime)

    @property
    def backdate_span(self) -> timedelta:
        """How far notBefore lies before the signing."""
        return parse_span(self.backdate)

    @property
    def text_hash(self) -> bytes:
        """SHA-256 of the TOML."""
        return sha256(self.text.encode()).digest()
