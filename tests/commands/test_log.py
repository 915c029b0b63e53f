"""``log``: who did what, and whether the trail holds together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stand_in.lab import CommandLine
from stand_in.registers import edit

Csr = Callable[..., Path]


def test_the_log_names_who_did_what(lab: CommandLine) -> None:
    events = lab("log", "--json").json["events"]

    founding = ["init", *["ca-key", "planned", "issued"] * 2]
    signer = ["planned", "ocsp-signer-planned", "issued", "ocsp-signer"]
    services = [*signer, "crl-numbered", "crl"] * 2
    signed = ["planned", "issued"] * 3
    assert [event["action"] for event in events] == founding + services + signed
    assert {event["version"] for event in events} == {"0.1.0"}
    assert events[-1]["detail"]["subject"] == "CN=proxy.lab.example"
    assert all(event["os_user"] and event["host"] for event in events)


def test_a_whole_log_verifies_against_a_head_noted_earlier(lab: CommandLine, csr_file: Csr) -> None:
    head = lab("status", "--json").json["audit_head"]
    lab("sign", csr_file("more", cn="more.lab.example"))

    answer = lab("log", "--verify", "--head", head)

    assert answer.exit == 0
    assert "the trail is whole" in answer.out


def test_a_head_that_is_not_in_the_trail_is_exit_9(lab: CommandLine) -> None:
    answer = lab("log", "--verify", "--head", "ab" * 32)

    assert answer.exit == 9
    assert "is not in the trail" in answer.out


def test_an_altered_trail_is_exit_9(lab: CommandLine) -> None:
    edit(lab.home, "UPDATE audit SET os_user = 'somebody' WHERE id = 2")

    answer = lab("log", "--verify", "--json")

    assert answer.exit == 9
    assert answer.json["problems"] == ["event 2 was altered"]
