"""Files of certificates as they come: PEM with whatever stands around it, DER, PKCS#7, base64.

A file is read once from its start to its end: the time grows with its size and no faster.
"""

from __future__ import annotations

import re

import msgspec

from ca.encoding import der
from ca.encoding.armour import (
    BARE_BASE64,
    LINE,
    as_text,
    from_base64,
    is_text,
    json_base64,
    unarmoured,
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
"""What may stand outside the blocks without being text."""
MAX_DAMAGED = 100
BOM = b"\xef\xbb\xbf"
"""A mark before UTF-8: text editors of Windows write it, and preflight judges it."""
_FORMS = "PEM, DER, PKCS#7 (.p7b) and base64 are read"
_HINTS = {
    PKCS12: "take the certificates out: openssl pkcs12 -in FILE -nokeys -out certificates.pem",
    "Java keystore (JKS)": "take each out: keytool -exportcert -rfc -alias NAME -keystore FILE",
    "Java keystore (JCEKS)": "take each out: keytool -exportcert -rfc -alias NAME -keystore FILE",
    CSR: "give the certificate that was made from it",
    HTML: "save the certificate, not the page around it",
    "ZIP archive": "unpack it first",
    PRIVATE_KEY: "it belongs to nobody but its device: keep it away from mail and shares",
}


class Member(msgspec.Struct, frozen=True):
    """A certificate of a file, and the line it begins at (1 for DER)."""

    der: bytes
    line: int


class Damage(msgspec.Struct, frozen=True):
    """A block of a file that cannot be read, and why."""

    line: int
    reason: str


class Bundle(msgspec.Struct, frozen=True):
    """What a file holds. ``keys``: lines of private keys; ``others``: labels of further blocks.

    ``strays``: lines of text outside the blocks; ``damaged``: what should be a certificate and
    cannot be read; ``repairs``: what was mended, a sentence each.
    """

    form: str
    members: tuple[Member, ...]
    keys: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    strays: tuple[int, ...] = ()
    damaged: tuple[Damage, ...] = ()
    repairs: tuple[str, ...] = ()


def read_bundle(data: bytes, *, what: str) -> Bundle:
    """Take a file apart; nothing in it is judged but its form.

    Raises:
        MalformedError: it holds neither certificates nor other PEM blocks.
    """
    if data[:1] == b"\x30" and not is_text(data):
        return _from_binary(data, what, "der", [])
    repairs: list[str] = []
    text = as_text(data.removeprefix(BOM), repairs)
    marks = list(LINE.finditer(text))
    if marks:
        return _Reader(text, repairs).read(marks)
    if (in_json := json_base64(text)) is not None:
        repairs.append("the base64 in a JSON document was read")
        text = in_json
    if BARE_BASE64.fullmatch(text.strip()):
        inside = from_base64("".join(text.split()), repairs, what=what)
        if in_json is None:
            repairs.append("base64 without BEGIN and END lines was read")
        return _from_binary(inside, what, "base64", repairs)
    raise _nothing(what, form_of_file(data))


def first_certificate(data: bytes, *, what: str) -> bytes:
    """The first certificate of a file of which every block can be read.

    Raises:
        MalformedError: there is none, or a block is damaged.
    """
    bundle = read_bundle(data, what=what)
    for each in bundle.damaged:
        raise MalformedError(f"{what} line {each.line}: {each.reason}")
    if not bundle.members:
        raise _nothing(what, what_else(bundle))
    return bundle.members[0].der


def nothing_due(what: str, form: str) -> MalformedError:
    """The error for a file that holds something else than certificates."""
    hint = _HINTS.get(PRIVATE_KEY if form.startswith(PRIVATE_KEY) else form)
    return MalformedError(
        f"{what} is {with_article(form)}, where a certificate is due", hint=hint or _FORMS
    )


def _nothing(what: str, form: str | None) -> MalformedError:
    if form is not None:
        return nothing_due(what, form)
    return MalformedError(f"{what} holds no certificate", hint=_FORMS)


def _from_binary(data: bytes, what: str, form: str, repairs: list[str]) -> Bundle:
    """Certificates one behind the other, or a PKCS#7."""
    kind = form_of_file(data) if data[1:2] == b"\x80" else _kind_of_first(data)
    if kind == PKCS7:
        found = tuple(Member(each, 1) for each in _of_pkcs7(data, what))
        return Bundle("pkcs7", found, repairs=tuple(repairs))
    if kind != CERTIFICATE:
        raise _nothing(what, kind)
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
        repairs.append(f"{len(data) - position} octets behind the certificate were left out")
    return Bundle(form, tuple(members), repairs=tuple(repairs))


def _of_pkcs7(data: bytes, what: str) -> list[bytes]:
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
    """One walk through the text of a PEM file."""

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
        """The whole file; ``marks`` are its BEGIN and END lines."""
        number = 0
        while number < len(marks):
            begin = marks[number]
            end = marks[number + 1] if number + 1 < len(marks) else None
            self._walk_to(begin.start(), strays=True)
            if begin["edge"] == "END":
                self._spoiled(f"the {begin['label']} block has no BEGIN line")
                self._walk_to(begin.end())
                number += 1
            elif end is None or not _belong_together(begin["label"], end):
                self._unended(begin["label"])
                self._walk_to(len(self.text) if end is None else end.start())
                number += 1
            else:
                self._block(begin, end)
                self._walk_to(end.end())
                number += 2
        self._walk_to(len(self.text), strays=True)
        return self._bundle()

    def _walk_to(self, position: int, *, strays: bool = False) -> None:
        """Go on in the text, counting its lines; what is passed over is noted or not."""
        passed = self.text[self.position : position]
        if strays and passed.strip(_IDLE + "\n"):
            lines = passed.split("\n")
            self.strays += [
                self.line + number for number, line in enumerate(lines) if line.strip(_IDLE)
            ]
        self.line += passed.count("\n")
        self.position = position

    def _unended(self, label: str) -> None:
        if PRIVATE_KEY.upper() in label:
            self.keys.append(self.line)
        else:
            self._spoiled(f"the {label} block has no END line")

    def _spoiled(self, reason: str) -> None:
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
            inside = self._unarmoured(self.text[begin.end() : end.start()])
            self.members += [Member(each, self.line) for each in self._certificates(label, inside)]
        except MalformedError as error:
            self._spoiled(error.message)

    def _unarmoured(self, body: str) -> bytes:
        mended: list[str] = []
        inside = unarmoured(body, mended, what="the block")
        for each in mended:
            self.repairs.setdefault(each)
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
            raise MalformedError(f"its BEGIN line says {label}, and it is {with_article(form)}")
        behind = len(inside) - node.end
        if behind and label == _TRUSTED:
            self.repairs.setdefault("openssl's trust settings behind a certificate were left out")
        elif behind:
            self.repairs.setdefault(
                f"{behind} octets behind the certificate of line {self.line} were left out"
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


def _belong_together(label: str, end: re.Match[str]) -> bool:
    both = {label, end["label"]}
    return end["edge"] == "END" and (len(both) == 1 or both <= set(_CERTIFICATE))


def what_else(bundle: Bundle) -> str | None:
    """What a file without certificates holds instead, or None if its blocks are damaged."""
    if bundle.keys:
        return PRIVATE_KEY
    return form_of_label(bundle.others[0]) if bundle.others else None
