"""Bind a port of the loopback address and run the page until Ctrl-C."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable

import uvicorn

from ca.errors import ConflictError, StoreError
from ca.web.app import application
from ca.web.desk import Desk
from ca.web.patience import PatientProtocol

ADDRESS = "127.0.0.1"
"""The page is for this machine alone; no option changes it."""
MOST_CONNECTIONS = 100


def serve(desk: Desk, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; ``ready`` is told the URL with its one-time token.

    Raises:
        ConflictError: the port is taken.
        StoreError: it may not be used.
    """
    listener = _bound(port)
    number = listener.getsockname()[1]
    config = uvicorn.Config(
        application(desk, number),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
    )
    for each in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it ends
        signal.signal(each, _ended)
    ready(f"http://{ADDRESS}:{number}/?token={desk.secrets.token}")
    uvicorn.Server(config).run([listener])


def _ended(_number: int, _frame: object) -> None:
    """A signal is the ordinary end: exit code 0."""


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(
                f"port {port} of {ADDRESS} is taken",
                hint="leave out --port: the system then chooses a free one",
            ) from None
        raise StoreError(
            f"cannot listen on port {port} of {ADDRESS}: {error.strerror}",
            hint="choose a port above 1023, or leave out --port",
        ) from None
    return listener
