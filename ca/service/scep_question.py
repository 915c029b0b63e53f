"""What a SCEP client's URL asks (RFC 8894, 4.1): the operation and, by GET, its message.

Devices differ: Cisco's and Microsoft's paths, base64 with line ends (``%0A``), blanks where a plus
was decoded, padding left out, words in another case.
"""

from __future__ import annotations

import re
from base64 import b64decode
from urllib.parse import unquote_to_bytes

import msgspec

from ca.encoding import der
from ca.errors import MalformedError
from ca.scep.signed_data import MAX_MESSAGE

CAPABILITIES = b"POSTPKIOperation\nRenewal\nSHA-256\nSHA-384\nSHA-512\nAES\nSCEPStandard\n"
"""What GetCACaps answers (RFC 8894, 3.5.2); SHA-1 and 3DES are never offered.

SHA-384 is taken but is no word of the RFC's. It stands here because strongSwan 5.9.8 mistakes its
bit for that of SCEPStandard, and uses neither SHA-256 nor AES without it.
"""
OPERATIONS = {
    word.casefold().encode(): word
    for word in ("GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation")
}
_PATHS = re.compile(rb"(?:^|/)(?:scep/?|[^/]*pkiclient\.exe|[^/]*mscep\.dll)$", re.IGNORECASE)
_BLANKS = re.compile(rb"[\r\n\t]")


class Question(msgspec.Struct, frozen=True):
    """An operation, and the value of ``message`` with its escapes undone."""

    operation: str
    message: bytes


def is_scep_path(path: bytes) -> bool:
    """Whether SCEP is asked at this path: ``/scep``, or Cisco's and Microsoft's programs.

    ``/scep`` itself is nowhere but at the root; the programs may be in any folder.
    """
    found = _PATHS.search(path)
    return found is not None and (path.rstrip(b"/") == b"/scep" or b"." in found[0])


def read_question(query: bytes) -> Question:
    """Read the query of a URL.

    Raises:
        MalformedError: it names no operation of SCEP, or one twice.
    """
    values: dict[bytes, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        folded = unquote_to_bytes(name).lower()
        if folded in values:
            raise MalformedError("the URL has a parameter twice")
        values[folded] = unquote_to_bytes(value)
    operation = OPERATIONS.get(values.get(b"operation", b"").lower())
    if operation is None:
        known = ", ".join(OPERATIONS.values())
        raise MalformedError(f"the URL names no operation of SCEP, which are {known}")
    return Question(operation, values.get(b"message", b""))


def message_in(text: bytes) -> bytes:
    """The octets of a message in base64, as a GET carries it.

    A blank is what a plus became on its way, or a line end: whichever gives a whole message.

    Raises:
        MalformedError: it is not base64, or too long.
    """
    if len(text) > 2 * MAX_MESSAGE:
        raise MalformedError(f"a SCEP message has at most {MAX_MESSAGE} octets")
    text = _BLANKS.sub(b"", text)
    for spelled in (text.replace(b" ", b"+"), text.replace(b" ", b"")):
        bare = spelled.rstrip(b"=")
        try:
            data = b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
            if data[1:2] != b"\x80":  # of an indefinite length the end is not known yet
                der.read(data)
        except (ValueError, MalformedError):
            continue
        return data
    raise MalformedError("the message in the URL is not one message in base64")
