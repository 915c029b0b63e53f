"""``device``: what the operator tells of devices, and what that supplies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

Csr = Callable[..., Path]


@pytest.fixture
def known(sipca: CommandLine) -> CommandLine:
    answer = sipca(
        "device", "set", "sbc1", "--target", "audiocodes-7.0", "--context", 2,
        "--address", "SBC1.lab.example", "--address", "10.4.0.20", "--proxy-set", "10.0.0.5",
    )  # fmt: skip
    assert answer.exit == 0, answer.err
    return sipca


def test_a_device_is_entered_and_changed_a_little_at_a_time(known: CommandLine) -> None:
    again = known("device", "set", "SBC1", "--context", 3, "--json").json
    same = known("device", "set", "sbc1", "--context", 3, "--json").json

    assert again["changed"] is True
    assert same["changed"] is False
    assert again["device"] == {
        "name": "sbc1",
        "target": "audiocodes-7.0",
        "context": 3,
        "addresses": ["sbc1.lab.example", "10.4.0.20"],
        "proxy_sets": ["10.0.0.5"],
    }
    assert [e["action"] for e in known("log", "--json").json["events"]].count("device") == 2


def test_a_device_spelled_in_capitals_is_one_device_to_the_trail_too(sipca: CommandLine) -> None:
    for words in (("SBC2", "--context", 1), ("sbc2", "--context", 2), ("Sbc2", "--context", 3)):
        assert sipca("device", "set", *words).exit == 0

    (device,) = sipca("device", "list", "--json").json["devices"]
    assert (device["name"].lower(), device["context"]) == ("sbc2", 3)
    assert sipca("log", "--verify", "--json").json["problems"] == []


def test_signing_takes_context_and_target_from_the_device(
    known: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    answer = known("sign", csr_file("x"), "--device", "SBC1", "--out", tmp_path / "up")

    assert (tmp_path / "up" / "x-ctx2-device.pem").exists()
    assert "with a reset where the device asks for one" in answer.err
    (made,) = known("list", "--device", "sbc1", "--json").json["certificates"]
    assert (made["device"], made["context"]) == ("sbc1", 2)


def test_what_the_call_says_goes_before_what_the_device_says(
    known: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    known(
        "sign", csr_file("x"), "--device", "sbc1", "--context", 5, "--target", "generic",
        "--out", tmp_path / "up",
    )  # fmt: skip

    assert (tmp_path / "up" / "x-ctx5-device.pem").exists()


def test_show_answers_what_is_on_it_until_when_and_from_what(
    known: CommandLine, csr_file: Csr
) -> None:
    source = csr_file("x", "dns:sbc1.lab.example")
    known("sign", source, "--device", "sbc1")

    document = known("device", "show", "sbc1", "--json").json
    text = known("device", "show", "sbc1").out

    (on,) = document["certificates"]
    assert on["status"] == "valid"
    assert on["context"] == 2
    assert on["source"] == str(source)
    assert on["files"] == ["x-ctx2-device.pem", "trusted-root.pem"]
    assert len(on["request_sha256"]) == len(on["key_identity"]) == 64
    assert "dns:sbc1.lab.example" in text
    assert known("revoke", "sbc1").exit == 0
    assert known("device", "show", "sbc1", "--json").json["certificates"][0]["status"] == "revoked"


def test_a_device_known_from_a_certificate_alone_is_listed_and_shown(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("x"), "--device", "gw7")

    assert [d["name"] for d in sipca("device", "list", "--json").json["devices"]] == ["gw7"]
    assert sipca("device", "show", "GW7").exit == 0
    assert "gw7" in sipca("device", "list").out


def test_removing_forgets_the_device_and_keeps_its_certificates(
    known: CommandLine, csr_file: Csr
) -> None:
    known("sign", csr_file("x"), "--device", "sbc1")

    assert "its 1 certificates stay" in known("device", "remove", "sbc1").out
    assert known("list", "--json").json["certificates"]
    assert known("log", "--verify").exit == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "sbc1", "--target", "nokia"), 5, "there is no target 'nokia'"),
        (("set", "sbc1", "--address", "a b"), 3, "is neither a host name nor an IP address"),
        (("set", "sbc1", "--address", "10.0.0.256"), 3, "neither a host name nor an IP address"),
        (("set", "sbc1", "--proxy-set", "x_y"), 3, "is neither a host name nor an IP address"),
        (("set", "", "--context", "1"), 3, "cannot be a device's name"),
        (("set", "sbc1", "--context", "100"), 2, "--context"),
        (("show", "nobody"), 5, "there is no device 'nobody'"),
        (("remove", "nobody"), 5, "there is no device 'nobody'"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_entered(
    sipca: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = sipca("device", *words)

    assert answer.exit == code
    assert said in answer.err
    assert sipca("device", "list", "--json").json["devices"] == []


def test_device_done_refuses_what_is_not_known_and_what_is_not_so(
    two_devices: CommandLine,
) -> None:
    two_devices("ca", "rotate")

    nobody = two_devices("device", "done", "nobody", "--step", "trust")
    elsewhere = two_devices("device", "done", "sbc1", "--step", "trust", "--context", 7)
    early = two_devices("device", "done", "sbc1", "--step", "certificate")
    odd = two_devices("device", "done", "sbc1", "--step", "key")

    assert [each.exit for each in (nobody, elsewhere, early, odd)] == [5, 5, 6, 2]
    assert "no device 'nobody' is registered or has a live certificate" in nobody.err
    assert "a live certificate in context 7" in elsewhere.err
    assert "'sbc1' has no certificate by Test Lab Issuing 2 yet" in early.err


@pytest.fixture
def unattached(sipca: CommandLine) -> str:
    """The serial of a certificate that was signed without a device."""
    return str(sipca("sign", SAMPLES / "sbc1.csr", "--json").json["signed"][0]["serial"])


def test_a_certificate_signed_without_a_device_can_be_attached_to_one(
    sipca: CommandLine, unattached: str
) -> None:
    first = sipca(
        "device", "set", "sbc1", "--context", "2", "--certificate", "sbc1.lab.example", "--json"
    )
    again = sipca("device", "set", "sbc1", "--certificate", unattached, "--json")

    assert (first.exit, first.json["changed"]) == (0, True)
    assert (again.exit, again.json["changed"]) == (0, False)
    listed = sipca("list", "--device", "sbc1", "--json").json["certificates"]
    assert [(each["device"], each["context"]) for each in listed] == [("sbc1", 2)]
    shown = sipca("device", "list", "--json").json["devices"][0]
    assert [each["serial"] for each in shown["certificates"]] == [unattached]
    assert "attached" in sipca("log").out
    assert sipca("log", "--verify").exit == 0


def test_a_successor_supersedes_what_was_attached(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)

    signed = sipca("sign", SAMPLES / "ec-p256.csr", "--device", "sbc1", "--context", "2", "--json")
    renewed = sipca(
        "renew", "--device", "sbc1", "--expiring", "9y", "--out", tmp_path / "r", "--json"
    )

    assert signed.json["signed"][0]["supersedes"] == unattached
    assert renewed.json["signed"][0]["device"] == "sbc1"


def test_what_cannot_be_attached_is_refused_by_name(sipca: CommandLine, unattached: str) -> None:
    sipca("sign", SAMPLES / "ec-p256.csr", "--device", "other")
    others = sipca("device", "set", "sbc1", "--certificate", "other")
    nothing = sipca("device", "set", "sbc1", "--certificate", "nobody.lab.example")
    sipca("device", "set", "sbc1", "--context", "1", "--certificate", unattached)
    elsewhere = sipca("device", "set", "sbc1", "--context", "3", "--certificate", unattached)
    sipca("revoke", unattached, "--reason", "cessation", "--no-crl")
    taken = sipca("device", "set", "sbc2", "--certificate", unattached)

    assert (others.exit, nothing.exit, elsewhere.exit, taken.exit) == (6, 5, 6, 6)
    assert "was signed for 'other', not for 'sbc1'" in others.err
    assert "is on sbc1 context 1 already" in elsewhere.err
    assert [
        each["context"]
        for each in sipca("device", "list", "--json").json["devices"]
        if each["name"] == "sbc1"
    ] == [1]


def test_a_revoked_certificate_is_attached_to_nothing(sipca: CommandLine, unattached: str) -> None:
    sipca("revoke", unattached, "--reason", "cessation", "--no-crl")

    answer = sipca("device", "set", "sbc1", "--certificate", unattached)

    assert answer.exit == 6
    assert f"{unattached[:12]} is revoked: no device should have it" in answer.err
    assert sipca("device", "list", "--json").json["devices"] == []


def test_an_attachment_survives_backup_and_rebuilding(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)
    sipca("backup", tmp_path / "b")
    sipca("device", "remove", "sbc1")

    restored = CommandLine(tmp_path / "new")
    assert restored("restore", tmp_path / "b").exit == 0
    assert restored("check", "--rebuild").exit in (0, 9)

    for home in (sipca, restored):
        listed = home("list", "--json").json["certificates"][0]
        assert (listed["device"], listed["context"]) == ("sbc1", 2)
