"""The shape of a certificate: what the certificates for requests of one shape have in common.

They differ in their *slots*: serial number, validity, CN, key with its identifier, and SAN. Key
and names are judged, and names and validity decided, for each anew; every lint rule that looks at
a slot judges the new octets (``looks_at``). Only encoding and judging what stands around the slots
is left out: in DER, other contents of the same length change nothing around a primitive value.

``CertificateShapes`` takes a shape from a certificate that was prepared the long way, compares
the next one with what the long way makes of it, and every 64th after that. A certificate of
which a part has another length or kind than in the shape is prepared the long way.
"""

from __future__ import annotations

import msgspec

from ca.encoding import der
from ca.encoding.extensions import encode_general_names, read_extension, read_validity
from ca.encoding.oids import COMMON_NAME, SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER
from ca.issuance.assembly import encode_validity
from ca.issuance.extensions import key_identifier
from ca.issuance.order import Order
from ca.keys.public import PublicKey
from ca.keys.signer import algorithm_identifier
from ca.lint.certificates import (
    SLOT_RULES,
    Promised,
    ToBeSigned,
    attributes_of,
    read_with_cryptography,
)
from ca.model.account import FieldAccount
from ca.model.certificates import SubjectAttribute
from ca.model.findings import raise_failures, run
from ca.model.trial import Trial

MOST_SHAPES = 256
"""Shapes that are remembered, as many as of requests; then all are forgotten."""
_SKI = "extension.subjectKeyIdentifier"


class ExtensionPlace(msgspec.Struct, frozen=True):
    """An extension as ``ToBeSigned`` has it, and where its value stands if it is in a slot."""

    oid: str
    critical: bool
    value: bytes
    place: tuple[int, int] | None


class CertificateShape(msgspec.Struct, frozen=True, eq=False):
    """The octets around the slots of a TBSCertificate, and the lines that account for them.

    ``slots`` are the positions of serial, validity, CN, key, key identifier and SAN, in this order;
    ``fields`` those of the fields of the TBSCertificate. ``subject`` is that of the certificate
    from which the shape was taken, ``extension_lines`` are its account of them.
    """

    slots: tuple[tuple[int, int], ...]
    around: tuple[bytes, ...]
    fields: tuple[tuple[int, int], ...]
    extensions: tuple[ExtensionPlace, ...]
    subject: tuple[SubjectAttribute, ...]
    extension_lines: tuple[FieldAccount, ...]
    trial: Trial

    def fill(self, order: Order, promised: Promised) -> bytes | None:
        """The TBSCertificate of an order, linted; None if a part does not fit into its slot.

        Raises:
            CAError: a rule forbids the certificate.
        """
        key, cn = order.request.key, self._cn(promised.subject)
        values = (
            der.encode_integer(order.serial),
            encode_validity(promised.validity),
            cn,
            key.spki,
            key_identifier(key.bits),
            encode_general_names(promised.san),
        )
        parts = [self.around[0]]
        for value, (start, end), octets in zip(values, self.slots, self.around[1:], strict=True):
            if value is None or len(value) != end - start:
                return None
            parts += (value, octets)
        tbs = b"".join(parts)
        self._lint(tbs, order, promised)
        return tbs

    def _cn(self, subject: tuple[SubjectAttribute, ...]) -> bytes | None:
        """The octets of the CN; None if the rest of the subject is not that of the shape."""
        if len(subject) != len(self.subject):
            return None
        cn = None
        for ours, theirs in zip(self.subject, subject, strict=True):
            if ours.type == "CN" == theirs.type:
                cn = theirs.value.encode()
            elif ours != theirs:
                return None
        return cn

    def _lint(self, tbs: bytes, order: Order, promised: Promised) -> None:
        """Judge the new octets, read as ``read_back`` does, by the rules that look at a slot."""
        algorithm = algorithm_identifier(order.issuer.key)
        read_with_cryptography(tbs, algorithm)
        fields = [tbs[start:end] for start, end in self.fields]
        extensions = [
            (each.oid, each.critical, tbs[each.place[0] : each.place[1]])
            if each.place
            else (each.oid, each.critical, each.value)
            for each in self.extensions
        ]
        read = ToBeSigned(
            fields=fields,
            attributes=attributes_of(fields[5]),
            extensions=extensions,
            values={oid: value for oid, _, value in extensions},
            times=read_validity(fields[4]),
            promised=promised,
            profile=order.profile,
            key=order.request.key,
            issuer=order.issuer.facts,
            algorithm=algorithm,
        )
        raise_failures(run(SLOT_RULES, read))

    def lines(self, key: PublicKey) -> tuple[FieldAccount, ...]:
        """The lines of the account about the extensions."""
        identifier = key_identifier(key.bits).hex()
        return tuple(
            [
                FieldAccount(line.field, None, identifier, line.how, line.rule)
                if line.field == _SKI
                else line
                for line in self.extension_lines
            ]
        )


class CertificateShapes:
    """The shapes of the certificates that were prepared for shaped requests."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], CertificateShape] = {}

    def of(self, order: Order) -> CertificateShape | None:
        """The shape that the certificate of an order probably has."""
        return self._shapes.get(_key_of(order))

    def learn(
        self, order: Order, tbs: bytes, promised: Promised, lines: tuple[FieldAccount, ...]
    ) -> None:
        """Take the shape of a certificate that was prepared the long way."""
        is_plain = order.profile.role == "end-entity" and order.permit is None
        if order.shape is None or not is_plain:
            return
        shape = _shape_of(tbs, promised, lines)
        if shape is not None:
            if len(self._shapes) == MOST_SHAPES:
                self._shapes.clear()
            self._shapes[_key_of(order)] = shape

    def forget(self, order: Order) -> None:
        """Forget a shape that did not lead where the long way did."""
        self._shapes.pop(_key_of(order), None)


def _key_of(order: Order) -> tuple[object, ...]:
    """What the octets around the slots depend on, and the lines about the extensions."""
    return (order.shape, order.profile, order.issuer, order.request.key.algorithm)


def _shape_of(
    tbs: bytes, promised: Promised, lines: tuple[FieldAccount, ...]
) -> CertificateShape | None:
    fields = der.read(tbs).children()
    cns = [_value(rdn) for rdn in fields[5].children() if _is_cn(rdn)]
    asked = [line.asked for line in lines if line.field == _SKI]
    if len(cns) != 1 or asked != [None]:
        return None
    extensions, identifier, names = [], fields[6], fields[6]
    for node in fields[7].children()[0].children():
        oid, critical, value = read_extension(node.raw)
        place = None
        inner = node.children()[-1]
        if oid == SUBJECT_KEY_IDENTIFIER:
            identifier = der.first(tbs, inner.body)
            place = (inner.body, inner.end)
        elif oid == SUBJECT_ALT_NAME:
            names = der.first(tbs, inner.body)
            place = (inner.body, inner.end)
        extensions.append(ExtensionPlace(oid, critical, value, place))
    if not promised.san or names.start < identifier.end:
        return None
    slots = (
        (fields[1].start, fields[1].end),
        (fields[4].start, fields[4].end),
        (cns[0].body, cns[0].end),
        (fields[6].start, fields[6].end),
        (identifier.body, identifier.end),
        (names.body, names.end),
    )
    edges = [0, *(edge for slot in slots for edge in slot), len(tbs)]
    return CertificateShape(
        slots=slots,
        around=tuple(tbs[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)),
        fields=tuple((each.start, each.end) for each in fields),
        extensions=tuple(extensions),
        subject=promised.subject,
        extension_lines=lines,
        trial=Trial(),
    )


def _is_cn(rdn: der.Node) -> bool:
    return der.oid(rdn.children()[0].children()[0]) == COMMON_NAME


def _value(rdn: der.Node) -> der.Node:
    return rdn.children()[0].children()[1]
