"""From a request's DER to its parts (RFC 2986), tolerant where a line can say what was repaired.

What every reader must be able to take apart (the outer structure, the key, the signature) is
refused when it is broken. What only a CA would take (names, extensions, attributes) becomes a
flaw: the operator may wish something else in its place.
"""

from __future__ import annotations

from contextlib import suppress

from ca.csr.armour import canonical, find_request
from ca.csr.request import CertificateRequest, Flaw
from ca.csr.requested import described, read_extensions, read_san
from ca.csr.subject import read_name
from ca.encoding import der
from ca.encoding.oids import EXTENSION_REQUESTS, REQUEST_ATTRIBUTES, SIGNATURES
from ca.encoding.strings import hex_form
from ca.errors import MalformedError
from ca.keys.public import read_public_key

MAX_REQUEST_ATTRIBUTES = 64


def read_request(data: bytes) -> CertificateRequest:
    """The request in a file, however it is wrapped.

    Raises:
        MalformedError: there is none, or it cannot be read.
    """
    straight = canonical(data)
    if straight is not None:
        with suppress(MalformedError):  # what is wrong with it is told better on the long way
            return parse_request(straight)
    try:
        found = find_request(data)
        return parse_request(found.der, found.repairs)
    except MalformedError as error:
        error.hint = error.hint or "copy it again, whole, or make a new CSR on the device"
        raise


def parse_request(data: bytes, repairs: tuple[str, ...] = ()) -> CertificateRequest:
    """Take a CertificationRequest apart (RFC 2986, 4).

    Raises:
        MalformedError: it is not one.
    """
    info, algorithm, signature = der.signed_parts(data, what="the CSR")
    fields = info.children()
    if len(fields) < 3 or fields[0].tag != der.INTEGER:
        raise MalformedError("the CSR lacks version, subject or key")
    said, flaws = list(repairs), list[Flaw]()
    _check_version(fields[0], said)
    subject = read_name(fields[1], said, flaws)
    key = read_public_key(fields[2].raw)
    lists, others = _attributes(fields[3:], said, flaws)
    asked = read_extensions(lists, flaws)
    san, other_names, san_critical = read_san(asked, flaws)
    oid, parameters = _signature_algorithm(algorithm)
    return CertificateRequest(
        der=data,
        info=info.raw,
        key=key,
        subject=subject,
        san=san,
        san_critical=san_critical,
        other_names=other_names,
        extensions=tuple([described(each, san, other_names, flaws) for each in asked]),
        attributes=others,
        signature_algorithm=SIGNATURES.get(oid, oid),
        signature_parameters=parameters,
        signature=signature,
        repairs=tuple(dict.fromkeys(said)),
        flaws=tuple(flaws),
    )


def _check_version(node: der.Node, said: list[str]) -> None:
    """Version 0 (RFC 2986, 4.1); 1 and 2, which some firmware writes, are read with a line.

    Raises:
        MalformedError: it is another.
    """
    octets = node.contents
    if not octets:
        raise MalformedError("the CSR's version is an integer without octets")
    if len(octets) > 4:
        raise MalformedError(
            f"the CSR has a version of {len(octets)} octets, and 0 is the only one"
        )
    version = der.integer(node)
    if version not in (0, 1, 2):
        raise MalformedError(f"the CSR has version {version}, and 0 is the only one")
    if version:
        said.append(
            f"the CSR says version {version}, where RFC 2986 knows only 0; it was read as 0"
        )


@der.read_once
def _signature_algorithm(node: der.Node) -> tuple[str, bytes]:
    """OID and parameters; devices of a kind all write the same."""
    if der.too_deep(node):
        raise MalformedError("the CSR nests deeper than any request does")
    parts = node.children()
    if not parts:
        raise MalformedError("the CSR names no signature algorithm")
    return der.oid(parts[0]), parts[1].raw if len(parts) > 1 else b""


def _attributes(
    nodes: list[der.Node], said: list[str], flaws: list[Flaw]
) -> tuple[list[der.Node], tuple[str, ...]]:
    """The lists of extensions that are asked for, and the other attributes by name.

    Raises:
        MalformedError: something else stands where they belong.
    """
    if not nodes:
        said.append("the attributes field is missing, which RFC 2986 wants even when it is empty")
        return [], ()
    if len(nodes) > 1 or nodes[0].tag != 0xA0:
        raise MalformedError("the CSR has stray fields behind its key")
    requested: list[der.Node] = []
    names: list[str] = []
    children = nodes[0].children()
    for node in children[:MAX_REQUEST_ATTRIBUTES]:
        try:
            oid, values = _attribute_parts(node)
        except MalformedError as error:
            names.append(hex_form(node.raw))
            flaws.append(Flaw(f"attribute.{names[-1]}", names[-1], error.message))
            continue
        if oid in EXTENSION_REQUESTS:
            _add_lists(values, requested, flaws)
        else:
            names.append(_other_attribute(node, REQUEST_ATTRIBUTES.get(oid, oid), names, flaws))
    if more := len(children[MAX_REQUEST_ATTRIBUTES:]):
        problem = f"the CSR has more than {MAX_REQUEST_ATTRIBUTES} attributes"
        flaws.append(Flaw("san", f"{more} more attributes", problem, _HIDDEN_NAMES))
    return requested, tuple(sorted(names))


_HIDDEN_NAMES = "which names are meant? give them with --replace-san --san dns:NAME"


def _attribute_parts(node: der.Node) -> tuple[str, list[der.Node]]:
    parts = node.children() if node.tag == der.SEQUENCE else []
    if len(parts) != 2 or parts[1].tag != der.SET:
        raise MalformedError("an attribute of the CSR is not a type and a set of values")
    oid = der.oid(parts[0])
    return oid, parts[1].children()


def _add_lists(values: list[der.Node], requested: list[der.Node], flaws: list[Flaw]) -> None:
    """The lists in one extensionRequest; the very same list again, as Windows adds it, is one."""
    problem = None
    if len(values) != 1 or values[0].tag != der.SEQUENCE:
        problem = "the CSR's extensionRequest holds not one list of extensions"
    known = {each.raw for each in requested}
    new = [value for value in values if value.raw not in known]
    if requested and new:
        problem = "the CSR has the attribute extensionRequest twice, with different contents"
    if problem:
        shown = " ".join(hex_form(value.raw) for value in new[:2]) or "empty"
        flaws.append(Flaw("san", f"extensionRequest {shown}", problem, _HIDDEN_NAMES))
    requested += [value for value in new if value.tag == der.SEQUENCE]


def _other_attribute(node: der.Node, name: str, names: list[str], flaws: list[Flaw]) -> str:
    """The name of an attribute that is passed over, and what is wrong with it."""
    problem = f"the CSR has the attribute {name} twice" if name in names else None
    try:
        if der.too_deep(node):
            problem = f"the CSR's attribute {name} nests deeper than any request does"
    except MalformedError as error:
        problem = f"the CSR's attribute {name} does not decode: {error.message}"
    if problem:
        flaws.append(Flaw(f"attribute.{name}", name, problem))
    return name
