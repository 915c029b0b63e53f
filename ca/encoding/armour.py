"""Text that other programs, mail and browsers have handled: charsets, BEGIN lines, base64.

Every repair is a sentence for the operator; a clean file has none.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from ca.errors import MalformedError

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
LINE = re.compile(
    rf"(?P<left>[{_DASHES}]{{1,10}}) {{0,3}}(?P<edge>BEGIN|END) "
    rf"(?P<label>[A-Z0-9 #]{{1,60}}?) {{0,3}}"
    rf"(?P<right>[{_DASHES}]{{1,5}}(?=[{_DASHES}]{{1,5}} {{0,3}}BEGIN)|[{_DASHES}]{{1,10}})"
)
"""A BEGIN or END line, also with the dashes that a word processor makes; the next BEGIN line may
follow on the same line, as where files without a final newline were joined."""
BARE_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]{64,}", re.ASCII)
_ESCAPE = r"\\{1,4}(?:r\\{1,4}n|[nrt]|(?P<slash>/)|u00(?P<code>[0-9A-Fa-f]{2}))"
"""Bounded, so that a search takes linear time; rare, so it is compiled when it is met."""
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


def is_text(data: bytes) -> bool:
    """Whether octets begin as ASCII text does."""
    return all(octet in b"\t\n\r" or 32 <= octet < 127 for octet in data[:64])


def as_text(data: bytes, repairs: list[str]) -> str:
    """Octets as text, in the charset that they are most likely in."""
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


def unescaped(text: str) -> str:
    """Text with the escapes of JSON read, as a Redfish ``CSRString`` has them (RFC 8259, 7)."""

    def meant(escape: re.Match[str]) -> str:
        code = escape["code"]
        return chr(int(code, 16)) if code else "/" if escape["slash"] else "\n"

    return re.sub(_ESCAPE, meant, text)


def unarmoured(body: str, repairs: list[str], *, what: str) -> bytes:
    """The octets between a BEGIN and an END line.

    Raises:
        MalformedError: they are not base64, even with what can be mended.
    """
    if _QUOTED.search(body):
        body = _QUOTED.sub("", body)
        repairs.append("the quote marks of a mail were skipped")
    if "\\" in body and (meant := unescaped(body)) != body:
        body = meant
        repairs.append(ESCAPES_READ)
    if ":" in body:  # RFC 1421 headers end with an empty line
        head, _, rest = body.replace("\r\n", "\n").replace("\r", "\n").strip().partition("\n\n")
        if ":" in head and rest:
            body = rest
            repairs.append("headers inside the armour were skipped")
    compact = "".join(body.split())
    visible = compact.translate(_INVISIBLE)
    if visible != compact:
        repairs.append("invisible characters were skipped")
    return from_base64(visible, repairs, what=what)


def json_base64(text: str) -> str | None:
    """The one long base64 string of a JSON document, as APIs hand out DER; None where none is."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    found = re.findall(r'"([A-Za-z0-9+/=\\nr]{64,})"', text, re.ASCII)
    return unescaped(found[0]) if len(found) == 1 else None


def from_base64(compact: str, repairs: list[str], *, what: str) -> bytes:
    """The octets of base64 without white space, whose '=' signs may be missing or too many.

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
        bad = re.search(r"[^A-Za-z0-9+/]", bare)
        found = f"the character {bad[0]!a}" if bad else f"{len(bare)} characters"
        raise MalformedError(
            f"{what}'s base64 has {found} where it cannot be", hint="copy it again, unchanged"
        ) from None
