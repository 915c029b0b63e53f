"""Tolerant reading of certificate files: PEM with text around it, DER, PKCS#7, bare base64.

A file is read once from start to end, so the time is linear in its size.
"""

from __future__ import annotations

import re

import msgspec

from ca.encoding import der
from ca.encoding.armour import (
    BARE_BASE64,
    base64_in_json,
    decode_armour,
    decode_base64,
    decode_text,
    edges,
    is_text,
)
from ca.encoding.pkcs7 import read_certs_only
from ca.encoding.recognition import (
    CERTIFICATE,
    CSR,
    HTML,
    PKCS7,
    PKCS12,
    PRIVATE_KEY,
    form_of_der,
    form_of_file,
    form_of_label,
    with_article,
)
from ca.errors import MalformedError

_TRUSTED = "TRUSTED CERTIFICATE"
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", _TRUSTED)
_PKCS7 = ("PKCS7", "CMS", "PKCS #7 SIGNED DATA")
_IDLE = "\r \t->\ufeff\x00\x1a"
"""Characters outside the blocks that do not count as text."""
MAX_DAMAGED = 100
BOM = b"\xef\xbb\xbf"
"""The byte-order mark of UTF-8, which Windows editors write; preflight reports it."""
_FORMS = "PEM, DER, PKCS#7 (.p7b) and base64 are read"
_HINTS = {
    PKCS12: "take the certificates out: openssl pkcs12 -in FILE -nokeys -out certificates.pem",
    "Java keystore (JKS)": "take each out: keytool -exportcert -rfc -alias NAME -keystore FILE",
    "Java keystore (JCEKS)": "take each out: keytool -exportcert -rfc -alias NAME -keystore FILE",
    CSR: "give the certificate that was issued for it",
    HTML: "save the certificate, not the page around it",
    "ZIP archive": "unpack it first",
    PRIVATE_KEY: "give the certificate; a private key stays on its device, never in mail or shares",
}


class Member(msgspec.Struct, frozen=True):
    """A certificate of a file, and the line on which it begins (1 for DER)."""

    der: bytes
    line: int


class Damage(msgspec.Struct, frozen=True):
    """A block of a file that cannot be read, and why."""

    line: int
    reason: str


class Bundle(msgspec.Struct, frozen=True):
    """The contents of a file.

    ``form``: "pem", "der", "pkcs7" or "base64"; ``keys``: lines on which private keys begin;
    ``others``: labels of other PEM blocks; ``strays``: lines of text outside the blocks;
    ``damaged``: blocks that should hold certificates and cannot be read; ``repairs``: what was
    repaired, in sentences.
    """

    form: str
    members: tuple[Member, ...]
    keys: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    strays: tuple[int, ...] = ()
    damaged: tuple[Damage, ...] = ()
    repairs: tuple[str, ...] = ()


def read_bundle(data: bytes, *, what: str) -> Bundle:
    """Split a file into certificates and other blocks; only their form is judged.

    Raises:
        MalformedError: it has neither certificates nor other PEM blocks.
    """
    if data[:1] == b"\x30" and not is_text(data):
        return _from_binary(data, what, "der", [])
    repairs: list[str] = []
    text = decode_text(data.removeprefix(BOM), repairs)
    marks = list(edges(text))
    if marks:
        return _Reader(text, repairs).read(marks)
    if (in_json := base64_in_json(text)) is not None:
        repairs.append("the base64 in a JSON document was read")
        text = in_json
    if BARE_BASE64.fullmatch(text.strip()):
        inside = decode_base64("".join(text.split()), repairs, what=what)
        if in_json is None:
            repairs.append("base64 without BEGIN and END lines was read")
        return _from_binary(inside, what, "base64", repairs)
    raise not_a_certificate(what, form_of_file(data))


def first_certificate(data: bytes, *, what: str) -> bytes:
    """The first certificate of a file.

    Raises:
        MalformedError: there is none, or any block of the file is damaged.
    """
    bundle = read_bundle(data, what=what)
    for damage in bundle.damaged:
        raise MalformedError(f"{what} line {damage.line}: {damage.reason}")
    if not bundle.members:
        raise not_a_certificate(what, form_of_others(bundle))
    return bundle.members[0].der


def not_a_certificate(what: str, form: str | None) -> MalformedError:
    """The error for a file of this form; None if the form is not recognised."""
    if form is None:
        return MalformedError(f"{what} holds no certificate", hint=_FORMS)
    hint = _HINTS.get(PRIVATE_KEY if form.startswith(PRIVATE_KEY) else form)
    return MalformedError(f"{what} is {with_article(form)}, not a certificate", hint=hint or _FORMS)


def _from_binary(data: bytes, what: str, form: str, repairs: list[str]) -> Bundle:
    """Concatenated DER certificates, or a PKCS#7."""
    kind = form_of_file(data) if data[1:2] == b"\x80" else _kind_of_first(data)
    if kind == PKCS7:
        members_of_pkcs7 = tuple(Member(each, 1) for each in _read_pkcs7(data, what))
        return Bundle("pkcs7", members_of_pkcs7, repairs=tuple(repairs))
    if kind != CERTIFICATE:
        raise not_a_certificate(what, kind)
    members: list[Member] = []
    position = 0
    while position < len(data):
        try:
            node = der.first(data, position)
        except MalformedError:
            break
        if node.tag != der.SEQUENCE:
            break
        members.append(Member(node.raw, 1))
        position = node.end
    if data[position:].strip(b"\r\n\x00"):
        repairs.append(f"{len(data) - position} octets after the certificate were ignored")
    return Bundle(form, tuple(members), repairs=tuple(repairs))


def _read_pkcs7(data: bytes, what: str) -> list[bytes]:
    try:
        return read_certs_only(data)
    except MalformedError as error:
        raise MalformedError(f"{what}: {error.message}", hint=error.hint) from None


def _kind_of_first(data: bytes) -> str | None:
    try:
        return form_of_der(der.first(data))
    except MalformedError:
        return None


class _Reader:
    """Reads the text of a PEM file once, from start to end."""

    def __init__(self, text: str, repairs: list[str]) -> None:
        self.text = text
        self.repairs = dict.fromkeys(repairs)
        self.members: list[Member] = []
        self.keys: list[int] = []
        self.others: list[str] = []
        self.strays: list[int] = []
        self.damaged: list[Damage] = []
        self.unread = 0
        self.position, self.line = 0, 1

    def read(self, marks: list[re.Match[str]]) -> Bundle:
        """Read the whole file; ``marks`` are its BEGIN and END lines."""
        number = 0
        while number < len(marks):
            begin = marks[number]
            end = marks[number + 1] if number + 1 < len(marks) else None
            self._advance_to(begin.start(), strays=True)
            if begin["edge"] == "END":
                self._add_damage(f"the {begin['label']} block has no BEGIN line")
                self._advance_to(begin.end())
                number += 1
            elif end is None or not _is_end_of(begin["label"], end):
                self._add_unended(begin["label"])
                self._advance_to(len(self.text) if end is None else end.start())
                number += 1
            else:
                self._block(begin, end)
                self._advance_to(end.end())
                number += 2
        self._advance_to(len(self.text), strays=True)
        return self._bundle()

    def _advance_to(self, position: int, *, strays: bool = False) -> None:
        """Move to a position, counting lines; with ``strays`` text that is skipped is recorded."""
        skipped = self.text[self.position : position]
        if strays and skipped.strip(_IDLE + "\n"):
            lines = skipped.split("\n")
            self.strays += [
                self.line + number for number, line in enumerate(lines) if line.strip(_IDLE)
            ]
        self.line += skipped.count("\n")
        self.position = position

    def _add_unended(self, label: str) -> None:
        if PRIVATE_KEY.upper() in label:
            self.keys.append(self.line)
        else:
            self._add_damage(f"the {label} block has no END line")

    def _add_damage(self, reason: str) -> None:
        if len(self.damaged) < MAX_DAMAGED:
            self.damaged.append(Damage(self.line, reason))
        else:
            self.unread += 1

    def _block(self, begin: re.Match[str], end: re.Match[str]) -> None:
        label = begin["label"]
        if PRIVATE_KEY.upper() in label:
            self.keys.append(self.line)
            return
        if label not in _CERTIFICATE + _PKCS7:
            self.others.append(label)
            return
        if {begin["left"], begin["right"], end["left"], end["right"]} != {"-----"}:
            self.repairs.setdefault("the dashes of BEGIN and END lines were mended")
        if label != "CERTIFICATE" and label in _CERTIFICATE:
            self.repairs.setdefault(f"BEGIN {label} was read as BEGIN CERTIFICATE")
        try:
            inside = self._decode_armour(self.text[begin.end() : end.start()])
            self.members += [Member(each, self.line) for each in self._certificates(label, inside)]
        except MalformedError as error:
            self._add_damage(error.message)

    def _decode_armour(self, body: str) -> bytes:
        repairs: list[str] = []
        inside = decode_armour(body, repairs, what="the block")
        for repair in repairs:
            self.repairs.setdefault(repair)
        return inside

    def _certificates(self, label: str, inside: bytes) -> list[bytes]:
        if label in _PKCS7:
            return read_certs_only(inside)
        try:
            node = der.first(inside)
            form = form_of_der(node)
        except MalformedError:
            raise MalformedError("the certificate is cut off or damaged") from None
        if form == PKCS7:
            self.repairs.setdefault("a PKCS#7 in a CERTIFICATE block was read as such")
            return read_certs_only(inside)
        if form not in (CERTIFICATE, None):
            raise MalformedError(f"its BEGIN line says {label}, but it is {with_article(form)}")
        trailing = len(inside) - node.end
        if trailing and label == _TRUSTED:
            self.repairs.setdefault("openssl's trust settings after a certificate were ignored")
        elif trailing:
            self.repairs.setdefault(
                f"{trailing} octets after the certificate of line {self.line} were ignored"
            )
        return [node.raw]

    def _bundle(self) -> Bundle:
        if self.unread:
            self.damaged.append(Damage(self.line, f"{self.unread} more blocks cannot be read"))
        return Bundle(
            "pem",
            tuple(self.members),
            tuple(self.keys),
            tuple(self.others),
            tuple(self.strays),
            tuple(self.damaged),
            tuple(self.repairs),
        )


def _is_end_of(label: str, end: re.Match[str]) -> bool:
    labels = {label, end["label"]}
    return end["edge"] == "END" and (len(labels) == 1 or labels <= set(_CERTIFICATE))


def form_of_others(bundle: Bundle) -> str | None:
    """The form of a file that has no certificates, or None if its blocks are damaged."""
    if bundle.keys:
        return PRIVATE_KEY
    return form_of_label(bundle.others[0]) if bundle.others else None
