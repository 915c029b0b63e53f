"""Write a profile whose certificates are like a given one, and say what of it was left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from ca.encoding import der
from ca.encoding.oids import (
    ATTRIBUTE_TYPES,
    AUTHORITY_INFO_ACCESS,
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    CURVE_NAMES,
    EXTENDED_KEY_USAGE,
    EXTENSIONS,
    KEY_USAGE,
    KEY_USAGE_BITS,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER,
    Purpose,
)
from ca.errors import CAError, attempt
from ca.model.certificates import NAME_KINDS, CertificateFacts, GeneralName, subject_text
from ca.names.text import printable
from ca.names.uris import SCHEME, USUAL_SCHEMES, scheme_of

ANY_KEY = ("rsa:2048-8192", *(f"ec:{curve}" for curve in CURVE_NAMES))
LONGEST_DAYS = 365 * 100
BACKDATE = timedelta(hours=24)
_LEAF_BITS = ("digital_signature", "key_encipherment")
_BY_THE_CA = {SUBJECT_KEY_IDENTIFIER, AUTHORITY_KEY_IDENTIFIER}
"""Extensions that every certificate gets, whatever its profile says."""
_READ = {SUBJECT_ALT_NAME, KEY_USAGE, EXTENDED_KEY_USAGE, BASIC_CONSTRAINTS}


class Likeness(msgspec.Struct, frozen=True):
    """The TOML of a profile, and in sentences what differs from the certificate."""

    text: str
    lines: tuple[str, ...]


def likeness(
    facts: CertificateFacts, extensions: Mapping[str, tuple[bool, bytes]], *, name: str, key: str
) -> Likeness:
    """The profile of an end entity that is like a certificate.

    ``extensions`` are the certificate's by OID, ``key`` its key as "rsa", "ec:p256" or "ed25519".
    """
    lines: list[str] = []
    top = _top(facts, lines)
    tables: dict[str, dict[str, object]] = {
        "subject": _subject(facts, lines),
        "san": _san(facts, lines),
        "key": {"allow": _key(key, lines)},
        "extensions": {
            "key_usage": _key_usage(facts, key, lines),
            "extended_key_usage": _purposes(facts, lines),
        },
    }
    lines += _others(facts, extensions)
    head = [
        f"# {name}.toml: like a certificate of {printable(subject_text(facts.subject), 200)}",
        f"# (SHA-256 {facts.fingerprint}); what differs from it:",
        *(f"# * {each}" for each in lines or ["nothing"]),
    ]
    blocks = ["\n".join(head) + "\n" + _table("", top)]
    blocks += [_table(f"[{title}]\n", values) for title, values in tables.items()]
    return Likeness("\n".join(blocks), tuple(lines))


def _top(facts: CertificateFacts, lines: list[str]) -> dict[str, object]:
    span = facts.validity.not_after - facts.validity.not_before
    if span % timedelta(hours=1):  # others count as we do: both ends belong to it
        span += timedelta(seconds=1)
    lifetime, backdate = _lifetime(span, lines)
    described = printable(facts.cn or subject_text(facts.subject) or "an unnamed certificate", 60)
    return {
        "schema": 1,
        "role": "end-entity",
        "description": f"like the certificate of {described}",
        "issuer": "issuing",
        "lifetime": lifetime,
        "max_lifetime": lifetime,
        "backdate": backdate,
    }


def _lifetime(span: timedelta, lines: list[str]) -> tuple[str, str]:
    """The lifetime, and how far it is dated back: at most a twelfth of a short life."""
    hours = math.ceil(span / timedelta(hours=1))
    if hours < 2:
        lines.append(f"lifetime {span}: a profile's is at least 2 hours, one of them dated back")
        return "2h", "1h"
    if hours > LONGEST_DAYS * 24:
        lines.append(f"lifetime {hours // 24} d: a profile's is at most 100 years")
        hours = LONGEST_DAYS * 24
    if hours > 48 and hours % 24:
        lines.append(f"lifetime {hours // 24} d and {hours % 24} h: rounded up to whole days")
        hours += 24 - hours % 24
    backdate = "24h" if hours > 12 * 24 else f"{max(1, hours // 12)}h"
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h", backdate


def _subject(facts: CertificateFacts, lines: list[str]) -> dict[str, object]:
    types = list(dict.fromkeys(each.type for each in facts.subject))
    known = set(ATTRIBUTE_TYPES.values())
    for each in types:
        if each not in known:
            lines.append(f"subject attribute {printable(each)}: sipca cannot encode it")
    taken = [each for each in types if each in known]
    if "CN" not in taken:
        lines.append("a subject without CN: sipca's certificates have one")
        taken.insert(0, "CN")
    return {"take": taken, "require": ["CN"]}


def _san(facts: CertificateFacts, lines: list[str]) -> dict[str, object]:
    if not facts.san:
        lines.append("no SAN: sipca repeats a host name of the CN there, as clients want it")
        return {"take": ["dns", "ip"], "from_cn": True}
    kinds = [kind for kind in NAME_KINDS if any(name.kind == kind for name in facts.san)]
    rules: dict[str, object] = {"take": kinds, "require": True, "critical": False}
    if {"dns", "ip"} & set(kinds):
        rules["from_cn"] = True
    if any(name.kind == "dns" and name.value.startswith("*.") for name in facts.san):
        rules["wildcard"] = True
    if facts.san_critical:
        lines.append("a critical SAN: device peers that match no name in it refuse the certificate")
    schemes = _schemes(facts.san)
    if set(schemes) - set(USUAL_SCHEMES):
        rules["uri_schemes"] = schemes
    return rules


def _schemes(names: Iterable[GeneralName]) -> list[str]:
    found = [(scheme_of(each.value) or "").lower() for each in names if each.kind == "uri"]
    return list(dict.fromkeys(each for each in found if SCHEME.fullmatch(each)))


def _key(key: str, lines: list[str]) -> list[str]:
    if key == "rsa":
        return ["rsa:2048-8192"]
    if key == "ed25519" or key.removeprefix("ec:") in CURVE_NAMES:
        return [key]
    lines.append(f"a key of the kind {printable(key)}: sipca certifies {', '.join(ANY_KEY)}")
    return list(ANY_KEY)


def _key_usage(facts: CertificateFacts, key: str, lines: list[str]) -> list[str]:
    words = {label: word for word, label in KEY_USAGE_BITS.items()}
    bits = [words.get(each, each) for each in facts.key_usage]
    for each in bits:
        if each not in _LEAF_BITS:
            for_cas = each in ("key_cert_sign", "crl_sign")
            said = "is for a CA alone" if for_cas else "has no use here"
            lines.append(f"key usage {KEY_USAGE_BITS.get(each, each)}: it {said}")
    taken = [each for each in _LEAF_BITS if each in bits]
    if "digital_signature" not in taken:
        if facts.key_usage:
            lines.append("a key usage without digitalSignature, which TLS needs: it was added")
        else:
            lines.append("no key usage: digitalSignature was added, as TLS needs it")
        taken.insert(0, "digital_signature")
    if not facts.key_usage and key == "rsa":
        taken.append("key_encipherment")
    return taken


def _purposes(facts: CertificateFacts, lines: list[str]) -> list[str]:
    words = {each.label: str(each) for each in Purpose}
    taken = []
    for label in dict.fromkeys(facts.extended_key_usage):
        word = words.get(label)
        if word is None:
            lines.append(f"extended key usage {printable(label)}: profiles have no word for it")
        elif word == Purpose.OCSP_SIGNING:
            lines.append("extended key usage OCSPSigning: it is for OCSP signers alone")
        else:
            taken.append(word)
    return taken


def _others(facts: CertificateFacts, extensions: Mapping[str, tuple[bool, bytes]]) -> list[str]:
    lines = [f"what could not be read: {printable(fault.sentence, 200)}" for fault in facts.faults]
    if (left := _undecoded(facts, extensions)) > 0:
        lines.append(f"{left} of the SAN's names: they are of kinds that profiles do not have")
    if facts.is_ca:
        lines.append("CA:TRUE: a profile made so is for end entities, and never gives CA rights")
    for oid in extensions:
        name = EXTENSIONS.get(oid, oid)
        if oid in (AUTHORITY_INFO_ACCESS, CRL_DISTRIBUTION_POINTS):
            lines.append(f"{name}: this CA puts in its own addresses (sipca ca set --base-url)")
        elif oid not in _READ | _BY_THE_CA:
            lines.append(f"{name}: sipca's profiles cannot carry it")
    return lines


def _undecoded(facts: CertificateFacts, extensions: Mapping[str, tuple[bool, bytes]]) -> int:
    """How many names of the SAN are none of the four kinds."""
    _, value = extensions.get(SUBJECT_ALT_NAME, (False, b""))
    names = attempt(der.read, value) if value else None
    if names is None or isinstance(names, CAError):
        return 0
    children = attempt(names.children)
    return 0 if isinstance(children, CAError) else len(children) - len(facts.san)


def _table(title: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return title + "\n".join(lines) + "\n"
