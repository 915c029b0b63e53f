"""Tests for RSA moduli that can be factored, on plain numbers.

All tests here together take 6 ms for a key of 2,048 bits and 130 ms for one of 4,096, so they are
used only where few requests are signed. Those that are cheap enough for every signing are in
``public_keys``.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

FACTOR_BOUND = 1 << 20
MOST_AT_ONCE = 64
"""RSA keys are tested here in calls with at most so many requests, which takes 0.4 s. In larger
calls it would take forty times as long as everything else; ``check`` tests those keys."""
_PRIMORIAL = Path(__file__).with_name("primorial.bin")
"""The product of the odd primes below 2^20, big-endian, 1,510,927 bits. Computing it takes 0.15 s,
reading it 0.1 ms; a test computes it and compares."""
_POWERS = tuple(p for p in range(3, 102) if all(p % q for q in range(2, p)))
_LARGEST_BY_LIBRARY = 3072
"""OpenSSL accepts long public exponents only for moduli of at most so many bits."""


@cache
def primorial() -> int:
    """The product of the odd primes below 2^20."""
    return int.from_bytes(_PRIMORIAL.read_bytes(), "big")


def small_factor(modulus: int) -> int | None:
    """The prime factor below 2^20, or the product of all such factors; None if there is none."""
    divisor = math.gcd(primorial() % modulus, modulus)
    return divisor if divisor > 1 else None


def is_power(modulus: int) -> bool:
    """Whether it is a cube or a higher power, if it has no factor below 2^20.

    Fermat's method finds squares. Without a factor below 2^20 only few exponents are possible.
    """
    return any(_root(modulus, power) ** power == modulus for power in _POWERS)


def _root(number: int, power: int) -> int:
    """The integer root of this power, by Newton's method from above."""
    root = 1 << -(-number.bit_length() // power)
    while True:
        nearer = ((power - 1) * root + number // root ** (power - 1)) // power
        if nearer >= root:
            return root
        root = nearer


def is_prime(modulus: int) -> bool:
    """Whether it passes Fermat's test: every prime does, a product of two primes by chance only."""
    if modulus.bit_length() > _LARGEST_BY_LIBRARY:
        return pow(2, modulus - 1, modulus) == 1
    return _is_prime_by_library(modulus)


def _is_prime_by_library(modulus: int) -> bool:
    """Fermat's test as a public-key operation of OpenSSL, in a tenth of the time of ``pow``.

    If n is prime, (1/b)^(n-2) is b. This b is valid PKCS#1 padding, so that OpenSSL recognises it.
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
