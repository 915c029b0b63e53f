"""General names: parse, compare and judge them, and correct those of a wrong type."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from ca.errors import MalformedError
from ca.model.certificates import NAME_KINDS, GeneralName
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.addresses import ip_syntax, local_address, unusable_address
from ca.names.hosts import (
    as_address,
    host_problem,
    is_factory_name,
    to_a_labels,
)
from ca.names.sip import sip_uri_host
from ca.names.text import printable
from ca.names.uris import USUAL_SCHEMES, authority_problem, read_uri, scheme_of

_PREFIX = re.compile(
    r"(dns|ip|ip address|uri|url|email|cn)\s*[:=]\s*(.+)", re.IGNORECASE | re.DOTALL
)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,/:;=?@\[\]A-Za-z0-9._~-]+", re.ASCII)
"""A text that was probably meant as a URI, well formed or not."""
_SEVERAL = re.compile(r"[,;]\s*(?:dns|ip|uri|email)\s*:", re.IGNORECASE)
"""Where the next name begins in a text that holds several."""
_HOST_AND_PORT = re.compile(r"[^:/@]+:[0-9]{1,5}")
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII
)
_MAX_LOCAL = 64
MAX_OCTETS = {"uri": 2048, "email": 254}
"""The most octets of a name: a URI that devices and proxies still read; an e-mail address by
RFC 5321, 4.5.3.1.3, without its brackets. For a host name see ``hosts.MAX_HOST``."""


class SeveralNamesError(MalformedError):
    """Two names or more where one is read: the first, and the rest."""

    def __init__(self, text: str, names: tuple[str, str]) -> None:
        self.names = tuple(printable(each) for each in names)
        super().__init__(
            f"'{printable(text)}' is more than one name",
            hint=f"give each by itself: {' and '.join(self.names)}",
        )


def parse_general_name(text: str) -> GeneralName:
    """Parse a name that an operator gives: ``dns:NAME``, ``ip:ADDR``, ``uri:URI``, ``email:ADDR``.

    Raises:
        MalformedError: the kind is not one of them, or nothing follows it.
    """
    kind, colon, value = text.partition(":")
    folded = kind.strip().casefold()
    if not colon or folded not in NAME_KINDS or not value.strip():
        guess = infer_general_name(text.strip())
        raise MalformedError(
            f"'{printable(text)}' is not of the form KIND:VALUE",
            hint=f"did you mean {guess}?" if guess else "dns:NAME, ip:ADDR, uri:URI or email:ADDR",
        )
    value = value.strip()
    if several := _SEVERAL.search(value):
        first, second = value[: several.start()], value[several.start() + 1 :].strip()
        raise SeveralNamesError(text, (f"{folded}:{first}", second))
    if folded == "ip":
        value = as_address(value) or value
    return GeneralName(folded, value)


def infer_general_name(text: str) -> GeneralName | None:
    """The name that a text without a kind is: an address, or a host name; else None.

    A valid single label ("sbc1") is a host name, too, but a factory name is not.
    """
    address = as_address(text)
    if address is not None:
        return GeneralName("ip", address)
    if is_factory_name(text) or host_problem(text) is not None:
        return None
    return GeneralName("dns", text)


def fold(name: GeneralName) -> str:
    """A key for comparing names: two ways to write the same name have the same key."""
    if name.kind in ("dns", "ip"):
        return f"{name.kind}:{(as_address(name.value) or name.value).casefold()}"
    if name.kind == "email":
        local, _, domain = name.value.rpartition("@")
        return f"email:{local}@{domain.casefold()}"
    if (host := sip_uri_host(name.value)) is not None:
        scheme, _, rest = name.value.partition(":")
        user, at, _ = rest.rpartition("@")
        if f"{user}{at}{host}".casefold() == rest.casefold():
            return f"uri:{scheme.casefold()}:{user}{at}{host}"
    return f"uri:{name.value}"


def retype(name: GeneralName) -> GeneralName | None:
    """The name that ``--fix-san`` makes of one with the wrong type; None if it cannot be valid."""
    value = name.value.strip()
    prefixed = _PREFIX.fullmatch(value)
    if (prefixed and not _URI.fullmatch(value)) or (prefixed and prefixed[1].casefold() != "uri"):
        value = prefixed[2].strip()
    candidates = [infer_general_name(value)]
    if sip_uri_host(value) is not None:
        candidates.insert(0, GeneralName("uri", value))
    if value.count("@") == 1 and ":" not in value:
        candidates.append(GeneralName("email", value))
    for candidate in candidates:
        if candidate is None or candidate == name:
            continue
        findings = check_general_name(candidate, wildcard=True)
        if not any(each.result == "fail" for each in findings):
            return candidate
    return None


def _fix_hint(name: GeneralName, slot: str) -> str:
    fixed = retype(name)
    if fixed is None:
        return "correct it on the device's CSR page, or give --replace-san with --san"
    kind = {"dns": "DNS", "ip": "IP", "uri": "URI", "email": "EMAIL"}[fixed.kind]
    return f"{slot}--fix-san reads it as {fixed}, or choose {kind} on the page and make a new CSR"


@rule("san-dns-prefix", "error", "RFC 5280 4.2.1.6")
@cases("dns:sbc1.lab.example", "dns:DNS:sbc1.lab.example")
def dns_prefix(name: GeneralName) -> Violation | None:
    """A DNS name does not begin with a type of its own; peers compare the whole text."""
    if name.kind != "dns" or not _PREFIX.fullmatch(name.value):
        return None
    return Violation(
        f"the CSR's SAN DNS name '{printable(name.value)}' begins with a type of its own",
        _fix_hint(name, ""),
    )


@rule("san-dns-uri", "error", "RFC 5280 4.2.1.6")
@cases("dns:lab.example", "dns:sip:lab.example")
def dns_uri(name: GeneralName) -> Violation | None:
    """A DNS name is not a URI."""
    if name.kind != "dns" or _PREFIX.fullmatch(name.value) or not _URI.fullmatch(name.value):
        return None
    if as_address(name.value) is not None or _HOST_AND_PORT.fullmatch(name.value):
        return None
    return Violation(
        f"the CSR's SAN DNS name '{printable(name.value)}' is a URI", _fix_hint(name, "")
    )


@rule("san-dns-address", "error", "RFC 5280 4.2.1.6; RFC 9525 6.5")
@cases("ip:10.4.0.20", "dns:10.4.0.20")
def dns_address(name: GeneralName) -> Violation | None:
    """A DNS name is not an address: peers that dial an address look for an IP name."""
    if name.kind != "dns" or as_address(name.value) is None:
        return None
    return Violation(
        f"the CSR's SAN DNS name '{printable(name.value)}' is an address", _fix_hint(name, "")
    )


@rule("underscore-name", "error", "RFC 1123 2.1; RFC 5280 4.2.1.6", allow=True)
@cases("dns:sbc-1.lab.example", "dns:sbc_1.lab.example")
def underscore_name(name: GeneralName) -> Violation | None:
    """A host name has no underscore, although some DNS zones have."""
    if name.kind != "dns" or "_" not in name.value or host_problem(name.value, underscore=True):
        return None
    return Violation(
        f"the SAN DNS name '{printable(name.value)}' has an underscore, which no host name has",
        "rename the host",
    )


@rule("san-dns-syntax", "error", "RFC 5280 4.2.1.6; RFC 1123 2.1; RFC 5890")
@cases("dns:xn--strae-oqa.lab", "dns:sbc1..lab.example")
def dns_syntax(name: GeneralName) -> Violation | None:
    """A DNS name has labels of letters, digits and hyphens, 63 octets each and 253 in all, and no
    dot at its end. Other letters are written as A-labels.
    """
    if name.kind != "dns" or _breaks_another_dns_rule(name):
        return None
    problem = host_problem(name.value)
    if problem is None:
        return None
    hint = "correct it on the device's CSR page, or give --replace-san with --san dns:NAME"
    if not name.value.isascii() and (form := to_a_labels(name.value)):
        hint = f"its A-labels are {form}"
    return Violation(f"the SAN DNS name '{printable(name.value)}' {problem}", hint)


def _breaks_another_dns_rule(name: GeneralName) -> bool:
    others = (dns_prefix, dns_uri, dns_address, underscore_name)
    return any(each.check(name) is not None for each in others)


@rule("wildcard", "error", "RFC 5922 7.2; RFC 9525 6.3", allow=True)
@cases("dns:sbc1.lab.example", "dns:*.lab.example")
def wildcard_name(name: GeneralName) -> Violation | None:
    """A DNS name is a wildcard only where the profile allows it."""
    if name.kind != "dns" or not name.value.startswith("*.") or "*" in name.value[1:]:
        return None
    return Violation(
        f"the SAN DNS name '{printable(name.value)}' is a wildcard, but the profile takes none",
        "SIP peers do not match wildcards (RFC 5922); name each host",
    )


@rule("san-email-no-at", "error", "RFC 5280 4.2.1.6; RFC 5321 4.1.2")
@cases("email:ops@lab.example", "email:sbc1.lab.example")
def email_no_at(name: GeneralName) -> Violation | None:
    """An e-mail name has an @. A host name there was typed with the selector left at EMAIL."""
    if name.kind != "email" or "@" in name.value:
        return None
    return Violation(
        f"the CSR's SAN email '{printable(name.value)}' has no '@'",
        _fix_hint(name, "the page's type selector starts at EMAIL; "),
    )


@rule("san-email-syntax", "error", "RFC 5280 4.2.1.6; RFC 5321 4.1.2")
@cases("email:ops@lab.example", "email:ops@desk@lab.example")
def email_syntax(name: GeneralName) -> Violation | None:
    """An e-mail name is LOCAL@HOST in ASCII, with one @."""
    if name.kind != "email" or "@" not in name.value or wildcard_place.check(name):
        return None
    local, _, host = name.value.rpartition("@")
    if len(local) <= _MAX_LOCAL and _LOCAL.fullmatch(local) and host_problem(host) is None:
        return None
    return Violation(
        f"the CSR's SAN email '{printable(name.value)}' is not LOCAL@HOST", _fix_hint(name, "")
    )


@rule("san-uri-bare-host", "error", "RFC 5280 4.2.1.6")
@cases("uri:sip:lab.example", "uri:sbc1.lab.example")
def uri_bare_host(name: GeneralName) -> Violation | None:
    """A URI has a scheme, and is not a bare host name or address."""
    if name.kind != "uri" or infer_general_name(name.value) is None:
        return None
    return Violation(
        f"the CSR's SAN URI '{printable(name.value)}' has no scheme: it is a bare host",
        _fix_hint(name, ""),
    )


@rule("san-uri-syntax", "error", "RFC 5280 4.2.1.6; RFC 3986 3.2")
@cases("uri:sip:alice@lab.example", "uri:sip:alice@evil.example@lab.example")
def uri_syntax(name: GeneralName) -> Violation | None:
    """A URI is absolute and ASCII, its host is a host name or an address, with at most one @ before
    it.
    """
    if name.kind != "uri" or infer_general_name(name.value) or wildcard_place.check(name):
        return None
    if read_uri(name.value) is not None:
        return None
    example = "correct it, or give the URI with --replace-san --san uri:sip:lab.example"
    if not _URI.fullmatch(name.value):
        return Violation(
            f"the CSR's SAN URI '{printable(name.value)}' is not an absolute URI", example
        )
    if "@" in name.value.partition("@")[2]:
        return Violation(
            f"the CSR's SAN URI '{printable(name.value)}' has two @, and programs differ about "
            "which host it names",
            example,
        )
    problem = authority_problem(name.value) or "has no valid host"
    return Violation(f"the CSR's SAN URI '{printable(name.value)}' {problem}", example)


@rule("san-uri-scheme", "error", "RFC 5280 4.2.1.6; profiles 1")
@cases("uri:sip:lab.example", "uri:javascript:alert(1)")
def uri_scheme(pair: tuple[GeneralName, Collection[str]]) -> Violation | None:
    """A URI has a scheme that the profile takes."""
    name, schemes = pair
    scheme = scheme_of(name.value)
    if name.kind != "uri" or scheme is None or scheme in schemes:
        return None
    return Violation(
        f"the SAN URI '{printable(name.value)}' has the scheme {printable(scheme, 40)}, but the "
        f"profile takes {', '.join(schemes)}",
        "correct it on the device's CSR page, or add the scheme to san.uri_schemes of a profile "
        "of your own",
    )


@rule("wildcard-place", "error", "RFC 9525 6.3; RFC 5922 7.2; RFC 5280 4.2.1.6")
@cases("dns:*.lab.example", "uri:sip:*.lab.example")
def wildcard_place(name: GeneralName) -> Violation | None:
    """A wildcard is found only in a DNS name, as its whole left-most label."""
    if name.kind not in ("uri", "email") or "*" not in name.value:
        return None
    if _is_star_code(name):
        return None
    kind = "URI" if name.kind == "uri" else "email"
    return Violation(
        f"the SAN {kind} '{printable(name.value)}' has a wildcard, which only a DNS name may have",
        "name each host or user",
    )


def _is_star_code(name: GeneralName) -> bool:
    """Whether all stars belong to a dialled number in a SIP URI, as in sip:*97@host."""
    user, at, rest = name.value.partition("@")
    scheme, _, dialled = user.partition(":")
    plain = scheme.casefold() in ("sip", "sips") and bool(at) and "*" not in rest
    return plain and bool(re.fullmatch(r"[0-9#*+]*[0-9][0-9#*+]*", dialled, re.ASCII))


@rule("wildcard-broad", "warning", "RFC 9525 6.3; RFC 6125 7.2")
@cases("dns:*.lab.example", "dns:*.example")
def wildcard_broad(name: GeneralName) -> Violation | None:
    """A wildcard has at least two labels after the *; most verifiers match none below a single
    label.
    """
    if name.kind != "dns" or not name.value.startswith("*.") or name.value.count(".") > 1:
        return None
    return Violation(
        f"the SAN DNS name '{printable(name.value)}' is a wildcard below a single label, which "
        "OpenSSL and browsers never match",
        "add a label: *.lab.example",
    )


@rule("san-long", "error", "RFC 5321 4.5.3.1.3; RFC 9110 4.1; profiles 5")
@cases("uri:sip:lab.example", "A URI with 8000 octets of parameters.")
def long_name(name: GeneralName) -> Violation | None:
    """A URI has at most 2048 octets, an e-mail name at most 254."""
    maximum = MAX_OCTETS.get(name.kind)
    octets = len(name.value.encode("utf-8", "surrogatepass"))
    if maximum is None or octets <= maximum:
        return None
    kind = "URI" if name.kind == "uri" else "email"
    return Violation(
        f"the SAN {kind} '{printable(name.value, 40)}' has {octets:,} octets, but at most "
        f"{maximum:,} are allowed",
        "shorten it",
    )


NAME_RULES = (
    dns_prefix,
    dns_uri,
    dns_address,
    underscore_name,
    dns_syntax,
    email_no_at,
    email_syntax,
    uri_bare_host,
    wildcard_place,
    long_name,
    uri_syntax,
    ip_syntax,
    unusable_address,
    local_address,
)


def check_general_name(
    name: GeneralName,
    *,
    wildcard: bool,
    allowed: Collection[str] = (),
    schemes: tuple[str, ...] = USUAL_SCHEMES,
) -> tuple[Finding, ...]:
    """Judge one name. ``wildcard`` and ``schemes``: the wildcards and URI schemes that are taken.

    ``allowed`` are codes of rules that the operator overrides.
    """
    return _findings(name, wildcard, frozenset(allowed), schemes)


@lru_cache(maxsize=256)
def _findings(
    name: GeneralName, wildcard: bool, allowed: frozenset[str], schemes: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Cached, because a name is judged up to three times: when taken, when added, and as the CN."""
    # a name without a host_problem can break no rules except those of wildcards
    plain = name.kind == "dns" and host_problem(name.value) is None
    if plain and not name.value.startswith("*."):
        return ()
    findings = run([uri_scheme], (name, schemes)) if name.kind == "uri" else []
    findings += [] if plain or findings else run(NAME_RULES, name, allowed)
    return (*findings, *run([wildcard_broad] if wildcard else WILDCARD_RULES, name, allowed))


WILDCARD_RULES = (wildcard_name, wildcard_broad)
