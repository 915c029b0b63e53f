"""A signing profile: what certificates of one kind contain, as data. Unknown keys are errors."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Literal

import msgspec

from ca.encoding.oids import Purpose
from ca.model.certificates import NameKind
from ca.names.uris import USUAL_SCHEMES
from ca.profiles.durations import parse_span

Role = Literal["root", "issuing", "ocsp-responder", "registration-authority", "end-entity"]
KeyUsageBit = Literal["digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"]

SMALLEST_RSA, LARGEST_RSA = 2048, 8192
"""Bits of the RSA keys that sipca certifies: the rules ``weak-key`` and ``rsa-large`` hold them."""


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SubjectRules(_Closed, frozen=True):
    """``take``: attribute types that are taken from a request. ``require``: those it must have.

    ``factory_cn``: a MAC address is an acceptable CN.
    """

    take: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    factory_cn: bool = False


class SanRules(_Closed, frozen=True):
    """``take``: kinds of name that are taken from a request. ``from_cn``: add the CN to the SAN.

    ``require``: there must be a SAN. ``wildcard``: DNS names may be wildcards. ``sip_domain``: URIs
    are SIP domains (RFC 5922). ``uri_schemes``: the schemes that a URI may have.
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
    """``key_encipherment`` is set only if the key is RSA (RFC 5480, 3)."""

    key_usage: tuple[KeyUsageBit, ...]
    extended_key_usage: tuple[Purpose, ...] = ()
    path_length: int | None = None
    ocsp_nocheck: bool = False


@lru_cache(maxsize=64)
def _hashed(text: str) -> bytes:
    return sha256(text.encode()).digest()


class Profile(_Closed, frozen=True):
    """One profile. ``text`` is its TOML, unchanged; the register keeps it with each certificate.

    ``verbatim``: subject and SAN are issued exactly as requested, or the request is refused.
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
        """Cheap, because caches look up a profile for every certificate of a batch."""
        return hash((self.name, self.text))

    @property
    def lifetime_span(self) -> timedelta:
        """The lifetime of a certificate if none is requested."""
        return parse_span(self.lifetime)

    @property
    def max_span(self) -> timedelta:
        """The longest lifetime that may be requested."""
        return parse_span(self.max_lifetime)

    @property
    def backdate_span(self) -> timedelta:
        """How long before signing a certificate's notBefore is."""
        return parse_span(self.backdate)

    @property
    def text_hash(self) -> bytes:
        """SHA-256 of the TOML text."""
        return _hashed(self.text)
