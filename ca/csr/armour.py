"""Finding the one request in what browsers, mail and Windows make of a pasted CSR.

Every repair is a sentence for the operator; a clean file has none. Everything that is not a
request is refused by what it is.
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
    LINE,
    as_text,
    from_base64,
    is_text,
    json_base64,
    unarmoured,
    unescaped,
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
    "and make a new one; give the file with BEGIN CERTIFICATE REQUEST"
)
_HINTS = {
    CERTIFICATE: "give the CSR that the device made, not its certificate",
    PUBLIC_KEY: "a CSR proves that the device has the key; make one there",
    HTML: "save the text of the CSR, not the page around it",
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
        raise MalformedError(
            f"the input has more than {MAX_INPUT} octets, the most that is read",
            hint="a CSR has a few thousand: copy the lines from BEGIN to END and nothing else",
        )
    if not data.strip():
        raise MalformedError("the input is empty", hint="copy the CSR with its BEGIN and END lines")
    straight = canonical(data)
    if straight is not None:
        return Armoured(_judged_der(straight), ())
    if data[0] == der.SEQUENCE and not is_text(data):
        return Armoured(_judged_der(data), ("the file is DER, not PEM; it was read as such",))
    repairs: list[str] = []
    text = as_text(data, repairs)
    return _from_text(text, repairs)


def _from_text(text: str, repairs: list[str]) -> Armoured:
    blocks = [match for match in LINE.finditer(text) if match["edge"] == "BEGIN"]
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
    found = unarmoured(_body(text, requests[0], repairs), repairs, what="the CSR")
    return Armoured(_judged_der(found), tuple(repairs))


def _unescaped(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    """The text, its JSON escapes read where some stand between the BEGIN and the END line."""
    end = next((m.start() for m in LINE.finditer(text, begin.end()) if m["edge"] == "END"), 0)
    if unescaped(inside := text[begin.end() : end]) == inside:
        return text
    repairs.append(ESCAPES_READ)
    return text[: begin.end()] + unescaped(text[begin.end() :])


def _body(text: str, begin: re.Match[str], repairs: list[str]) -> str:
    end = next((m for m in LINE.finditer(text, begin.end()) if m["edge"] == "END"), None)
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


def _without_armour(text: str, labels: list[str], repairs: list[str]) -> Armoured:
    if labels:
        raise _something_else(form_of_label(labels[0]))
    if any(match["label"].strip() in LABELS for match in LINE.finditer(text)):
        raise MalformedError("the CSR has no BEGIN line", hint="copy it whole")
    if (in_json := json_base64(text)) is not None:
        repairs.append("the base64 in a JSON document was read")
        return Armoured(_judged_der(from_base64(in_json, repairs, what="the CSR")), tuple(repairs))
    if BARE_BASE64.fullmatch(text.strip()):
        repairs.append("base64 without BEGIN and END lines was read")
        found = from_base64("".join(text.split()), repairs, what="the CSR")
        return Armoured(_judged_der(found), tuple(repairs))
    if form := form_of_file(text.encode()):
        raise _something_else(form)
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
    form = form_of_der(outer)
    if form == CSR:
        return data
    if form is None:
        raise MalformedError(
            "the input is DER, but no CSR", hint="give the CSR that the device made"
        )
    raise _something_else(form)


def _something_else(form: str) -> MalformedError:
    """The error for what is no CSR but can be named."""
    if form.startswith(PRIVATE_KEY):
        stressed = form.replace(PRIVATE_KEY, f"*{PRIVATE_KEY}*")
        return MalformedError(f"the input is a {stressed}", hint=_PRIVATE_HINT)
    hint = _HINTS.get(form, "give the CSR that the device made")
    return MalformedError(f"the input is {with_article(form)}, not a CSR", hint=hint)
