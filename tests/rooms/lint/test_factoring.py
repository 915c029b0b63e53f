"""RSA moduli that can be factored at once: prime ones, powers, small factors."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import RSA_KEY, VECTORS, CommandLine

from ca.csr.parsing import read_request
from ca.keys.public import PublicKey, read_public_key
from ca.lint import factoring
from ca.lint.public_keys import check_public_key

GOOD = RSA_KEY.public_key().public_numbers().n
P, Q = RSA_KEY.private_numbers().p, RSA_KEY.private_numbers().q
PRIME = read_request(
    (VECTORS / "hostile" / "keys" / "prime-modulus.csr").read_bytes()
).key.modulus  # 2,048 bits
assert PRIME is not None


def key_of(modulus: int) -> PublicKey:
    made = rsa.RSAPublicNumbers(65537, modulus).public_key()
    return read_public_key(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def codes(modulus: int, *, thorough: bool = True) -> list[str]:
    found = check_public_key(key_of(modulus), ("rsa:2048-8192",), thorough=thorough)
    return [each.code for each in found]


def test_the_stored_product_is_of_the_odd_primes_below_2_to_the_20() -> None:
    composite = bytearray(factoring.FACTOR_BOUND)
    for number in range(2, 1 << 10):
        for multiple in range(number * number, factoring.FACTOR_BOUND, number):
            composite[multiple] = 1
    primes = [n for n in range(3, factoring.FACTOR_BOUND) if not composite[n]]

    products = primes
    while len(products) > 1:
        products = [math.prod(products[i : i + 2]) for i in range(0, len(products), 2)]

    assert products == [factoring.primorial()]


@pytest.mark.parametrize("factor", [757, 65537, 1_000_003, 1_048_573])
def test_a_factor_below_2_to_the_20_is_found_and_named(factor: int) -> None:
    modulus = factor * (PRIME or 0)

    (finding,) = check_public_key(key_of(modulus), ("rsa:2048-8192",))

    assert finding.code == "rsa-factor"
    assert finding.message == f"the RSA modulus has the factor {factor}"


def test_several_small_factors_are_found() -> None:
    (finding,) = check_public_key(key_of(757 * 1_000_003 * (PRIME or 0)), ("rsa:2048-8192",))

    assert finding.message == "the RSA modulus has factors below 2^20"


def test_a_prime_just_above_the_bound_is_left_alone() -> None:
    assert factoring.small_factor(1_048_583 * GOOD) is None


@pytest.mark.parametrize("power", [3, 5, 7, 11])
def test_a_power_of_a_prime_is_found(power: int) -> None:
    root = P >> (1024 - 2100 // power) | 1
    while factoring.small_factor(root):
        root += 2

    assert "rsa-power-modulus" in codes(root**power)


def test_a_prime_modulus_is_found_with_and_without_the_librarys_help() -> None:
    assert codes(PRIME or 0) == ["rsa-prime-modulus"]
    assert factoring.is_prime(2**4423 - 1)  # a Mersenne prime, above the library's bound
    assert not factoring.is_prime((2**2203 - 1) * (2**2281 - 1))


def test_a_square_is_found_by_fermats_method() -> None:
    assert codes(P * P) == ["rsa-close-primes"]


def test_a_good_key_has_no_findings() -> None:
    assert codes(GOOD) == []
    assert P * Q == GOOD


def test_without_the_thorough_look_only_the_quick_rules_are_asked() -> None:
    assert codes(PRIME or 0, thorough=False) == []


def test_sign_refuses_a_prime_modulus(sipca: CommandLine) -> None:
    answer = sipca("sign", VECTORS / "hostile" / "keys" / "prime-modulus.csr")

    assert answer.exit == 4
    assert "the RSA modulus is a prime number: anybody can compute the private key" in answer.err


@pytest.mark.parametrize(("count", "refused"), [(64, 64), (65, 0)])
def test_calls_of_64_requests_look_thoroughly_and_those_of_more_do_not(
    sipca: CommandLine, tmp_path: Path, count: int, refused: int
) -> None:
    prime = (VECTORS / "hostile" / "keys" / "prime-modulus.csr").read_bytes()
    (tmp_path / "in").mkdir()
    for number in range(count):
        (tmp_path / "in" / f"n{number}.csr").write_bytes(prime)

    answer = sipca("sign", tmp_path / "in", "--out", tmp_path / "out", "--json", "--dry-run")

    assert [each["kind"] for each in answer.json["refused"]] == ["refused"] * refused
