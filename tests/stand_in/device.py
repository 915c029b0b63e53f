"""A stand-in for an AudioCodes Mediant: what the documents say, and nothing more.

Each behaviour names the section of ``profiles/targets/README.md`` that it is from. What is not
known there is a switch, so that both can be tried. It keeps nothing on disk.

    REST        6: /api/v1/files/tls/..., /api/v1/actions/saveConfiguration, /api/v1/status (12)
    defaults    1: by REST a key of 1024 bits and signature sha1, CN ACL_<serial> where it is empty
    page        1: five SAN fields, each with a selector that starts at EMAIL; SHA-256
    trust       3: PUT replaces the store, .../incremental adds; a limit
    SIP TLS     4: the context's files through OpenSSL; mutual TLS; OPTIONS answered with a Date
    peers       4, 5: strict extension checking, OCSP, a clock of its own: ``device_peers``
    chain sent  3: whether the store's CAs are sent is not known: ``sends_store``
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import json
import re
import secrets
import socket
import socketserver
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from stand_in.device_peers import OCSPFields, judge_peer

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME."""
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s.+?-----END CERTIFICATE-----\n?", re.DOTALL)
FIELDS = {
    "subjectName": NameOID.COMMON_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "companyName": NameOID.ORGANIZATION_NAME,
    "localityName": NameOID.LOCALITY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "countryCode": NameOID.COUNTRY_NAME,
}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
}


SAN_KINDS: dict[str, Callable[[str], x509.GeneralName]] = {
    "EMAIL": x509.RFC822Name,
    "DNS": x509.DNSName,
    "URI": x509.UniformResourceIdentifier,
    "IP": lambda value: x509.IPAddress(ipaddress.ip_address(value)),
}


class Refusal(Exception):
    """A request that the device answers with a status and a description."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status, self.description = status, description


@dataclass
class Context:
    """One TLS context: its key, certificate and trust store, in memory until they are saved."""

    key: rsa.RSAPrivateKey
    certificate: str
    trusted: list[str] = field(default_factory=list)
    ocsp: OCSPFields | None = None

    @property
    def key_is_valid(self) -> bool:
        """What the page calls "Private key: OK" (2): it is the certificate's."""
        leaf = x509.load_pem_x509_certificate(self.certificate.encode())
        return leaf.public_key() == self.key.public_key()


@dataclass
class Device:
    """The device: its contexts, its switches, and a record of what it was asked."""

    number: str = "482913"
    version: str = "7.40A.500.100"
    user: str = "Admin"
    password: str = "Admin"
    limit: int = 150
    authentication: str = "basic"
    strict: bool = False
    mutual: bool = False
    sends_store: bool = False
    takes_chain: bool = False
    busy: int = 0
    clock_error: timedelta = timedelta(0)
    contexts: dict[int, Context] = field(default_factory=dict)
    saved: int = 0
    asked: list[str] = field(default_factory=list)
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        for number in (0, 1, 2):
            key = rsa.generate_private_key(65537, 2048)
            self.contexts[number] = Context(key, self.self_signed(key, {}))

    def subject(self, fields: dict[str, str]) -> x509.Name:
        """The subject in the order of the form; an empty CN becomes the factory's (1)."""
        wished = {**fields, "subjectName": fields.get("subjectName") or f"ACL_{self.number}"}
        names = [
            x509.NameAttribute(oid, wished[name])
            for name, oid in FIELDS.items()
            if wished.get(name)
        ]
        return x509.Name(names)

    def self_signed(self, key: rsa.RSAPrivateKey, fields: dict[str, str]) -> str:
        name, now = self.subject(fields), self.now()
        builder = x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=3650)
        )
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_error

    def context(self, text: str) -> Context:
        try:
            return self.contexts[int(text)]
        except (KeyError, ValueError):
            raise Refusal(404, "no such TLS context") from None

    # --- REST (6)

    def get(self, path: str) -> tuple[str, bytes]:
        if path == "/api/v1/status":
            return "application/json", json.dumps({"versionID": self.version}).encode()
        if path == "/api/v1/files/tls":
            rows = [{"id": str(number)} for number in self.contexts]
            return "application/json", json.dumps({"tls": rows}).encode()
        match = re.fullmatch(r"/api/v1/files/tls/(\d+)/(certificate|privateKey|trustedRoot)", path)
        if match is None:
            raise Refusal(404, "not found")
        context = self.context(match[1])
        if match[2] == "certificate":
            return "application/octet-stream", context.certificate.encode()
        if match[2] == "trustedRoot":
            return "application/octet-stream", "".join(context.trusted).encode()
        state = {"size": context.key.key_size, "valid": context.key_is_valid}
        return "application/json", json.dumps(state).encode()

    def put(self, path: str, body: bytes) -> str:
        match = re.fullmatch(
            r"/api/v1/files/tls/(\d+)/(certificate|privateKey|trustedRoot(?:/incremental)?)", path
        )
        if match is None:
            raise Refusal(404, "not found")
        context, what = self.context(match[1]), match[2]
        text = body.decode("ascii", "replace")
        if what == "privateKey":
            return self._put_key(context, body)
        found = CERTIFICATE.findall(text)
        if not found:
            raise Refusal(400, "the file is not PEM")
        for each in found:
            self._load(each)
        if what == "certificate":
            if len(found) > 1 and not self.takes_chain:
                raise Refusal(400, "more than one certificate")
            context.certificate = found[0]
            return "Certificate was successfully changed"
        return self._put_trusted(context, found, adding=what.endswith("incremental"))

    def _put_key(self, context: Context, body: bytes) -> str:
        try:
            key = load_pem_private_key(body, None)
        except (ValueError, TypeError):
            raise Refusal(400, "the file is not a private key") from None
        assert isinstance(key, rsa.RSAPrivateKey)
        context.key = key
        return "Private key was successfully changed"

    def _put_trusted(self, context: Context, found: list[str], *, adding: bool) -> str:
        store = [*context.trusted, *found] if adding else found
        if len(store) > self.limit:
            raise Refusal(400, "the trusted root certificate store is full")
        context.trusted = store
        return "Trusted root certificates were successfully changed"

    @staticmethod
    def _load(pem: str) -> None:
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            raise Refusal(400, "the certificate cannot be read") from None

    def post(self, path: str, body: bytes) -> tuple[str, bytes]:
        if path == "/api/v1/actions/saveConfiguration":
            self.saved += 1
            return "application/json", b'{"description": "configuration saved"}'
        match = re.fullmatch(
            r"/api/v1/files/tls/(\d+)/(certificate/(?:request|generate)|privateKey/generate)", path
        )
        if match is None:
            raise Refusal(404, "not found")
        context, what = self.context(match[1]), match[2]
        try:
            wishes = json.loads(body or b"{}")
        except ValueError:
            raise Refusal(400, "the body is not JSON") from None
        if what == "privateKey/generate":
            size = int(wishes.get("size", 1024))
            context.key = rsa.generate_private_key(65537, size)
            return "application/json", b'{"description": "key generated"}'
        if what == "certificate/generate":
            context.certificate = self.self_signed(context.key, wishes)
            return "application/json", b'{"description": "certificate generated"}'
        algorithm = HASHES.get(wishes.get("signatureAlgorithm", "sha1"))
        if algorithm is None:
            raise Refusal(400, "no such signature algorithm")
        builder = x509.CertificateSigningRequestBuilder(self.subject(wishes))
        request = builder.sign(context.key, algorithm)
        return "application/octet-stream", request.public_bytes(Encoding.PEM)

    # --- the page "Change Certificate" (1)

    def page_request(
        self, number: int, fields: dict[str, str], names: Sequence[tuple[str | None, str]] = ()
    ) -> str:
        """The CSR that the page shows; a SAN whose selector nobody touched is EMAIL."""
        assert len(names) <= 5
        builder = x509.CertificateSigningRequestBuilder(self.subject(fields))
        if names:
            each = [SAN_KINDS[kind or "EMAIL"](value) for kind, value in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(each), critical=False)
        request = builder.sign(self.contexts[number].key, hashes.SHA256())
        return request.public_bytes(Encoding.PEM).decode()

    # --- TLS (4)

    def tls(self, number: int) -> ssl.SSLContext:
        """The context's files in OpenSSL; it raises where key and certificate differ."""
        context = self.contexts[number]
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.set_ciphers("ALL:@SECLEVEL=0")
        pem = context.certificate + ("".join(context.trusted) if self.sends_store else "")
        pem += context.key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ).decode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem.encode())
            file.flush()
            secured.load_cert_chain(file.name)
        if self.mutual:
            secured.verify_mode = ssl.CERT_REQUIRED
            if context.trusted:
                secured.load_verify_locations(cadata="".join(context.trusted))
            secured.verify_flags |= NO_CHECK_TIME  # the device's own clock judges that
        return secured

    def judge_peer(self, number: int, der: bytes | None) -> None:
        """What the device looks at beyond OpenSSL's own checks.

        Raises:
            ssl.SSLError: it takes no call of this peer.
        """
        if der is not None:
            context = self.contexts[number]
            judge_peer(der, context.trusted, context.ocsp, now=self.now(), strict=self.strict)


class Page(BaseHTTPRequestHandler):
    """The REST interface of a device."""

    protocol_version = "HTTP/1.1"
    device: Device
    timeout = 20

    def log_message(self, *_: Any) -> None:
        """Nothing: what was asked stands in the device."""

    def do_GET(self) -> None:
        self._answer(lambda _: self.device.get(self.path))

    def do_PUT(self) -> None:
        self._answer(lambda body: self._described(self.device.put(self.path, self._file(body))))

    def do_POST(self) -> None:
        self._answer(lambda body: self.device.post(self.path, body))

    @staticmethod
    def _described(text: str) -> tuple[str, bytes]:
        return "application/json", json.dumps({"description": text}).encode()

    def _answer(self, work: Any) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1 << 20))
        self.device.asked.append(f"{self.command} {self.path}")
        try:
            if not self._is_admitted():
                self._send(401, "application/json", b"{}", self._challenge())
                return
            if self.command != "GET" and self.device.busy:
                self.device.busy -= 1
                raise Refusal(409, "the device is busy")
            kind, data = work(body)
            self._send(200, kind, data)
        except Refusal as refusal:
            data = json.dumps({"description": refusal.description}).encode()
            self._send(refusal.status, "application/json", data)

    def _send(self, status: int, kind: str, data: bytes, challenge: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(data)

    def _challenge(self) -> str:
        if self.device.authentication == "digest":
            return f'Digest realm="device", nonce="{self.device.nonce}", qop="auth", algorithm=MD5'
        return 'Basic realm="device"'

    def _is_admitted(self) -> bool:
        given = self.headers.get("Authorization", "")
        user, password = self.device.user, self.device.password
        if self.device.authentication == "basic":
            expected = base64.b64encode(f"{user}:{password}".encode()).decode()
            return given == f"Basic {expected}"
        values = dict(re.findall(r'(\w+)="?([^",]*)"?', given.partition(" ")[2]))
        if not given.startswith("Digest ") or values.get("nonce") != self.device.nonce:
            return False
        one = _md5(f"{user}:device:{password}")
        two = _md5(f"{self.command}:{values.get('uri')}")
        middle = (
            f"{values.get('nonce')}:{values.get('nc')}:{values.get('cnonce')}:{values.get('qop')}"
        )
        return values.get("response") == _md5(f"{one}:{middle}:{two}")

    def _file(self, body: bytes) -> bytes:
        """The part called ``file`` of a multipart body (6)."""
        kind = self.headers.get("Content-Type", "")
        boundary = re.search(r'boundary="?([^";]+)"?', kind)
        if not kind.startswith("multipart/form-data") or boundary is None:
            raise Refusal(400, "the body is not multipart/form-data")
        for part in body.split(b"--" + boundary[1].encode())[1:-1]:
            header, _, data = part.partition(b"\r\n\r\n")
            if re.search(rb'name="file"', header):
                return data.removesuffix(b"\r\n")
        raise Refusal(400, "there is no part called file")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@contextlib.contextmanager
def rest_of(
    device: Device, *, tls: bool = True, host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """The device's REST interface, by HTTPS with the certificate of context 0; its port."""
    handler = type("DevicePage", (Page,), {"device": device})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    if tls:
        plain = server.get_request

        def get_request() -> tuple[socket.socket, Any]:
            connection, address = plain()
            connection.settimeout(20)
            try:
                return device.tls(0).wrap_socket(connection, server_side=True), address
            except (OSError, ValueError) as error:
                connection.close()
                raise OSError("no handshake") from error

        server.get_request = get_request  # type: ignore[method-assign]
    with _running(server):
        yield server.server_address[1]


@contextlib.contextmanager
def sip_of(
    device: Device, context: int = 0, host: str = "127.0.0.1", port: int = 0
) -> Iterator[int]:
    """The device's SIP interface by TLS, with the files of a context; its port."""

    class SIP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                self.request.settimeout(20)
                with device.tls(context).wrap_socket(self.request, server_side=True) as secured:
                    device.judge_peer(context, secured.getpeercert(binary_form=True))
                    request = secured.recv(8_192)
                    if request.startswith(b"OPTIONS "):
                        date = device.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
                        secured.sendall(
                            f"SIP/2.0 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()
                        )

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer((host, port), SIP)
    server.daemon_threads = True
    with _running(server):
        yield server.server_address[1]


@contextlib.contextmanager
def _running(server: socketserver.TCPServer) -> Iterator[None]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def main() -> None:
    """``scripts/device-sim``: a device on loopback until Ctrl-C."""
    device = Device()
    with rest_of(device, port=8443) as rest, sip_of(device, 0, port=5061) as sip:
        print("a stand-in for a Mediant: what the documents say of it, and no more")
        print(
            f"  REST      https://127.0.0.1:{rest}/api/v1/  user {device.user}, password {device.password}"
        )
        print(f"  SIP TLS   127.0.0.1:{sip}  (TLS context 0)")
        print("Ctrl-C ends it")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
