"""Handshakes that other programs wrote down: PEM lists, ``openssl s_client``, exports of tshark."""

from __future__ import annotations

import re

from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, MalformedError, attempt
from ca.model.observations import ALERTS, Handshake

_HEX = re.compile(r"(?<![0-9a-fA-F:])30:?82(?::?[0-9a-fA-F]{2}){100,20000}")
_ALERT = re.compile(
    r"SSL alert number (?P<a>\d{1,3})|tls[._a-z]*alert_message[._]desc\W{1,40}?(?P<b>\d{1,3})"
    r"|Alert Message.{0,40}Description: [^(\n]{1,60}\((?P<c>\d{1,3})\)",
    re.DOTALL,
)
_VERSION = re.compile(
    r"^\s*(?:Protocol\s*:|New,)\s*(?P<v>TLSv1(?:\.[0-3])?|DTLSv1(?:\.2)?)", re.MULTILINE
)
_ISSUERS = re.compile(
    r"^Acceptable client certificate CA names\n(?P<names>(?:.+\n)*?)"
    r"(?=Requested Signature|Client Certificate Types|Shared|Peer|---)",
    re.MULTILINE,
)
_MAX_ISSUERS = 100


def read_handshake(data: bytes, *, what: str) -> Handshake:
    """A handshake from a text: the certificates in their order, alert, version and CA names.

    Raises:
        MalformedError: there is neither a certificate nor an alert in it.
    """
    text = data.decode("utf-8", "replace")
    chain = _from_pem(data, what) or _from_hex(text)
    alert = _alert(text)
    if not chain and alert is None:
        raise MalformedError(
            f"{what} holds neither a certificate nor a TLS alert",
            hint="openssl s_client -showcerts -connect HOST:PORT </dev/null, or tshark -T json",
        )
    issuers = _ISSUERS.search(text)
    version = _VERSION.search(text)
    return Handshake(
        version=version["v"].replace("v1", " 1") if version else "",
        chain=tuple(chain),
        alert=alert,
        asks_certificate=issuers is not None,
        accepted_issuers=tuple(issuers["names"].splitlines()[:_MAX_ISSUERS]) if issuers else (),
        failure="" if chain else "the peer refused the handshake",
    )


def _from_pem(data: bytes, what: str) -> list[bytes]:
    bundle = attempt(read_bundle, data, what=what)
    found = [] if isinstance(bundle, CAError) else [each.der for each in bundle.members]
    return _without_repeated_leaf(found)


def _without_repeated_leaf(chain: list[bytes]) -> list[bytes]:
    """``s_client -showcerts`` prints the leaf once more below "Server certificate"."""
    if len(chain) > 1 and chain[-1] == chain[0]:
        return chain[:-1]
    return chain


def _from_hex(text: str) -> list[bytes]:
    """Certificates in hex, as tshark writes them in every of its formats; each once."""
    found: dict[bytes, None] = {}
    for match in _HEX.finditer(text):
        octets = bytes.fromhex(match[0].replace(":", ""))
        der = octets[: int.from_bytes(octets[2:4], "big") + 4]
        if not isinstance(attempt(read_certificate, der), CAError):
            found[der] = None
    return list(found)


def _alert(text: str) -> int | None:
    for match in _ALERT.finditer(text):
        number = int(match["a"] or match["b"] or match["c"])
        if number in ALERTS and number:
            return number
    return None
