"""Requests made on the spot, and the command line in this process."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "profiles" / "samples"
"""Requests as devices make them, which are shipped."""
VECTORS = ROOT / "tests" / "vectors" / "samples"
"""Odd and hostile input."""
PASSPHRASE = "correct horse"
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("SIPCA_")} | {
    "PYTHONPATH": str(ROOT)
}
"""That of processes started by tests: this tree, and no settings from outside."""
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Answer(NamedTuple):
    """What a command answered."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, self
        return json.loads(self.out)


class _Binary(io.StringIO):
    """A text stream with a ``buffer``, as the real stdout has."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(data.decode("utf-8", "replace"))
        self.buffer = io.BytesIO(data)


class CommandLine:
    """The command line in this process, with one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: object, stdin: bytes = b"", home: bool = True) -> Answer:
        from cli.main import run

        arguments = [str(word) for word in words]
        if home:
            arguments += ["--home", str(self.home)]
        out, err, before = _Binary(), _Binary(), sys.stdin
        sys.stdin = _Binary(stdin)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(arguments)
        finally:
            sys.stdin = before
        return Answer(
            code, out.getvalue() + out.buffer.getvalue().decode("latin-1"), err.getvalue()
        )


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def cut_off(*_: object) -> None:
    """In the place of a step: the call ends there and then, as by Ctrl-C."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def serials_with_a_slash() -> Iterator[None]:
    """One bits alone from the dice, for one certificate: ``/`` is all that base64 has for them.

    So it stands in each OCSP request for it, ``//`` too, and at the end of some.
    """
    import cli.passphrase
    from ca.authority.home import Environment

    def environment_of(settings: Any) -> Environment:
        passphrase = cli.passphrase.Passphrase(settings)
        return Environment(passphrase=passphrase, random_bits=lambda count: (1 << count) - 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.passphrase, "environment_of", environment_of)
        yield


def general_name(text: str) -> x509.GeneralName:
    kind, _, value = text.partition(":")
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_address(value))
    makers = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "email": x509.RFC822Name,
    }
    return makers[kind](value)


def make_csr(
    *names: str,
    cn: str | None = "sbc9.lab.example",
    key: Any = None,
    subject: dict[str, str] | None = None,
) -> bytes:
    """A PEM request; names spelled as on sipca's command line."""
    oids = {"O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "C": NameOID.COUNTRY_NAME, "L": NameOID.LOCALITY_NAME, "email": NameOID.EMAIL_ADDRESS}  # fmt: skip
    attributes = [] if cn is None else [x509.NameAttribute(NameOID.COMMON_NAME, cn)]
    attributes += [x509.NameAttribute(oids[kind], value) for kind, value in (subject or {}).items()]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        san = x509.SubjectAlternativeName([general_name(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    return builder.sign(key or RSA_KEY, hashes.SHA256()).public_bytes(Encoding.PEM)
