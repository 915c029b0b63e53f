"""Bind the two ports and run the server, in this process or in several."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from ca.errors import ConflictError, StoreError
from ca.service.app import HOME_VARIABLE, SCEP_VARIABLE
from ca.service.guard import GuardedProtocol

BACKLOG = 1024
MAX_CONNECTIONS = 4096


class Listening(msgspec.Struct, frozen=True):
    """The address and ports of the server; ``scep`` are the options of SCEP."""

    address: str
    ocsp_port: int
    http_port: int
    workers: int
    scep: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether other machines cannot reach it."""
        return ip_address(self.address).is_loopback


def serve(home: Path, wished: Listening, ready: Callable[[Listening], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. For port 0 the system chooses one.

    Raises:
        ConflictError: a port is taken.
        StoreError: the address is not this machine's, or the port is privileged.
    """
    sockets = [_bound(wished.address, port) for port in (wished.ocsp_port, wished.http_port)]
    ports = [each.getsockname()[1] for each in sockets]
    os.environ[HOME_VARIABLE] = str(home.absolute())
    os.environ[SCEP_VARIABLE] = " ".join(wished.scep)
    config = uvicorn.Config(
        "ca.service.app:application",
        factory=True,
        http=GuardedProtocol,
        ws="none",
        workers=wished.workers,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it ends
        signal.signal(number, _ended)
    ready(msgspec.structs.replace(wished, ocsp_port=ports[0], http_port=ports[1]))
    if wished.workers > 1:
        Multiprocess(config, sockets).run()
    else:
        uvicorn.Server(config).run(sockets)


def _ended(_number: int, _frame: object) -> None:
    """A signal is the ordinary end of a server: exit code 0."""


def _bound(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        if error.errno in _TAKEN:
            raise ConflictError(
                f"port {port} of {address} is taken",
                hint="end the other program, or choose another port",
            ) from None
        raise StoreError(
            f"cannot listen on port {port} of {address}: {error.strerror}",
            hint="choose an address of this machine, and a port above 1023 unless you are root",
        ) from None
    listener.set_inheritable(True)
    return listener


_TAKEN = (errno.EADDRINUSE,)
