"""``check`` of a home itself: its folder, its CA keys, what its certificates lack."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import EC_KEY, NOW, CommandLine

from ca.keys.public import read_public_key
from ca.lint.homes import CAKey, Folder, judge_home

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]


def finding(sipca: CommandLine, code: str) -> Any:
    """The one finding of a code, of any severity; None if there is none."""
    findings = sipca("check", "--min-severity", "info", "--json").json["findings"]
    return next((each for each in findings if each["code"] == code), None)


def test_a_home_as_init_makes_it_is_well(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("a"))
    sipca("env")

    assert sipca("check", "--strict").out == "all is well\n"


def test_a_home_that_others_may_enter_is_warned_of(sipca: CommandLine) -> None:
    sipca.home.chmod(0o750)

    answer = sipca("check", "--json")

    assert answer.exit == 0
    (warning,) = answer.json["findings"]
    assert (warning["code"], warning["result"]) == ("home-open", "warn")
    assert warning["message"] == f"'{sipca.home}' is open to other users: its mode is 0750"
    assert warning["hint"] == f"chmod 700 {shlex.quote(str(sipca.home))}"


def test_a_register_that_all_users_may_read_fails(sipca: CommandLine) -> None:
    sipca.home.chmod(0o755)
    (sipca.home / "ca.db").chmod(0o644)

    answer = sipca("check", "--json")

    assert answer.exit == 9
    failed = answer.json["findings"][0]
    assert (failed["code"], failed["result"]) == ("register-open", "fail")
    assert failed["message"].startswith("every user of this machine can read ca.db")
    assert failed["hint"].startswith(f"chmod 600 {shlex.quote(str(sipca.home / 'ca.db'))}")


def test_a_register_that_only_its_folder_protects_is_warned_of(sipca: CommandLine) -> None:
    (sipca.home / "ca.db").chmod(0o640)

    (warning,) = sipca("check", "--json").json["findings"]

    assert (warning["code"], warning["result"]) == ("home-open", "warn")
    assert warning["hint"] == f"chmod 600 {shlex.quote(str(sipca.home / 'ca.db'))}"


def test_files_that_are_not_sipca_s_are_named_with_the_command_that_moves_them(
    sipca: CommandLine,
) -> None:
    for folder in ("profiles", "targets"):
        (sipca.home / folder).mkdir()
        (sipca.home / folder / "mine.toml").touch()
    for name in ("ca.db.bak", "sbc1.key", "profiles/mine.toml~", ".DS_Store"):
        (sipca.home / name).touch()

    answer = sipca("check", "--json")

    assert answer.exit == 0
    (warning,) = answer.json["findings"]
    assert (warning["code"], warning["result"]) == ("stray-file", "warn")
    assert warning["message"] == (
        "the home holds what is not sipca's: ca.db.bak, profiles/mine.toml~, sbc1.key"
    )
    moved = [str(sipca.home / name) for name in ("ca.db.bak", "profiles/mine.toml~", "sbc1.key")]
    assert shlex.split(warning["hint"]) == ["mv", *moved, "ELSEWHERE"]


def test_what_is_being_written_is_no_stray_but_what_a_killed_process_left_is(
    sipca: CommandLine,
) -> None:
    half = sipca.home / ".init-0123456789abcdef.db"
    half.touch()
    assert finding(sipca, "stray-file") is None
    long_ago = half.stat().st_mtime - 2 * 3600
    os.utime(half, (long_ago, long_ago))

    assert finding(sipca, "stray-file")["message"].endswith(f": {half.name}")


def test_many_strays_are_counted_and_five_of_them_named(sipca: CommandLine) -> None:
    for number in range(130):
        (sipca.home / f"x{number:03}").touch()

    message = finding(sipca, "stray-file")["message"]

    assert message.endswith("x000, x001, x002, x003, x004 and 125 more")


def test_a_name_with_control_characters_is_spelled_out(sipca: CommandLine) -> None:
    (sipca.home / "a\x1b[31m\n").touch()

    assert "\\x1b[31m\\x0a" in finding(sipca, "stray-file")["message"]
    assert "\x1b" not in sipca("check").out


def test_a_key_without_passphrase_is_information_alone(
    sipca: CommandLine, bare: CommandLine, tmp_path: Path
) -> None:
    told = finding(sipca, "ca-key-unprotected")

    assert (told["severity"], told["result"]) == ("info", "pass")
    assert told["message"].endswith(
        "its key has no passphrase: whoever reads ca.db can sign with it"
    )
    assert told["hint"].startswith("sipca ca passphrase --new-passphrase-file FILE")
    (tmp_path / "passphrase").write_text("correct horse")
    other = CommandLine(tmp_path / "other")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    source = ("--passphrase-file", tmp_path / "passphrase")
    assert other("init", *keys, "--protect", "root", *source).exit == 0
    findings = other("check", "--min-severity", "info", "--json").json["findings"]
    (meant,) = (each for each in findings if each["code"] == "ca-key-unprotected")
    assert " Issuing: its key" in meant["message"]
    assert meant["message"].endswith(", as init --protect root wished")
    assert meant["hint"] is None


def test_a_ca_key_that_today_s_rules_refuse_is_warned_of(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("--root-key", "ec:p256", "--issuing-key", "rsa:2048")
    assert bare("init", "--name", "Lab", *keys, "--no-passphrase").exit == 0
    assert finding(bare, "ca-weak-key") is None
    monkeypatch.setattr("ca.lint.public_keys.SMALLEST_RSA", 3072)  # as tomorrow's rules

    warning = finding(bare, "ca-weak-key")

    assert (warning["severity"], warning["result"]) == ("warning", "warn")
    assert warning["message"].startswith("Lab Issuing: the key is RSA 2048, but at least 3072")
    assert warning["hint"].startswith("sipca ca rotate makes its successor")
    assert warning["serial"]


@pytest.mark.parametrize(
    ("role", "weak", "codes"),
    [("issuing", True, ["ca-weak-hash"]), ("root", True, []), ("issuing", False, [])],
)
def test_a_weak_hash_is_that_of_a_ca_certificate_which_another_key_signed(
    role: str, weak: bool, codes: list[str]
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    findings = judge_home(CAKey("CA", role, read_public_key(spki), True, weak))

    assert [each.code for each in findings] == codes
    assert all(str(each.hint).startswith("sipca ca rotate ") for each in findings)


def test_a_folder_of_a_platform_without_modes_is_not_judged_by_them() -> None:
    assert judge_home(Folder("C:/home")) == []


def test_certificates_from_before_the_base_url_are_counted(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    code = "status-address-missing"
    frozen(NOW)
    sipca("sign", csr_file("a", cn="a.lab"), "--device", "a")
    sipca("sign", csr_file("b", cn="b.lab", key=EC_KEY), "--device", "b")
    assert finding(sipca, code) is None
    frozen(NOW + timedelta(hours=1))
    sipca("ca", "set", "--base-url", "http://10.0.0.5:8080")

    told = finding(sipca, code)

    assert (told["severity"], told["result"]) == ("info", "pass")
    assert told["message"] == (
        "2 current certificates were issued before http://10.0.0.5:8080 was the base URL: peers "
        "look for the CRL elsewhere or nowhere"
    )
    sipca("sign", csr_file("a", cn="a.lab"), "--device", "a", "--again", "--supersedes", "a")
    assert finding(sipca, code)["message"].startswith("1 current certificate was issued")
    sipca("revoke", "b")
    assert finding(sipca, code) is None
    frozen(NOW + timedelta(hours=2))
    sipca("ca", "set", "--base-url", "http://10.0.0.6:8080")
    assert finding(sipca, code)["message"].startswith("1 current certificate was issued before")
    sipca("ca", "set", "--base-url", "none")
    assert finding(sipca, code) is None


def test_a_base_url_of_init_leaves_none_without_addresses(bare: CommandLine, csr_file: Csr) -> None:
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    bare("init", *keys, "--base-url", "http://10.0.0.5:8080")
    bare("sign", csr_file("a"))

    assert finding(bare, "status-address-missing") is None


def test_a_root_in_its_last_fifth_is_warned_of(sipca: CommandLine, frozen: Clock) -> None:
    frozen(NOW + timedelta(days=365 * 15))
    assert finding(sipca, "ca-last-fifth") is None
    frozen(NOW + timedelta(days=365 * 16 + 30))

    warning = finding(sipca, "ca-last-fifth")

    assert warning["result"] == "warn"
    assert warning["hint"].startswith("sipca ca rotate --root ")
    assert warning["not_after"]
