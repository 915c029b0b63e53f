"""Moduli that can be factored, by tests that take milliseconds: no rules, only numbers.

What is cheap enough for every signing is in ``public_keys``; what is here takes 6 ms for a key of
2,048 bits, and 130 for one of 4,096, and so is asked where few requests are signed.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

FACTOR_BOUND = 1 << 20
MOST_AT_ONCE = 64
"""Requests of one call up to which their RSA keys are examined here: 0.4 s. In larger calls it
would take forty times as long as all else together; ``check`` examines those keys."""
_PRIMORIAL = Path(__file__).with_name("primorial.bin")
"""The product of the odd primes below 2^20, big-endian: 1,510,927 bits. A test makes it anew; to
make it takes 0.15 s, to read it 0.1 ms."""
_POWERS = tuple(p for p in range(3, 102) if all(p % q for q in range(2, p)))
_LARGEST_BY_LIBRARY = 3072
"""OpenSSL takes long public exponents for moduli of so many bits (its own bound against abuse)."""


@cache
def primorial() -> int:
    """The product of the odd primes below 2^20."""
    return int.from_bytes(_PRIMORIAL.read_bytes(), "big")


def small_factor(modulus: int) -> int | None:
    """A prime factor below 2^20, or the product of several; None if there is none."""
    found = math.gcd(primorial() % modulus, modulus)
    return found if found > 1 else None


def is_power(modulus: int) -> bool:
    """Whether it is a cube or a higher power; that it has no factor below 2^20 bounds which.

    Squares are what Fermat's method finds first.
    """
    return any(_root(modulus, power) ** power == modulus for power in _POWERS)


def _root(number: int, power: int) -> int:
    """The integer root, by Newton's method from above."""
    root = 1 << -(-number.bit_length() // power)
    while True:
        nearer = ((power - 1) * root + number // root ** (power - 1)) // power
        if nearer >= root:
            return root
        root = nearer


def is_prime(modulus: int) -> bool:
    """Whether it passes Fermat's test, as every prime does, and by chance no product of two."""
    if modulus.bit_length() > _LARGEST_BY_LIBRARY:
        return pow(2, modulus - 1, modulus) == 1
    return _is_prime_by_library(modulus)


def _is_prime_by_library(modulus: int) -> bool:
    """Fermat's test as a public operation of OpenSSL, in a tenth of the time of ``pow``.

    Where n is prime, (1/b)^(n-2) is b again: b is chosen so that the library knows it (as padded).
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    size = (modulus.bit_length() + 7) // 8
    padded = int.from_bytes(b"\x00\x01" + b"\xff" * (size - 4) + b"\x00b", "big")
    if math.gcd(padded, modulus) != 1:
        return False
    key = rsa.RSAPublicNumbers(modulus - 2, modulus).public_key()
    inverse = pow(padded, -1, modulus).to_bytes(size, "big")
    try:
        return key.recover_data_from_signature(inverse, padding.PKCS1v15(), None) == b"b"
    except InvalidSignature:
        return False
