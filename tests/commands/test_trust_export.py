"""``trust export``: the root for people's own machines."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import ROOT, CommandLine

from ca.profiles.library import Library

KINDS = Library().anchors.shipped()


def certificate(sipca: CommandLine, part: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(sipca("chain", "--parts", part).out.encode())


def certificates_in(data: bytes) -> list[x509.Certificate]:
    if data.startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificates(data)
    if data.startswith(b"<?xml"):
        entries = plistlib.loads(data)["PayloadContent"]
        assert {each["PayloadType"] for each in entries} == {"com.apple.security.root"}
        return [x509.load_der_x509_certificate(each["PayloadContent"]) for each in entries]
    return [x509.load_der_x509_certificate(data)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "a folder"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_without_a_kind_the_root_alone_is_printed_as_pem(sipca: CommandLine, folder: Path) -> None:
    answer = sipca("trust", "export")

    assert answer.exit == 0
    assert certificates_in(answer.out.encode()) == [certificate(sipca, "root")]
    assert "SHA-256" in answer.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gets_the_root_alone_in_the_file_it_wants(
    sipca: CommandLine, folder: Path, kind: str
) -> None:
    document = sipca("trust", "export", "--for", kind, "--json").json

    (written,) = document["files"]
    data = (folder / written).read_bytes()
    assert certificates_in(data) == [certificate(sipca, "root")]
    assert document["store"] == kind
    assert document["source"]
    assert bool(document["run"]) == bool(document["undo"])
    assert document["run"] or document["steps"]
    texts = [each["text"] for each in document["run"] + document["undo"]]
    assert not [text for text in texts + document["steps"] if re.search(r"\{[a-z]", text)]


def test_the_fingerprints_stand_first_and_the_commands_say_run_and_undo(
    sipca: CommandLine, folder: Path
) -> None:
    out = sipca("trust", "export", "--for", "debian").out

    lines = out.splitlines()
    assert lines[0].startswith("CN=Test Lab Root, until ")
    assert lines[1].strip().startswith("SHA-256")
    assert out.index("SHA-1") < out.index("run:") < out.index("undo:")
    assert "  sudo update-ca-certificates\n" in out
    assert max(map(len, lines[:4])) <= 80


def test_a_path_is_quoted_in_the_commands(sipca: CommandLine, tmp_path: Path) -> None:
    odd = tmp_path / "it's $HOME; here"
    odd.mkdir()

    document = sipca("trust", "export", "--for", "node", "-o", odd / "r.pem", "--json").json

    (command,) = document["run"]
    assert shlex.split(command["text"]) == [
        "export", f"NODE_EXTRA_CA_CERTS={odd / 'r.pem'}",
    ]  # fmt: skip


def test_a_file_whose_name_begins_with_a_dash_is_no_option(
    sipca: CommandLine, folder: Path
) -> None:
    document = sipca("trust", "export", "--for", "debian", "--output=-r.crt", "--json").json

    assert document["run"][0]["text"].split()[3] == "./-r.crt"


def test_the_same_again_changes_nothing_and_another_file_is_left_alone(
    sipca: CommandLine, folder: Path
) -> None:
    first = sipca("trust", "export", "--for", "ios", "-o", "r")
    again = sipca("trust", "export", "--for", "ios", "-o", "r")
    Path("r").write_text("mine")
    refused = sipca("trust", "export", "--for", "ios", "-o", "r")
    forced = sipca("trust", "export", "--for", "ios", "-o", "r", "--overwrite")

    assert (first.exit, again.exit, refused.exit, forced.exit) == (0, 0, 6, 0)
    assert "'r' exists with other content" in refused.err


def test_while_a_root_is_replaced_every_live_root_is_handed_out(
    sipca: CommandLine, folder: Path
) -> None:
    assert sipca("issue", "peer.lab.example", "--out", folder / "i").exit == 0
    before = certificate(sipca, "root")
    assert sipca("ca", "rotate", "--root").exit == 0

    bundle = sipca("trust", "export", "--for", "python", "-o", "r.pem", "--json").json
    single = sipca("trust", "export", "--for", "debian", "--json").json
    one_file = sipca("trust", "export", "--for", "debian", "-o", "r.crt")

    roots = certificates_in(Path("r.pem").read_bytes())
    assert len(roots) == len(bundle["roots"]) == 2
    assert roots[1] == before
    assert all(each.issuer == each.subject for each in roots)
    assert len(single["files"]) == 2
    assert [each["text"] for each in single["run"]].count("update-ca-certificates") == 1
    assert len(single["run"]) == 3
    assert one_file.exit == 6
    assert "'r.crt' is one file, but 2 roots are to be trusted" in one_file.err


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ("debian", "chromium")])
def test_run_refuses_every_other_kind_by_name(sipca: CommandLine, folder: Path, kind: str) -> None:
    answer = sipca("trust", "export", "--for", kind, "--run")

    assert answer.exit == 4
    assert f"this user's NSS store alone, not '{kind}'" in answer.err
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a user who is not root is refused")
def test_run_for_debian_refuses_whoever_is_not_root(
    sipca: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    answer = sipca("trust", "export", "--for", "debian", "--run")

    assert answer.exit == 4
    assert "--run for 'debian' needs root, and this is user 1000" in answer.err


def test_run_needs_a_kind_and_a_kind_that_is_known(sipca: CommandLine) -> None:
    none, unknown = sipca("trust", "export", "--run"), sipca("trust", "export", "--for", "amiga")

    assert (none.exit, unknown.exit) == (2, 2)
    assert "--run needs --for" in none.err
    assert "'amiga' is not one of android, chromium" in unknown.err


def test_a_missing_program_is_named(
    sipca: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ca.authority.reports.trust_run as trust_run

    monkeypatch.setattr(trust_run, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(folder))

    answer = sipca("trust", "export", "--for", "chromium", "--run")

    assert answer.exit == 5
    assert "there is no program 'mkdir' here" in answer.err


def test_run_puts_the_root_into_this_user_s_nss_store_and_undo_takes_it_out(
    sipca: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))

    document = sipca("trust", "export", "--for", "chromium", "--run", "--json").json
    again = sipca("trust", "export", "--for", "chromium", "--run")
    there = nss_list(folder)
    subprocess.run(["sh", "-c", document["undo"][0]["text"]], check=True)

    assert [each["exit"] for each in document["ran"]] == [0, 0]
    assert again.exit == 0
    assert there.count("test-lab-root") == 1
    assert re.search(r"test-lab-root-\w+ +C,,", there)
    assert "test-lab-root" not in nss_list(folder)


def test_a_command_that_fails_ends_the_run_with_what_it_said(
    sipca: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".pki").write_text("no folder")

    answer = sipca("trust", "export", "--for", "chromium", "--run")

    assert answer.exit == 8
    assert "ran: mkdir -p" in answer.err
    assert "the rest was not run" in answer.err
    assert "ran: certutil" not in answer.err


def nss_list(home: Path) -> str:
    words = ["certutil", "-L", "-d", f"sql:{home}/.pki/nssdb"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_the_der_forms_are_der(sipca: CommandLine, folder: Path) -> None:
    root = certificate(sipca, "root").public_bytes(Encoding.DER)

    (written,) = sipca("trust", "export", "--for", "windows", "--json").json["files"]

    assert Path(written).suffix == ".cer"
    assert Path(written).read_bytes() == root


@pytest.mark.parametrize(
    ("name", "stem"), [('Zürich "Labor" $(id)', "zurich-labor-id-root"), ("実験室", "root")]
)
def test_the_name_in_the_store_is_plain_whatever_the_ca_is_called(
    bare: CommandLine, folder: Path, name: str, stem: str
) -> None:
    made = bare(
        "init", "--name", name, "--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase",
    )  # fmt: skip
    assert made.exit == 0, made.err

    (written,) = bare("trust", "export", "--for", "debian", "--json").json["files"]

    assert re.fullmatch(rf"{stem}-[0-9a-f]{{8}}\.crt", written)


def test_each_kind_has_a_name_of_its_own_for_another_form_in_one_folder(
    sipca: CommandLine, tmp_path: Path
) -> None:
    kinds = sorted(path.stem for path in (ROOT / "profiles" / "anchors").glob("*.toml"))

    answers = [sipca("trust", "export", "--for", kind, "-o", tmp_path) for kind in kinds]

    assert [each.exit for each in answers] == [0] * len(kinds), [each.err for each in answers]


@pytest.mark.parametrize(
    ("kind", "name", "warned"),
    [("windows", "r.pem", True), ("ios", "r.pem", True), ("windows", "r.cer", False), ("curl", "r.txt", False)],
)  # fmt: skip
def test_an_ending_that_belies_the_form_is_told(
    sipca: CommandLine, tmp_path: Path, kind: str, name: str, warned: bool
) -> None:
    answer = sipca("trust", "export", "--for", kind, "-o", tmp_path / name, "--json")

    assert answer.exit == 0
    assert any("expects the ending" in each for each in answer.json["notes"]) is warned
