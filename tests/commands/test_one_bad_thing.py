"""One bad thing never stops the others: whatever is raised for one source is its refusal alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import ROOT, VECTORS, Answer, CommandLine, cut_off, make_csr

NAMES = ("a", "bad", "c")
STAGES = (
    "ca.authority.signing.sign:_with_device",
    "ca.authority.signing.judge:Judge.job",
    "ca.csr.shape:read_request",
    "ca.issuance.prepare:judge_request",
    "ca.issuance.prepare:decide_subject",
    "ca.issuance.prepare:decide_extensions",
    "ca.issuance.prepare:assemble",
    "ca.issuance.prepare:read_back",
    "ca.authority.signing.prepare:judge_at_target",
    "ca.authority.signing.prepare:pack_account",
    "ca.authority.signing.judge:Judge.known",
    "ca.authority.signing.judge:Judge.judged",
    "ca.authority.signing.judge:Judge._judge_key",
    "ca.authority.signing.places:Place.may_replace",
    "ca.authority.signing.commit:_draft",
    "ca.authority.register:write_plans",
    "ca.authority.signing.crew:_sign_one",
    "ca.authority.register:write_results",
    "ca.authority.upload_files:planned_files",
    "ca.authority.signing.crew:_write_files",
    "ca.authority.signing.results:Results.enter",
)
RECORDED = ("planned_files", "_write_files", "Results.enter")
"""Stages that come when the certificate is in the register already."""


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in NAMES:
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{name}.csr").write_bytes(make_csr(cn=f"{name}.lab.example", key=key))
    return folder


BAD = ("bad.lab.example", "bad.csr", "bad-device")


def break_for_the_bad(
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: BaseException,
    words: tuple[str, ...] = BAD,
) -> None:
    """Have a function raise wherever what it is given names the bad source."""
    module, _, name = stage.partition(":")
    holder: Any = import_module(module)
    *above, last = name.split(".")
    for each in above:
        holder = getattr(holder, each)
    sound = getattr(holder, last)

    def broken(*args: Any, **rest: Any) -> Any:
        if any(word in told(args) for word in words):
            raise error
        return sound(*args, **rest)

    monkeypatch.setattr(holder, last, broken)


def told(value: Any) -> str:
    """All that is said in a value; octets as text, so that a CN inside DER is found."""
    if isinstance(value, bytes):
        return told(value.decode("latin-1"))
    if isinstance(value, str):
        bodies = re.findall(r"-----BEGIN [A-Z ]+-----([^-]+)-----END", value)
        return " ".join([value, *(b64decode(each).decode("latin-1") for each in bodies)])
    if isinstance(value, (tuple, list, range)):
        return " ".join(told(each) for each in value)
    if hasattr(value, "order"):
        return told(value.order)
    if hasattr(value, "__struct_fields__"):
        return " ".join(told(getattr(value, field)) for field in value.__struct_fields__)
    return str(value)


def signed_names(answer: Answer) -> list[str]:
    return sorted(Path(each["source"]).stem for each in answer.json["signed"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_bug_at_any_stage_refuses_one_source_and_the_others_are_signed(
    sipca: CommandLine,
    inbox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    break_for_the_bad(monkeypatch, stage, IndexError("list index out of range"))

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert answer.exit == 1, answer.err
    assert signed_names(answer) == ["a", "c"]
    (refused,) = answer.json["refused"]
    assert (Path(refused["source"]).name, refused["kind"], refused["exit"]) == ("bad.csr", "bug", 1)
    assert refused["message"] == "this is a bug of sipca's: IndexError"
    assert "Traceback" not in answer.err
    assert {path.name for path in (tmp_path / "out").glob("*-device.pem")} >= {
        "a-device.pem",
        "c-device.pem",
    }
    assert sipca("log", "--verify").exit == 0
    monkeypatch.undo()
    monkeypatch.setenv("SIPCA_NO_INPUT", "1")
    again = sipca("sign", inbox, "--out", tmp_path / "out", "--json")
    assert again.exit == 0
    recorded = stage.rpartition(":")[2] in RECORDED
    assert signed_names(again) == ([] if recorded else ["bad"])
    assert ("the certificate is in the register" in refused["hint"]) is recorded
    assert sipca("list", "--json", "--status", "planned").json["certificates"] == []


def test_debug_shows_where_the_bug_is_while_the_batch_goes_on(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_for_the_bad(monkeypatch, "ca.issuance.prepare:read_back", KeyError("x"))

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--debug")

    assert answer.exit == 1
    assert "Traceback (most recent call last)" in answer.err
    assert "KeyError: 'x'" in answer.err
    assert (tmp_path / "out" / "c-device.pem").exists()


def test_a_panic_of_an_extension_module_is_a_bug_of_one_source(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        """As the Rust half of cryptography raises it: no Exception."""

    break_for_the_bad(monkeypatch, "ca.issuance.prepare:read_back", PanicException("at 7"))

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert answer.exit == 1
    assert signed_names(answer) == ["a", "c"]


def test_a_bug_is_not_hidden_by_a_larger_exit_code(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "missing-san.csr").write_bytes(b"no request")
    break_for_the_bad(monkeypatch, "ca.issuance.prepare:read_back", KeyError("x"))

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert answer.exit == 1
    assert sorted(each["exit"] for each in answer.json["refused"]) == [1, 3]


def test_a_call_that_is_ended_is_ended_whatever_it_was_doing(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.authority.signing.crew._sign_one", cut_off)

    assert sipca("sign", inbox, "--out", tmp_path / "out").exit == 130


def test_a_register_in_trouble_ends_the_call_and_blames_no_source(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    full = sqlite3.OperationalError("database or disk is full")
    break_for_the_bad(monkeypatch, "ca.authority.register:write_plans", full)

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert answer.exit == 8
    assert "the disk of" in answer.err


BROKEN_EVERYWHERE = """
from ca.issuance import prepare

sound = prepare.read_back

def read_back(tbs, **rest):
    if b"bad-thing" in tbs:
        raise IndexError("list index out of range")
    return sound(tbs, **rest)

prepare.read_back = read_back
"""

WITH_CHECKER = """
from ca.authority.signing import sign
from cli.main import main

sign.WORTH_CHECKER = 1
main()
"""


def test_a_batch_with_a_checker_refuses_the_one_and_signs_the_others_too(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox, patch = tmp_path / "inbox", tmp_path / "patch"
    inbox.mkdir()
    patch.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    for n in range(1500):
        name = f"bad-thing{n}" if n % 100 == 99 else f"d{n}"
        (inbox / f"{name}.csr").write_bytes(make_csr(cn=f"{name}.lab.example", key=key))
    (patch / "sitecustomize.py").write_text(BROKEN_EVERYWHERE)

    done = subprocess.run(
        [
            sys.executable, "-c", WITH_CHECKER, "sign", inbox, "--out",
            tmp_path / "out", "--jobs", "2", "--json", "--debug", "--allow", "reused-key",
            "--home", sipca.home,
        ],
        env={**os.environ, "PYTHONPATH": f"{patch}:{ROOT}", "SIPCA_NO_INPUT": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip

    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert len(document["signed"]) == 1485
    assert {each["kind"] for each in document["refused"]} == {"bug"}
    assert len(document["refused"]) == 15
    assert done.stderr.count("IndexError: list index out of range") == 15
    assert len(list((tmp_path / "out").glob("*-device.pem"))) == 1485


def test_a_request_with_a_version_of_2000_octets_costs_the_batch_nothing(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox = VECTORS / "hostile" / "batch-one-bad" / "inbox"

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert signed_names(answer) == ["a-good", "c-good"]
    (refused,) = answer.json["refused"]
    assert Path(refused["source"]).stem.startswith("b")
    assert answer.exit == refused["exit"]


def test_a_source_that_cannot_be_read_is_refused_alone(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO, a folder in a file's place, one that vanished, one that may not be read."""
    os.mkfifo(inbox / "fifo.csr")
    (inbox / "gone.csr").symlink_to("nowhere")
    (inbox / "loop.csr").symlink_to("loop.csr")
    (inbox / "folder.csr").write_bytes(b"")
    (inbox / "secret.csr").write_bytes(b"")
    before = import_module("ca.authority.signing.candidates").read_bounded

    def between_listing_and_reading(path: Path) -> Any:
        if path.name == "folder.csr":
            path.unlink()
            path.mkdir()
        if path.name == "secret.csr":
            raise PermissionError(13, "Permission denied", str(path))
        return before(path)

    monkeypatch.setattr("ca.authority.signing.candidates.read_bounded", between_listing_and_reading)

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    exits = {Path(each["source"]).stem: each["exit"] for each in answer.json["refused"]}
    assert signed_names(answer) == ["a", "bad", "c"]
    assert exits == {"fifo": 3, "gone": 5, "loop": 8, "folder": 3, "secret": 8}
    assert answer.exit == 8


def test_a_disk_that_takes_one_file_less_costs_one_source(
    sipca: CommandLine, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(28, "No space left on device", "x")
    break_for_the_bad(monkeypatch, "ca.authority.signing.crew:write_atomic", full)
    (inbox / "bad.csr").rename(inbox / "bad.csr-.csr")

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert signed_names(answer) == ["a", "c"]
    (refused,) = answer.json["refused"]
    assert (refused["kind"], answer.exit) == ("store", 8)
    assert "No space left" in refused["message"]
    assert "the certificate is in the register" in refused["hint"]


Csr = Callable[..., Path]


def test_a_file_in_the_way_is_the_conflict_of_its_source_alone(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "bad-device.pem").write_text("mine")

    answer = sipca("sign", inbox, "--out", out, "--json")

    assert answer.exit == 6
    assert signed_names(answer) == ["a", "c"]
    (refused,) = answer.json["refused"]
    assert "bad-device.pem' holds something that is not a certificate" in refused["message"]
    assert "--overwrite replaces files" in refused["hint"]
    assert (out / "bad-device.pem").read_text() == "mine"
    everything = sipca("list", "--json", "--all").json["certificates"]
    assert not [each for each in everything if "bad" in each["subject"]]


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "foreign certificate"])
def test_what_sipca_did_not_write_there_stays(
    sipca: CommandLine, inbox: Path, tmp_path: Path, kind: str
) -> None:
    out, other = tmp_path / "out", CommandLine(tmp_path / "other")
    out.mkdir()
    path, elsewhere = out / "bad-device.pem", tmp_path / "elsewhere"
    if kind == "link":
        elsewhere.write_text("mine")
        path.symlink_to(elsewhere)
    elif kind == "dangling link":
        path.symlink_to(elsewhere)
    elif kind == "folder":
        path.mkdir()
    else:
        small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
        other("init", *small)
        path.write_text(other("sign", inbox / "bad.csr").out)
    before = path.read_bytes() if path.is_file() else None

    answer = sipca("sign", inbox, "--out", out, "--json", "--device", "x")
    answer = sipca("sign", inbox, "--out", out, "--json")

    assert answer.exit == 6
    assert signed_names(answer) == ["a", "c"]
    assert (path.read_bytes() if path.is_file() else None) == before
    assert path.is_symlink() == ("link" in kind)
    assert elsewhere.exists() == (kind == "link")


def test_a_predecessor_written_by_this_home_is_replaced_by_its_successor(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    """Of the same device and context, and of the same key and names."""
    out, text = tmp_path / "out", "BEGIN CERTIFICATE"
    ours = csr_file("sbc1", cn="sbc1.lab.example", key=ec.generate_private_key(ec.SECP256R1()))
    first = sipca("sign", ours, "--out", out, "--device", "sbc1", "--fullchain").exit
    one = (out / "sbc1-device.pem").read_text()
    csr_file("sbc1", cn="sbc1.lab.example", key=ec.generate_private_key(ec.SECP256R1()))

    second = sipca("sign", ours, "--out", out, "--device", "SBC1", "--fullchain")
    two = (out / "sbc1-device.pem").read_text()
    third = sipca("sign", ours, "--out", out, "--device", "sbc1", "--fullchain", "--again")
    three = (out / "sbc1-device.pem").read_text()

    assert (first, second.exit, third.exit) == (0, 0, 0), second.err + third.err
    assert len({one, two, three}) == 3
    assert text in three
    assert three in (out / "sbc1-fullchain.pem").read_text()


def test_the_same_key_and_names_signed_anew_take_the_place_of_the_old(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out, request = tmp_path / "out", csr_file("sbc1")
    sipca("sign", request, "--out", out)
    before = (out / "sbc1-device.pem").read_text()

    answer = sipca("sign", request, "--out", out, "--again")

    assert answer.exit == 0, answer.err
    assert (out / "sbc1-device.pem").read_text() != before


@pytest.mark.parametrize("change", ["names", "device", "touched", "older"])
def test_what_is_no_predecessor_stays_though_this_home_wrote_it(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, change: str
) -> None:
    out, request = tmp_path / "out", csr_file("sbc1", cn="sbc1.lab.example")
    old = request.read_bytes()
    device = ("--device", "sbc1")
    sipca("sign", request, "--out", out, *device)
    again: tuple[str, ...] = ("--again", *device)
    if change == "names":
        request = csr_file("sbc1", cn="other.lab.example")
        again = ("--allow", "reused-key")
    elif change == "device":
        again = ("--again", "--device", "sbc2")
    elif change == "touched":
        with (out / "sbc1-device.pem").open("a") as file:
            file.write("# note of the operator\n")
    else:
        csr_file("sbc1", cn="sbc1.lab.example", key=ec.generate_private_key(ec.SECP256R1()))
        assert sipca("sign", request, "--out", out, *device).exit == 0
        request.write_bytes(old)
        again = (*device, "--beside", "--again")
    before = (out / "sbc1-device.pem").read_bytes()

    answer = sipca("sign", request, "--out", out, *again)

    assert answer.exit == 6, answer.err
    assert (out / "sbc1-device.pem").read_bytes() == before


def test_a_foreign_trust_file_concerns_all_and_ends_the_call(
    sipca: CommandLine, inbox: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "trusted-root.pem").write_text("another CA's")

    answer = sipca("sign", inbox, "--out", out)

    assert answer.exit == 6
    assert "holds another trusted-root.pem" in answer.err
    assert sipca("list", "--json", "--all").json["certificates"] == []


SMALL_CA = '[ca]\nname = "L"\nprotect = "none"\nroot_key = "ec:p256"\nissuing_key = "ec:p256"\n'
ENTRIES = """
[[device]]
name = "dev-bad"
[[device]]
name = "dev-good"
[[certificate]]
issue = ["a.lab.example"]
out = "out/a"
[[certificate]]
issue = ["bad.lab.example"]
out = "out/bad"
[[certificate]]
csr = "c.csr"
out = "out/c"
"""


@pytest.fixture
def lab_file(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "c.csr").write_bytes(make_csr(cn="c.lab.example", key=key))
    path = tmp_path / "lab.toml"
    path.write_text(f"schema = 1\n{SMALL_CA}{ENTRIES}")
    return path


@pytest.mark.parametrize(
    "stage",
    ["ca.lab.apply:issue_key", "ca.authority.signing.issue:prepare", "ca.lab.apply:_device"],
)
def test_a_bug_at_one_entry_of_a_lab_leaves_the_others_made(
    bare: CommandLine, lab_file: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    error = IndexError("list index out of range")
    name = "dev-bad" if stage.endswith("_device") else "bad.lab.example"
    break_for_the_bad(monkeypatch, stage, error, words=(name,))

    answer = bare("apply", lab_file, "--json")
    monkeypatch.undo()
    monkeypatch.setenv("SIPCA_NO_INPUT", "1")
    again = bare("apply", lab_file, "--json")

    assert answer.exit == 1
    (refused,) = answer.json["refused"]
    assert (refused["source"], refused["kind"]) == (name, "bug")
    states = {each["name"]: each["state"] for each in answer.json["steps"]}
    assert states.pop(name) == "refused"
    assert set(states.values()) == {"made"}
    assert again.exit == 0
    states = {each["name"]: each["state"] for each in again.json["steps"]}
    assert states.pop(name) == "made"
    assert set(states.values()) == {"unchanged"}


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_a_file_in_the_way_of_one_entry_is_that_entrys_conflict(
    bare: CommandLine, lab_file: Path, words: tuple[str, ...]
) -> None:
    """Also a trust file of another CA in one entry's folder, though nothing else is there."""
    lab = lab_file.parent
    (lab / "out" / "bad").mkdir(parents=True)
    (lab / "out" / "bad" / "bad.lab.example.key").write_text("mine")
    (lab / "out" / "c").mkdir()
    (lab / "out" / "c" / "trusted-root.pem").write_text("mine")
    check = bool(words)
    if check:
        lab_file.write_text(f"schema = 1\n{SMALL_CA}")
        bare("apply", lab_file)
        lab_file.write_text(f"schema = 1\n{SMALL_CA}{ENTRIES}")

    answer = bare("apply", lab_file, *words)

    assert answer.exit == 6
    assert (lab / "out" / "bad" / "bad.lab.example.key").read_text() == "mine"
    assert (lab / "out" / "c" / "trusted-root.pem").read_text() == "mine"
    assert "error: bad.lab.example: " in answer.err
    assert "error: c.csr: " in answer.err
    assert "the lab is not as the file says" in answer.out
    assert (lab / "out" / "a" / "a.lab.example.key").exists() is not check


def test_a_fixture_that_fails_leaves_the_others_made(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.lab import fixture

    sound = fixture.make_leaf

    def broken(change: Any, *args: Any, **rest: Any) -> Any:
        if change.revoked:
            raise IndexError("list index out of range")
        return sound(change, *args, **rest)

    monkeypatch.setattr(fixture, "make_leaf", broken)
    known = len(bare("fixture", "list", "--json", home=False).json["fixtures"])

    answer = bare("fixture", "make", "all", "--out", tmp_path / "bad", "--json", home=False)

    assert answer.exit == 1
    refused = [each["source"] for each in answer.json["refused"]]
    assert refused == ["revoked"]
    assert len(answer.json["fixtures"]) == known - 1
    assert (tmp_path / "bad" / "issuing.crl").exists()


def test_a_request_of_a_lab_that_meets_a_bug_is_refused_as_its_entry(
    bare: CommandLine, lab_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setattr("ca.lab.lab_file.read_request", broken)
    monkeypatch.setattr("ca.authority.signing.prepare.read_request", broken)

    answer = bare("apply", lab_file, "--json")

    assert answer.exit == 1
    assert [each["source"] for each in answer.json["refused"]] == ["c.csr"]
