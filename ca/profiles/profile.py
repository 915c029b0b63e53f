"""A signing profile: what a certificate of one kind carries, as data (closed keys)."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from ca.errors import MalformedError
from ca.model.certificates import NameKind
from ca.profiles.durations import parse_span

Role = Literal["root", "issuing", "ocsp-responder", "end-entity"]
KeyUsageBit = Literal["digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"]
Purpose = Literal["server_auth", "client_auth", "sip_domain", "ocsp_signing"]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class SubjectRules(_Closed, frozen=True):
    """``take``: the most a request may carry over. ``factory_cn``: a MAC as CN is a name here."""

    take: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    factory_cn: bool = False


class SanRules(_Closed, frozen=True):
    """``take``: kinds of name a request may carry over. ``sip_domain``: URIs are SIP domains."""

    take: tuple[NameKind, ...] = ()
    from_cn: bool = False
    require: bool = False
    critical: Literal[False] = False
    wildcard: bool = False
    sip_domain: bool = False


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


def check_consistent(profile: Profile) -> None:
    """What the types cannot say: spans, and that a role carries the bits it stands for.

    Raises:
        MalformedError: naming the key that is wrong.
    """
    for key in ("lifetime", "max_lifetime", "backdate"):
        try:
            parse_span(getattr(profile, key))
        except MalformedError as error:
            raise MalformedError(f"{key}: {error.message}", hint=error.hint) from None
    if profile.lifetime_span > profile.max_span:
        raise MalformedError(
            f"lifetime {profile.lifetime} is longer than max_lifetime {profile.max_lifetime}"
        )
    if profile.verbatim and profile.role != "end-entity":
        raise MalformedError(f"verbatim: no request is signed by a profile of role {profile.role}")
    if profile.role in ("root", "issuing"):
        if "key_cert_sign" not in profile.extensions.key_usage:
            raise MalformedError(f"key_usage: {profile.role} needs key_cert_sign")
        return
    _check_leaf(profile)
    if profile.role == "end-entity":
        _check_end_entity(profile)


def _check_leaf(profile: Profile) -> None:
    signs = {"key_cert_sign", "crl_sign"} & set(profile.extensions.key_usage)
    if signs:
        raise MalformedError(f"key_usage: {min(signs)} belongs to a CA, not to {profile.role}")
    if "digital_signature" not in profile.extensions.key_usage:
        raise MalformedError("key_usage: digital_signature is always needed by TLS")
    if profile.extensions.path_length is not None:
        raise MalformedError("path_length belongs to a CA")


def _check_end_entity(profile: Profile) -> None:
    if profile.issuer != "issuing":
        raise MalformedError(f"issuer: an end entity's is 'issuing', not '{profile.issuer}'")
    if "CN" not in profile.subject.require or "CN" not in profile.subject.take:
        raise MalformedError(
            "subject: an end entity takes and requires a CN: its SAN is not critical"
        )
    if "ocsp_signing" in profile.extensions.extended_key_usage:
        raise MalformedError("extended_key_usage: ocsp_signing belongs to an ocsp-responder")
