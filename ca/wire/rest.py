"""The device's REST interface, as REST740 documents it (targets 6); never tried on a real one.

Nothing is retried by itself: a device that is busy says so (409), and the operator decides.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import msgspec

from ca.encoding.json_text import read_json
from ca.errors import (
    CAError,
    ConflictError,
    KeyUnavailableError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    VerificationError,
    attempt,
)
from ca.names.text import printable
from ca.profiles.target import RestFacts

MAX_ANSWER = 4 * 1024 * 1024
TIMEOUT = 20.0
"""Seconds without an octet."""
CONNECT_TIMEOUT = 5.0
"""Seconds for each address of a name."""
WHOLE = 60.0
"""Seconds for one call, however slowly its answer comes."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where a device's REST interface is, and how to know and to be admitted by it.

    ``roots`` (PEM) or ``pinned`` (DER of the certificate it must show) tell the device's TLS;
    ``insecure`` takes any certificate. The password stands in no message.
    """

    host: str
    port: int
    user: str
    password: str
    roots: str = ""
    pinned: bytes | None = None
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Access({self.host}:{self.port})"


class KeyState(msgspec.Struct, frozen=True):
    """What the device says of a private key: its size, and whether it fits (targets 2)."""

    size: int | None
    valid: bool | None


class Ending:
    """The end of a call that takes too long: its connection is shut down, whatever it waits for.

    The timeouts of the HTTP client are for single reads, which a device that sends an octet a
    second never reaches.
    """

    def __init__(self) -> None:
        self._connections: list[socket.socket] = []
        self._timer = threading.Timer(0, lambda: None)
        self.is_over = False

    def note(self, event: str, info: dict[str, Any]) -> None:
        """Remember each connection, by a descriptor of its own: TLS takes over the first."""
        if event == "connection.connect_tcp.complete":
            connection = info["return_value"].get_extra_info("socket")
            self._connections.append(connection.dup())
            if self.is_over:
                self._end()

    def __enter__(self) -> Ending:
        self.is_over = False
        self._timer = threading.Timer(WHOLE, self._end)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the descriptors."""
        for connection in self._connections:
            connection.close()


class DeviceAPI:
    """An open session with a device; each method is one documented call."""

    def __init__(self, client: Any, facts: RestFacts, host: str, ending: Ending) -> None:
        self._client = client
        self._ending = ending
        self._facts = facts
        self._host = printable(host)

    def version(self) -> str | None:
        """The firmware version, where ``GET /status`` tells it (field code, not the vendor's)."""
        answer = self._json(self._call("GET", self._facts.status))
        version = answer.get("versionID")
        return version if isinstance(version, str) else None

    def certificate(self, context: int) -> str:
        """The PEM of the context's certificate."""
        return self._text(self._call("GET", self._path(self._facts.certificate, context)))

    def trusted_roots(self, context: int) -> str:
        """The PEM of the context's whole trust store."""
        return self._text(self._call("GET", self._path(self._facts.trusted_root, context)))

    def key_state(self, context: int) -> KeyState:
        """Size and state of the context's private key."""
        answer = self._json(self._call("GET", self._path(self._facts.private_key, context)))
        size, valid = answer.get("size"), answer.get("valid")
        return KeyState(_number(size), _truth(valid))

    def make_key(self, context: int, size: int) -> None:
        """Make a new private key; the old one and its certificate are then useless (targets 1)."""
        path = self._path(self._facts.private_key, context) + "/generate"
        self._call("POST", path, json={"size": size})

    def make_request(self, context: int, subject: dict[str, str]) -> str:
        """The CSR of the context's key. REST documents no SAN (targets 1)."""
        path = self._path(self._facts.certificate, context) + "/request"
        return self._text(self._call("POST", path, json=subject))

    def load_certificate(self, context: int, pem: str) -> None:
        """Load the device certificate."""
        self._put(self._path(self._facts.certificate, context), pem)

    def add_trusted_root(self, context: int, pem: str) -> None:
        """Add one certificate to the trust store."""
        self._put(self._path(self._facts.trusted_root, context) + "/incremental", pem)

    def replace_trusted_roots(self, context: int, pem: str) -> None:
        """Put these in the place of the whole trust store (targets 3)."""
        self._put(self._path(self._facts.trusted_root, context), pem)

    def save(self) -> None:
        """Burn the configuration, so that a restart keeps it."""
        self._call("POST", self._facts.save, json={})

    @staticmethod
    def _path(template: str, context: int) -> str:
        return template.replace("{context}", str(context))

    def _put(self, path: str, pem: str) -> None:
        files = {"file": ("file.pem", pem.encode("ascii"), "application/octet-stream")}
        self._call("PUT", path, files=files)

    def _call(self, method: str, path: str, **rest: Any) -> bytes:
        """One call; the octets of its answer.

        Raises:
            CAError: the device does not answer, or answers with an error.
        """
        import httpx

        with self._ending as ending:
            try:
                status, body = self._answer(method, path, **rest)
            except (httpx.HTTPError, ssl.SSLError) as error:
                if isinstance(error, httpx.TimeoutException) or ending.is_over:
                    raise UnreachableError(
                        f"{self._host} does not answer {method} {path} in time",
                        hint="is the web interface on, and does a firewall lie between?",
                    ) from None
                raise self._failed(error) from None
        if status == 200:
            return body
        raise self._refused(method, path, status, body)

    def _answer(self, method: str, path: str, **rest: Any) -> tuple[int, bytes]:
        with self._client.stream(method, path, **rest) as response:
            body = b""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER:
                    raise self._strange(f"its answer to {method} {path} does not end")
            return response.status_code, body

    def _refused(self, method: str, path: str, status: int, body: bytes) -> CAError:
        what = f"{self._host} answers {method} {path} with {status}{_description(body)}"
        if status in (401, 403):
            return KeyUnavailableError(
                what, hint="check user and password, and the user's privilege"
            )
        if status == 404:
            return NotFoundError(
                what, hint="is the TLS context there, and the firmware 7.2 or later?"
            )
        if status == 409:
            return ConflictError(what, hint="its state forbids it now (HA, another user): later")
        if status == 400:
            return MalformedError(what, hint="sipca preflight says what the device may dislike")
        return UnreachableError(what, hint="is this the device's web interface?")

    def _failed(self, error: Exception) -> CAError:
        cause = str(error)
        if "certificate verify failed" in cause.lower() or "CERTIFICATE_VERIFY_FAILED" in cause:
            return VerificationError(
                f"the certificate of {self._host}'s web interface is not one that is trusted here",
                hint="--pin SHA256 names the one it shows now (sipca doctor HOST:443 tells it), "
                "--insecure takes any",
            )
        return UnreachableError(
            f"{self._host} cannot be asked: {printable(cause or type(error).__name__, 120)}",
            hint="is the device on, and is this the address of its web interface?",
        )

    def _strange(self, sentence: str) -> CAError:
        return UnreachableError(f"{self._host}: {sentence}", hint="is this the device's address?")

    def _json(self, body: bytes) -> dict[str, Any]:
        answer = attempt(read_json, body)
        if not isinstance(answer, dict):
            raise self._strange("what answers is not the documented REST interface")
        return answer

    def _text(self, body: bytes) -> str:
        text = body.decode("ascii", "replace")
        if text.strip() and "-----BEGIN " not in text:
            raise self._strange("what answers is not the documented REST interface")
        return text


def _admission(user: str, password: str) -> Any:
    """Basic or Digest, whichever the device asks for; nothing before it asks."""
    import httpx

    class Admission(httpx.Auth):
        chosen: httpx.Auth | None = None

        def auth_flow(self, request: Any) -> Any:
            if self.chosen is not None:
                yield from self.chosen.auth_flow(request)
                return
            response = yield request
            if response.status_code != 401:
                return
            asked = response.headers.get("www-authenticate", "").strip().casefold()
            is_digest = asked.startswith("digest")
            kind = httpx.DigestAuth if is_digest else httpx.BasicAuth
            self.chosen = kind(user, password)
            flow = self.chosen.auth_flow(request)
            admitted = next(flow)
            yield flow.send(response) if is_digest else admitted

    return Admission()


@contextmanager
def opened(access: Access, facts: RestFacts) -> Iterator[DeviceAPI]:
    """A session with a device, by Basic or Digest as it asks (targets 6).

    Raises:
        CAError: as the calls of ``DeviceAPI``.
    """
    import httpx

    host = f"[{access.host}]" if ":" in access.host else access.host
    ending = Ending()

    def watched(request: Any) -> None:
        request.extensions["trace"] = ending.note

    client = httpx.Client(
        base_url=f"https://{host}:{access.port}",
        verify=_verification(access),
        auth=_admission(access.user, access.password),
        timeout=httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT),
        event_hooks={"request": [watched]},
        trust_env=False,
        follow_redirects=False,
    )
    with closing(ending), client:
        yield DeviceAPI(client, facts, access.host, ending)


def _verification(access: Access) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
    elif access.pinned is not None:
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_verify_locations(cadata=access.pinned)
    else:
        context.load_verify_locations(cadata=access.roots)
    return context


def _description(body: bytes) -> str:
    answer = attempt(read_json, body[:4_096])
    text = answer.get("description") if isinstance(answer, dict) else None
    return f": {printable(text, 120)}" if isinstance(text, str) else ""


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _truth(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "ok": True, "yes": True, "1": True, "false": False, "no": False}
    return words.get(str(value).strip().casefold())
