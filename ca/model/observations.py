"""What was seen of a TLS peer: one handshake, and one address with all handshakes tried there."""

from __future__ import annotations

from datetime import datetime

import msgspec

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""TLS alerts by number (RFC 8446, 6; 41 is SSL 3.0's)."""


def alert_text(number: int) -> str:
    """An alert for people: "alert 48 unknown_ca"."""
    name = ALERTS.get(number, "")
    return f"alert {number} {name}".rstrip()


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """One TLS handshake, as the client saw it.

    ``chain`` holds the certificates as they were sent, the leaf first. ``alert`` is what the peer
    sent, also after a handshake that was complete on this side. ``failure`` says why there was no
    handshake; it is empty if there was one.
    """

    version: str = ""
    cipher: str = ""
    chain: tuple[bytes, ...] = ()
    alert: int | None = None
    asks_certificate: bool = False
    accepted_issuers: tuple[str, ...] = ()
    sent_certificate: bool = False
    failure: str = ""
    closed: bool = False
    """Whether the peer closed the connection after the handshake, in place of an answer."""
    answer: str = ""
    """The first line of the answer to the request sent after the handshake."""
    answer_date: datetime | None = None
    """The peer's clock, as its answer's Date field has it."""

    @property
    def complete(self) -> bool:
        """Whether there was a handshake."""
        return not self.failure

    @property
    def agreed(self) -> bool:
        """Whether the peer took what was offered, whatever it said of the client afterwards."""
        return self.complete or bool(self.chain)


class Responder(msgspec.Struct, frozen=True, kw_only=True):
    """An OCSP responder that a certificate names, and what came back: "" if it answered."""

    url: str
    failure: str = ""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address and what was seen there; ``usual`` is the handshake that a peer would make.

    ``versions`` has a handshake for each protocol version that was offered alone.
    ``service`` is "sip", "https" or "tls", or "file" for what was read from one.
    """

    host: str
    port: int
    name: str
    at: datetime
    service: str
    usual: Handshake
    versions: dict[str, Handshake] = {}
    without_name: Handshake | None = None
    without_certificate: Handshake | None = None
    dtls: Handshake | None = None
    silent_addresses: tuple[str, ...] = ()
    """Addresses of the name that were tried in vain before one answered."""
    responders: tuple[Responder, ...] = ()

    @property
    def clock_error(self) -> float | None:
        """The peer's clock less ours in seconds, if it told the time."""
        if self.usual.answer_date is None:
            return None
        return (self.usual.answer_date - self.at).total_seconds()
