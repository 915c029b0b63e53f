"""The extensions of other people's certificates: each read for itself, or said not to decode."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from ca.encoding import der, extensions, oids
from ca.encoding.extensions import TEXT_KINDS
from ca.encoding.remarks import Remarks
from ca.encoding.strings import guessed
from ca.errors import MalformedError
from ca.model.certificates import GeneralName

Extensions = dict[str, tuple[bool, bytes]]
"""Criticality and value by OID."""
TRUE, FALSE = b"\xff", b"\x00"
UNREAD_FORMS = {0xA3: "x400Address", 0xA5: "ediPartyName"}
"""GeneralNames that nothing here decodes, and hardly anything elsewhere."""


def read_extensions(nodes: list[der.Node], version: int, remarks: Remarks) -> Extensions:
    """What stands behind the key of a TBSCertificate: of an extension twice the first is read."""
    found: Extensions = {}
    for node in nodes:
        if node.tag in (0x81, 0xA1, 0x82, 0xA2):
            continue  # issuerUniqueID and subjectUniqueID
        if node.tag != 0xA3:
            remarks.fault("there is a stray field behind its key")
            continue
        if version < 3:
            remarks.odd(f"it has extensions, and says that it is of version {version}")
        with remarks.part("the list of extensions", fatal=True):
            (inner,) = node.children()
            for each in inner.children():
                with remarks.part("an extension", fatal=True):
                    _enter(each, found, remarks)
    return found


def _enter(node: der.Node, found: Extensions, remarks: Remarks) -> None:
    parts = node.children()
    oid = der.oid(parts[0])
    name = oids.EXTENSIONS.get(oid, oid)
    if len(parts) > 3 or len(parts) < 2 or parts[-1].tag != der.OCTET_STRING:
        raise MalformedError(f"the extension {name} is not a type and a value")
    critical = False
    if len(parts) == 3:
        critical = _boolean(parts[1], f"the critical flag of {name}", remarks)
    if oid in found:
        remarks.fault(f"the extension {name} is there twice; the first was read", fatal=True)
        return
    found[oid] = critical, parts[-1].contents


def _boolean(node: der.Node, what: str, remarks: Remarks) -> bool:
    if node.tag != der.BOOLEAN:
        raise MalformedError(f"{what} is no BOOLEAN")
    if node.contents == FALSE:
        remarks.odd(f"{what} spells out FALSE, which is its default")
    elif node.contents != TRUE:
        remarks.odd(f"{what} is 0x{node.contents[:4].hex()}, where DER's TRUE is 0xff")
    return any(node.contents)


def extension_facts(found: Extensions, remarks: Remarks) -> dict[str, Any]:
    """The extensions that something here asks for, as fields of ``CertificateFacts``."""
    facts: dict[str, Any] = {}
    for oid, read in _READERS.items():
        if oid in found:
            with remarks.part(f"its {oids.EXTENSIONS[oid]}", fatal=True):
                facts.update(read(found[oid][1], remarks))
    if oids.SUBJECT_ALT_NAME in found:
        facts["san_critical"] = found[oids.SUBJECT_ALT_NAME][0]
    return facts


def _key_identifier(value: bytes, _: Remarks) -> dict[str, Any]:
    node = der.read(value)
    if node.tag != der.OCTET_STRING:
        raise MalformedError("the subjectKeyIdentifier is no octet string")
    return {"key_identifier": node.contents}


def _authority_key_identifier(value: bytes, _: Remarks) -> dict[str, Any]:
    parts = der.read(value).children()
    found = next((each.contents for each in parts if each.tag == 0x80), None)
    return {"authority_key_identifier": found}


def _basic_constraints(value: bytes, remarks: Remarks) -> dict[str, Any]:
    parts = der.read(value).children()
    if parts and parts[0].tag == der.BOOLEAN:
        _boolean(parts[0], "cA in its basicConstraints", remarks)
    if any(each.tag not in (der.BOOLEAN, der.INTEGER) for each in parts):
        raise MalformedError("there is more in it than cA and a path length")
    is_ca, path_length = extensions.basic_constraints(value)
    if path_length is not None and path_length < 0:
        raise MalformedError("the path length is negative")
    if path_length is not None and not is_ca:
        remarks.odd("its basicConstraints has a path length and says that it is no CA")
    return {"is_ca": is_ca, "path_length": path_length}


def _key_usage(value: bytes, _: Remarks) -> dict[str, Any]:
    bits = der.read(value).contents
    if len(bits) < 2 or bits[0] > 7:
        raise MalformedError("the keyUsage has no bits, or more unused ones than an octet has")
    return {"key_usage": extensions.key_usage(value)}


def _purposes(value: bytes, remarks: Remarks) -> dict[str, Any]:
    found = extensions.purposes(value)
    if not found:
        remarks.odd("its extendedKeyUsage is empty")
    return {"extended_key_usage": found}


def _names(value: bytes, remarks: Remarks) -> dict[str, Any]:
    nodes = der.read(value).children()
    return {"san": tuple(name for each in nodes if (name := _general_name(each, remarks)))}


def _general_name(node: der.Node, remarks: Remarks) -> GeneralName | None:
    if form := UNREAD_FORMS.get(node.tag):
        remarks.odd(f"a name of its SAN has the form {form}, which is not read")
        return None
    if node.tag == 0x87:
        if len(node.contents) not in (4, 16):
            remarks.fault(f"an IP address of its SAN has {len(node.contents)} octets, not 4 or 16")
            return None
        return GeneralName("ip", str(ipaddress.ip_address(node.contents)))
    kind = TEXT_KINDS.get(node.tag)
    if kind is None:
        return None  # otherName, directoryName, registeredID: none that a device is dialled by
    if node.contents.isascii():
        return GeneralName(kind, node.contents.decode("ascii"))
    text, how = guessed(node.contents)
    remarks.fault(f"a {kind} name of its SAN is not ASCII; it was read as {how}")
    return GeneralName(kind, text)


def _limits(value: bytes, _: Remarks) -> dict[str, Any]:
    permitted: dict[str, list[str]] = {"dns": [], "ip": []}
    lists = [node for node in der.read(value).children() if node.tag == 0xA0]
    for subtrees in lists:
        for subtree in subtrees.children():
            base = subtree.children()[0]
            if base.tag == 0x82:
                permitted["dns"].append(guessed(base.contents)[0])
            elif base.tag == 0x87:
                permitted["ip"].append(_network(base.contents))
    return {f"permitted_{kind}": tuple(values) for kind, values in permitted.items()}


def _network(octets: bytes) -> str:
    half = len(octets) // 2
    if len(octets) not in (8, 32):
        raise MalformedError("an IP range of its nameConstraints has no address and mask")
    mask = f"{int.from_bytes(octets[half:], 'big'):b}".zfill(8 * half)
    bits = mask.rstrip("0")
    if "0" in bits:
        raise MalformedError("an IP range of its nameConstraints has a mask with holes")
    return f"{ipaddress.ip_address(octets[:half])}/{len(bits)}"


_READERS: dict[str, Callable[[bytes, Remarks], dict[str, Any]]] = {
    oids.SUBJECT_KEY_IDENTIFIER: _key_identifier,
    oids.AUTHORITY_KEY_IDENTIFIER: _authority_key_identifier,
    oids.BASIC_CONSTRAINTS: _basic_constraints,
    oids.KEY_USAGE: _key_usage,
    oids.EXTENDED_KEY_USAGE: _purposes,
    oids.SUBJECT_ALT_NAME: _names,
    oids.NAME_CONSTRAINTS: _limits,
}
