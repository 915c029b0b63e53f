"""PEM (RFC 7468) in the form that device pages accept: 64 columns, LF, a final newline."""

from __future__ import annotations

from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Iterable, Iterator

from ca.encoding.der import read


def encode(der: bytes, label: str = "CERTIFICATE", *, newline: str = "\n") -> str:
    """Encode one PEM block with 64 columns; ``newline`` ends every line, the last one, too."""
    text = b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return newline.join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def bundle(ders: list[bytes]) -> str:
    """Encode several certificates as one PEM text, in the order given."""
    for der in ders:
        read(der, what="the certificate")
    return "".join(encode(der) for der in ders)


def encode_stream(pieces: Iterable[bytes], *, label: str) -> Iterator[bytes]:
    """Encode DER that comes in pieces as one PEM block, with 64 columns and LF."""
    yield f"-----BEGIN {label}-----\n".encode()
    pending = b""
    for piece in pieces:
        pending += piece
        whole = len(pending) - len(pending) % 48
        yield _lines(pending[:whole])
        pending = pending[whole:]
    yield _lines(pending)
    yield f"-----END {label}-----\n".encode()


def start_of(data: bytes, *, label: str) -> bytes:
    """The beginning of the DER in a file, from the beginning of the file.

    If it is a PEM block with this label, it is decoded as far as possible; else it is returned
    unchanged.
    """
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
