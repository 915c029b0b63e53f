"""``restore``: a home from a backup, what is told of the time after it, and what is refused."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.backups import members, packed, with_register
from stand_in.lab import VECTORS, CommandLine
from stand_in.revocations import crl_reasons, parsed_crl

Csr = Callable[..., Path]


@pytest.fixture
def backed_up(lab: CommandLine, tmp_path: Path) -> Path:
    """A backup of a home with three certificates."""
    assert lab("backup", tmp_path / "b").exit == 0
    return tmp_path / "b"


@pytest.fixture
def new(tmp_path: Path) -> CommandLine:
    """The command line with another home, in which nothing is yet."""
    return CommandLine(tmp_path / "new")


def sign(sipca: CommandLine, csr_file: Csr, stem: str, out: Path) -> str:
    """Sign a request for another device; its serial."""
    key = ec.generate_private_key(ec.SECP256R1())
    answer = sipca("sign", csr_file(stem, cn=f"{stem}.lab.example", key=key), "-o", out / f"{stem}.pem", "--json")  # fmt: skip
    assert answer.exit == 0, answer.err
    return str(answer.json["signed"][0]["serial"])


def restored_findings(sipca: CommandLine) -> list[str]:
    return [each["code"] for each in sipca("check", "--json").json["findings"]]


def test_a_restored_home_holds_what_the_backup_held_and_signs_at_once(
    lab: CommandLine, backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    before = lab("list", "--all", "--json").json

    answer = new("restore", backed_up, "--json")

    assert answer.exit == 0, answer.err
    assert new("list", "--all", "--json").json == before
    assert new("chain").out == lab("chain").out
    assert new("log", "--verify").exit == 0
    assert stat.S_IMODE(new.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((new.home / "ca.db").stat().st_mode) == 0o600
    assert [path.name for path in new.home.iterdir()] == ["ca.db"]
    sign(new, csr_file, "later", tmp_path)
    (tmp_path / "chain.pem").write_text(new("chain").out)
    subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "chain.pem", tmp_path / "later.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def test_a_restore_says_what_is_newest_and_what_cannot_be_known(
    lab: CommandLine, backed_up: Path, new: CommandLine
) -> None:
    written = lab("backup", backed_up, "--verify", "--json").json

    answer = new("restore", backed_up)

    assert written["newest"]["serial"] in answer.out
    assert "is not known here, except what --crl and --cert entered" in answer.out
    assert "sipca check --acknowledge restored-gap" in answer.out


def test_own_profiles_and_targets_come_back(lab: CommandLine, tmp_path: Path) -> None:
    assert lab("profile", "new", "mine", "--from", "sip").exit == 0
    lab("backup", tmp_path / "own")
    new = CommandLine(tmp_path / "new")

    answer = new("restore", tmp_path / "own", "--json")

    assert answer.json["files"] == ["profiles/mine.toml"]
    text = (lab.home / "profiles" / "mine.toml").read_bytes()
    assert (new.home / "profiles" / "mine.toml").read_bytes() == text


def test_check_fails_for_restored_gap_until_it_is_acknowledged(
    backed_up: Path, new: CommandLine
) -> None:
    new("restore", backed_up)
    first = new("check")

    done = new("check", "--acknowledge", "restored-gap")

    assert first.exit == 9
    assert "knows nothing after" in first.out
    assert done.exit == 0
    assert "restored-gap" not in restored_findings(new)
    assert new("log", "--json").json["events"][-1]["action"] == "acknowledged"
    again = new("check", "--acknowledge", "restored-gap")
    assert (again.exit, "there is no restored-gap to acknowledge" in again.err) == (6, True)
    assert new("log", "--verify").exit == 0


def test_only_what_can_be_acknowledged_is_taken(sipca: CommandLine) -> None:
    assert sipca("check", "--acknowledge", "crl-ended").exit == 2
    assert sipca("check", "--acknowledge", "restored-gap").exit == 6


def test_later_revocations_and_crl_numbers_never_go_back(
    lab: CommandLine, backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    later = sign(lab, csr_file, "later", tmp_path)
    known = next(
        each["serial"] for each in lab("list", "--json").json["certificates"] if not each["device"]
    )
    lab("revoke", "--serial", later, "--reason", "key-compromise")
    lab("revoke", "--serial", known, "--reason", "hold")
    lab("crl", "-o", tmp_path / "later.crl", "--format", "der")
    number = lab("crl", "--json").json["crl"]["number"]

    answer = new("restore", backed_up, "--crl", tmp_path / "later.crl", "--json")

    assert answer.exit == 0, answer.err
    assert answer.json["crls"][0]["later"] is True
    assert set(answer.json["crls"][0]["revoked"]) == {later, known}
    assert answer.json["crl_number"] == number
    assert parsed_crl(new("crl")) == parsed_crl(lab("crl"))
    assert new("crl", "--refresh").exit == 0
    assert new("crl", "--json").json["crl"]["number"] > number
    assert crl_reasons(new) == {later: "keyCompromise", known: "certificateHold"}
    assert new("log", "--verify").exit == 0
    assert restored_findings(new) == ["restored-gap"]


def test_a_file_with_the_crls_of_several_cas_is_read_to_its_end(
    lab: CommandLine, backed_up: Path, new: CommandLine, tmp_path: Path
) -> None:
    lab("crl", "--refresh")
    lab("crl", "--ca", "root", "--refresh")
    (tmp_path / "all.crl").write_text(lab("crl").out + lab("crl", "--ca", "root").out)

    answer = new("restore", backed_up, "--crl", tmp_path / "all.crl", "--json").json

    assert [each["later"] for each in answer["crls"]] == [True, True]
    assert {each["ca"] for each in answer["crls"]} == {"Test Lab Issuing", "Test Lab Root"}


def test_a_hold_that_a_later_crl_does_not_list_stays_and_is_named(
    lab: CommandLine, new: CommandLine, tmp_path: Path
) -> None:
    lab("revoke", "proxy.lab.example", "--reason", "hold")
    lab("backup", tmp_path / "held")
    lab("release", "proxy.lab.example")
    lab("crl", "-o", tmp_path / "later.crl")

    answer = new("restore", tmp_path / "held", "--crl", tmp_path / "later.crl")

    assert "is still on hold here, and not in that CRL: sipca release" in answer.out
    assert len(new("list", "--status", "held", "--json").json["certificates"]) == 1
    assert new("release", "proxy.lab.example").exit == 0
    assert crl_reasons(new) == {}
    assert new("log", "--verify").exit == 0


def test_later_certificates_are_listed_and_can_be_revoked_by_name(
    lab: CommandLine, backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    later = sign(lab, csr_file, "later", out)
    (out / "trusted-root.pem").write_text(lab("chain").out)
    (out / "notes.txt").write_text("no certificate")

    answer = new("restore", backed_up, "--cert", out, "--json")

    assert answer.exit == 0, answer.err
    assert [(each["serial"], each["known"]) for each in answer.json["entered"]] == [(later, False)]
    assert answer.json["newest"]["serial"] == later
    assert new("show", "later.lab.example", "--pem").out == (out / "later.pem").read_text()
    assert new("revoke", "later.lab.example").exit == 0
    assert list(crl_reasons(new)) == [later]
    assert new("log", "--verify").exit == 0
    assert new("check", "--acknowledge", "restored-gap").exit == 0


def test_a_later_certificate_takes_device_context_and_profile_of_its_predecessor(
    lab: CommandLine, backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    request = csr_file("sbc1", "ip:10.0.0.1", cn="sbc1.lab.example")
    lab("sign", request, "--device", "sbc1", "--context", "1", "--again", "-o", tmp_path / "c.pem")

    serial = new("restore", backed_up, "--cert", tmp_path / "c.pem", "--json").json["entered"][0]["serial"]  # fmt: skip

    (record,) = [each for each in new("list", "--all", "--json").json["certificates"] if each["serial"] == serial]  # fmt: skip
    assert (record["device"], record["context"], record["profile"]) == ("sbc1", 1, "sip")


def test_a_certificate_that_the_backup_has_is_not_entered_twice(
    lab: CommandLine, backed_up: Path, new: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "known.pem").write_text(lab("show", "proxy.lab.example", "--pem").out)

    answer = new("restore", backed_up, "--cert", tmp_path / "known.pem", "--json").json

    assert [each["known"] for each in answer["entered"]] == [True]
    assert answer["certificates"] == 3


def test_a_serial_that_nobody_remembers_can_be_revoked_after_a_restore_alone(
    lab: CommandLine, backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    later = sign(lab, csr_file, "later", tmp_path)
    new("restore", backed_up)

    answer = new("revoke", "--serial", later, "--reason", "superseded", "--json")

    assert answer.exit == 0, answer.err
    assert answer.json["changed"][0]["subject"] == "not known here"
    assert crl_reasons(new) == {later: "superseded"}
    assert new("revoke", "--serial", later).exit == 6
    assert new("log", "--verify").exit == 0
    assert lab("revoke", "--serial", "ab" * 16).exit == 5  # no backup: a mistyped serial
    assert new("revoke", "--serial", later[:10] + "0").exit == 5  # not a whole one


def test_a_home_that_holds_anything_is_left_alone(
    lab: CommandLine, backed_up: Path, new: CommandLine, tmp_path: Path
) -> None:
    head = lab("status", "--json").json["audit_head"]
    new.home.mkdir()
    (new.home / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")

    answers = [
        lab("restore", backed_up),
        new("restore", backed_up),
        CommandLine(tmp_path / "file")("restore", backed_up),
    ]

    assert [each.exit for each in answers] == [6, 6, 6]
    assert "restored only into an empty home" in answers[1].err
    assert lab("status", "--json").json["audit_head"] == head
    assert [path.name for path in new.home.iterdir()] == ["notes.txt"]


def test_own_files_in_the_way_are_kept_and_named(
    lab: CommandLine, new: CommandLine, tmp_path: Path
) -> None:
    lab("profile", "new", "mine", "--from", "sip")
    lab("backup", tmp_path / "own")
    (new.home / "profiles").mkdir(parents=True)
    (new.home / "profiles" / "mine.toml").write_text("other")

    answer = new("restore", tmp_path / "own")

    assert answer.exit == 6
    assert "holds 'profiles/mine.toml'" in answer.err
    assert (new.home / "profiles" / "mine.toml").read_text() == "other"


def test_a_damaged_backup_leaves_no_home(
    lab: CommandLine, backed_up: Path, new: CommandLine
) -> None:
    data = bytearray(backed_up.read_bytes())
    data[len(data) // 2] ^= 1
    backed_up.write_bytes(data)

    answer = new("restore", backed_up)

    assert answer.exit == 9
    assert "is damaged" in answer.err
    assert not new.home.exists()


def test_a_file_that_is_no_backup_and_a_missing_one_are_told_apart(
    new: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no backup" * 1000)

    assert new("restore", tmp_path / "text").exit == 3
    assert new("restore", tmp_path / "missing").exit == 5
    assert not new.home.exists()


def test_evidence_of_another_ca_is_refused_and_leaves_no_home(
    backed_up: Path, new: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    other = CommandLine(tmp_path / "other")
    other("init", "--name", "Test Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")  # fmt: skip
    sign(other, csr_file, "foreign", tmp_path)
    other("crl", "-o", tmp_path / "foreign.crl")

    answers = [
        new("restore", backed_up, "--cert", tmp_path / "foreign.pem"),
        new("restore", backed_up, "--crl", tmp_path / "foreign.crl"),
        new("restore", backed_up, "--crl", tmp_path / "foreign.pem"),
        new("restore", backed_up, "--cert", tmp_path / "foreign.crl"),
    ]

    assert [each.exit for each in answers] == [9, 9, 3, 3], answers
    assert "was not signed by the key of the CA" in answers[1].err
    assert not new.home.exists()


def test_a_crl_that_is_older_than_the_backup_changes_nothing(
    lab: CommandLine, new: CommandLine, tmp_path: Path
) -> None:
    lab("crl", "-o", tmp_path / "old.crl")
    lab("crl", "--refresh")
    lab("backup", tmp_path / "b")

    answer = new("restore", tmp_path / "b", "--crl", tmp_path / "old.crl", "--json")

    assert answer.json["crls"][0]["later"] is False
    assert "is not later than the backup" in answer.err
    assert parsed_crl(new("crl")) == parsed_crl(lab("crl"))


@pytest.mark.parametrize("schema", [1, 5])
def test_a_backup_of_an_older_sipca_is_upgraded(
    lab: CommandLine, backed_up: Path, new: CommandLine, tmp_path: Path, schema: int
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript((VECTORS.parent / "registers" / f"schema-{schema}.sql").read_text())
    content = with_register(members(backed_up), (tmp_path / "old.db").read_bytes())
    packed(tmp_path / "older", content)

    verified = new("backup", tmp_path / "older", "--verify")
    answer = new("restore", tmp_path / "older")

    assert (verified.exit, answer.exit) == (0, 0), (verified, answer)
    assert new("log", "--verify").exit == 0


def test_a_backup_of_a_newer_sipca_is_refused(
    lab: CommandLine, backed_up: Path, new: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "newer.db").write_bytes(members(backed_up)["ca.db"])
    with contextlib.closing(sqlite3.connect(tmp_path / "newer.db")) as newer:
        newer.execute("PRAGMA user_version = 999")
    content = with_register(members(backed_up), (tmp_path / "newer.db").read_bytes())
    packed(tmp_path / "newer", content)

    answer = new("restore", tmp_path / "newer")

    assert answer.exit == 8
    assert "was written by a newer sipca" in answer.err
    assert not new.home.exists()
