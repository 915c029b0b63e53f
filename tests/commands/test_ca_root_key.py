"""The root's key off the machine: exported, dropped, and brought back for what only it signs."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from stand_in.lab import EC_KEY, NOW, CommandLine, make_csr
from stand_in.revocations import crl_reasons, parsed_crl

SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
STICK = b"stick horse"


@pytest.fixture
def home_secret(tmp_path: Path) -> Path:
    """The passphrase of the home, in a file."""
    (tmp_path / "home.txt").write_text("home horse\n")
    return tmp_path / "home.txt"


@pytest.fixture
def stick_secret(tmp_path: Path) -> Path:
    """The passphrase of the exported key, in a file."""
    (tmp_path / "stick.txt").write_bytes(STICK + b"\n")
    return tmp_path / "stick.txt"


@pytest.fixture
def away(sipca: CommandLine, tmp_path: Path, stick_secret: Path) -> CommandLine:
    """A home without passphrase whose root key is away, in ``root.key``."""
    drop(sipca, tmp_path / "root.key", stick_secret)
    return sipca


def drop(sipca: CommandLine, file: Path, secret: Path, *words: object) -> None:
    for call in (
        ("ca", "export-root-key", file, "--new-passphrase-file", secret, *words),
        ("crl", "--ca", "root", "--refresh", "--lifetime", "2y", *words),
        ("ca", "drop-root-key", "--exported", file, "--passphrase-file", secret),
    ):
        answer = sipca(*call)
        assert answer.exit == 0, answer.err


def root_key(home: Path) -> bytes:
    with sqlite3.connect(home / "ca.db") as connection:
        (key,) = connection.execute(
            "SELECT pkcs8 FROM key WHERE id = (SELECT key_id FROM issuer WHERE role = 'root')"
        ).fetchone()
    connection.close()
    return bytes(key)


def octets(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.iterdir() if path.is_file())


def test_the_exported_file_is_private_encrypted_and_holds_the_root_s_key(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    file = tmp_path / "root.key"

    answer = sipca("ca", "export-root-key", file, "--new-passphrase-file", stick_secret, "--json")

    key = load_pem_private_key(file.read_bytes(), STICK)
    root = x509.load_pem_x509_certificate(sipca("chain", "--parts", "root").out.encode())
    assert answer.exit == 0, answer.err
    assert (answer.json["key"], answer.json["file"]) == ("here", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert key.public_key() == root.public_key()
    by_openssl = subprocess.run(
        ["openssl", "pkey", "-in", file, "-passin", f"file:{stick_secret}", "-pubout"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert b"BEGIN PUBLIC KEY" in by_openssl.stdout
    assert sipca("log", "--json").json["events"][-1]["action"] == "root-key-exported"


def test_without_a_passphrase_of_its_own_the_file_has_the_home_s(
    bare: CommandLine, tmp_path: Path, home_secret: Path
) -> None:
    bare("init", "--passphrase-file", home_secret, *SMALL)
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")

    refused = bare("ca", "export-root-key", tmp_path / "k", "--passphrase-file", wrong)
    answer = bare("ca", "export-root-key", tmp_path / "k", "--passphrase-file", home_secret)

    assert (refused.exit, answer.exit) == (7, 0)
    load_pem_private_key((tmp_path / "k").read_bytes(), b"home horse")


def test_a_root_key_never_leaves_without_a_passphrase_nor_over_another_file(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    (tmp_path / "taken").write_text("mine")

    bare_key = sipca("ca", "export-root-key", tmp_path / "k")
    taken = sipca("ca", "export-root-key", tmp_path / "taken", "--new-passphrase-file", stick_secret)  # fmt: skip

    assert (bare_key.exit, taken.exit) == (7, 6)
    assert "give --new-passphrase-file FILE" in bare_key.err
    assert not (tmp_path / "k").exists()
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_dropped_key_is_in_none_of_the_home_s_files(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    before = root_key(sipca.home)
    assert before in octets(sipca.home)

    drop(sipca, tmp_path / "root.key", stick_secret)

    left = octets(sipca.home)
    assert root_key(sipca.home) == b""
    assert before not in left
    assert before[36:68] not in left  # the private number itself
    assert sipca("status", "--json").json["cas"][0]["key_protection"] == "away"
    assert sipca("log", "--verify").exit == 0


def test_the_issuing_ca_goes_on_and_the_root_needs_its_file(
    away: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr(key=EC_KEY))
    with_file = ("--root-key-file", tmp_path / "root.key", "--passphrase-file", stick_secret)

    signed = away("sign", tmp_path / "a.csr")
    without = away("crl", "--ca", "root", "--refresh")
    brought = away("crl", "--ca", "root", "--refresh", "--lifetime", "2y", *with_file)
    rotated = away("ocsp", "rotate", "--ca", "root", *with_file)

    assert [signed.exit, without.exit, brought.exit, rotated.exit] == [0, 7, 0, 0]
    assert "is away" in without.err
    assert "give --root-key-file FILE" in without.err
    assert root_key(away.home) == b""
    (tmp_path / "root.pem").write_text(away("chain", "--parts", "root").out)
    (tmp_path / "root.crl").write_text(brought.out)
    subprocess.run(
        ["openssl", "crl", "-in", tmp_path / "root.crl", "-CAfile", tmp_path / "root.pem", "-noout"],
        check=True, capture_output=True,
    )  # fmt: skip


def test_the_root_s_file_may_have_another_passphrase_than_the_home(
    bare: CommandLine,
    tmp_path: Path,
    home_secret: Path,
    stick_secret: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare("init", "--passphrase-file", home_secret, *SMALL)
    drop(bare, tmp_path / "root.key", stick_secret, "--passphrase-file", home_secret)
    monkeypatch.setenv("SIPCA_ROOT_KEY_PASSPHRASE_FILE", str(stick_secret))

    answer = bare("ocsp", "rotate", "--passphrase-file", home_secret, "--root-key-file", tmp_path / "root.key")  # fmt: skip

    assert answer.exit == 0, answer.err


def test_revoking_the_issuing_ca_takes_the_root_s_file(
    away: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    issuing = away("status", "--json").json["cas"][1]["serial"]
    with_file = ("--root-key-file", tmp_path / "root.key", "--passphrase-file", stick_secret)

    answer = away("revoke", "--serial", issuing, "--reason", "ca-compromise", *with_file, "--json")

    assert answer.json["pending"] is None
    assert crl_reasons(away, "--ca", "root") == {issuing: "cACompromise"}


def test_without_the_file_the_revocation_stands_and_the_crl_is_pending(away: CommandLine) -> None:
    issuing = away("status", "--json").json["cas"][1]["serial"]

    answer = away("revoke", "--serial", issuing, "--json")

    assert answer.exit == 0
    assert "is away" in answer.json["pending"]


def test_an_away_root_does_not_keep_the_other_signers_from_rotating(away: CommandLine) -> None:
    before = len([each for each in away("log", "--json").json["events"] if each["action"] == "ocsp-signer"])  # fmt: skip

    answer = away("ocsp", "rotate")

    events = away("log", "--json").json["events"]
    assert answer.exit == 7
    assert len([each for each in events if each["action"] == "ocsp-signer"]) == before + 1


def test_the_key_stays_while_its_crl_ends_soon(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    sipca("ca", "export-root-key", tmp_path / "k", "--new-passphrase-file", stick_secret)
    before = root_key(sipca.home)

    answer = sipca("ca", "drop-root-key", "--exported", tmp_path / "k", "--passphrase-file", stick_secret)  # fmt: skip

    assert answer.exit == 4
    assert "less than 365 d from now" in answer.err
    assert "sipca crl --ca root --refresh --lifetime 2y" in answer.err
    assert root_key(sipca.home) == before


@pytest.mark.parametrize(
    "fault", ["passphrase", "another key", "cut off", "text", "plain", "missing"]
)
def test_the_key_stays_unless_the_file_was_read_back(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path, fault: str
) -> None:
    file = tmp_path / "k"
    sipca("crl", "--ca", "root", "--refresh", "--lifetime", "2y")
    sipca("ca", "export-root-key", file, "--new-passphrase-file", stick_secret)
    if fault == "passphrase":
        stick_secret.write_text("another")
    elif fault == "another key":
        file.unlink()
        other = CommandLine(tmp_path / "other")
        other("init", "--no-passphrase", *SMALL)
        other("ca", "export-root-key", file, "--new-passphrase-file", stick_secret)
    elif fault == "cut off":
        file.write_bytes(file.read_bytes()[:200])
    elif fault == "text":
        file.write_text("not a key")
    elif fault == "plain":
        file.write_bytes(root_key(sipca.home))
    else:
        file.unlink()
    before = root_key(sipca.home)

    answer = sipca("ca", "drop-root-key", "--exported", file, "--passphrase-file", stick_secret)

    codes = {"passphrase": 7, "another key": 7, "cut off": 3, "text": 3, "plain": 7, "missing": 5}
    assert answer.exit == codes[fault], answer.err
    assert root_key(sipca.home) == before


def test_what_is_away_is_neither_dropped_nor_exported_again(
    away: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    dropped = away("ca", "drop-root-key", "--exported", tmp_path / "root.key", "--passphrase-file", stick_secret)  # fmt: skip
    exported = away("ca", "export-root-key", tmp_path / "k", "--new-passphrase-file", stick_secret)

    assert (dropped.exit, exported.exit) == (6, 7)
    assert "is away already" in dropped.err
    assert "is away already" in exported.err


def test_backups_that_still_hold_the_key_are_named(
    sipca: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    sipca("backup", tmp_path / "before.backup")
    sipca("ca", "export-root-key", tmp_path / "k", "--new-passphrase-file", stick_secret)
    sipca("crl", "--ca", "root", "--refresh", "--lifetime", "2y")

    answer = sipca("ca", "drop-root-key", "--exported", tmp_path / "k", "--passphrase-file", stick_secret)  # fmt: skip

    assert "backups that still hold the key" in answer.out
    assert "before.backup" in answer.out


def test_check_says_root_key_away_and_warns_by_root_key_needed_in_time(
    bare: CommandLine,
    frozen: Callable[[datetime], None],
    tmp_path: Path,
    stick_secret: Path,
) -> None:
    frozen(NOW)
    bare("init", "--no-passphrase", *SMALL)
    drop(bare, tmp_path / "root.key", stick_secret)

    def codes() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in bare("check", "--min-severity", "info", "--json").json["findings"]:
            found.setdefault(each["code"], []).append(each["message"] + " " + (each["hint"] or ""))
        return found

    fresh = codes()
    frozen(NOW + timedelta(days=730 - 100))
    later = codes()
    frozen(NOW + timedelta(days=730 - 80))
    soon = codes()

    assert "needed by 2028-11-2" in fresh["root-key-away"][0]
    assert "root-key-needed" not in fresh
    assert "root-key-needed" not in later
    needed = " ".join(soon["root-key-needed"])
    assert "--refresh --lifetime 2y --root-key-file FILE" in needed
    assert "sipca ocsp rotate --ca" in needed


def test_a_home_without_its_root_s_key_is_backed_up_and_restored_as_it_is(
    away: CommandLine, tmp_path: Path, stick_secret: Path
) -> None:
    away("backup", tmp_path / "b")
    new = CommandLine(tmp_path / "new")

    assert new("restore", tmp_path / "b").exit == 0
    answer = new("crl", "--ca", "root", "--refresh", "--root-key-file", tmp_path / "root.key", "--passphrase-file", stick_secret)  # fmt: skip

    assert answer.exit == 0, answer.err
    assert parsed_crl(answer).issuer == parsed_crl(away("crl", "--ca", "root")).issuer


def test_the_passphrase_of_the_home_changes_without_the_root_s_key(
    away: CommandLine, stick_secret: Path
) -> None:
    answer = away("ca", "passphrase", "--new-passphrase-file", stick_secret, "--json").json

    assert (len(answer["changed"]), len(answer["away"])) == (1, 1)


@pytest.mark.parametrize("root", [(), ("--root",)])
def test_the_keys_of_a_rotation_have_the_home_s_passphrase_not_that_of_the_root_s_file(
    bare: CommandLine,
    tmp_path: Path,
    home_secret: Path,
    stick_secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    root: tuple[str, ...],
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE_FILE", str(home_secret))
    bare("init", "--name", "Lab", *SMALL)
    drop(bare, tmp_path / "root.key", stick_secret)
    monkeypatch.setenv("SIPCA_ROOT_KEY_PASSPHRASE_FILE", str(stick_secret))

    answer = bare("ca", "rotate", *root, "--root-key-file", tmp_path / "root.key")

    assert answer.exit == 0, answer.err
    monkeypatch.delenv("SIPCA_ROOT_KEY_PASSPHRASE_FILE")
    for ca in ("issuing", *(("root",) if root else ())):
        assert bare("crl", "--ca", ca, "--refresh").exit == 0
    states = {each["name"]: each["key"] for each in bare("ca", "list", "--json").json["cas"]}
    assert states["Lab Root 2" if root else "Lab Issuing 2"] == "encrypted"


def test_the_crls_of_all_cas_are_written_though_the_root_is_away_and_that_is_said(
    away: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "crls.pem"
    before = away("crl").out

    cron = away("crl", "--ca", "all", "--if-within", "30d", "-o", path)
    forced = away("crl", "--ca", "all", "--refresh", "-o", path)

    assert cron.exit == 0, cron.err
    assert forced.exit == 7
    assert "--root-key-file" in forced.err
    assert path.read_text() == away("crl").out + away("crl", "--ca", "root").out
    assert away("crl").out != before, "the issuing CA's is new"


def test_a_server_is_told_that_the_crl_of_the_root_that_is_away_has_ended(
    away: CommandLine, tmp_path: Path, frozen: Callable[[datetime], None]
) -> None:
    frozen(NOW)
    for days in (300, 600, 900):  # a longer gap at once would be a doubtful clock
        frozen(NOW + timedelta(days=days))
        away("crl", "--refresh")

    answer = away("issue", "srv.lab.example", "--target", "nginx", "--out", tmp_path / "o")

    assert answer.exit == 0, answer.err
    assert (
        "has ended: servers refuse all; sipca crl --ca root --refresh --root-key-file FILE"
        in answer.out
    )
