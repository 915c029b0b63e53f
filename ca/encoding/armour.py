"""Tolerant reading of PEM that mail, browsers or editors changed: charsets, BEGIN lines, base64.

Each repair adds a sentence for the operator to ``repairs``; a clean file needs none.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator

from ca.errors import MalformedError

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_LINE = (
    rf"(?P<left>[{_DASHES}]{{1,10}}) {{0,3}}(?P<edge>BEGIN|END) "
    rf"(?P<label>[A-Z0-9 #]{{1,60}}?) {{0,3}}"
    rf"(?P<right>[{_DASHES}]{{1,5}}(?=[{_DASHES}]{{1,5}} {{0,3}}BEGIN)|[{_DASHES}]{{1,10}})"
)
"""Compiled only when needed: clean files need none of it."""
BARE_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{64,}", re.ASCII)
_ESCAPE = r"\\{1,4}(?:r\\{1,4}n|[nrt]|(?P<slash>/)|u00(?P<code>[0-9A-Fa-f]{2}))"
"""Its repetitions are bounded, so that a search takes linear time; compiled only when needed."""
ESCAPES_READ = "JSON escapes (\\n at line ends) were read"
_QUOTED = re.compile(r"^[ \t]*>[ \t>]*", re.MULTILINE)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\u00ad"))
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "a byte-order mark was skipped"),
    (
        b"\xff\xfe",
        "utf-16",
        "the file is UTF-16, as Windows Notepad's 'Unicode'; it was read as such",
    ),
    (b"\xfe\xff", "utf-16", "the file is UTF-16; it was read as such"),
)


def edges(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """The BEGIN and END lines, also with the dashes that a word processor puts in.

    A BEGIN line may follow on the line of an END, as happens when files without a final newline
    are concatenated.
    """
    return re.compile(_LINE).finditer(text, start)


def is_text(data: bytes) -> bool:
    """Whether the first 64 octets are printable ASCII."""
    return all(octet in b"\t\n\r" or 32 <= octet < 127 for octet in data[:64])


def decode_text(data: bytes, repairs: list[str]) -> str:
    """Decode text in the charset that it is most likely in."""
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


def unescape_json(text: str) -> str:
    """Replace JSON escapes (RFC 8259, 7), as in the ``CSRString`` of a Redfish answer."""

    def replacement(escape: re.Match[str]) -> str:
        code = escape["code"]
        return chr(int(code, 16)) if code else "/" if escape["slash"] else "\n"

    return re.sub(_ESCAPE, replacement, text)


def decode_armour(body: str, repairs: list[str], *, what: str) -> bytes:
    """Decode the text between a BEGIN and an END line.

    Raises:
        MalformedError: it is not base64, and cannot be repaired.
    """
    if _QUOTED.search(body):
        body = _QUOTED.sub("", body)
        repairs.append("the quote marks of a mail were skipped")
    if "\\" in body and (plain := unescape_json(body)) != body:
        body = plain
        repairs.append(ESCAPES_READ)
    if ":" in body:  # RFC 1421 headers, which an empty line ends
        head, _, rest = body.replace("\r\n", "\n").replace("\r", "\n").strip().partition("\n\n")
        if ":" in head and rest:
            body = rest
            repairs.append("headers inside the armour were skipped")
    compact = "".join(body.split())
    cleaned = compact.translate(_INVISIBLE)
    if cleaned != compact:
        repairs.append("invisible characters were skipped")
    return decode_base64(cleaned, repairs, what=what)


def base64_in_json(text: str) -> str | None:
    """The one long base64 string of a JSON document, as APIs return DER; else None."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    strings = re.findall(r'"([A-Za-z0-9+/=\\nr]{64,})"', text, re.ASCII)
    return unescape_json(strings[0]) if len(strings) == 1 else None


def decode_base64(compact: str, repairs: list[str], *, what: str) -> bytes:
    """Decode base64 without white space, with too few or too many '=' signs at its end.

    Raises:
        MalformedError: it is not base64.
    """
    bare = compact.rstrip("=")
    missing = -len(bare) % 4
    if compact != bare + "=" * missing and missing != 3:
        repairs.append("the '=' signs at the end were mended")
    try:
        return b64decode(bare + "=" * missing, validate=True)
    except (binascii.Error, ValueError):
        invalid = re.search(r"[^A-Za-z0-9+/]", bare)
        problem = (
            f"the character {invalid[0]!a}"
            if invalid
            else f"an impossible number of characters, {len(bare)}"
        )
        raise MalformedError(
            f"{what} is not valid base64: it has {problem}", hint="copy it again, unchanged"
        ) from None
