"""PEM (RFC 7468) as device pages take it: one label, 64 columns, LF, final newline."""

from __future__ import annotations

from base64 import b64encode

from ca.encoding.der import read


def encode(der: bytes, label: str = "CERTIFICATE", *, newline: str = "\n") -> str:
    """One PEM block: 64 columns, the given line end, a line end behind the END line."""
    text = b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return newline.join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def bundle(ders: list[bytes], *, newline: str = "\n") -> str:
    """Several certificates as one PEM text, in the order given."""
    for der in ders:
        read(der, what="the certificate")
    return "".join(encode(der, newline=newline) for der in ders)
