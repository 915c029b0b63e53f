"""Rules for public keys: size, exponent, known weaknesses, curve, encoding."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cache

import msgspec

from ca.encoding.oids import CURVE_NAMES
from ca.keys.public import PublicKey, load_public_key
from ca.lint import factoring
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.profiles.profile import LARGEST_RSA, SMALLEST_RSA

ANY_KEY = (f"rsa:{SMALLEST_RSA}-{LARGEST_RSA}", *(f"ec:{curve}" for curve in CURVE_NAMES))
"""The ``key.allow`` of a profile that takes all keys except those of Edwards curves."""
USUAL_EXPONENT = 65537
FERMAT_ROUNDS = 100
"""Rounds of Fermat's factorization method, which finds primes that share their upper half
(CA/Browser Forum BR 6.1.1.3 requires it, customarily with 100 rounds)."""
_SIEVE = (64, 63, 65, 11, 17, 19, 23, 31)
_SIEVE_PRODUCT = math.prod(_SIEVE)
"""Moduli with few squares: only one non-square in 1,600 is a square modulo all of them."""
SMALL_PRIME_BOUND = 752
"""Primes up to here are tried as factors (NIST SP 800-89, 5.3.3 requires them)."""
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
"""Primes of the published fingerprint test for CVE-2017-15361 (Nemec et al., 2017, 3.1)."""
_NULL = b"\x05\x00"


def _is_rsa(key: PublicKey) -> bool:
    return key.algorithm == "rsa"


@rule("weak-key", "error", "NIST SP 800-57 part 1; CA/Browser Forum BR 6.1.5", allow=True)
@cases("RSA 2048", "RSA 1024")
def weak_key(key: PublicKey) -> Violation | None:
    """An RSA key has 2048 bits or more."""
    if not _is_rsa(key) or key.size >= SMALLEST_RSA:
        return None
    return Violation(
        f"the key is RSA {key.size}, but at least {SMALLEST_RSA} bits are required",
        "make a new 2048-bit private key on the device, then a new CSR",
    )


@rule("rsa-large", "error", "profiles 5")
@cases("RSA 4096", "RSA 16384, which takes a device seconds a handshake")
def rsa_large(key: PublicKey) -> Violation | None:
    """An RSA key has at most 8192 bits."""
    if not _is_rsa(key) or key.size <= LARGEST_RSA:
        return None
    return Violation(f"the key is RSA {key.size}, but at most {LARGEST_RSA} bits are allowed")


@rule("rsa-exponent", "error", "RFC 8017 3.1; NIST SP 800-89 5.3.3")
@cases("65537", "1, or 4")
def rsa_exponent(key: PublicKey) -> Violation | None:
    """The public exponent is odd, at least 3 and below 2^32."""
    if key.exponent is None or (key.exponent >= 3 and key.exponent & 1 and key.exponent < 1 << 32):
        return None
    shown = str(key.exponent) if key.exponent.bit_length() <= 64 else "a number of many digits"
    return Violation(
        f"the RSA exponent is {shown}, but should be odd, from 3 to 2^32, usually {USUAL_EXPONENT}",
        "make a new key on the device",
    )


@rule("rsa-exponent-small", "warning", "NIST SP 800-56B 6.2")
@cases("65537", "3")
def rsa_exponent_small(key: PublicKey) -> Violation | None:
    """The public exponent is 65537 or more. 3 works, but breaks where padding is checked badly."""
    if key.exponent is None or not 3 <= key.exponent < USUAL_EXPONENT or not key.exponent & 1:
        return None
    return Violation(f"the RSA exponent is {key.exponent}, but {USUAL_EXPONENT} is usual")


@rule("rsa-small-factor", "error", "NIST SP 800-89 5.3.3")
@cases("A product of two large primes.", "A modulus that is divisible by 3.")
def rsa_small_factor(key: PublicKey) -> Violation | None:
    """The modulus is odd and has no prime factor up to 752."""
    if key.modulus is None:
        return None
    if key.modulus <= 1:
        return Violation("the RSA modulus is not a positive number")
    if not key.modulus & 1:
        return Violation("the RSA modulus is even", "make a new key on the device")
    if math.gcd(key.modulus % _primorial(), _primorial()) == 1:
        return None
    return Violation(
        f"the RSA modulus has a prime factor up to {SMALL_PRIME_BOUND}",
        "make a new key on the device",
    )


@rule("rsa-roca", "error", "CVE-2017-15361", allow=True)
@cases("A key made by OpenSSL.", "A key made by a smart card of 2015 with that library.")
def rsa_roca(key: PublicKey) -> Violation | None:
    """The modulus does not look like one of Infineon's library, whose keys can be factored."""
    if key.modulus is None or key.modulus <= 1:
        return None
    small = key.modulus % math.prod(_ROCA_PRIMES)
    if not all(small % prime in _powers_of_65537(prime) for prime in _ROCA_PRIMES):
        return None
    return Violation(
        "the RSA modulus has the shape of ROCA keys, which can be factored (CVE-2017-15361)",
        "make the key with other hardware or software",
    )


@rule("rsa-close-primes", "error", "CA/Browser Forum BR 6.1.1.3", allow=True)
@cases("Two primes that were chosen independently.", "A prime and the next one above it.")
def rsa_close_primes(key: PublicKey) -> Violation | None:
    """Fermat's method does not factor the modulus within 100 rounds."""
    n = key.modulus
    if n is None or n <= 1 or not n & 1 or key.size > LARGEST_RSA:
        return None
    root = math.isqrt(n)
    if root * root == n or _fermat(n, root + 1):
        return Violation(
            "the RSA primes lie so close together that the key can be factored",
            "make the key with other hardware or software",
        )
    return None


def _fermat(n: int, start: int) -> bool:
    """Whether x*x - n is a square for one of ``FERMAT_ROUNDS`` values of x from ``start``."""
    places = (1 << FERMAT_ROUNDS) - 1
    small_n, small_start = n % _SIEVE_PRODUCT, start % _SIEVE_PRODUCT
    for modulus in _SIEVE:
        places &= _squares(modulus, small_n % modulus) >> small_start % modulus
        if not places:  # as a rule long before the last of them
            return False
    while places:  # only about one key in sixteen gets here
        place = places & -places
        places ^= place
        x = start + place.bit_length() - 1
        difference = x * x - n
        if math.isqrt(difference) ** 2 == difference:
            return True
    return False


@cache
def _squares(modulus: int, n: int) -> int:
    """A bit mask: bit x is set if x*x - n is a square modulo ``modulus``, as all squares are."""
    residues = {x * x % modulus for x in range(modulus)}
    once = sum(1 << x for x in range(modulus) if (x * x - n) % modulus in residues)
    rounds = FERMAT_ROUNDS // modulus + 2
    return sum(once << modulus * number for number in range(rounds))


@rule("rsa-parameters", "error", "RFC 3279 2.3.1")
@cases("rsaEncryption, NULL", "rsaEncryption without parameters")
def rsa_parameters(key: PublicKey) -> Violation | None:
    """An rsaEncryption key has NULL parameters."""
    if not _is_rsa(key) or key.parameters == _NULL:
        return None
    return Violation("the RSA key's algorithm parameters are not NULL")


@rule("rsa-pss-key", "error", "RFC 4055 1.2")
@cases("rsaEncryption", "id-RSASSA-PSS")
def rsa_pss_key(key: PublicKey) -> Violation | None:
    """An RSA key is not for RSASSA-PSS alone: sipca would turn it into a key for all uses."""
    if key.algorithm != "rsa-pss":
        return None
    return Violation(
        "the key is for RSASSA-PSS only, which devices do not accept", "use a plain RSA key"
    )


@rule("ec-curve", "error", "RFC 5480 2.1.1")
@cases("P-256", "secp256k1, or P-256 with its parameters spelled out")
def ec_curve(key: PublicKey) -> Violation | None:
    """An EC key is on P-256, P-384 or P-521, and names its curve."""
    if key.algorithm != "ec" or key.curve in CURVE_NAMES:
        return None
    if key.curve == "explicit":
        return Violation(
            "the EC key has explicit parameters instead of a named curve", "use a named curve"
        )
    return Violation(f"the EC key is on the curve {key.curve}", "use P-256, P-384 or P-521")


@rule("ec-point", "error", "RFC 5480 2.2; NIST SP 800-56A 5.6.2.3")
@cases("04, then 64 octets, for P-256", "02, then 32 octets: compressed")
def ec_point(key: PublicKey) -> Violation | None:
    """The EC point lies on its curve, is not the point at infinity, and is uncompressed."""
    if key.algorithm != "ec" or not key.size or key.point is None:
        return None
    octets = (key.size + 7) // 8
    if key.point[:1] in (b"\x02", b"\x03"):
        return Violation(
            "the EC point is compressed, which devices need not support", "make a new key"
        )
    if len(key.point) != 1 + 2 * octets or key.point[0] != 4 or not _loads(key):
        return Violation("the EC point does not lie on its curve", "make a new key on the device")
    return None


@rule("key-algorithm", "error", "profiles 5")
@cases("RSA 2048", "DSA, or Ed25519 with profile sip")
def key_algorithm(key: PublicKey) -> Violation | None:
    """The key is RSA or EC. Ed25519 is accepted only where the profile says so."""
    if key.algorithm in ("rsa", "ec", "rsa-pss", "ed25519"):
        return None
    return Violation(f"the key is of the type {key.algorithm}", "use RSA 2048 or EC P-256")


KEY_RULES = (
    key_algorithm,
    rsa_pss_key,
    rsa_parameters,
    weak_key,
    rsa_large,
    rsa_exponent,
    rsa_exponent_small,
    rsa_small_factor,
    rsa_roca,
    rsa_close_primes,
    ec_curve,
    ec_point,
)


@rule("rsa-factor", "error", "NIST SP 800-89 5.3.3; NIST SP 800-56B 6.4.2")
@cases("A product of two large primes.", "A modulus that is divisible by 65537.")
def rsa_factor(key: PublicKey) -> Violation | None:
    """The modulus has no prime factor below 2^20.

    In calls of more than 64 requests only check looks for it.
    """
    if key.modulus is None or (factor := factoring.small_factor(key.modulus)) is None:
        return None
    shown = f"the factor {factor}" if factor < factoring.FACTOR_BOUND else "factors below 2^20"
    return Violation(f"the RSA modulus has {shown}", "make a new key on the device")


@rule("rsa-prime-modulus", "error", "NIST SP 800-56B 6.4.2; RFC 8017 3.1")
@cases("A product of two large primes.", "A prime: anybody can compute the private key.")
def rsa_prime_modulus(key: PublicKey) -> Violation | None:
    """The modulus is a product of primes, not a prime itself."""
    if key.modulus is None or not factoring.is_prime(key.modulus):
        return None
    return Violation(
        "the RSA modulus is a prime number: anybody can compute the private key",
        "make a new key on the device",
    )


@rule("rsa-power-modulus", "error", "NIST SP 800-56B 6.4.2; RFC 8017 3.1")
@cases("A product of two different primes.", "The square of a prime.")
def rsa_power_modulus(key: PublicKey) -> Violation | None:
    """The modulus is not a power of another number."""
    if key.modulus is None or not factoring.is_power(key.modulus):
        return None
    return Violation(
        "the RSA modulus is a power of another number, and so can be factored",
        "make a new key on the device",
    )


THOROUGH_RULES = (rsa_factor, rsa_power_modulus, rsa_prime_modulus)
"""Rules for RSA that take milliseconds, the fastest first."""


class KeyForProfile(msgspec.Struct, frozen=True):
    """A key, and the types that a profile allows: ``rsa:MIN-MAX``, ``ec:CURVE``, ``ed25519``."""

    key: PublicKey
    allow: tuple[str, ...]


@rule("key-not-in-profile", "error", "profiles 1")
@cases("RSA 2048 with profile sip", "EC P-256 with an own profile that allows RSA alone")
def key_not_in_profile(subject: KeyForProfile) -> Violation | None:
    """The key is of a type that the profile allows."""
    key = subject.key
    for entry in subject.allow:
        family, _, rest = entry.partition(":")
        if family != key.algorithm:
            continue
        if family == "rsa":
            least, _, most = rest.partition("-")
            # a smaller key than any profile may allow is judged by weak-key, with its --allow
            if int(least) <= max(key.size, SMALLEST_RSA) and key.size <= int(most or least):
                return None
        elif not rest or rest == key.curve:
            return None
    return Violation(
        f"the key is {key.label}, but the profile allows {', '.join(subject.allow)}",
        "make another key on the device, or choose another profile",
    )


def check_public_key(
    key: PublicKey,
    allow: tuple[str, ...],
    allowed: Collection[str] = (),
    *,
    thorough: bool = True,
) -> list[Finding]:
    """Judge a key by all rules and by the types that a profile allows (``allow``).

    ``allowed`` are codes of rules that the operator overrides. ``thorough`` includes the rules
    that take milliseconds. After a failure the later groups of rules are skipped.
    """
    findings = run(KEY_RULES, key, allowed)
    if any(each.result == "fail" for each in findings):
        return findings
    findings += run([key_not_in_profile], KeyForProfile(key, allow))
    if thorough and _is_rsa(key) and not any(each.result == "fail" for each in findings):
        findings += run(THOROUGH_RULES, key)
    return findings


@cache
def _primorial() -> int:
    sieve = bytearray([1]) * (SMALL_PRIME_BOUND + 1)
    for number in range(2, math.isqrt(SMALL_PRIME_BOUND) + 1):
        if sieve[number]:
            for multiple in range(number * number, SMALL_PRIME_BOUND + 1, number):
                sieve[multiple] = 0
    return math.prod(number for number in range(3, SMALL_PRIME_BOUND + 1) if sieve[number])


@cache
def _powers_of_65537(prime: int) -> frozenset[int]:
    """The residues that 65537 generates modulo a prime."""
    powers, value = set(), 1
    while value not in powers:
        powers.add(value)
        value = value * USUAL_EXPONENT % prime
    return frozenset(powers)


def _loads(key: PublicKey) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        load_public_key(key.spki)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
