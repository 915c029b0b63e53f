"""Tolerant decoding of the extensions of foreign certificates, each independently of the others."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from ca.encoding import der, extensions, oids
from ca.encoding.extensions import TEXT_KINDS
from ca.encoding.remarks import Remarks
from ca.encoding.strings import guess_text
from ca.errors import MalformedError
from ca.model.certificates import GeneralName

Extensions = dict[str, tuple[bool, bytes]]
"""Criticality and value by OID."""
TRUE, FALSE = b"\xff", b"\x00"
UNREAD_FORMS = {0xA3: "x400Address", 0xA5: "ediPartyName"}
"""GeneralNames that sipca does not decode, and hardly any other program does."""


def read_extensions(nodes: list[der.Node], version: int, remarks: Remarks) -> Extensions:
    """The extensions among ``nodes``, the fields of a TBSCertificate after its key.

    Of an extension that occurs twice the first one counts.
    """
    by_oid: Extensions = {}
    for node in nodes:
        if node.tag in (0x81, 0xA1, 0x82, 0xA2):
            continue  # issuerUniqueID and subjectUniqueID
        if node.tag != 0xA3:
            remarks.fault("it has an unknown field after its key")
            continue
        if version < 3:
            remarks.odd(f"it has extensions, and its version is {version}")
        with remarks.part("the list of extensions", fatal=True):
            (inner,) = node.children()
            for extension in inner.children():
                with remarks.part("an extension", fatal=True):
                    _add_extension(extension, by_oid, remarks)
    return by_oid


def _add_extension(node: der.Node, by_oid: Extensions, remarks: Remarks) -> None:
    parts = node.children()
    oid = der.oid(parts[0])
    name = oids.EXTENSIONS.get(oid, oid)
    if len(parts) > 3 or len(parts) < 2 or parts[-1].tag != der.OCTET_STRING:
        raise MalformedError(f"the extension {name} is not a type and a value")
    critical = False
    if len(parts) == 3:
        critical = _boolean(parts[1], f"the critical flag of {name}", remarks)
    if oid in by_oid:
        remarks.fault(f"the extension {name} occurs twice; the first was read", fatal=True)
        return
    by_oid[oid] = critical, parts[-1].contents


def _boolean(node: der.Node, what: str, remarks: Remarks) -> bool:
    if node.tag != der.BOOLEAN:
        raise MalformedError(f"{what} is not a BOOLEAN")
    if node.contents == FALSE:
        remarks.odd(f"{what} has the default, FALSE, which DER omits")
    elif node.contents != TRUE:
        remarks.odd(f"{what} is 0x{node.contents[:4].hex()} instead of DER's TRUE, 0xff")
    return any(node.contents)


def extension_facts(by_oid: Extensions, remarks: Remarks) -> dict[str, Any]:
    """Decode the extensions that sipca uses, as fields of ``CertificateFacts``."""
    facts: dict[str, Any] = {}
    for oid, read in _READERS.items():
        if oid in by_oid:
            with remarks.part(f"its {oids.EXTENSIONS[oid]}", fatal=True):
                facts.update(read(by_oid[oid][1], remarks))
    if oids.SUBJECT_ALT_NAME in by_oid:
        facts["san_critical"] = by_oid[oids.SUBJECT_ALT_NAME][0]
    return facts


def _key_identifier(value: bytes, _: Remarks) -> dict[str, Any]:
    node = der.read(value)
    if node.tag != der.OCTET_STRING:
        raise MalformedError("the subjectKeyIdentifier is not an OCTET STRING")
    return {"key_identifier": node.contents}


def _authority_key_identifier(value: bytes, _: Remarks) -> dict[str, Any]:
    parts = der.read(value).children()
    key_identifier = next((each.contents for each in parts if each.tag == 0x80), None)
    return {"authority_key_identifier": key_identifier}


def _basic_constraints(value: bytes, remarks: Remarks) -> dict[str, Any]:
    parts = der.read(value).children()
    if parts and parts[0].tag == der.BOOLEAN:
        _boolean(parts[0], "cA in its basicConstraints", remarks)
    if any(each.tag not in (der.BOOLEAN, der.INTEGER) for each in parts):
        raise MalformedError("the basicConstraints has more than cA and a path length")
    is_ca, path_length = extensions.basic_constraints(value)
    if path_length is not None and path_length < 0:
        raise MalformedError("the path length is negative")
    if path_length is not None and not is_ca:
        remarks.odd("its basicConstraints has a path length, and cA is FALSE")
    return {"is_ca": is_ca, "path_length": path_length}


def _key_usage(value: bytes, _: Remarks) -> dict[str, Any]:
    bits = der.read(value).contents
    if len(bits) < 2 or bits[0] > 7:
        raise MalformedError("the keyUsage has no bits, or more than 7 unused ones")
    return {"key_usage": extensions.key_usage(value)}


def _extended_key_usage(value: bytes, remarks: Remarks) -> dict[str, Any]:
    purposes = extensions.purposes(value)
    if not purposes:
        remarks.odd("its extendedKeyUsage is empty")
    return {"extended_key_usage": purposes}


def _subject_alt_name(value: bytes, remarks: Remarks) -> dict[str, Any]:
    nodes = der.read(value).children()
    return {"san": tuple(name for each in nodes if (name := _general_name(each, remarks)))}


def _general_name(node: der.Node, remarks: Remarks) -> GeneralName | None:
    if form := UNREAD_FORMS.get(node.tag):
        remarks.odd(f"a name in its SAN is of the type {form}, which sipca does not decode")
        return None
    if node.tag == 0x87:
        if len(node.contents) not in (4, 16):
            remarks.fault(f"an IP address in its SAN has {len(node.contents)} octets, not 4 or 16")
            return None
        return GeneralName("ip", str(ipaddress.ip_address(node.contents)))
    kind = TEXT_KINDS.get(node.tag)
    if kind is None:
        return None  # otherName, directoryName, registeredID: nobody dials a device by these
    if node.contents.isascii():
        return GeneralName(kind, node.contents.decode("ascii"))
    text, how = guess_text(node.contents)
    remarks.fault(f"a {kind} name in its SAN is not ASCII; it was read as {how}")
    return GeneralName(kind, text)


def _name_constraints(value: bytes, _: Remarks) -> dict[str, Any]:
    permitted: dict[str, list[str]] = {"dns": [], "ip": []}
    lists = [node for node in der.read(value).children() if node.tag == 0xA0]
    for subtrees in lists:
        for subtree in subtrees.children():
            base = subtree.children()[0]
            if base.tag == 0x82:
                permitted["dns"].append(guess_text(base.contents)[0])
            elif base.tag == 0x87:
                permitted["ip"].append(_network(base.contents))
    return {f"permitted_{kind}": tuple(values) for kind, values in permitted.items()}


def _network(octets: bytes) -> str:
    half = len(octets) // 2
    if len(octets) not in (8, 32):
        raise MalformedError("an IP range in its nameConstraints is not an address and a mask")
    mask = f"{int.from_bytes(octets[half:], 'big'):b}".zfill(8 * half)
    bits = mask.rstrip("0")
    if "0" in bits:
        raise MalformedError("an IP range in its nameConstraints has a mask with gaps")
    return f"{ipaddress.ip_address(octets[:half])}/{len(bits)}"


_READERS: dict[str, Callable[[bytes, Remarks], dict[str, Any]]] = {
    oids.SUBJECT_KEY_IDENTIFIER: _key_identifier,
    oids.AUTHORITY_KEY_IDENTIFIER: _authority_key_identifier,
    oids.BASIC_CONSTRAINTS: _basic_constraints,
    oids.KEY_USAGE: _key_usage,
    oids.EXTENDED_KEY_USAGE: _extended_key_usage,
    oids.SUBJECT_ALT_NAME: _subject_alt_name,
    oids.NAME_CONSTRAINTS: _name_constraints,
}
