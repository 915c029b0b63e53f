"""Read the extensions that a request asks for, and the names in its SAN.

A part that does not decode does not condemn the rest: it becomes a flaw, which is refused only
if that part would be issued.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import suppress

from ca.csr.request import Flaw, RequestedExtension
from ca.csr.subject import CONTROL, read_name
from ca.encoding import der, extensions, oids
from ca.encoding.oids import SUBJECT_ALT_NAME
from ca.encoding.strings import hex_form
from ca.errors import CAError, MalformedError
from ca.model.certificates import GeneralName, NameKind, subject_text
from ca.names.hosts import MAX_HOST, as_address, to_a_labels
from ca.names.text import printable

MAX_NAMES, MAX_EXTENSIONS = 100, 64
"""The most names in a SAN, requested or issued; the most extensions in a request."""
_SHOWN = 120
_OWN_NAMES = "give the names with --replace-san --san dns:NAME"


def read_extensions(lists: list[der.Node], flaws: list[Flaw]) -> list[RequestedExtension]:
    """All extensions of the lists, in order; one that occurs twice is kept twice and is a flaw."""
    requested: list[RequestedExtension] = []
    known: set[str] = set()
    nodes: list[der.Node] = []
    for extension_list in lists:
        try:
            nodes += extension_list.children()
        except MalformedError as error:
            problem = f"the CSR's list of extensions does not decode: {error.message}"
            shown = f"extensionRequest {hex_form(extension_list.raw)}"
            flaws.append(Flaw("san", shown, problem, _OWN_NAMES))
    for node in nodes[:MAX_EXTENSIONS]:
        try:
            extension = _extension(node)
        except MalformedError as error:
            extension = _unreadable(node, error, flaws)
        if extension.oid in known:
            problem = f"the CSR has the extension {extension.name} twice"
            field = "san" if extension.oid == SUBJECT_ALT_NAME else f"extension.{extension.name}"
            hint = _OWN_NAMES if extension.oid == SUBJECT_ALT_NAME else None
            flaws.append(Flaw(field, f"{extension.name} twice", problem, hint))
        known.add(extension.oid)
        requested.append(extension)
    if more := len(nodes) - len(requested):
        problem = f"the CSR has more than {MAX_EXTENSIONS} extensions"
        flaws.append(Flaw("san", f"{more} more extensions", problem, _OWN_NAMES))
    return requested


@der.read_once
def _extension(node: der.Node) -> RequestedExtension:
    parts = node.children() if node.tag == der.SEQUENCE else []
    if not 2 <= len(parts) <= 3 or parts[-1].tag != der.OCTET_STRING:
        raise MalformedError("an extension of the CSR is not a type and a value")
    oid = der.oid(parts[0])
    critical = len(parts) == 3 and any(parts[1].contents)
    if len(parts) == 3 and parts[1].tag != der.BOOLEAN:
        raise MalformedError(f"the extension {oid} of the CSR has no proper critical flag")
    name = oids.EXTENSIONS.get(oid, oid)
    return RequestedExtension(oid, name, critical, "", parts[-1].contents)


def _unreadable(node: der.Node, error: MalformedError, flaws: list[Flaw]) -> RequestedExtension:
    """A stand-in for an entry that is not an extension; a broken SAN may hide names."""
    shown = hex_form(node.raw)
    oid = shown
    with suppress(MalformedError, IndexError):
        oid = der.oid(node.children()[0])
    name = oids.EXTENSIONS.get(oid, oid)
    if oid == SUBJECT_ALT_NAME:
        flaws.append(Flaw("san", f"{name} {shown}", error.message, _OWN_NAMES))
    else:
        flaws.append(Flaw(f"extension.{name}", shown, error.message))
    return RequestedExtension(shown, name, critical=False, text=f"undecodable {shown}", value=b"")


# the SAN


def read_san(
    requested: list[RequestedExtension], flaws: list[Flaw]
) -> tuple[tuple[GeneralName, ...], tuple[str, ...], bool]:
    """The names, names of other kinds as text, and whether the SAN is critical."""
    names: list[GeneralName] = []
    others: list[str] = []
    critical = False
    for extension in requested:
        if extension.oid != SUBJECT_ALT_NAME:
            continue
        critical = critical or extension.critical
        for node in _name_nodes(extension, flaws):
            name = _general_name(node)
            if isinstance(name, GeneralName):
                names.append(name)
            elif isinstance(name, Flaw):
                flaws.append(name)
            else:
                others.append(name)
    return tuple(names), tuple(others), critical


def _name_nodes(extension: RequestedExtension, flaws: list[Flaw]) -> list[der.Node]:
    shown = f"subjectAltName {hex_form(extension.value)}"
    try:
        outer = der.read(extension.value, what="the CSR's SAN")
        if outer.tag != der.SEQUENCE:
            raise MalformedError("it is not a list of names")
        nodes = outer.children()
    except MalformedError as error:
        problem = f"the CSR's SAN does not decode: {error.message}"
        flaws.append(Flaw("san", shown, problem, _OWN_NAMES))
        return []
    if len(nodes) > MAX_NAMES:
        problem = f"the CSR's SAN has {len(nodes)} names; at most {MAX_NAMES} are allowed"
        text = f"{len(nodes) - MAX_NAMES} more names"
        flaws.append(Flaw("san", text, problem, "give fewer with --replace-san --san dns:NAME"))
    return nodes[:MAX_NAMES]


_OTHER_KINDS = {
    0xA0: "otherName",
    0xA3: "x400Address",
    0xA4: "directoryName",
    0xA5: "ediPartyName",
    0x88: "registeredID",
}


def _general_name(node: der.Node) -> GeneralName | Flaw | str:
    if node.tag == 0x87:
        if len(node.contents) not in (4, 16):
            return _bad_address(node.contents)
        return GeneralName("ip", str(ipaddress.ip_address(node.contents)))
    if kind := extensions.TEXT_KINDS.get(node.tag):
        return _text_name(node.contents, kind)
    name = _OTHER_KINDS.get(node.tag)
    if name is None:
        problem = f"the CSR's SAN has an entry of an unknown kind (tag {node.tag})"
        return Flaw("san", f"unknown {hex_form(node.raw)}", problem, _OWN_NAMES)
    return f"{name} {_detail(node)}".strip()


def _bad_address(contents: bytes) -> Flaw:
    problem = f"the CSR's SAN has an IP address of {len(contents)} octets, not 4 or 16"
    shown, hint = hex_form(contents), "give the address with --replace-san --san ip:ADDRESS"
    text = contents.decode("ascii", "replace")
    if (address := as_address(text)) is not None:
        problem += f": it is the text '{text}'"
        shown, hint = text, f"--replace-san --san ip:{address} gives it as an address"
    return Flaw("san", f"ip:{shown}", problem, hint)


def _text_name(contents: bytes, kind: NameKind) -> GeneralName | Flaw:
    try:
        text = contents.decode("ascii")
    except UnicodeDecodeError:
        return _foreign_name(contents.decode("utf-8", "backslashreplace"), kind)
    if not CONTROL.search(text):
        return GeneralName(kind, text)
    shown = printable(text)
    problem = f"the CSR's SAN {kind} '{shown}' holds control characters"
    return Flaw("san", f"{kind}:{shown}", problem, _OWN_NAMES)


def _foreign_name(text: str, kind: NameKind) -> Flaw:
    shown = printable(text)
    hint = "an international host name is written as A-labels (xn--...); " + _OWN_NAMES
    short = len(text) <= MAX_HOST and "\\" not in text
    if kind == "dns" and short and (form := to_a_labels(text)):
        hint = f"--replace-san --san dns:{form} gives it as A-labels"
    problem = f"the CSR's SAN {kind} '{shown}' has characters outside ASCII"
    return Flaw("san", f"{kind}:{shown}", problem, hint)


def _detail(node: der.Node) -> str:
    """The value of a name of another kind, as text if it has a text form."""
    try:
        if node.tag == 0xA0:
            return der.oid(node.children()[0])
        if node.tag == 0x88:
            return der.oid(der.read(der.tlv(der.OID, node.contents)))
        if node.tag == 0xA4:
            return printable(subject_text(read_name(node.children()[0], [], [])))
    except (CAError, IndexError):
        return "(undecodable)"
    return hex_form(node.contents)


# extensions as text


def describe_extension(
    extension: RequestedExtension,
    san: tuple[GeneralName, ...],
    others: tuple[str, ...],
    flaws: list[Flaw],
) -> RequestedExtension:
    """The extension with its text; one that does not decode becomes a flaw and is shown in hex."""
    if extension.text:
        return extension
    is_san = extension.oid == SUBJECT_ALT_NAME
    text = ", ".join((*map(str, san), *others)) if is_san else _text(extension, flaws)
    shown = text if len(text) <= _SHOWN or is_san else f"{text[:_SHOWN]}..."
    return RequestedExtension(
        extension.oid, extension.name, extension.critical, shown, extension.value
    )


def _text(extension: RequestedExtension, flaws: list[Flaw]) -> str:
    tag, describe = _DESCRIBERS.get(extension.oid, (None, bytes.hex))
    try:
        if tag is not None and extension.value[:1] != bytes((tag,)):
            raise MalformedError("it has the wrong type")
        return describe(extension.value)
    except (CAError, IndexError, ValueError):
        shown = f"undecodable {hex_form(extension.value)}"
        problem = f"the CSR's extension {extension.name} does not decode"
        flaws.append(Flaw(f"extension.{extension.name}", shown, problem))
        return shown


def _basic_constraints(value: bytes) -> str:
    is_ca, length = extensions.basic_constraints(value)
    text = "CA:TRUE" if is_ca else "CA:FALSE"
    return text if length is None else f"{text}, pathlen {length}"


def _key_usage(value: bytes) -> str:
    return ", ".join(extensions.key_usage(value))


def _purposes(value: bytes) -> str:
    return ", ".join(extensions.purposes(value))


def _key_identifier(value: bytes) -> str:
    return der.read(value).contents.hex()


_DESCRIBERS: dict[str, tuple[int, Callable[[bytes], str]]] = {
    oids.BASIC_CONSTRAINTS: (der.SEQUENCE, _basic_constraints),
    oids.KEY_USAGE: (der.BIT_STRING, _key_usage),
    oids.EXTENDED_KEY_USAGE: (der.SEQUENCE, _purposes),
    oids.SUBJECT_KEY_IDENTIFIER: (der.OCTET_STRING, _key_identifier),
}
