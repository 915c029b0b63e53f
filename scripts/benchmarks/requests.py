"""Many CSRs with keys of their own: RSA moduli of all pairs from a pool of primes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID


def rsa_keys(count: int) -> Iterator[rsa.RSAPrivateKey]:
    """Distinct RSA-2048 keys: making a prime for each would take most of an hour."""
    primes: list[int] = []
    while len(primes) * (len(primes) - 1) // 2 < count:
        numbers = rsa.generate_private_key(65537, 2048).private_numbers()
        primes += [numbers.p, numbers.q]
    made = 0
    for p, q in combinations(primes, 2):
        if made == count:
            return
        if (p * q).bit_length() != 2048:
            continue
        d = pow(65537, -1, (p - 1) * (q - 1))
        numbers = rsa.RSAPrivateNumbers(
            p,
            q,
            d,
            d % (p - 1),
            d % (q - 1),
            rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(65537, p * q),
        )
        yield numbers.private_key(unsafe_skip_rsa_key_validation=True)
        made += 1


def own_keys(count: int) -> Iterator[rsa.RSAPrivateKey]:
    """Keys that share no prime, where ``check`` is to be content with them; 0.1 s each."""
    for _ in range(count):
        yield rsa.generate_private_key(65537, 2048)


def write_requests(
    folder: Path,
    count: int,
    keys: Callable[[int], Iterator[rsa.RSAPrivateKey]] = rsa_keys,
) -> list[Path]:
    """CSRs as a device page makes them: CN, O, one DNS SAN."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, key in enumerate(keys(count)):
        host = f"d{number:06}.lab.example"
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, host),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"),
            ]
        )
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        path = folder / f"d{number:06}.csr"
        path.write_bytes(request.public_bytes(Encoding.PEM))
        paths.append(path)
    return paths
