"""The shape of a request: all its octets but those in a few slots, which are read anew.

The requests of a lab differ in their CN, the names of their SAN, their key and their signature.
Around these *slots* their octets are the same, so what was read there once holds for all of them:
in DER, other contents of the same length change nothing around a primitive value. A slot therefore
has a fixed length, and a request with a longer CN has another shape.

``ShapedReader`` reads the first request of a shape the long way, and the second both ways. From
then on it reads the slots alone, and every 64th request both ways again. What is odd in a slot is
left to the long way, which repairs or reports it.
"""

from __future__ import annotations

import ipaddress

import msgspec

from ca.csr.armour import canonical
from ca.csr.parsing import parse_request, read_request
from ca.csr.request import CertificateRequest, RequestedExtension
from ca.encoding import der
from ca.encoding.extensions import TEXT_KINDS
from ca.encoding.oids import COMMON_NAME, EXTENSION_REQUESTS, SUBJECT_ALT_NAME
from ca.encoding.strings import CODECS, PRINTABLE
from ca.errors import MalformedError, attempt
from ca.keys.public import read_public_key
from ca.model.certificates import GeneralName, NameKind, SubjectAttribute
from ca.model.trial import Trial

MOST_SHAPES = 256
"""Shapes that are remembered; then all are forgotten, since those in use are soon learned anew."""
_CN_TAGS = (der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING)

Span = tuple[int, int]
"""Where contents begin and end within the CertificationRequestInfo."""


class RequestShape(msgspec.Struct, frozen=True, eq=False):
    """What was read around the slots of a request, and where these are.

    ``example`` is the request that was read the long way. ``names`` are the kinds and contents of
    the SAN's names; ``san`` is that extension's place among the others, or None.
    """

    example: CertificateRequest
    around: tuple[tuple[int, int, bytes], ...]
    algorithm: bytes
    cn: Span
    cn_tag: int
    cn_place: int
    key: Span
    names: tuple[tuple[NameKind, int, int], ...]
    value: Span
    san: int | None
    trial: Trial

    def read(self, data: bytes, info: bytes, rest: bytes) -> CertificateRequest | None:
        """The request in these octets; None if it has another shape, or is odd in a slot.

        ``info`` are those of the CertificationRequestInfo, ``rest`` what follows them.
        """
        for start, stop, octets in self.around:
            if info[start:stop] != octets:
                return None
        cn = _text(info[self.cn[0] : self.cn[1]], self.cn_tag)
        san = [_name(kind, info[start:stop]) for kind, start, stop in self.names]
        if cn is None or None in san or not rest.startswith(self.algorithm):
            return None
        try:
            key = read_public_key(info[self.key[0] : self.key[1]])
            signature = der.bit_string(der.read(rest[len(self.algorithm) :]))
        except MalformedError:
            return None
        names = tuple([each for each in san if each is not None])
        return CertificateRequest(
            der=data,
            info=info,
            key=key,
            subject=self._subject(cn),
            san=names,
            san_critical=self.example.san_critical,
            other_names=(),
            extensions=self._extensions(names, info[self.value[0] : self.value[1]]),
            attributes=self.example.attributes,
            signature_algorithm=self.example.signature_algorithm,
            signature_parameters=self.example.signature_parameters,
            signature=signature,
        )

    def _subject(self, cn: str) -> tuple[SubjectAttribute, ...]:
        subject, place = self.example.subject, self.cn_place
        return (*subject[:place], SubjectAttribute("CN", cn), *subject[place + 1 :])

    def _extensions(
        self, names: tuple[GeneralName, ...], value: bytes
    ) -> tuple[RequestedExtension, ...]:
        extensions, place = self.example.extensions, self.san
        if place is None:
            return extensions
        old, text = extensions[place], ", ".join([str(each) for each in names])
        new = RequestedExtension(old.oid, old.name, old.critical, text, value)
        return (*extensions[:place], new, *extensions[place + 1 :])


class ShapedReader:
    """Reads requests, most of them by the shape of an earlier one."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[RequestShape]] = {}
        self._count = 0

    def read(self, data: bytes) -> tuple[CertificateRequest, RequestShape | None]:
        """Read the request in a file, and return its shape with it, if that is remembered.

        Raises:
            MalformedError: as ``read_request``.
        """
        octets = canonical(data)
        if octets is None:
            return read_request(data), None
        try:
            outer = der.read(octets)
            inner = der.first(octets, outer.body)
        except MalformedError:
            return read_request(data), None
        if outer.tag != der.SEQUENCE:
            return read_request(data), None
        info, rest = inner.raw, octets[inner.end :]
        for shape in self._by_size.get(len(info), ()):
            if (request := shape.read(octets, info, rest)) is not None:
                if shape.trial.is_due() and request != attempt(parse_request, octets):
                    self._by_size[len(info)].remove(shape)
                    raise RuntimeError("a request was read otherwise by its shape")
                return request, shape
        return self._learned(read_request(data))

    def _learned(
        self, request: CertificateRequest
    ) -> tuple[CertificateRequest, RequestShape | None]:
        shape = shape_of(request)
        if shape is not None:
            if self._count == MOST_SHAPES:
                self._by_size, self._count = {}, 0
            self._by_size.setdefault(len(request.info), []).append(shape)
            self._count += 1
        return request, shape


def shape_of(request: CertificateRequest) -> RequestShape | None:
    """The shape of a request that was read the long way; None if it is in any way unusual."""
    if request.repairs or request.flaws or request.other_names:
        return None
    info, algorithm, _ = der.read(request.der).children()
    fields = der.read(info.raw).children()
    cns = [each for each in enumerate(fields[1].children()) if _is_cn(each[1])]
    if len(cns) != 1:
        return None
    cn = cns[0][1].children()[0].children()[1]
    lists = [
        each.children()[1] for each in fields[3].children() if _oid(each) in EXTENSION_REQUESTS
    ]
    nodes = [each for values in lists for each in values.children()[0].children()]
    sans = [each for each in enumerate(nodes) if _oid(each[1]) == SUBJECT_ALT_NAME]
    if cn.tag not in _CN_TAGS or len(lists) > 1 or len(sans) > 1:
        return None
    names, value = [], der.Node(info.raw, 0, 0, 0, 0)
    for _, node in sans:
        value = node.children()[-1]
        names = der.first(info.raw, value.body).children()
    slots = sorted((each.body, each.end) for each in (cn, fields[2], *names))
    edges = [0, *(edge for slot in slots for edge in slot), len(info.raw)]
    return RequestShape(
        example=request,
        around=tuple((a, b, info.raw[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)),
        algorithm=algorithm.raw,
        cn=(cn.body, cn.end),
        cn_tag=cn.tag,
        cn_place=cns[0][0],
        key=(fields[2].start, fields[2].end),
        names=tuple((TEXT_KINDS.get(each.tag, "ip"), each.body, each.end) for each in names),
        value=(value.body, value.end),
        san=sans[0][0] if sans else None,
        trial=Trial(),
    )


def _oid(node: der.Node) -> str:
    return der.oid(node.children()[0])


def _is_cn(rdn: der.Node) -> bool:
    return any(_oid(each) == COMMON_NAME for each in rdn.children())


def _text(octets: bytes, tag: int) -> str | None:
    """The text of a CN; None where the long way would repair it or report a flaw."""
    try:
        text = octets.decode(CODECS[tag])
    except UnicodeDecodeError:
        return None
    if not text.isprintable() or (tag == der.PRINTABLE_STRING and not PRINTABLE.fullmatch(text)):
        return None
    return text


def _name(kind: NameKind, octets: bytes) -> GeneralName | None:
    """A name of a SAN; None where the long way would report a flaw."""
    if kind == "ip":
        return GeneralName("ip", str(ipaddress.ip_address(octets)))
    if not octets.isascii() or not (text := octets.decode()).isprintable():
        return None
    return GeneralName(kind, text)
