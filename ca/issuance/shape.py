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
from ca.encoding.extensions import encode_general_names, read_validity
from ca.encoding.oids import COMMON_NAME, SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER
from ca.issuance.assembly import encode_validity
from ca.issuance.extensions import key_identifier
from ca.issuance.order import Order
from ca.keys.public import PublicKey
from ca.lint.certificates import (
    SLOT_RULES,
    Promised,
    ToBeSigned,
    read_with_cryptography,
)
from ca.model.account import FieldAccount
from ca.model.certificates import SubjectAttribute
from ca.model.findings import raise_failures, run
from ca.model.trial import Trial

MOST_SHAPES = 256
"""Shapes that are remembered, as many as of requests; then all are forgotten."""
_SKI = "extension.subjectKeyIdentifier"


class CertificateShape(msgspec.Struct, frozen=True, eq=False):
    """The octets around the slots of a TBSCertificate, and the lines that account for them.

    ``sizes`` are those of the slots, in this order: serial, validity, CN, key, its identifier, SAN.
    ``fields``, ``cn`` and ``values`` are positions: of the fields of the TBSCertificate, of the CN,
    and of the values of SKI and SAN; ``cn_place`` is that in the subject. ``read`` and ``lines``
    are what was judged of the certificate from which the shape was taken, and the lines of its
    account about extensions.
    """

    sizes: tuple[int, ...]
    around: tuple[bytes, ...]
    fields: tuple[tuple[int, int], ...]
    read: ToBeSigned
    cn: tuple[int, int]
    cn_place: int
    values: dict[str, tuple[int, int]]
    lines: tuple[FieldAccount, ...]
    trial: Trial

    def fill(self, order: Order, promised: Promised) -> bytes | None:
        """The TBSCertificate of an order, linted; None if a part does not fit into its slot.

        Raises:
            CAError: a rule forbids the certificate.
        """
        key, cn = order.request.key, self._cn(promised.subject)
        if cn is None:
            return None
        serial, validity = der.encode_integer(order.serial), encode_validity(promised.validity)
        identifier, san = key_identifier(key.bits), encode_general_names(promised.san)
        values = (serial, validity, cn, key.spki, identifier, san)
        if tuple(map(len, values)) != self.sizes:
            return None
        a, b, c, d, e, f, g = self.around
        parts = (a, serial, b, validity, c, cn, d, key.spki, e, identifier, f, san, g)
        tbs = b"".join(parts)
        self._lint(tbs, order, promised)
        return tbs

    def _cn(self, subject: tuple[SubjectAttribute, ...]) -> bytes | None:
        """The octets of the CN; None if the rest of the subject is not that of the shape."""
        ours, place = self.read.promised.subject, self.cn_place
        if len(subject) != len(ours) or subject[:place] != ours[:place]:
            return None
        if subject[place].type != "CN" or subject[place + 1 :] != ours[place + 1 :]:
            return None
        return subject[place].value.encode()

    def _lint(self, tbs: bytes, order: Order, promised: Promised) -> None:
        """Judge the new octets by the rules that look at a slot; around it nothing is new."""
        read = self.read
        read_with_cryptography(tbs, read.algorithm)
        fields = [tbs[start:end] for start, end in self.fields]
        attributes = [*read.attributes]
        oid, tag, _ = attributes[self.cn_place]
        attributes[self.cn_place] = oid, tag, tbs[self.cn[0] : self.cn[1]].decode()
        values = read.values | {each: tbs[start:end] for each, (start, end) in self.values.items()}
        subject = ToBeSigned(
            fields=fields,
            attributes=attributes,
            extensions=read.extensions,
            values=values,
            times=read_validity(fields[4]),
            promised=promised,
            profile=read.profile,
            key=order.request.key,
            issuer=read.issuer,
            algorithm=read.algorithm,
            key_is_der=order.vouched,
        )
        raise_failures(run(SLOT_RULES, subject))

    def account(self, key: PublicKey) -> tuple[FieldAccount, ...]:
        """The lines of the account about the extensions."""
        identifier = key_identifier(key.bits).hex()
        return tuple(
            [
                FieldAccount(line.field, None, identifier, line.how, line.rule)
                if line.field == _SKI
                else line
                for line in self.lines
            ]
        )


class CertificateShapes:
    """The shapes of the certificates that were prepared for shaped requests."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], CertificateShape | None] = {}

    def knows(self, order: Order, promised: Promised) -> bool:
        """Whether a certificate like that of an order was looked at for its shape."""
        return _key_of(order, promised) in self._shapes

    def of(self, order: Order, promised: Promised) -> CertificateShape | None:
        """The shape that the certificate of an order probably has."""
        return self._shapes.get(_key_of(order, promised))

    def learn(
        self, order: Order, tbs: bytes, read: ToBeSigned, lines: tuple[FieldAccount, ...]
    ) -> None:
        """Take the shape of a certificate that was prepared the long way."""
        is_plain = order.profile.role == "end-entity" and order.permit is None
        if len(self._shapes) == MOST_SHAPES:
            self._shapes.clear()
        shape = _shape_of(tbs, read, lines) if is_plain else None
        self._shapes[_key_of(order, read.promised)] = shape

    def forget(self, order: Order, promised: Promised) -> None:
        """Never use a shape again that did not lead where the long way did."""
        self._shapes[_key_of(order, promised)] = None


def _key_of(order: Order, promised: Promised) -> tuple[object, ...]:
    """What the octets around the slots depend on, and the lines about the extensions."""
    kind = order.request.key.algorithm
    return (order.shape, order.profile, order.issuer, kind, len(promised.san))


def _shape_of(
    tbs: bytes, read: ToBeSigned, lines: tuple[FieldAccount, ...]
) -> CertificateShape | None:
    fields = der.read(tbs).children()
    rdns = fields[5].children()
    cns = [place for place, (oid, _, _) in enumerate(read.attributes) if oid == COMMON_NAME]
    asked = [line.asked for line in lines if line.field == _SKI]
    octets = {
        der.oid(each.children()[0]): each.children()[-1]
        for each in fields[7].children()[0].children()
    }
    if len(cns) != 1 or asked != [None] or SUBJECT_ALT_NAME not in octets:
        return None
    cn = rdns[cns[0]].children()[0].children()[1]
    identifier = der.first(tbs, octets[SUBJECT_KEY_IDENTIFIER].body)
    names = der.first(tbs, octets[SUBJECT_ALT_NAME].body)
    slots = (
        (fields[1].start, fields[1].end),
        (fields[4].start, fields[4].end),
        (cn.body, cn.end),
        (fields[6].start, fields[6].end),
        (identifier.body, identifier.end),
        (names.body, names.end),
    )
    edges = [0, *(edge for slot in slots for edge in slot), len(tbs)]
    return CertificateShape(
        sizes=tuple(end - start for start, end in slots),
        around=tuple(tbs[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)),
        fields=tuple((each.start, each.end) for each in fields),
        read=read,
        cn=(cn.body, cn.end),
        cn_place=cns[0],
        values={
            oid: (octets[oid].body, octets[oid].end)
            for oid in (SUBJECT_KEY_IDENTIFIER, SUBJECT_ALT_NAME)
        },
        lines=lines,
        trial=Trial(),
    )
