"""``device``: what the operator tells of devices, and what that supplies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.dialogue import Dialogue
from stand_in.lab import ROOT, SAMPLES, CommandLine

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


def places(home: CommandLine, *words: object) -> list[tuple[str | None, int | None]]:
    listed = home("list", *words, "--json").json["certificates"]
    return [(each["device"], each["context"]) for each in listed]


def test_attaching_again_is_nothing_new_whatever_the_device_has_become(
    sipca: CommandLine, unattached: str
) -> None:
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)
    sipca("device", "set", "sbc1", "--context", "5")

    again = sipca("device", "set", "SBC1", "--certificate", unattached, "--json")
    named = sipca(
        "device", "set", "sbc1", "--context", "2", "--certificate", unattached, "--json"
    )  # fmt: skip

    assert [(each.exit, each.json["changed"]) for each in (again, named)] == [(0, False)] * 2
    assert again.json["device"]["name"] == "sbc1"
    assert places(sipca) == [("sbc1", 2)]


def test_the_context_named_with_a_certificate_is_not_the_devices_from_then_on(
    sipca: CommandLine, unattached: str
) -> None:
    sipca("device", "set", "sbc1", "--context", "2")

    done = sipca(
        "device", "set", "sbc1", "--context", "0", "--certificate", unattached, "--json"
    ).json  # fmt: skip

    assert done["device"]["context"] == 2
    assert places(sipca) == [("sbc1", 0)]


def test_a_second_current_certificate_in_a_context_is_told(
    sipca: CommandLine, unattached: str
) -> None:
    signed = sipca(
        "sign", SAMPLES / "ec-p256.csr", "--device", "sbc1", "--context", "2", "--json"
    ).json["signed"][0]["serial"]  # fmt: skip

    told = sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)

    assert told.exit == 0
    pair = f"{unattached[:12]}, {signed[:12]}"
    assert f"warning: sbc1 context 2 has 2 current certificates: {pair}" in told.out
    again = sipca("device", "set", "sbc1", "--certificate", unattached, "--json").json
    assert [each["code"] for each in again["findings"]] == ["device-two-current"]
    third = sipca(
        "sign", SAMPLES / "sbc2-five-san.csr", "--device", "sbc1", "--context", "2", "--json"
    ).json["signed"][0]  # fmt: skip
    assert {each["serial"] for each in third["superseded"]} == {unattached, signed}


def test_the_same_request_signed_again_stays_on_the_device(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)
    out = tmp_path / "up"

    skipped = sipca("sign", SAMPLES / "sbc1.csr", "--out", out, "--json").json["skipped"][0]
    again = sipca("sign", SAMPLES / "sbc1.csr", "--out", out, "--again")
    third = sipca("sign", SAMPLES / "sbc1.csr", "--out", out, "--again", "--json").json

    assert (skipped["serial"], skipped["context"]) == (unattached, 2)
    assert "note: it is for sbc1 context 2, which an earlier certificate" in again.err
    assert third["signed"][0]["device"] == "sbc1"
    assert "device-taken-over" in {each["code"] for each in third["signed"][0]["findings"]}
    assert third["signed"][0]["files"]["device"] == str(out / "sbc1-ctx2-device.pem")
    assert places(sipca) == [("sbc1", 2)]


def test_what_issue_made_stays_on_the_device_it_was_attached_to(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("issue", "peer.lab.example", "--out", tmp_path / "p")
    sipca(*words)
    sipca("device", "set", "peer1", "--certificate", "peer.lab.example")

    renewed = sipca(*words, "--renew-before", "9y", "--json").json
    kept = sipca(*words, "--json").json

    assert (renewed["made"], renewed["device"]) == ("certificate", "peer1")
    assert (kept["made"], kept["device"]) == ("nothing", "peer1")
    assert places(sipca) == [("peer1", None)]


def test_an_attached_certificate_is_the_devices_in_every_answer(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)

    shown = sipca("show", "sbc1", "--json").json["certificate"]
    exported = sipca("export", "sbc1", "--out", tmp_path / "e", "--json").json
    planned = sipca("ca", "plan", "--json").json["devices"]
    renewed = sipca("renew", "--device", "sbc1", "--out", tmp_path / "r", "--json").json
    ending = sipca("check", "--expiring", "20y", "--json").json["findings"]

    assert (shown["serial"], shown["device"], shown["context"]) == (unattached, "sbc1", 2)
    assert exported["files"][0] == str(tmp_path / "e" / "sbc1-ctx2-device.pem")
    assert [(each["device"], each["context"]) for each in planned] == [("sbc1", 2)]
    new = renewed["signed"][0]
    assert (new["device"], new["context"], new["supersedes"]) == ("sbc1", 2, unattached)
    assert new["files"]["device"] == str(tmp_path / "r" / "sbc1-ctx2-device.pem")
    assert {each["device"] for each in ending if each["code"] == "certificate-ending"} == {"sbc1"}


def test_a_superseded_certificate_is_attached_without_becoming_current(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("renew", unattached, "--out", tmp_path / "r")

    done = sipca("device", "set", "sbc1", "--certificate", unattached)

    assert done.exit == 0
    assert places(sipca) == [(None, None)]
    assert places(sipca, "--device", "sbc1", "--all") == [("sbc1", None)]


def test_an_attachment_outlives_its_device_and_not_a_restore_from_before(
    sipca: CommandLine, unattached: str, tmp_path: Path
) -> None:
    sipca("backup", tmp_path / "before")
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", unattached)
    removed = sipca("device", "remove", "sbc1")
    again = sipca("device", "set", "sbc1", "--target", "audiocodes-7.4", "--json")
    restored = CommandLine(tmp_path / "new")
    restored("restore", tmp_path / "before")
    forgotten = places(restored)
    attached = restored("device", "set", "other", "--certificate", unattached)

    assert "its 1 certificates stay" in removed.out
    assert [each["context"] for each in again.json["certificates"]] == [2]
    assert forgotten == [(None, None)]
    assert (attached.exit, places(restored)) == (0, [("other", None)])
    assert restored("log", "--verify").exit == 0


def test_of_two_that_attach_at_once_one_is_refused(sipca: CommandLine, unattached: str) -> None:
    def begin(device: str) -> subprocess.Popen[bytes]:
        words = ["device", "set", device, "--certificate", unattached, "--home", str(sipca.home)]
        return subprocess.Popen(
            [sys.executable, "-c", "from cli.main import main; main()", *words],
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    both = [begin("sbc1"), begin("gw7")]
    errors = [each.communicate()[1].decode() for each in both]

    assert sorted(each.returncode for each in both) == [0, 6], errors
    assert len({name for name, _ in places(sipca)} & {"sbc1", "gw7"}) == 1
    assert len(sipca("device", "list", "--json").json["devices"]) == 1
    assert sipca("log", "--verify").exit == 0


def test_no_ca_certificate_and_no_ambiguous_ref_is_attached(
    sipca: CommandLine, unattached: str
) -> None:
    sipca("sign", SAMPLES / "sbc1.csr", "--again", "--beside")
    ca = sipca("ca", "list", "--json").json["cas"][0]["serial"]

    authority = sipca("device", "set", "sbc1", "--certificate", ca)
    ambiguous = sipca("device", "set", "sbc1", "--certificate", "sbc1.lab.example")

    assert (authority.exit, ambiguous.exit) == (4, 6)
    assert "is a CA's certificate" in authority.err
    assert "could be any of 2 certificates" in ambiguous.err
    assert sipca("device", "list", "--json").json["devices"] == []


def test_a_lab_file_converges_though_its_certificate_was_attached(
    sipca: CommandLine, tmp_path: Path
) -> None:
    lab = tmp_path / "lab.toml"
    (tmp_path / "sbc1.csr").write_bytes((SAMPLES / "sbc1.csr").read_bytes())
    lab.write_text('schema = 1\n[ca]\nname = "Test Lab"\n[[certificate]]\ncsr = "sbc1.csr"\nout = "o"\n')  # fmt: skip
    sipca("apply", lab)
    sipca("device", "set", "sbc1", "--context", "2", "--certificate", "sbc1.lab.example")

    sipca("apply", lab)
    checked = sipca("apply", lab, "--check")

    assert checked.exit == 0, checked.out


def test_setting_a_near_miss_is_warned_of_and_asked_about(
    sipca: CommandLine, unattached: str, at_terminal: Callable[..., Dialogue]
) -> None:
    sipca("device", "set", "sbc1")
    talk = at_terminal("device", "set", "scb1", "--certificate", unattached, home=sipca.home)
    talk.answer("no device is called 'scb1'; did you mean sbc1? [y/N]", "y")
    answered = talk.end()

    piped = sipca("device", "set", "sbc_1", "--json")
    again = sipca("device", "set", "sbc_1", "--json")

    assert (answered, places(sipca)) == (0, [("sbc1", None)])
    assert [each["code"] for each in piped.json["findings"]] == ["device-near-miss"]
    assert "sipca device remove 'sbc_1'" in piped.json["findings"][0]["hint"]
    assert again.json["findings"] == []
