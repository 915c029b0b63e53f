"""PEM (RFC 7468) as device pages take it: one label, 64 columns, LF, final newline."""

from __future__ import annotations

from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Iterable, Iterator

from ca.encoding.der import read


def encode(der: bytes, label: str = "CERTIFICATE", *, newline: str = "\n") -> str:
    """One PEM block: 64 columns, the given line end, a line end behind the END line."""
    text = b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return newline.join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def bundle(ders: list[bytes]) -> str:
    """Several certificates as one PEM text, in the order given."""
    for der in ders:
        read(der, what="the certificate")
    return "".join(encode(der) for der in ders)


def encode_stream(pieces: Iterable[bytes], *, label: str) -> Iterator[bytes]:
    """One PEM block of DER that comes in pieces: 64 columns, LF."""
    yield f"-----BEGIN {label}-----\n".encode()
    waiting = b""
    for piece in pieces:
        waiting += piece
        whole = len(waiting) - len(waiting) % 48
        yield _lines(waiting[:whole])
        waiting = waiting[whole:]
    yield _lines(waiting)
    yield f"-----END {label}-----\n".encode()


def start_of(data: bytes, *, label: str) -> bytes:
    """The first octets of what a file holds: a PEM block of this label opened, else as they are."""
    begin = f"-----BEGIN {label}-----".encode()
    if not data.startswith(begin):
        return data
    text = b"".join(data[len(begin) :].partition(b"-----")[0].split())
    try:
        return a2b_base64(text[: len(text) - len(text) % 4])
    except Error:
        return b""


def _lines(der: bytes) -> bytes:
    text = b64encode(der)
    return b"".join([text[start : start + 64] + b"\n" for start in range(0, len(text), 64)])
