"""A phone in the place of a real one: what it asks for, handed in without a protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, NameOID
from stand_in.lab import NOW, RSA_KEY, Answer, CommandLine, general_name

from ca.authority.enrolment.enrol import enrol
from ca.authority.enrolment.handouts import ra_credentials
from ca.authority.enrolment.requests import EnrolmentAnswer, EnrolmentRequest
from ca.authority.home import Environment, Home, no_passphrase, open_home

OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ADDRESS, MAC = "10.0.0.9", "00908f123456"
DAY = timedelta(days=1)


def phone_csr(
    cn: str = "00908f123456", *names: str, key: Any = RSA_KEY, challenge: str | None = None
) -> bytes:
    """The PKCS#10 (DER) of a phone."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        san = x509.SubjectAlternativeName([general_name(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    if challenge is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.encode())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextlib.contextmanager
def served(home: Path, at: datetime | None = None, **rest: Any) -> Iterator[Home]:
    """A home as a server has it open: no passphrase, perhaps another clock."""
    clock = {} if at is None else {"clock": lambda: at}
    with open_home(home, Environment(no_passphrase, **clock, **rest)) as opened:
        yield opened


def asks(
    home: Home,
    csr: bytes,
    transaction: str = "t1",
    *,
    old: bytes | None = None,
    address: str = ADDRESS,
) -> EnrolmentAnswer:
    """What a phone is answered; with ``old``, the certificate that it renews."""
    kind: Any = "new" if old is None else "renewal"
    return enrol(home, EnrolmentRequest(transaction, csr, kind, old, None, address))


def challenge(sipca: CommandLine, *words: object) -> str:
    made = sipca("scep", "challenge", *words, "--json")
    assert made.exit == 0, made
    return str(made.json["challenge"])


def issued(sipca: CommandLine, csr: bytes, transaction: str = "t1", **rest: object) -> bytes:
    """The certificate that a phone gets at once."""
    at = rest.pop("at", None)
    with served(sipca.home, at) as home:  # type: ignore[arg-type]
        answer = asks(home, csr, transaction, **rest)  # type: ignore[arg-type]
    assert answer.status == "issued", answer
    assert answer.certificate is not None
    return answer.certificate


def requests(sipca: CommandLine, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = sipca("scep", "list", *words, "--json").json["requests"]
    return found


def refused(answer: Answer, code: int, *parts: str) -> None:
    assert answer.exit == code, answer
    for part in parts:
        assert part in answer.err, answer.err


def self_signed(key: rsa.RSAPrivateKey = RSA_KEY) -> bytes:
    """The certificate by which a phone without one signs its messages."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, MAC)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(NOW).not_valid_after(NOW + DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def ra_of(home: Home) -> bytes:
    return ra_credentials(home)[0].certificate
