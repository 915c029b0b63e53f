"""Rules for all RSA keys of a register together: primes that two of them share.

Devices that generate keys right after power-on, before they have enough randomness, can generate
the same prime (Heninger et al., "Mining your Ps and Qs", 2012). The greatest common divisor of two
such moduli is that prime, and anybody can compute it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import msgspec

from ca.lint import factoring
from ca.model.findings import Finding, Violation, cases, rule, run

MOST_KEYS = 100_000
"""Only so many keys, the newest, are judged; 10,000 take 3 s."""
MOST_PRIME_TESTS = 500
"""Only so many keys, the newest, are tested for a prime modulus: 2 ms each."""
_NAMED = 20


class KeyInUse(msgspec.Struct, frozen=True):
    """The modulus of a certificate's RSA key, and whether the certificate is good now."""

    serial: str
    modulus: int
    good: bool


class SharedPrimes(msgspec.Struct, frozen=True):
    """Pairs of different keys with a common prime; at least one is in a good certificate."""

    pairs: tuple[tuple[KeyInUse, KeyInUse], ...]


class WeakModuli(msgspec.Struct, frozen=True):
    """Keys of good certificates whose modulus can be factored by itself, each with the reason."""

    keys: tuple[tuple[KeyInUse, str], ...]


@rule("shared-prime", "error", "NIST SP 800-56B 6.4.2")
@cases(
    "Each device made its keys with a good source of randomness.",
    "Two devices made their keys at first boot, before they had any randomness.",
)
def shared_prime(shared: SharedPrimes) -> Iterator[Violation]:
    """No two RSA keys of the register share a prime; anybody could compute both private keys."""
    for one, other in shared.pairs[:_NAMED]:
        good = one if one.good else other
        yield Violation(
            f"the RSA keys of {one.serial[:12]} and {other.serial[:12]} share a prime: anybody who "
            "has both certificates can compute both private keys",
            f"new keys on both devices; sipca revoke {good.serial[:12]} --all-with-key "
            "--reason key-compromise, and so the other",
            serial=good.serial,
        )
    if len(shared.pairs) > _NAMED:
        yield Violation(f"{len(shared.pairs) - _NAMED} more pairs of RSA keys share a prime")


@rule("weak-modulus-in-use", "error", "NIST SP 800-89 5.3.3; NIST SP 800-56B 6.4.2")
@cases("A product of two large primes.", "A modulus that is divisible by 65537.")
def weak_modulus(weak: WeakModuli) -> Iterator[Violation]:
    """No certificate in use has an RSA modulus that is prime or has a factor below 2^20."""
    for key, why in weak.keys[:_NAMED]:
        yield Violation(
            f"the RSA modulus of {key.serial[:12]} {why}: its private key can be computed",
            f"a new key on the device; sipca revoke {key.serial[:12]} --all-with-key "
            "--reason key-compromise",
            serial=key.serial,
        )
    if len(weak.keys) > _NAMED:
        yield Violation(f"{len(weak.keys) - _NAMED} more RSA keys can be factored")


def examined(moduli: Sequence[int], product: Any = 1) -> Any | None:
    """The product of faultless keys: of these and of those before, whose ``product`` is given.

    None if any of these is weak or shares a prime with another, be they in use or not. Those that
    are among the keys before already are to be left out.
    """
    import gmpy2

    if not moduli:
        return product
    levels = _products(moduli)
    own = levels[-1][0]
    if gmpy2.gcd(own, product) != 1 or next(_weak(moduli, own), None) is not None:
        return None
    return None if _with_common_factor(moduli, levels) else own * product


def divisors(moduli: Sequence[int], product: Any) -> set[int]:
    """Those that divide the product of keys before: nearly always, because they are among them."""
    levels = _products(moduli)
    remainders = [product % levels[-1][0]]
    for level in reversed(levels[:-1]):
        remainders = [remainders[place // 2] % each for place, each in enumerate(level)]
    pairs = zip(moduli, remainders, strict=True)
    return {modulus for modulus, remainder in pairs if not remainder}


def judge_together(keys: Sequence[KeyInUse]) -> list[Finding]:
    """Judge the keys of a register, newest first."""
    by_modulus: dict[int, KeyInUse] = {}
    for key in keys:
        if key.modulus > 1 and key.modulus & 1 and not (_good_already(by_modulus, key)):
            by_modulus[key.modulus] = key
    if not by_modulus:
        return []
    moduli = list(by_modulus)
    levels = _products(moduli)
    weak = dict(_weak(moduli, levels[-1][0]))
    sharing = [each for each in _with_common_factor(moduli, levels) if each not in weak]
    pairs = _pairs([by_modulus[each] for each in sharing])
    in_use = [(by_modulus[each], why) for each, why in weak.items() if by_modulus[each].good]
    return [
        *run([weak_modulus], WeakModuli(tuple(in_use))),
        *run([shared_prime], SharedPrimes(tuple(pairs))),
    ]


def _good_already(known: dict[int, KeyInUse], key: KeyInUse) -> bool:
    return key.modulus in known and (known[key.modulus].good or not key.good)


def _pairs(sharing: Sequence[KeyInUse]) -> list[tuple[KeyInUse, KeyInUse]]:
    """The pairs of keys that share a prime; only those of which one is in use."""
    import gmpy2

    numbers = [gmpy2.mpz(each.modulus) for each in sharing[: MOST_PRIME_TESTS * 2]]
    return [
        (one, other)
        for (one, n), (other, m) in combinations(zip(sharing, numbers, strict=False), 2)
        if (one.good or other.good) and gmpy2.gcd(n, m) != 1
    ]


def _weak(moduli: Sequence[int], product: Any) -> Iterator[tuple[int, str]]:
    """Moduli that can be factored by themselves, and why; ``product`` is the product of all."""
    import gmpy2

    small_factors = gmpy2.gcd(product, gmpy2.primorial(factoring.FACTOR_BOUND))
    for number, modulus in enumerate(moduli):
        if gmpy2.gcd(small_factors, modulus) != 1:
            yield modulus, "has a factor below 2^20"
        elif number < MOST_PRIME_TESTS and gmpy2.is_strong_prp(modulus, 2):
            yield modulus, "is a prime number"


def _products(moduli: Sequence[int]) -> list[list[Any]]:
    """The product tree: the moduli, the products of two neighbours, of four, ..., of all."""
    import gmpy2

    levels = [[gmpy2.mpz(each) for each in moduli]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        pairs = zip(level[::2], [*level[1::2], gmpy2.mpz(1)], strict=False)
        levels.append([one * other for one, other in pairs])
    return levels


def _with_common_factor(moduli: Sequence[int], levels: list[list[Any]]) -> list[int]:
    """Moduli that have a factor in common with the product of the others (Bernstein, 2004).

    Down the product tree, the product of all is reduced modulo the square of each node. ``levels``
    is emptied on the way, because it takes most of the memory.
    """
    import gmpy2

    remainders = levels.pop()
    while levels:
        level = levels.pop()
        remainders = [remainders[place // 2] % (each * each) for place, each in enumerate(level)]
    return [
        modulus
        for modulus, remainder in zip(moduli, remainders, strict=True)
        if gmpy2.gcd(remainder // modulus, modulus) != 1
    ]
