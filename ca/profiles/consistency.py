"""What the types of a profile cannot say: that its keys fit its role and one another.

A profile that could issue nothing, or what no role may carry, is refused when it is read: by
``profile check`` and at every use.
"""

from __future__ import annotations

from collections.abc import Iterable

from ca.encoding.oids import ATTRIBUTE_TYPES, CURVE_NAMES, Purpose
from ca.errors import MalformedError
from ca.model.certificates import NAME_KINDS
from ca.names.uris import SCHEME, USUAL_SCHEMES
from ca.profiles.durations import parse_span
from ca.profiles.profile import LARGEST_RSA, SMALLEST_RSA, Profile

_ISSUERS = {"root": ("self",), "issuing": ("root",), "ocsp-responder": ("root", "issuing")}


def check_consistent(profile: Profile) -> None:
    """That a profile can be signed by.

    Raises:
        MalformedError: naming the key that is wrong.
    """
    _check_spans(profile)
    _check_nothing_twice(profile)
    _check_subject(profile)
    _check_key(profile)
    _check_san(profile)
    if profile.verbatim and profile.role != "end-entity":
        raise MalformedError(f"verbatim: no request is signed by a profile of role {profile.role}")
    if profile.role in ("root", "issuing"):
        _check_ca(profile)
        return
    _check_leaf(profile)
    if profile.role == "end-entity":
        _check_end_entity(profile)
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
            f"backdate {profile.backdate} leaves nothing of lifetime {profile.lifetime}: a "
            "certificate would end before it is signed",
            hint="an hour or a day is usual: 24h",
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
        seen: set[str] = set()
        for value in values:
            if value in seen:
                raise MalformedError(f"{key}: '{value}' stands twice", hint="leave one of them out")
            seen.add(value)


def _check_subject(profile: Profile) -> None:
    types = sorted(set(ATTRIBUTE_TYPES.values()))
    for key, names in (("take", profile.subject.take), ("require", profile.subject.require)):
        for name in names:
            if name not in types:
                raise MalformedError(
                    f"subject.{key}: '{name}' is no attribute type that sipca can encode",
                    hint=f"one of {', '.join(types)}",
                )
    for name in profile.subject.require:
        if name not in profile.subject.take and name != "CN":
            raise MalformedError(
                f"subject.require: '{name}' is required and never taken",
                hint="add it to subject.take",
            )


def _check_key(profile: Profile) -> None:
    if not profile.key.allow:
        raise MalformedError("key.allow: no key can meet an empty list", hint="rsa:2048-8192")
    for entry in profile.key.allow:
        family, _, rest = entry.partition(":")
        if family == "rsa":
            _check_rsa(entry, rest)
        elif entry != "ed25519" and (family != "ec" or rest not in ("", *CURVE_NAMES)):
            raise MalformedError(
                f"key.allow: '{entry}' is no kind of key",
                hint=f"rsa:MIN-MAX, {', '.join(f'ec:{curve}' for curve in CURVE_NAMES)} or ed25519",
            )


def _check_rsa(entry: str, bits: str) -> None:
    least, dash, most = bits.partition("-")
    most = most if dash else least
    if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in (least, most)):
        raise MalformedError(f"key.allow: '{entry}' is not rsa:MIN-MAX", hint="rsa:2048-8192")
    if int(least) > int(most):
        raise MalformedError(f"key.allow: no key has '{entry}' bits: the least is above the most")
    if int(most) < SMALLEST_RSA or int(least) > LARGEST_RSA:
        raise MalformedError(
            f"key.allow: no key can meet '{entry}': sipca takes RSA of {SMALLEST_RSA} to "
            f"{LARGEST_RSA} bits",
            hint="rsa:2048-8192; a smaller one is for --allow weak-key",
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
    for key, wanted, kinds in needs:
        if wanted and not set(kinds) & set(san.take):
            raise MalformedError(
                f"san.{key}: nothing can come of it while san.take has no {' or '.join(kinds)}",
                hint="add it to san.take, or leave the key out",
            )
    for scheme in san.uri_schemes:
        if not SCHEME.fullmatch(scheme) or scheme != scheme.lower():
            raise MalformedError(
                f"san.uri_schemes: '{scheme}' is no scheme", hint="lower-case, without colon: sip"
            )
    if "uri" in san.take and not san.uri_schemes:
        raise MalformedError("san.uri_schemes: no URI can meet an empty list")
    if san.sip_domain and "sip" not in san.uri_schemes:
        raise MalformedError("san.uri_schemes: a SIP domain is a sip: URI", hint='add "sip"')


def _check_ca(profile: Profile) -> None:
    _check_issuer(profile)
    for bit in ("key_cert_sign", "crl_sign"):
        if bit not in profile.extensions.key_usage:
            raise MalformedError(f"key_usage: {profile.role} needs {bit}")
    if profile.extensions.extended_key_usage:
        raise MalformedError(
            "extended_key_usage: a CA has none: some verifiers hold everything below it to them"
        )
    _check_no_nocheck(profile)
    length = profile.extensions.path_length
    if length is not None and not 0 <= length <= 10:
        raise MalformedError(f"path_length: {length} is not between 0 and 10")


def _check_issuer(profile: Profile) -> None:
    issuers = _ISSUERS[profile.role]
    if profile.issuer not in issuers:
        wanted = " or ".join(f"'{each}'" for each in issuers)
        raise MalformedError(f"issuer: {profile.role}'s is {wanted}, not '{profile.issuer}'")


def _check_no_nocheck(profile: Profile) -> None:
    if profile.extensions.ocsp_nocheck:
        raise MalformedError(
            f"extensions.ocsp_nocheck belongs to an ocsp-responder, not to {profile.role}: its "
            "certificates could not be revoked",
            hint="leave it out",
        )


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
    if Purpose.OCSP_SIGNING in profile.extensions.extended_key_usage:
        raise MalformedError("extended_key_usage: ocsp_signing belongs to an ocsp-responder")
    _check_no_nocheck(profile)


def _check_responder(profile: Profile) -> None:
    _check_issuer(profile)
    if profile.extensions.extended_key_usage != (Purpose.OCSP_SIGNING,):
        raise MalformedError("extended_key_usage: an ocsp-responder has ocsp_signing alone")
