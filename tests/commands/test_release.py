"""``release``: holds, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stand_in.lab import CommandLine
from stand_in.revocations import crl_reasons

Csr = Callable[..., Path]


def test_a_hold_is_released_and_absent_from_the_next_crl(two_devices: CommandLine) -> None:
    two_devices("revoke", "gw1.lab.example", "--reason", "hold")
    assert two_devices("list", "--status", "held", "--json").json["certificates"]

    assert two_devices("release", "gw1.lab.example").exit == 0

    assert crl_reasons(two_devices) == {}
    assert two_devices("show", "gw1.lab.example", "--json").json["certificate"]["status"] == "valid"


def test_a_hold_can_be_made_final_but_not_twice(two_devices: CommandLine) -> None:
    two_devices("revoke", "gw1.lab.example", "--reason", "hold")

    assert "already held" in two_devices("revoke", "gw1.lab.example", "--reason", "hold").err
    assert two_devices("revoke", "gw1.lab.example", "--reason", "cessation").exit == 0
    answer = two_devices("release", "gw1.lab.example")

    assert answer.exit == 6
    assert "which is permanent" in answer.err


def test_releasing_what_is_not_held_is_exit_6(two_devices: CommandLine) -> None:
    answer = two_devices("release", "gw1.lab.example")

    assert answer.exit == 6
    assert "is not held" in answer.err
