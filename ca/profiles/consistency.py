"""Check that the keys of a profile fit its role and one another, which types cannot express.

A profile that could issue nothing, or something its role must not carry, is refused whenever it
is read: by ``profile check`` and at every use.
"""

from __future__ import annotations

from collections.abc import Iterable

from ca.encoding.oids import ATTRIBUTE_TYPES, CURVE_NAMES, Purpose
from ca.errors import MalformedError
from ca.model.certificates import NAME_KINDS
from ca.names.uris import SCHEME, USUAL_SCHEMES
from ca.profiles.durations import parse_span
from ca.profiles.profile import LARGEST_RSA, SMALLEST_RSA, Profile

_KEY_TYPES = ("rsa:MIN-MAX", *(f"ec:{curve}" for curve in CURVE_NAMES), "ed25519")
_ISSUERS = {
    "root": ("self",),
    "issuing": ("root",),
    "ocsp-responder": ("root", "issuing"),
    "registration-authority": ("issuing",),
}


def check_consistent(profile: Profile) -> None:
    """Check that certificates can be issued with a profile.

    Raises:
        MalformedError: a key is wrong; the message names it.
    """
    _check_spans(profile)
    _check_nothing_twice(profile)
    _check_subject(profile)
    _check_key(profile)
    _check_san(profile)
    if profile.verbatim and profile.role != "end-entity":
        raise MalformedError(f"verbatim: a profile of role {profile.role} does not sign requests")
    if profile.role in ("root", "issuing"):
        _check_ca(profile)
        return
    _check_leaf(profile)
    if profile.role == "end-entity":
        _check_end_entity(profile)
    elif profile.role == "registration-authority":
        _check_registration(profile)
    else:
        _check_responder(profile)


def _check_spans(profile: Profile) -> None:
    for key in ("lifetime", "max_lifetime", "backdate"):
        try:
            parse_span(getattr(profile, key))
        except MalformedError as error:
            raise MalformedError(f"{key}: {error.message}", hint=error.hint) from None
    if profile.lifetime_span > profile.max_span:
        raise MalformedError(
            f"lifetime {profile.lifetime} is longer than max_lifetime {profile.max_lifetime}"
        )
    if parse_span(profile.backdate) >= profile.lifetime_span:
        raise MalformedError(
            f"backdate {profile.backdate} is not shorter than lifetime {profile.lifetime}: a "
            "certificate would expire before it is signed",
            hint="choose a shorter one; usual is an hour or a day: 24h",
        )


def _check_nothing_twice(profile: Profile) -> None:
    lists: dict[str, Iterable[str]] = {
        "subject.take": profile.subject.take,
        "subject.require": profile.subject.require,
        "san.take": profile.san.take,
        "san.uri_schemes": profile.san.uri_schemes,
        "key.allow": profile.key.allow,
        "extensions.key_usage": profile.extensions.key_usage,
        "extensions.extended_key_usage": profile.extensions.extended_key_usage,
    }
    for key, values in lists.items():
        known: set[str] = set()
        for value in values:
            if value in known:
                raise MalformedError(f"{key}: '{value}' is listed twice", hint="remove one of them")
            known.add(value)


def _check_subject(profile: Profile) -> None:
    types = sorted(set(ATTRIBUTE_TYPES.values()))
    for key, names in (("take", profile.subject.take), ("require", profile.subject.require)):
        for name in names:
            if name not in types:
                raise MalformedError(
                    f"subject.{key}: '{name}' is not an attribute type that sipca can encode",
                    hint=f"choose one of {', '.join(types)}",
                )
    for name in profile.subject.require:
        if name not in profile.subject.take and name != "CN":
            raise MalformedError(
                f"subject.require: '{name}' is required but not in subject.take",
                hint="add it to subject.take",
            )


def _check_key(profile: Profile) -> None:
    if not profile.key.allow:
        raise MalformedError(
            "key.allow: an empty list allows no key", hint="write it as rsa:2048-8192"
        )
    for entry in profile.key.allow:
        family, _, rest = entry.partition(":")
        if family == "rsa":
            _check_rsa(entry, rest)
        elif entry != "ed25519" and (family != "ec" or rest not in ("", *CURVE_NAMES)):
            raise MalformedError(
                f"key.allow: '{entry}' is not a supported key type",
                hint=f"choose one of {', '.join(_KEY_TYPES)}",
            )


def _check_rsa(entry: str, bits: str) -> None:
    low, dash, high = bits.partition("-")
    high = high if dash else low
    if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in (low, high)):
        raise MalformedError(
            f"key.allow: '{entry}' is not rsa:MIN-MAX", hint="write it as rsa:2048-8192"
        )
    if int(low) > int(high):
        raise MalformedError(f"key.allow: '{entry}' allows no key: MIN is above MAX")
    if int(high) < SMALLEST_RSA or int(low) > LARGEST_RSA:
        raise MalformedError(
            f"key.allow: '{entry}' allows no key: sipca accepts RSA keys of {SMALLEST_RSA} to "
            f"{LARGEST_RSA} bits",
            hint="write it as rsa:2048-8192; for a smaller key, sign with --allow weak-key",
        )


def _check_san(profile: Profile) -> None:
    san = profile.san
    needs = (
        ("require", san.require, NAME_KINDS),
        ("from_cn", san.from_cn, ("dns", "ip")),
        ("wildcard", san.wildcard, ("dns",)),
        ("sip_domain", san.sip_domain, ("uri",)),
        ("uri_schemes", san.uri_schemes != USUAL_SCHEMES, ("uri",)),
    )
    for key, is_set, kinds in needs:
        if is_set and not set(kinds) & set(san.take):
            raise MalformedError(
                f"san.{key} has no effect: san.take has no {' or '.join(kinds)}",
                hint="add it to san.take, or remove the key",
            )
    for scheme in san.uri_schemes:
        if not SCHEME.fullmatch(scheme) or scheme != scheme.lower():
            raise MalformedError(
                f"san.uri_schemes: '{scheme}' is not a URI scheme",
                hint="write it in lower case, without the colon: sip",
            )
    if "uri" in san.take and not san.uri_schemes:
        raise MalformedError("san.uri_schemes: an empty list allows no URI")
    if san.sip_domain and "sip" not in san.uri_schemes:
        raise MalformedError(
            "san.uri_schemes lacks sip, which san.sip_domain needs", hint='add "sip"'
        )


def _check_ca(profile: Profile) -> None:
    _check_issuer(profile)
    for bit in ("key_cert_sign", "crl_sign"):
        if bit not in profile.extensions.key_usage:
            raise MalformedError(f"key_usage: a profile of role {profile.role} needs {bit}")
    if profile.extensions.extended_key_usage:
        raise MalformedError(
            "extended_key_usage must be empty for a CA: some verifiers apply it to all "
            "certificates below"
        )
    _check_no_nocheck(profile)
    length = profile.extensions.path_length
    if length is not None and not 0 <= length <= 10:
        raise MalformedError(f"path_length: {length} is not between 0 and 10")


def _check_issuer(profile: Profile) -> None:
    issuers = _ISSUERS[profile.role]
    if profile.issuer not in issuers:
        allowed = " or ".join(f"'{each}'" for each in issuers)
        raise MalformedError(f"issuer: role {profile.role} needs {allowed}, not '{profile.issuer}'")


def _check_no_nocheck(profile: Profile) -> None:
    if profile.extensions.ocsp_nocheck:
        raise MalformedError(
            f"extensions.ocsp_nocheck is only for role ocsp-responder, not {profile.role}: its "
            "certificates could not be revoked",
            hint="remove the key",
        )


def _check_leaf(profile: Profile) -> None:
    ca_bits = {"key_cert_sign", "crl_sign"} & set(profile.extensions.key_usage)
    if ca_bits:
        raise MalformedError(
            f"key_usage: {min(ca_bits)} is only for a CA, not for role {profile.role}"
        )
    if "digital_signature" not in profile.extensions.key_usage:
        raise MalformedError("key_usage lacks digital_signature, which TLS needs")
    if profile.extensions.path_length is not None:
        raise MalformedError("path_length is only for a CA")


def _check_end_entity(profile: Profile) -> None:
    if profile.issuer != "issuing":
        raise MalformedError(f"issuer: role end-entity needs 'issuing', not '{profile.issuer}'")
    if "CN" not in profile.subject.require or "CN" not in profile.subject.take:
        raise MalformedError(
            "subject: CN must be in take and require, because an end entity's SAN is not critical"
        )
    if Purpose.OCSP_SIGNING in profile.extensions.extended_key_usage:
        raise MalformedError("extended_key_usage: ocsp_signing is only for role ocsp-responder")
    _check_no_nocheck(profile)


def _check_responder(profile: Profile) -> None:
    _check_issuer(profile)
    if profile.extensions.extended_key_usage != (Purpose.OCSP_SIGNING,):
        raise MalformedError(
            "extended_key_usage: role ocsp-responder has ocsp_signing and nothing else"
        )


def _check_registration(profile: Profile) -> None:
    _check_issuer(profile)
    if not all(entry.startswith("rsa:") for entry in profile.key.allow):
        raise MalformedError(
            f"key.allow: role {profile.role} needs RSA keys, to which requests can be encrypted",
            hint="write it as rsa:2048-8192",
        )
    if "key_encipherment" not in profile.extensions.key_usage:
        raise MalformedError(f"key_usage: a profile of role {profile.role} needs key_encipherment")
    if profile.extensions.extended_key_usage:
        raise MalformedError(f"extended_key_usage must be empty for role {profile.role}")
    _check_no_nocheck(profile)
