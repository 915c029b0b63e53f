"""TCP and UDP connections, bounded in time and octets."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec

from ca.errors import MalformedError, UnreachableError
from ca.names.hosts import as_address, host_problem
from ca.names.text import printable

MAX_ADDRESSES = 16


class Limits(msgspec.Struct, frozen=True):
    """How long one attempt may take, in seconds, and how many octets the peer may send."""

    connect: float = 4.0
    whole: float = 10.0
    octets: int = 262_144


class Deadline:
    """The end of an attempt, by a clock that only measures spans."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """The seconds left.

        Raises:
            TimeoutError: there are none.
        """
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Reached(msgspec.Struct, frozen=True):
    """An open connection, and the addresses of the name that did not answer before it."""

    socket: socket.socket
    silent: tuple[str, ...] = ()


def split_address(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT``, an IPv6 address or ``[IPv6]:PORT``.

    Raises:
        MalformedError: it is none of these.
    """
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        if rest and not rest.startswith(":"):
            raise _not_an_address(text)
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            raise _not_an_address(text)
    if as_address(host) is None and host_problem(host) is not None:
        raise _not_an_address(text)
    if not port:
        return host, default_port
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise MalformedError(
            f"'{printable(text)}': the port '{printable(port, 20)}' is not 1 to 65535",
            hint="a SIP device usually listens at 5061 for TLS, a web page at 443",
        )
    return host, int(port)


def _not_an_address(text: str) -> MalformedError:
    return MalformedError(
        f"'{printable(text)}' is neither a host name nor an IP address, with or without a port",
        hint="sbc1.lab.example, 10.4.0.20:5061 or [2001:db8::20]:5061",
    )


def addresses_of(host: str, port: int, kind: socket.SocketKind) -> Sequence[tuple[int, Any]]:
    """The addresses of a host, as family and socket address, in the resolver's order.

    Raises:
        UnreachableError: the name has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError):
        raise UnreachableError(
            f"the name '{printable(host)}' has no address here",
            hint="dial the address itself; --name says which name the certificate should have",
        ) from None
    distinct = dict.fromkeys((int(family), address) for family, _, _, _, address in found)
    return list(distinct)[:MAX_ADDRESSES]


def connect(host: str, port: int, limits: Limits) -> Reached:
    """Connect to the first address of a host that answers.

    Raises:
        UnreachableError: none does; the message has the reason of the last.
    """
    silent: list[str] = []
    reason = "no answer"
    for family, address in addresses_of(host, port, socket.SOCK_STREAM):
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(limits.connect)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            reason = reason_of(error)
            silent.append(str(address[0]))
            continue
        return Reached(connection, tuple(silent))
    raise UnreachableError(
        f"{printable(host)} port {port} cannot be reached: {reason}",
        hint="is the device on, is this its SIP TLS port, does a firewall lie between?",
    )


CLOSED = "the peer closed the connection"


def reason_of(error: OSError) -> str:
    """Why a connection failed, in a few plain words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return CLOSED
    return (error.strerror or "the connection failed").lower()
