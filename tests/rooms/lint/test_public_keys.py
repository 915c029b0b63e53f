"""Key rules: what is refused, by name, and that no good key is."""

from __future__ import annotations

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, RSA_KEY

from ca.encoding import der
from ca.encoding.oids import RSA, RSA_PSS
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.lint.public_keys import _fermat, check_public_key

ALL = ("rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521")


def spki_of(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


def rsa_spki(
    modulus: int, exponent: int = 65537, oid: str = RSA, parameters: bytes = b"\x05\x00"
) -> bytes:
    numbers = der.sequence(der.encode_integer(modulus), der.encode_integer(exponent))
    algorithm = der.sequence(der.encode_oid(oid), parameters)
    return der.sequence(algorithm, der.tlv(der.BIT_STRING, b"\x00" + numbers))


def ec_spki(point: bytes, parameters: bytes) -> bytes:
    algorithm = der.sequence(der.encode_oid("1.2.840.10045.2.1"), parameters)
    return der.sequence(algorithm, der.tlv(der.BIT_STRING, b"\x00" + point))


def codes(
    spki: bytes, allow: tuple[str, ...] = ALL, allowed: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    found = check_public_key(read_public_key(spki), allow, allowed, thorough=False)
    return [(f.code, f.result) for f in found]


GOOD = RSA_KEY.public_key().public_numbers().n
P256 = der.encode_oid("1.2.840.10045.3.1.7")
POINT = EC_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_no_good_rsa_key_is_refused(size: int) -> None:
    assert codes(spki_of(rsa.generate_private_key(65537, size).public_key())) == []


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_no_good_ec_key_is_refused(curve: ec.EllipticCurve) -> None:
    for _ in range(5):
        assert codes(spki_of(ec.generate_private_key(curve).public_key())) == []


def next_prime(start: int) -> int:
    candidate = start | 1
    while pow(2, candidate - 1, candidate) != 1 or pow(3, candidate - 1, candidate) != 1:
        candidate += 2
    return candidate


BIG = next_prime(3 << 1022 | 12345)
CLOSE = BIG * next_prime(BIG + 2)


def roca_modulus() -> int:
    """Two numbers of the published shape k*M + (65537**a mod M); primality does not matter here."""
    primes = [n for n in range(2, 168) if all(n % p for p in range(2, math.isqrt(n) + 1))]
    m = math.prod(primes[:39])
    p = (3 << 1022) // m * m + m * 12345 + pow(65537, 98765, m)
    q = (7 << 1021) // m * m + m * 54321 + pow(65537, 45678, m)
    return p * q


@pytest.mark.parametrize(
    ("spki", "code"),
    [
        (spki_of(rsa.generate_private_key(65537, 1024).public_key()), "weak-key"),
        (rsa_spki(GOOD**4 | 1 << 8193), "rsa-large"),
        (rsa_spki(GOOD, 1), "rsa-exponent"),
        (rsa_spki(GOOD, 65536), "rsa-exponent"),
        (rsa_spki(GOOD, 1 << 40 | 1), "rsa-exponent"),
        (rsa_spki(GOOD, 1 << 400 | 1), "rsa-exponent"),
        (rsa_spki(GOOD, -3), "rsa-exponent"),
        (rsa_spki(GOOD + 1), "rsa-small-factor"),
        (rsa_spki(751 * (GOOD >> 8 | 1)), "rsa-small-factor"),
        (rsa_spki(-GOOD), "rsa-small-factor"),
        (rsa_spki(CLOSE), "rsa-close-primes"),
        (rsa_spki(BIG * BIG), "rsa-close-primes"),
        (rsa_spki(roca_modulus()), "rsa-roca"),
        (rsa_spki(GOOD, parameters=b""), "rsa-parameters"),
        (rsa_spki(GOOD, oid=RSA_PSS, parameters=b""), "rsa-pss-key"),
        (spki_of(dsa.generate_private_key(1024).public_key()), "key-algorithm"),
        (spki_of(x25519.X25519PrivateKey.generate().public_key()), "key-algorithm"),
        (spki_of(ed25519.Ed25519PrivateKey.generate().public_key()), "key-not-in-profile"),
        (spki_of(ec.generate_private_key(ec.SECP256K1()).public_key()), "ec-curve"),
        (ec_spki(POINT, der.sequence(der.encode_integer(1))), "ec-curve"),
        (ec_spki(POINT[:-1] + bytes([POINT[-1] ^ 1]), P256), "ec-point"),
        (ec_spki(b"\x00", P256), "ec-point"),
        (ec_spki(b"\x02" + POINT[1:33], P256), "ec-point"),
        (ec_spki(POINT[:-1], P256), "ec-point"),
    ],
)  # fmt: skip
def test_a_bad_key_is_refused_by_name(spki: bytes, code: str) -> None:
    assert (code, "fail") in codes(spki)


@pytest.mark.parametrize(
    ("spki", "message"),
    [
        (rsa_spki(GOOD, 1), "the RSA exponent is 1, but should be odd"),
        (rsa_spki(GOOD, 1 << 400 | 1), "the RSA exponent is a number of many digits"),
        (rsa_spki(GOOD + 1), "the RSA modulus is even"),
        (rsa_spki(-GOOD), "the RSA modulus is not a positive number"),
        (ec_spki(POINT, der.sequence()), "has explicit parameters instead of a named curve"),
        (spki_of(ec.generate_private_key(ec.SECP256K1()).public_key()), "is on the curve 1.3.132.0.10"),
        (spki_of(dsa.generate_private_key(1024).public_key()), "the key is of the type dsa"),
        (spki_of(ed25519.Ed25519PrivateKey.generate().public_key()), "the key is ed25519, but the profile allows rsa:2048-8192, ec:p256"),
    ],
)  # fmt: skip
def test_the_message_names_what_is_wrong(spki: bytes, message: str) -> None:
    findings = check_public_key(read_public_key(spki), ALL)

    assert any(message in each.message for each in findings)


@pytest.mark.parametrize("exponent", [3, 65535])
def test_an_exponent_below_65537_is_a_warning(exponent: int) -> None:
    assert codes(rsa_spki(GOOD, exponent)) == [("rsa-exponent-small", "warn")]


@pytest.mark.parametrize("exponent", [65537, 65539, 2**32 - 1])
def test_an_odd_exponent_from_65537_to_2_to_the_32_has_no_finding(exponent: int) -> None:
    assert codes(rsa_spki(GOOD, exponent)) == []


@pytest.mark.parametrize(
    "exponent", [-1, 0, 1, 2, 4, 65538, 2**32, 2**32 + 1, 2**33 - 1, 2**33 + 1]
)
def test_an_exponent_below_3_or_even_or_from_2_to_the_32_is_refused(exponent: int) -> None:
    assert codes(rsa_spki(GOOD, exponent)) == [("rsa-exponent", "fail")]


@pytest.mark.parametrize(
    ("exponent", "shown"),
    [(2**64 - 1, "18446744073709551615"), (2**64 + 1, "a number of many digits")],
)
def test_an_exponent_of_up_to_64_bits_is_shown(exponent: int, shown: str) -> None:
    findings = check_public_key(read_public_key(rsa_spki(GOOD, exponent)), ALL)

    assert findings[0].message.startswith(f"the RSA exponent is {shown}, but should be odd")


def modulus_of(bits: int) -> int:
    """One of exactly so many bits that no prime below 1000 divides."""
    modulus = 3 << bits - 2 | 1
    while any(modulus % number == 0 for number in range(3, 1000, 2)):
        modulus += 2
    return modulus


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(2047, [("weak-key", "fail")]), (2048, []), (8192, []), (8193, [("rsa-large", "fail")])],
)
def test_an_rsa_key_has_from_2048_to_8192_bits(bits: int, expected: list[tuple[str, str]]) -> None:
    modulus = modulus_of(bits)

    assert modulus.bit_length() == bits
    assert codes(rsa_spki(modulus)) == expected


@pytest.mark.parametrize("factor", [3, 5, 7, 743, 751])
def test_a_prime_factor_up_to_751_is_found_where_it_is_the_only_small_one(factor: int) -> None:
    found = check_public_key(read_public_key(rsa_spki(factor * GOOD)), ALL, thorough=False)

    assert [(each.code, each.message) for each in found] == [
        ("rsa-small-factor", "the RSA modulus has a prime factor up to 752")
    ]


@pytest.mark.parametrize("factor", [757, 761])
def test_a_prime_factor_from_757_is_left_to_the_thorough_look(factor: int) -> None:
    assert codes(rsa_spki(factor * GOOD)) == []


def modulus_found_in_round(number: int) -> int:
    """One that Fermat's method factors in this round, counted from 1, and not before."""
    x = 5 << 1022
    y = math.isqrt(2 * x * number - x) | 1  # so that x is ``number`` roots above that of x*x - y*y
    modulus = (x - y) * (x + y)
    assert x - math.isqrt(modulus) == number
    return modulus


@pytest.mark.parametrize("number", [1, 2, 99, 100])
def test_fermats_method_finds_primes_within_100_rounds(number: int) -> None:
    assert ("rsa-close-primes", "fail") in codes(rsa_spki(modulus_found_in_round(number)))


@pytest.mark.parametrize("number", [101, 102, 200])
def test_fermats_method_ends_after_100_rounds(number: int) -> None:
    assert "rsa-close-primes" not in dict(codes(rsa_spki(modulus_found_in_round(number))))


def test_a_profile_may_take_ed25519_and_fewer_rsa_sizes() -> None:
    ed = spki_of(ed25519.Ed25519PrivateKey.generate().public_key())

    assert codes(ed, ("ed25519",)) == []
    assert codes(rsa_spki(GOOD), ("rsa:3072-4096",)) == [("key-not-in-profile", "fail")]
    assert codes(spki_of(EC_KEY.public_key()), ("ec:p384",)) == [("key-not-in-profile", "fail")]


@pytest.mark.parametrize(
    ("spki", "code"),
    [(rsa_spki(CLOSE), "rsa-close-primes"), (rsa_spki(roca_modulus()), "rsa-roca")],
)
def test_what_only_weakens_the_key_can_be_allowed(spki: bytes, code: str) -> None:
    assert codes(spki, allowed=frozenset({code})) == [(code, "warn")]


def test_two_encodings_of_one_key_are_one_key() -> None:
    compressed = ec_spki(
        EC_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint), P256
    )
    with_pss = rsa_spki(GOOD, parameters=b"")

    assert (
        read_public_key(compressed).identity
        == read_public_key(spki_of(EC_KEY.public_key())).identity
    )
    assert read_public_key(with_pss).identity == read_public_key(rsa_spki(GOOD)).identity
    assert read_public_key(rsa_spki(GOOD)).identity != read_public_key(rsa_spki(GOOD + 2)).identity


@pytest.mark.parametrize(
    "spki",
    [b"\x30\x00", der.sequence(der.sequence(), b"\x03\x01\x00"), rsa_spki(1)[:-3], der.sequence(der.sequence(der.encode_oid(RSA)), der.tlv(3, b"\x00\x30\x00"))],
)  # fmt: skip
def test_what_is_no_key_is_malformed(spki: bytes) -> None:
    with pytest.raises(MalformedError):
        read_public_key(spki)


def nested(levels: int) -> bytes:
    contents = b""
    for _ in range(levels):
        contents = der.sequence(contents)
    return contents


@pytest.mark.parametrize(
    ("spki", "message"),
    [
        (der.sequence(der.sequence()), "the public key is not a SubjectPublicKeyInfo"),
        (der.sequence(der.tlv(der.SET, b""), b"\x03\x01\x00"), "is not a SubjectPublicKeyInfo"),
        (der.sequence(der.sequence(), b"\x03\x01\x00"), "the public key names no algorithm"),
        (rsa_spki(GOOD, parameters=nested(100)), "nests more than 32 deep"),
    ],
)
def test_what_is_no_key_says_why(spki: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        read_public_key(spki)


@pytest.mark.parametrize("modulus", [-3, 0, 1])
def test_of_what_is_no_modulus_it_is_said_once(modulus: int) -> None:
    assert codes(rsa_spki(modulus)) == [("weak-key", "fail"), ("rsa-small-factor", "fail")]


def test_a_curve_that_is_not_known_has_no_size_and_its_point_is_not_judged() -> None:
    key = read_public_key(ec_spki(POINT, der.encode_oid("1.2.3.4")))

    assert (key.curve, key.size) == ("1.2.3.4", 0)
    assert codes(key.spki) == [("ec-curve", "fail")]


def test_trap_the_library_takes_a_pss_key_for_a_plain_one() -> None:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    loaded = load_der_public_key(rsa_spki(GOOD, oid=RSA_PSS, parameters=b""))

    assert spki_of(loaded) == rsa_spki(GOOD)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(3, 1 << 80),
    st.one_of(st.integers(0, 1 << 12), st.integers(0, 1 << 48)),
    st.booleans(),
)
def test_the_sieve_of_fermats_method_misses_no_square(
    first: int, apart: int, composite: bool
) -> None:
    """Against the method as written down, root by root."""
    n = (first | 1) * ((first + apart) | 1) if composite else first | 1
    start = math.isqrt(n) + 1
    by_root = any(math.isqrt(x * x - n) ** 2 == x * x - n for x in range(start, start + 100))

    assert _fermat(n, start) is by_root
