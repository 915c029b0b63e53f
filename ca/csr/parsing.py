"""From a request's DER to its parts (RFC 2986), tolerant where a line can say what was repaired."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress

from ca.csr.armour import canonical, find_request
from ca.csr.request import CertificateRequest, RequestedExtension
from ca.encoding import der, extensions
from ca.encoding.algorithms import SIGNATURES
from ca.encoding.certificates import SHORT_TYPES
from ca.encoding.extensions import EXTENSION_NAMES, SAN
from ca.encoding.strings import CODECS, PRINTABLE
from ca.errors import CAError, MalformedError
from ca.keys.public import read_public_key
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.names.text import printable

EXTENSION_REQUEST = ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14")
"""PKCS#9 extensionRequest (RFC 2985, 5.4.2), and Microsoft's own number for the same."""
MAX_NAMES, MAX_ATTRIBUTES, MAX_EXTENSIONS = 100, 64, 64
ATTRIBUTE_NAMES = {
    "1.2.840.113549.1.9.7": "challengePassword",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.13.2.3": "msOSVersion",
    "1.3.6.1.4.1.311.21.20": "msRequestClientInfo",
    "1.3.6.1.4.1.311.13.2.2": "msEnrollmentCSP",
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SHOWN = 120


def read_request(data: bytes) -> CertificateRequest:
    """The request in a file, however it is wrapped.

    Raises:
        MalformedError: there is none, or it cannot be read.
    """
    straight = canonical(data)
    if straight is not None:
        with suppress(MalformedError):  # what is wrong with it is told better on the long way
            return parse_request(straight)
    found = find_request(data)
    return parse_request(found.der, found.repairs)


def parse_request(data: bytes, repairs: tuple[str, ...] = ()) -> CertificateRequest:
    """Take a CertificationRequest apart (RFC 2986, 4).

    Raises:
        MalformedError: it is not one, or holds what nobody may certify: duplicate
            extensions or attributes, control characters, text in a wrong charset.
    """
    info, algorithm, signature = der.signed_parts(data, what="the CSR")
    fields = info.children()
    if len(fields) < 3 or fields[0].tag != der.INTEGER:
        raise MalformedError("the CSR lacks version, subject or key")
    if (version := der.integer(fields[0])) != 0:
        raise MalformedError(f"the CSR has version {min(version, 99)}, and only version 0 is known")
    said = list(repairs)
    subject = _name(fields[1], said)
    key = read_public_key(fields[2].raw)
    requested, others = _attributes(fields[3:], said)
    asked = _extensions(requested)
    san, other_names, san_critical = _san(asked)
    oid, parameters = _signature_algorithm(algorithm)
    return CertificateRequest(
        der=data,
        info=info.raw,
        key=key,
        subject=subject,
        san=san,
        san_critical=san_critical,
        other_names=other_names,
        extensions=tuple(_described(e, san, other_names) for e in asked),
        attributes=others,
        signature_algorithm=SIGNATURES.get(oid, oid),
        signature_parameters=parameters,
        signature=signature,
        repairs=tuple(dict.fromkeys(said)),
    )


def _refuse_deep(node: der.Node) -> None:
    """For what is kept or passed over without being taken apart."""
    if der.too_deep(node):
        raise MalformedError("the CSR nests deeper than any request does")


@der.read_once
def _signature_algorithm(node: der.Node) -> tuple[str, bytes]:
    """OID and parameters; devices of a kind all write the same."""
    _refuse_deep(node)
    parts = node.children()
    if not parts:
        raise MalformedError("the CSR names no signature algorithm")
    return der.oid(parts[0]), parts[1].raw if len(parts) > 1 else b""


# the subject


def _name(node: der.Node, said: list[str]) -> tuple[SubjectAttribute, ...]:
    if node.tag != der.SEQUENCE:
        raise MalformedError("the CSR's subject is not a name")
    attributes: list[SubjectAttribute] = []
    for rdn in node.children():
        values = rdn.children()
        if rdn.tag != der.SET or not values:
            raise MalformedError("the CSR's subject is not a sequence of sets")
        if len(values) > 1:
            said.append("a part of the subject with several attributes was taken apart")
        for value in values:
            attribute, repairs = _attribute(value)
            attributes.append(attribute)
            said += repairs
        if len(attributes) > MAX_ATTRIBUTES:
            raise MalformedError(f"the CSR's subject has more than {MAX_ATTRIBUTES} attributes")
    return tuple(attributes)


@der.read_once
def _attribute(node: der.Node) -> tuple[SubjectAttribute, tuple[str, ...]]:
    """An attribute and what was repaired; the devices of a lab share all but the CN."""
    said: list[str] = []
    pair = node.children() if node.tag == der.SEQUENCE else []
    if len(pair) != 2:
        raise MalformedError("an attribute of the CSR's subject is not a type and a value")
    oid = der.oid(pair[0])
    short = SHORT_TYPES.get(oid, oid)
    text = _string(pair[1], f"the subject's {short}", said)
    if _CONTROL.search(text):
        raise MalformedError(f"the subject's {short} '{printable(text)}' holds control characters")
    return SubjectAttribute(short, text), tuple(said)


def _string(node: der.Node, what: str, said: list[str]) -> str:
    codec = CODECS.get(node.tag)
    if codec is None:
        raise MalformedError(f"{what} is no character string (tag {node.tag})")
    try:
        text = node.contents.decode(codec)
    except UnicodeDecodeError:
        raise MalformedError(f"{what} is not valid {codec.upper()} text") from None
    if node.tag == der.PRINTABLE_STRING and not PRINTABLE.fullmatch(text):
        said.append(f"{what} has characters that its PrintableString must not hold; they were read")
    if node.tag == der.T61_STRING and not text.isascii():
        said.append(f"{what} is a TeletexString; it was read as Latin-1")
    return text


# attributes and extensions


def _attributes(nodes: list[der.Node], said: list[str]) -> tuple[der.Node | None, tuple[str, ...]]:
    if not nodes:
        said.append("the attributes field is missing, which RFC 2986 wants even when it is empty")
        return None, ()
    if len(nodes) > 1 or nodes[0].tag != 0xA0:
        raise MalformedError("the CSR has stray fields behind its key")
    requested: der.Node | None = None
    seen: set[str] = set()
    for node in nodes[0].children():
        oid, values = _attribute_parts(node)
        name = "extensionRequest" if oid in EXTENSION_REQUEST else ATTRIBUTE_NAMES.get(oid, oid)
        if name == "extensionRequest" and requested is not None and values[0].raw == requested.raw:
            continue
        if name in seen:
            raise MalformedError(f"the CSR has the attribute {name} twice, with different contents")
        seen.add(name)
        if name == "extensionRequest":
            if len(values) != 1 or values[0].tag != der.SEQUENCE:
                raise MalformedError("the CSR's extensionRequest holds not one list of extensions")
            requested = values[0]
        else:
            _refuse_deep(node)
    return requested, tuple(sorted(seen - {"extensionRequest"}))


def _attribute_parts(node: der.Node) -> tuple[str, list[der.Node]]:
    parts = node.children() if node.tag == der.SEQUENCE else []
    if len(parts) != 2 or parts[1].tag != der.SET:
        raise MalformedError("an attribute of the CSR is not a type and a set of values")
    values = parts[1].children()
    if not values:
        raise MalformedError(f"the CSR's attribute {der.oid(parts[0])} is empty")
    return der.oid(parts[0]), values


def _extensions(node: der.Node | None) -> list[RequestedExtension]:
    if node is None:
        return []
    found: dict[str, RequestedExtension] = {}
    for each in node.children():
        extension = _extension(each)
        if extension.oid in found:
            raise MalformedError(f"the CSR has the extension {extension.name} twice")
        if len(found) >= MAX_EXTENSIONS:
            raise MalformedError(f"the CSR has more than {MAX_EXTENSIONS} extensions")
        found[extension.oid] = extension
    return list(found.values())


@der.read_once
def _extension(node: der.Node) -> RequestedExtension:
    parts = node.children() if node.tag == der.SEQUENCE else []
    if not 2 <= len(parts) <= 3 or parts[-1].tag != der.OCTET_STRING:
        raise MalformedError("an extension of the CSR is not a type and a value")
    oid = der.oid(parts[0])
    critical = len(parts) == 3 and any(parts[1].contents)
    if len(parts) == 3 and parts[1].tag != der.BOOLEAN:
        raise MalformedError(f"the extension {oid} of the CSR has no proper critical flag")
    name = EXTENSION_NAMES.get(oid, oid)
    return RequestedExtension(oid, name, critical, "", parts[-1].contents)


# the SAN


def _san(
    asked: list[RequestedExtension],
) -> tuple[tuple[GeneralName, ...], tuple[str, ...], bool]:
    extension = next((each for each in asked if each.oid == SAN), None)
    if extension is None:
        return (), (), False
    nodes = der.read(extension.value, what="the CSR's SAN").children()
    if len(nodes) > MAX_NAMES:
        raise MalformedError(f"the CSR's SAN has {len(nodes)} names, and {MAX_NAMES} are the most")
    names: list[GeneralName] = []
    others: list[str] = []
    for node in nodes:
        read = _general_name(node)
        if isinstance(read, GeneralName):
            names.append(read)
        else:
            others.append(read)
    return tuple(names), tuple(others), extension.critical


_OTHER_KINDS = {
    0xA0: "otherName",
    0xA3: "x400Address",
    0xA4: "directoryName",
    0xA5: "ediPartyName",
    0x88: "registeredID",
}


def _general_name(node: der.Node) -> GeneralName | str:
    if node.tag == 0x87:
        if len(node.contents) not in (4, 16):
            raise MalformedError(
                f"the CSR's SAN has an IP address of {len(node.contents)} octets, not 4 or 16"
            )
        return GeneralName("ip", str(ipaddress.ip_address(node.contents)))
    if kind := extensions.TEXT_KINDS.get(node.tag):
        return GeneralName(kind, _san_text(node.contents, kind))
    name = _OTHER_KINDS.get(node.tag)
    if name is None:
        raise MalformedError(f"the CSR's SAN has an entry of an unknown kind (tag {node.tag})")
    return f"{name} {_detail(node)}".strip()


def _san_text(contents: bytes, kind: str) -> str:
    try:
        text = contents.decode("ascii")
    except UnicodeDecodeError:
        shown = printable(contents.decode("utf-8", "backslashreplace"))
        raise MalformedError(
            f"the CSR's SAN {kind} '{shown}' has characters outside ASCII",
            hint="an international host name stands there as A-labels (xn--...)",
        ) from None
    if _CONTROL.search(text):
        raise MalformedError(f"the CSR's SAN {kind} '{printable(text)}' holds control characters")
    return text


def _detail(node: der.Node) -> str:
    try:
        if node.tag == 0xA0:
            return der.oid(node.children()[0])
        if node.tag == 0x88:
            return der.oid(der.read(der.tlv(der.OID, node.contents)))
    except (CAError, IndexError):
        return "(undecodable)"
    return ""


# extensions as text


def _described(
    extension: RequestedExtension, san: tuple[GeneralName, ...], others: tuple[str, ...]
) -> RequestedExtension:
    if extension.oid == SAN:
        text = ", ".join((*map(str, san), *others))
    else:
        describe = _DESCRIBERS.get(extension.oid, _as_hex)
        try:
            text = describe(extension.value)
        except (CAError, IndexError, ValueError):
            text = "undecodable"
    shown = text if len(text) <= _SHOWN or extension.oid == SAN else f"{text[:_SHOWN]}..."
    return RequestedExtension(
        extension.oid, extension.name, extension.critical, shown, extension.value
    )


def _basic_constraints(value: bytes) -> str:
    is_ca, length = extensions.basic_constraints(value)
    text = "CA:TRUE" if is_ca else "CA:FALSE"
    return text if length is None else f"{text}, pathlen {length}"


def _key_usage(value: bytes) -> str:
    return ", ".join(extensions.key_usage(value))


def _purposes(value: bytes) -> str:
    return ", ".join(extensions.purposes(value))


def _as_hex(value: bytes) -> str:
    return value.hex()


def _key_identifier(value: bytes) -> str:
    return der.read(value).contents.hex()


_DESCRIBERS: dict[str, Callable[[bytes], str]] = {
    "2.5.29.19": _basic_constraints,
    "2.5.29.15": _key_usage,
    "2.5.29.37": _purposes,
    "2.5.29.14": _key_identifier,
}
