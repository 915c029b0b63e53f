"""Extract the request from a CSR as browsers, mail programs and Windows deliver it.

Each repair is described to the operator in one sentence; a clean file needs none. Input that is
not a request is refused with an error that names what it is.
"""

from __future__ import annotations

import binascii
import re
from binascii import a2b_base64

import msgspec

from ca.encoding import der
from ca.encoding.armour import (
    BARE_BASE64,
    ESCAPES_READ,
    base64_in_json,
    decode_armour,
    decode_base64,
    decode_text,
    edges,
    is_text,
    unescape_json,
)
from ca.encoding.recognition import (
    CERTIFICATE,
    CSR,
    HTML,
    PRIVATE_KEY,
    PUBLIC_KEY,
    form_of_der,
    form_of_file,
    form_of_label,
    with_article,
)
from ca.errors import MalformedError
from ca.files import MAX_INPUT

LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_PRIVATE_HINT = (
    "sipca never needs it: if this file was pasted or sent anywhere, treat the key as exposed "
    "and create a new one; give the file with BEGIN CERTIFICATE REQUEST"
)
_HINTS = {
    CERTIFICATE: "give the CSR that the device created, not its certificate",
    PUBLIC_KEY: "create a CSR on the device: it proves that the device holds the private key",
    HTML: "save the text of the CSR, not the page around it",
}
_CANONICAL = re.compile(
    rb"-----BEGIN CERTIFICATE REQUEST-----\n"
    rb"((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n)"
    rb"-----END CERTIFICATE REQUEST-----\n"
)


class ExtractedRequest(msgspec.Struct, frozen=True):
    """A request's DER, and the repairs that were needed to read it, in words."""

    der: bytes
    repairs: tuple[str, ...]


def canonical(data: bytes) -> bytes | None:
    """The DER inside PEM exactly as openssl and devices write it; None if it needs repair."""
    match = _CANONICAL.fullmatch(data)
    if match is None or len(data) > MAX_INPUT:
        return None
    try:
        return a2b_base64(match[1])
    except binascii.Error:
        return None


def extract_request(data: bytes) -> ExtractedRequest:
    """Extract the one certification request from a file's octets.

    Raises:
        MalformedError: the input holds no request, several, or something else, which is named.
    """
    if len(data) > MAX_INPUT:
        raise MalformedError(
            f"the input has more than {MAX_INPUT} octets, the maximum",
            hint="a CSR has a few thousand: copy the lines from BEGIN to END and nothing else",
        )
    if not data.strip():
        raise MalformedError("the input is empty", hint="copy the CSR with its BEGIN and END lines")
    clean_der = canonical(data)
    if clean_der is not None:
        return ExtractedRequest(_require_request(clean_der), ())
    if data[0] == der.SEQUENCE and not is_text(data):
        return ExtractedRequest(
            _require_request(data), ("the file is DER, not PEM; it was read as such",)
        )
    repairs: list[str] = []
    text = decode_text(data, repairs)
    return _request_in_text(text, repairs)


def _request_in_text(text: str, repairs: list[str]) -> ExtractedRequest:
    blocks = [match for match in edges(text) if match["edge"] == "BEGIN"]
    labels = [match["label"].strip() for match in blocks]
    if any("PRIVATE KEY" in label for label in labels):
        raise MalformedError("the input holds a *private key*", hint=_PRIVATE_HINT)
    requests = [match for match in blocks if match["label"].strip() in LABELS]
    if len(requests) > 1:
        raise MalformedError(
            f"the input holds {len(requests)} CSRs", hint="put each into a file of its own"
        )
    if not requests:
        return _request_without_armour(text, labels, repairs)
    if "\\" in text[requests[0].end() :]:
        text = _unescape_body(text, requests[0], repairs)
    data = decode_armour(_body_between(text, requests[0], repairs), repairs, what="the CSR")
    return ExtractedRequest(_require_request(data), tuple(repairs))


def _unescape_body(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    """The text with JSON escapes decoded, if there are any between the BEGIN and END lines."""
    end = next((m.start() for m in edges(text, begin.end()) if m["edge"] == "END"), 0)
    if unescape_json(body := text[begin.end() : end]) == body:
        return text
    repairs.append(ESCAPES_READ)
    return text[: begin.end()] + unescape_json(text[begin.end() :])


def _body_between(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    end = next((m for m in edges(text, begin.end()) if m["edge"] == "END"), None)
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


def _request_without_armour(text: str, labels: list[str], repairs: list[str]) -> ExtractedRequest:
    if labels:
        raise _wrong_input(form_of_label(labels[0]))
    if any(match["label"].strip() in LABELS for match in edges(text)):
        raise MalformedError("the CSR has no BEGIN line", hint="copy it whole")
    if (in_json := base64_in_json(text)) is not None:
        repairs.append("the base64 in a JSON document was read")
        data = decode_base64(in_json, repairs, what="the CSR")
        return ExtractedRequest(_require_request(data), tuple(repairs))
    if BARE_BASE64.fullmatch(text.strip()):
        repairs.append("base64 without BEGIN and END lines was read")
        data = decode_base64("".join(text.split()), repairs, what="the CSR")
        return ExtractedRequest(_require_request(data), tuple(repairs))
    if form := form_of_file(text.encode()):
        raise _wrong_input(form)
    raise MalformedError(
        "the input holds no CSR", hint="a CSR starts with -----BEGIN CERTIFICATE REQUEST-----"
    )


def _require_request(data: bytes) -> bytes:
    """Return the DER if it is a request.

    Raises:
        MalformedError: it is damaged or something else, which is named.
    """
    try:
        outer = der.read(data, what="the CSR")
    except MalformedError as error:
        raise MalformedError(
            f"the CSR is cut off or damaged: {error.message}",
            hint="copy it whole, from its BEGIN to its END line",
        ) from None
    form = form_of_der(outer)
    if form == CSR:
        return data
    if form is None:
        raise MalformedError(
            "the input is DER, but not a CSR", hint="give the CSR that the device created"
        )
    raise _wrong_input(form)


def _wrong_input(form: str) -> MalformedError:
    """The error for input that is not a CSR but is recognised as something else."""
    if form.startswith(PRIVATE_KEY):
        stressed = form.replace(PRIVATE_KEY, f"*{PRIVATE_KEY}*")
        return MalformedError(f"the input is a {stressed}", hint=_PRIVATE_HINT)
    hint = _HINTS.get(form, "give the CSR that the device created")
    return MalformedError(f"the input is {with_article(form)}, not a CSR", hint=hint)
