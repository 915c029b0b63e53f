"""RSA keys that share a prime, or can be factored alone, are found among all of a register."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from stand_in.lab import RSA_KEY, VECTORS, CommandLine

from ca.lint.keys_together import (
    KeyInUse,
    SharedPrimes,
    WeakModuli,
    judge_together,
    shared_prime,
    weak_modulus,
)
from ca.model.findings import Finding, run

OTHER = rsa.generate_private_key(65537, 2048)
P, Q = RSA_KEY.private_numbers().p, RSA_KEY.private_numbers().q
R, S = OTHER.private_numbers().p, OTHER.private_numbers().q


def in_use(*moduli: int, good: bool = True) -> list[KeyInUse]:
    return [KeyInUse(f"{n:016x}", modulus, good) for n, modulus in enumerate(moduli, 1)]


def found(keys: list[KeyInUse]) -> list[str]:
    return [each.message for each in judge_together(keys)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_keys_of_their_own_primes_have_no_findings(count: int) -> None:
    keys = [P * Q, R * S, *(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n for _ in range(count - 2))]  # fmt: skip

    assert found(in_use(*keys[:count])) == []


def test_two_keys_with_a_prime_in_common_are_named() -> None:
    (message,) = found(in_use(P * Q, R * S, P * R)[::2])

    assert message.startswith(
        "the RSA keys of 000000000000 and 000000000000 share a prime: anybody"
    )


def test_every_pair_is_named_also_where_a_key_shares_both_its_primes() -> None:
    findings = judge_together(in_use(P * Q, R * S, P * R))

    assert [each.code for each in findings] == ["shared-prime", "shared-prime"]
    assert "--all-with-key --reason key-compromise" in str(findings[0].hint)


def test_one_key_in_two_certificates_shares_nothing() -> None:
    assert found(in_use(P * Q, P * Q, R * S)) == []


def test_what_is_no_modulus_is_left_to_the_rules_of_one_key() -> None:
    assert found(in_use(-5, 0, 1, 2, 2 * P, P * Q)) == []


def test_a_pair_of_which_none_is_in_use_is_left_alone_and_one_good_one_is_enough() -> None:
    old, new = in_use(P * Q, good=False), in_use(P * R)

    assert found([*old, *in_use(P * R, good=False)]) == []
    assert len(found([*old, *new])) == 1


def test_many_pairs_are_bounded_in_what_is_said() -> None:
    primes = [key.private_numbers().q for key in (rsa.generate_private_key(65537, 1024) for _ in range(30))]  # fmt: skip

    messages = found(in_use(*(P * each for each in primes)))

    assert len(messages) == 21
    assert messages[-1] == f"{len(list(itertools.combinations(primes, 2))) - 20} more pairs of RSA keys share a prime"  # fmt: skip


def named(count: int) -> tuple[list[Finding], list[Finding]]:
    keys = in_use(*range(3, 3 + count))
    weak = WeakModuli(tuple((key, "is a prime number") for key in keys))
    shared = SharedPrimes(tuple((key, key) for key in keys))
    return run([weak_modulus], weak), run([shared_prime], shared)


def test_20_weak_keys_and_20_pairs_are_named_and_from_the_21st_they_are_counted() -> None:
    for findings in named(20):
        assert len(findings) == 20
        assert not any("more" in each.message for each in findings)

    weak, shared = named(21)
    assert (len(weak), len(shared)) == (21, 21)
    assert weak[-1].message == "1 more RSA keys can be factored"
    assert shared[-1].message == "1 more pairs of RSA keys share a prime"
    assert named(0) == ([], [])


def test_the_key_that_is_good_today_is_the_one_to_revoke() -> None:
    old, new = in_use(P * Q, good=False)[0], in_use(P * R)[0]
    new = KeyInUse("ab" * 8, new.modulus, good=True)

    for keys in ([old, new], [new, old]):
        (finding,) = judge_together(keys)
        assert "sipca revoke abababababab --all-with-key" in str(finding.hint)


def test_a_prime_modulus_and_a_small_factor_are_found_beside_good_keys() -> None:
    messages = found(in_use(P * Q, P, 1_048_573 * R * S))

    assert [each.partition(" has ")[2] or each.partition(" is ")[2] for each in messages][:2] == [
        "a prime number: its private key can be computed",
        "a factor below 2^20: its private key can be computed",
    ]


def test_check_finds_two_devices_whose_keys_share_a_prime(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    shared = rsa.RSAPrivateNumbers(
        P, R, pow(65537, -1, (P - 1) * (R - 1)), pow(65537, -1, P - 1), pow(65537, -1, R - 1),
        rsa.rsa_crt_iqmp(P, R), rsa.RSAPublicNumbers(65537, P * R),
    ).private_key()  # fmt: skip
    serials = []
    for number, key in enumerate((RSA_KEY, shared)):
        name = f"sbc{number}.lab.example"
        csr = csr_file(f"sbc{number}", f"dns:{name}", cn=name, key=key)
        serials.append(sipca("sign", csr, "--json").json["signed"][0]["serial"])

    answer = sipca("check", "--json")
    sipca("revoke", "--serial", serials[0])
    half = sipca("check", "--json")
    sipca("revoke", "--serial", serials[1])
    mended = sipca("check", "--json")

    (finding,) = [each for each in answer.json["findings"] if each["code"] == "shared-prime"]
    assert answer.exit == 9
    assert all(serial[:12] in finding["message"] for serial in serials)
    assert "shared-prime" in [each["code"] for each in half.json["findings"]]
    assert "shared-prime" not in [each["code"] for each in mended.json["findings"]]


def test_check_finds_what_a_call_of_many_requests_let_pass(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.authority.signing.sign.MOST_AT_ONCE", 0)
    assert sipca("sign", VECTORS / "hostile" / "keys" / "prime-modulus.csr").exit == 0

    answer = sipca("check", "--json")

    (finding,) = [each for each in answer.json["findings"] if each["severity"] == "error"]
    assert finding["code"] == "weak-modulus-in-use"
    assert "is a prime number" in finding["message"]
