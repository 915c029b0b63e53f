"""Finding the one request in what browsers, mail and Windows make of a pasted CSR.

Every repair is a sentence for the operator; a clean file has none. Everything that is not a
request is refused by what it is.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from binascii import a2b_base64

import msgspec

from ca.encoding import der
from ca.errors import MalformedError
from ca.files import MAX_INPUT

LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_LINE = re.compile(
    rf"(?P<left>[{_DASHES}]{{1,10}}) {{0,3}}(?P<edge>BEGIN|END) "
    rf"(?P<label>[A-Z0-9 ]{{1,60}}?) {{0,3}}(?P<right>[{_DASHES}]{{1,10}})"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{64,}", re.ASCII)
_ESCAPE = r"\\{1,4}(?:r\\{1,4}n|[nrt]|(?P<slash>/)|u00(?P<code>[0-9A-Fa-f]{2}))"
"""Bounded, so that a search takes linear time; rare, so it is compiled when it is met."""
_QUOTED = re.compile(r"^[ \t]*>[ \t>]*", re.MULTILINE)
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "a byte-order mark was skipped"),
    (
        b"\xff\xfe",
        "utf-16",
        "the file is UTF-16, as Windows Notepad's 'Unicode'; it was read as such",
    ),
    (b"\xfe\xff", "utf-16", "the file is UTF-16; it was read as such"),
)
_PRIVATE_HINT = (
    "sipca never needs it: if this file was pasted or sent anywhere, treat the key as exposed "
    "and make a new one; give the file with BEGIN CERTIFICATE REQUEST"
)
_WHAT_ELSE = {
    "CERTIFICATE": ("a certificate", "give the CSR that the device made, not its certificate"),
    "X509 CERTIFICATE": ("a certificate", "give the CSR that the device made, not its certificate"),
    "TRUSTED CERTIFICATE": ("a certificate", "give the CSR that the device made"),
    "PKCS7": ("a PKCS#7 bundle", "give the CSR that the device made"),
    "CMS": ("a PKCS#7 bundle", "give the CSR that the device made"),
    "PUBLIC KEY": ("a public key", "a CSR proves that the device has the key; make one there"),
    "RSA PUBLIC KEY": ("a public key", "a CSR proves that the device has the key; make one there"),
    "X509 CRL": ("a CRL", "give the CSR that the device made"),
}


_CANONICAL = re.compile(
    rb"-----BEGIN CERTIFICATE REQUEST-----\n"
    rb"((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n)"
    rb"-----END CERTIFICATE REQUEST-----\n"
)


class Armoured(msgspec.Struct, frozen=True):
    """The request's DER, and what was repaired to get at it."""

    der: bytes
    repairs: tuple[str, ...]


def canonical(data: bytes) -> bytes | None:
    """What is inside armour as openssl and the devices write it: nothing to repair; else None."""
    found = _CANONICAL.fullmatch(data)
    if found is None or len(data) > MAX_INPUT:
        return None
    try:
        return a2b_base64(found[1])
    except binascii.Error:
        return None


def find_request(data: bytes) -> Armoured:
    """The one certification request in some octets.

    Raises:
        MalformedError: there is none, there are two, or it is something else, by name.
    """
    if len(data) > MAX_INPUT:
        raise MalformedError(f"the input has more than {MAX_INPUT} octets, the most that is read")
    if not data.strip():
        raise MalformedError("the input is empty", hint="copy the CSR with its BEGIN and END lines")
    straight = canonical(data)
    if straight is not None:
        return Armoured(_judged_der(straight), ())
    if data[0] == der.SEQUENCE and not _is_text(data):
        return Armoured(_judged_der(data), ("the file is DER, not PEM; it was read as such",))
    repairs: list[str] = []
    text = _as_text(data, repairs)
    return _from_text(text, repairs)


def _is_text(data: bytes) -> bool:
    return all(octet in b"\t\n\r" or 32 <= octet < 127 for octet in data[:64])


def _as_text(data: bytes, repairs: list[str]) -> str:
    for mark, codec, repair in _BOMS:
        if data.startswith(mark):
            repairs.append(repair)
            return data.decode(codec, "replace")
    if b"\x00" in data[:4]:  # '-----' is ASCII: every other octet of UTF-16 is zero
        codec = "utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"
        repairs.append("the file is UTF-16 without a byte-order mark; it was read as such")
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _from_text(text: str, repairs: list[str]) -> Armoured:
    blocks = [match for match in _LINE.finditer(text) if match["edge"] == "BEGIN"]
    labels = [match["label"].strip() for match in blocks]
    if any("PRIVATE KEY" in label for label in labels):
        raise MalformedError("the input holds a *private key*", hint=_PRIVATE_HINT)
    requests = [match for match in blocks if match["label"].strip() in LABELS]
    if len(requests) > 1:
        raise MalformedError(
            f"the input holds {len(requests)} CSRs", hint="put each into a file of its own"
        )
    if not requests:
        return _without_armour(text, labels, repairs)
    if "\\" in text[requests[0].end() :]:
        text = _unescaped(text, requests[0], repairs)
    return Armoured(_decoded(_body(text, requests[0], repairs), repairs), tuple(repairs))


def _unescaped(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    """The text with the escapes of JSON read, as a Redfish ``CSRString`` has them (RFC 8259, 7)."""
    end = next((m.start() for m in _LINE.finditer(text, begin.end()) if m["edge"] == "END"), 0)
    if not re.search(_ESCAPE, text[begin.end() : end]):
        return text
    repairs.append("JSON escapes (\\n at line ends) were read")

    def meant(escape: re.Match[str]) -> str:
        code = escape["code"]
        return chr(int(code, 16)) if code else "/" if escape["slash"] else "\n"

    return text[: begin.end()] + re.sub(_ESCAPE, meant, text[begin.end() :])


def _body(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    end = next(
        (m for m in _LINE.finditer(text, begin.end()) if m["edge"] == "END"),
        None,
    )
    if end is None or end["label"].strip() not in LABELS:
        raise MalformedError(
            "the CSR has no END line", hint="copy it whole, from its BEGIN to its END line"
        )
    dashes = {begin["left"], begin["right"], end["left"], end["right"]}
    if dashes != {"-----"}:
        repairs.append("the dashes of the BEGIN and END lines were mended")
    if begin["label"].strip() == "NEW CERTIFICATE REQUEST":
        repairs.append("BEGIN NEW CERTIFICATE REQUEST was read as BEGIN CERTIFICATE REQUEST")
    if text[: begin.start()].strip(" \t\r\n>\ufeff") or text[end.end() :].strip(" \t\r\n>\x00\x1a"):
        repairs.append("text around the CSR was skipped")
    body = text[begin.end() : end.start()]
    _note_layout(text, body, begin, repairs)
    return body


def _note_layout(text: str, body: str, begin: re.Match[str], repairs: list[str]) -> None:
    line_start = max(text.rfind("\n", 0, begin.start()), text.rfind("\r", 0, begin.start())) + 1
    lines = re.split(r"\r\n|\r|\n", body)
    inner = [line for line in lines if line.strip()]
    if "\r\n" in body:
        repairs.append("CR LF line ends were read")
    elif "\r" in body:
        repairs.append("CR line ends were read")
    if text[line_start : begin.start()] or any(line != line.strip() for line in inner):
        repairs.append("indentation and blanks at line ends were skipped")
    if any(len(line.strip()) > 76 for line in inner) or (len(inner) == 1 and "\n" not in body):
        repairs.append("overlong lines were read")
    if len(inner) < len(lines) - 2:
        repairs.append("blank lines were skipped")
    if not set(text[len(text.rstrip()) :]) & {"\r", "\n"}:
        repairs.append("the final newline is missing")


def _decoded(body: str, repairs: list[str]) -> bytes:
    if _QUOTED.search(body):
        body = _QUOTED.sub("", body)
        repairs.append("the quote marks of a mail were skipped")
    if ":" in body:  # RFC 1421 headers end with an empty line
        head, _, rest = body.replace("\r\n", "\n").replace("\r", "\n").strip().partition("\n\n")
        if ":" in head and rest:
            body = rest
            repairs.append("headers inside the armour were skipped")
    compact = "".join(body.split())
    invisible = compact.translate(dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\u00ad"), None))
    if invisible != compact:
        repairs.append("invisible characters were skipped")
    return _judged_der(_base64(invisible, repairs))


def _base64(compact: str, repairs: list[str]) -> bytes:
    bare = compact.rstrip("=")
    missing = -len(bare) % 4
    if compact != bare + "=" * missing and missing != 3:
        repairs.append("the '=' signs at the end were mended")
    try:
        return b64decode(bare + "=" * missing, validate=True)
    except (binascii.Error, ValueError):
        bad = re.search(r"[^A-Za-z0-9+/]", bare)
        what = f"the character {bad[0]!a}" if bad else f"{len(bare)} characters"
        raise MalformedError(
            f"the CSR's base64 has {what} where it cannot be", hint="copy it again, unchanged"
        ) from None


def _without_armour(text: str, labels: list[str], repairs: list[str]) -> Armoured:
    for label in labels:
        if label in _WHAT_ELSE:
            what, hint = _WHAT_ELSE[label]
            raise MalformedError(f"the input is {what}, not a CSR", hint=hint)
    if labels:
        raise MalformedError(f"the input is a PEM file of {labels[0]}, not a CSR")
    if any(match["label"].strip() in LABELS for match in _LINE.finditer(text)):
        raise MalformedError("the CSR has no BEGIN line", hint="copy it whole")
    if text.startswith("ssh-") or "PuTTY-User-Key-File" in text[:40]:
        raise MalformedError("the input is an SSH key, not a CSR")
    if re.match(r"\s*<(?:!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        raise MalformedError(
            "the input is an HTML page", hint="save the text of the CSR, not the page around it"
        )
    if _BASE64.fullmatch(text.strip()):
        repairs.append("base64 without BEGIN and END lines was read")
        return Armoured(_judged_der(_base64("".join(text.split()), repairs)), tuple(repairs))
    raise MalformedError(
        "the input holds no CSR", hint="a CSR starts with -----BEGIN CERTIFICATE REQUEST-----"
    )


def _judged_der(data: bytes) -> bytes:
    """The DER of a request, or a refusal that says what else it is."""
    try:
        outer = der.read(data, what="the CSR")
    except MalformedError as error:
        raise MalformedError(
            f"the CSR is cut off or damaged: {error.message}",
            hint="copy it whole, from its BEGIN to its END line",
        ) from None
    parts = outer.children() if outer.tag == der.SEQUENCE else []
    tags = [part.tag for part in parts[:4]]
    if tags[:2] == [der.INTEGER, der.SEQUENCE] and der.OCTET_STRING in tags[2:3]:
        raise MalformedError("the input is a *private key* (PKCS#8)", hint=_PRIVATE_HINT)
    if tags[:2] == [der.INTEGER, der.INTEGER] and len(parts) >= 9:
        raise MalformedError("the input is a *private key* (RSA)", hint=_PRIVATE_HINT)
    if tags[:2] == [der.INTEGER, der.OCTET_STRING]:
        raise MalformedError("the input is a *private key* (EC)", hint=_PRIVATE_HINT)
    if tags == [der.SEQUENCE, der.OCTET_STRING]:
        raise MalformedError("the input is a *private key* (encrypted PKCS#8)", hint=_PRIVATE_HINT)
    if tags[:1] == [der.OID]:
        raise MalformedError("the input is a PKCS#7 bundle, not a CSR", hint="give the CSR")
    if tags[:2] == [der.INTEGER, der.SEQUENCE]:
        raise MalformedError("the input is a PKCS#12 file, not a CSR", hint="give the CSR")
    if tags == [der.SEQUENCE, der.BIT_STRING]:
        raise MalformedError("the input is a public key, not a CSR", hint="give the CSR")
    if tags != [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
        raise MalformedError("the input is DER, but no CSR", hint="give the CSR")
    _refuse_certificate(parts[0])
    return data


def _refuse_certificate(first: der.Node) -> None:
    inner = [node.tag for node in first.children()[:6]]
    version, *rest = inner or [0]
    if version == 0xA0 or [version, *rest[:3]] == [
        der.INTEGER,
        der.SEQUENCE,
        der.SEQUENCE,
        der.SEQUENCE,
    ]:
        raise MalformedError(
            "the input is a certificate, not a CSR",
            hint="give the CSR that the device made, not its certificate",
        )
    times = (der.UTC_TIME, der.GENERALIZED_TIME)
    if any(tag in times for tag in inner):
        raise MalformedError("the input is a CRL, not a CSR", hint="give the CSR")
