"""``check`` examines RSA keys against those that it found faultless before, and misses none."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from stand_in.lab import CommandLine

from ca.authority.status import keys
from ca.authority.status.examined_keys import EXAMINED_KEYS

Sign = Callable[..., str]
_PRIMES = [
    number
    for key in (rsa.generate_private_key(65537, 2048) for _ in range(4))
    for number in (key.private_numbers().p, key.private_numbers().q)
]
P, Q, R, S, T, U, V, W = _PRIMES


def key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key()


@pytest.fixture(autouse=True)
def _few_are_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "WORTH_KEEPING", 1)


@pytest.fixture
def sign(sipca: CommandLine, csr_file: Callable[..., Path]) -> Iterator[Sign]:
    """Signs for a key of two primes; the name is returned."""
    numbers = itertools.count()

    def signed(p: int, q: int) -> str:
        name = f"k{next(numbers)}.lab.example"
        csr = csr_file(name, cn=name, key=key_of(p, q))
        assert sipca("sign", csr, "--allow", "reused-key").exit == 0
        return name

    yield signed


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many keys each look at all of them had."""
    looks: list[int] = []
    read = keys._keys

    def counted(home: object, *, after: int = 0) -> Iterator[object]:
        found = list(read(home, after=after))  # type: ignore[arg-type]
        if not after:
            looks.append(len(found))
        return iter(found)

    monkeypatch.setattr(keys, "_keys", counted)
    return looks


def codes(sipca: CommandLine) -> list[str]:
    found = sipca("check", "--json").json["findings"]
    return [each["code"] for each in found if each["severity"] == "error"]


def test_keys_found_faultless_are_not_examined_again(
    sipca: CommandLine, sign: Sign, whole: list[int]
) -> None:
    sign(P, Q)
    first = codes(sipca)
    sign(R, S)
    sign(P, Q)  # renewed, or on another device: the same key, no other with its primes
    second = codes(sipca)
    third = codes(sipca)

    assert (first, second, third) == ([], [], [])
    assert whole == [1]
    assert sipca("check", "--min-severity", "info").out.count("stray") == 0


def test_a_new_key_that_shares_a_prime_with_an_old_one_is_found(
    sipca: CommandLine, sign: Sign
) -> None:
    sign(P, Q)
    assert codes(sipca) == []
    sign(R, S)
    assert codes(sipca) == []

    sign(P, R)

    assert codes(sipca) == ["shared-prime", "shared-prime"]
    assert codes(sipca) == ["shared-prime", "shared-prime"]  # until it is mended


def test_new_keys_that_share_a_prime_among_themselves_are_found(
    sipca: CommandLine, sign: Sign
) -> None:
    sign(P, Q)
    assert codes(sipca) == []

    sign(R, S)
    sign(R, T)

    assert codes(sipca) == ["shared-prime"]


def test_a_key_made_of_primes_of_two_old_ones_is_not_taken_for_an_old_one(
    sipca: CommandLine, sign: Sign
) -> None:
    """Its modulus divides the product of all before, as that of a renewed key does."""
    sign(P, Q)
    sign(R, S)
    assert codes(sipca) == []

    sign(Q, S)

    assert codes(sipca) == ["shared-prime", "shared-prime"]


def test_a_pair_that_was_out_of_use_is_found_when_it_is_used_again(
    sipca: CommandLine, sign: Sign
) -> None:
    names = sign(P, Q), sign(P, R)
    for name in names:
        assert sipca("revoke", name, "--reason", "hold").exit == 0
    held = codes(sipca)

    assert sipca("release", names[0]).exit == 0

    assert held == []
    assert codes(sipca) == ["shared-prime"]


@pytest.mark.parametrize("how", ["cut off", "altered", "empty", "nonsense", "folder", "huge plan"])
def test_a_file_that_is_not_what_was_kept_means_that_all_are_examined(
    sipca: CommandLine, sign: Sign, whole: list[int], how: str
) -> None:
    sign(P, Q)
    assert codes(sipca) == []
    file = sipca.home / EXAMINED_KEYS
    good = file.read_bytes()
    changed = {
        "cut off": good[:-1],
        "altered": good[:-1] + bytes([good[-1] ^ 1]),
        "empty": b"",
        "nonsense": b"\xff\n" * 9,
        "huge plan": good.replace(b"plan ", b"plan 99999999", 1),
    }
    file.unlink()
    file.mkdir() if how == "folder" else file.write_bytes(changed[how])
    sign(P, R)

    found = codes(sipca)

    assert found == ["shared-prime"]
    assert whole == [1, 2, 2]  # once more to name who uses them


def test_the_file_of_another_register_is_not_believed(
    sipca: CommandLine, sign: Sign, whole: list[int], tmp_path: Path
) -> None:
    """A copy of the register from before: other plans follow, under the same numbers."""
    sign(P, Q)
    shutil.copy(sipca.home / "ca.db", tmp_path / "before.db")
    sign(R, S)
    assert codes(sipca) == []
    shutil.copy(tmp_path / "before.db", sipca.home / "ca.db")
    sign(P, T)

    assert codes(sipca) == ["shared-prime"]
    assert whole == [2, 2, 2]


def test_without_permission_to_write_all_are_examined_each_time(
    sipca: CommandLine, sign: Sign, whole: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(P, Q)
    monkeypatch.setattr("ca.authority.status.examined_keys.LARGEST", 8)

    assert (codes(sipca), codes(sipca)) == ([], [])

    assert whole == [1, 1]
    assert not (sipca.home / EXAMINED_KEYS).exists()
