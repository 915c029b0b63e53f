"""Parse a certification request (RFC 2986), tolerating what can be repaired and reported.

A request whose outer structure, key or signature is broken is refused. A name, extension or
attribute that is broken becomes a flaw instead, because the operator may replace it.
"""

from __future__ import annotations

from contextlib import suppress

from ca.csr.armour import canonical, extract_request
from ca.csr.kept import is_challenge
from ca.csr.request import CertificateRequest, Flaw
from ca.csr.requested import describe_extension, read_extensions, read_san
from ca.csr.subject import read_name
from ca.encoding import der
from ca.encoding.oids import EXTENSION_REQUESTS, REQUEST_ATTRIBUTES, SIGNATURES
from ca.encoding.strings import hex_form
from ca.errors import MalformedError
from ca.keys.public import read_public_key

MAX_REQUEST_ATTRIBUTES = 64


def read_request(data: bytes) -> CertificateRequest:
    """Read the request in a file, in any armour that can be repaired.

    Raises:
        MalformedError: there is no request, or it cannot be parsed.
    """
    clean_der = canonical(data)
    if clean_der is not None:
        with suppress(MalformedError):  # the full reader below reports the error with more detail
            return parse_request(clean_der)
    try:
        extracted = extract_request(data)
        return parse_request(extracted.der, extracted.repairs)
    except MalformedError as error:
        error.hint = error.hint or "copy it again, whole, or create a new CSR on the device"
        raise


def parse_request(data: bytes, repairs: tuple[str, ...] = ()) -> CertificateRequest:
    """Parse the DER of a CertificationRequest (RFC 2986, 4); ``repairs`` were needed to get it.

    Raises:
        MalformedError: it is not a CertificationRequest.
    """
    info, algorithm, signature = der.signed_parts(data, what="the CSR")
    fields = info.children()
    if len(fields) < 3 or fields[0].tag != der.INTEGER:
        raise MalformedError("the CSR lacks version, subject or key")
    notes, flaws = list(repairs), list[Flaw]()
    _check_version(fields[0], notes)
    subject = read_name(fields[1], notes, flaws)
    key = read_public_key(fields[2].raw)
    lists, attributes = _attributes(fields[3:], notes, flaws)
    requested = read_extensions(lists, flaws)
    san, other_names, san_critical = read_san(requested, flaws)
    oid, parameters = _signature_algorithm(algorithm)
    return CertificateRequest(
        der=data,
        info=info.raw,
        key=key,
        subject=subject,
        san=san,
        san_critical=san_critical,
        other_names=other_names,
        extensions=tuple([describe_extension(each, san, other_names, flaws) for each in requested]),
        attributes=attributes,
        signature_algorithm=SIGNATURES.get(oid, oid),
        signature_parameters=parameters,
        signature=signature,
        repairs=tuple(dict.fromkeys(notes)),
        flaws=tuple(flaws),
    )


def _check_version(node: der.Node, repairs: list[str]) -> None:
    """Accept version 0 (RFC 2986, 4.1), and with a repair 1 and 2, which some firmware writes.

    Raises:
        MalformedError: it is any other version.
    """
    octets = node.contents
    if not octets:
        raise MalformedError("the CSR's version is an integer without octets")
    if len(octets) > 4:
        raise MalformedError(
            f"the CSR's version has {len(octets)} octets, but only version 0 is defined"
        )
    version = der.integer(node)
    if version not in (0, 1, 2):
        raise MalformedError(f"the CSR has version {version}, but only version 0 is defined")
    if version:
        repairs.append(
            f"the CSR has version {version}, but RFC 2986 defines only 0; it was read as 0"
        )


@der.read_once
def _signature_algorithm(node: der.Node) -> tuple[str, bytes]:
    """OID and DER parameters; cached, because devices of one kind all write the same octets."""
    if der.too_deep(node):
        raise MalformedError("the CSR is nested too deeply")
    parts = node.children()
    if not parts:
        raise MalformedError("the CSR has no signature algorithm")
    return der.oid(parts[0]), parts[1].raw if len(parts) > 1 else b""


def _attributes(
    nodes: list[der.Node], repairs: list[str], flaws: list[Flaw]
) -> tuple[list[der.Node], tuple[str, ...]]:
    """The requested lists of extensions, and the sorted names of all other attributes.

    Raises:
        MalformedError: the fields after the key are not one set of attributes.
    """
    if not nodes:
        repairs.append(
            "the attributes field is missing, which RFC 2986 requires even if it is empty"
        )
        return [], ()
    if len(nodes) > 1 or nodes[0].tag != 0xA0:
        raise MalformedError("the CSR has unexpected fields after its key")
    lists: list[der.Node] = []
    names: list[str] = []
    children = nodes[0].children()
    for node in children[:MAX_REQUEST_ATTRIBUTES]:
        try:
            oid, values = _attribute_parts(node)
        except MalformedError as error:
            names.append("challengePassword" if is_challenge(node) else hex_form(node.raw))
            flaws.append(Flaw(f"attribute.{names[-1]}", names[-1], error.message))
            continue
        if oid in EXTENSION_REQUESTS:
            _add_lists(values, lists, flaws)
        else:
            names.append(_other_attribute(node, REQUEST_ATTRIBUTES.get(oid, oid), names, flaws))
    if more := len(children[MAX_REQUEST_ATTRIBUTES:]):
        problem = f"the CSR has more than {MAX_REQUEST_ATTRIBUTES} attributes"
        flaws.append(Flaw("san", f"{more} more attributes", problem, _HIDDEN_NAMES))
    return lists, tuple(sorted(names))


_HIDDEN_NAMES = "give the names you want with --replace-san --san dns:NAME"


def _attribute_parts(node: der.Node) -> tuple[str, list[der.Node]]:
    parts = node.children() if node.tag == der.SEQUENCE else []
    if len(parts) != 2 or parts[1].tag != der.SET:
        raise MalformedError("an attribute of the CSR is not a type and a set of values")
    oid = der.oid(parts[0])
    return oid, parts[1].children()


def _add_lists(values: list[der.Node], lists: list[der.Node], flaws: list[Flaw]) -> None:
    """Add the lists of one extensionRequest; a repeated list, as Windows writes it, is skipped."""
    problem = None
    if len(values) != 1 or values[0].tag != der.SEQUENCE:
        problem = "the CSR's extensionRequest does not hold exactly one list of extensions"
    known = {each.raw for each in lists}
    new = [value for value in values if value.raw not in known]
    if lists and new:
        problem = "the CSR has the attribute extensionRequest twice, with different contents"
    if problem:
        shown = " ".join(hex_form(value.raw) for value in new[:2]) or "empty"
        flaws.append(Flaw("san", f"extensionRequest {shown}", problem, _HIDDEN_NAMES))
    lists += [value for value in new if value.tag == der.SEQUENCE]


def _other_attribute(node: der.Node, name: str, names: list[str], flaws: list[Flaw]) -> str:
    """Return the name of an attribute that is not used; what is wrong with it becomes a flaw."""
    problem = f"the CSR has the attribute {name} twice" if name in names else None
    try:
        if der.too_deep(node):
            problem = f"the CSR's attribute {name} is nested too deeply"
    except MalformedError as error:
        problem = f"the CSR's attribute {name} does not decode: {error.message}"
    if problem:
        flaws.append(Flaw(f"attribute.{name}", name, problem))
    return name
