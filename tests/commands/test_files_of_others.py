"""Files of others stay: only what sipca itself wrote gives way unasked, and no link is followed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, ROOT, VECTORS, Answer, CommandLine, serials_with_a_slash

Csr = Callable[..., Path]
KIT = ("--target", "audiocodes-7.4")


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """With one certificate of the device sbc1."""
    answer = sipca("sign", csr_file("sbc1", cn="sbc1.lab.example"), "--device", "sbc1")
    assert answer.exit == 0, answer.err
    return sipca


def report(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    request = folder / "sbc1.csr"
    return sipca("sign", request, "--report", folder / "out" / "report.json", *rest)


def presign(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    return sipca("ocsp", "presign", "--out", folder / "out", *rest)


def kit(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    return sipca("export", "sbc1", "--out", folder / "out", *KIT, *rest)


def zipped(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    return sipca("export", "sbc1", "--out", folder / "out", *KIT, "--zip", *rest)


def crl(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    return sipca("crl", "-o", folder / "out" / "lab.crl", *rest)


def manifest(sipca: CommandLine, folder: Path, *rest: object) -> Answer:
    out = folder / "out"
    words = ("--manifest", out / "manifest.json", "--with-ca", "-o", out / "bundle.pem")
    sipca("chain", "-o", folder / "roots.pem")
    return sipca("trust", "build", folder / "roots.pem", *words, *rest)


WRITERS = {
    "report.json": report,
    "unauthorized.ocsp": presign,
    "nginx.conf": presign,
    "presigned.txt": presign,
    "presigned.state": presign,
    "SHA256SUMS": kit,
    "sbc1-upload-sheet.txt": kit,
    "sbc1-upload-sheet.html": kit,
    "sbc1-preflight.json": kit,
    "sbc1-account.txt": kit,
    "sbc1-device.pem": kit,
    "trusted-root.pem": kit,
    "sbc1-upload.zip": zipped,
    "lab.crl": crl,
    "manifest.json": manifest,
    "bundle.pem": manifest,
}
FOREIGN = {
    "text": b"mine\n",
    "json": b'{"schema": 1, "mine": true}\n',
    "sums": b"0" * 64 + b"  my-holiday.iso\n",
    "html": b'<!DOCTYPE html>\n<html lang="en"><head></head><body>mine</body></html>\n',
    "zip": b"PK\x05\x06" + bytes(18),
    "binary": bytes(range(256)) * 9,
}


@pytest.mark.parametrize("foreign", sorted(FOREIGN))
@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_file_that_sipca_did_not_write_stays(
    lab: CommandLine, tmp_path: Path, name: str, foreign: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(FOREIGN[foreign])
    before = lab("status", "--json").json["audit_head"]

    answer = WRITERS[name](lab, tmp_path)

    assert answer.exit == 6, answer.err
    assert (out / name).read_bytes() == FOREIGN[foreign]
    assert [path.name for path in out.iterdir()] == [name]
    assert name in answer.err
    assert "hint: " in answer.err
    assert lab("status", "--json").json["audit_head"] == before


@pytest.mark.parametrize("leads_to", ["a file", "what sipca wrote", "nothing"])
@pytest.mark.parametrize("name", sorted(WRITERS))
def test_no_link_is_followed(lab: CommandLine, tmp_path: Path, name: str, leads_to: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere.txt"
    out.mkdir()
    if leads_to == "what sipca wrote":
        assert WRITERS[name](lab, tmp_path).exit == 0
        (out / name).rename(elsewhere)
        elsewhere.write_bytes(elsewhere.read_bytes() + b" ")
    elif leads_to == "a file":
        elsewhere.write_bytes(b"mine\n")
    (out / name).symlink_to(elsewhere)
    before = elsewhere.read_bytes() if elsewhere.exists() else None

    answer = WRITERS[name](lab, tmp_path)

    assert answer.exit == 6, answer.err
    assert (out / name).is_symlink()
    assert (elsewhere.read_bytes() if elsewhere.exists() else None) == before


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_an_earlier_call_wrote_gives_way(lab: CommandLine, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    first = WRITERS[name](lab, tmp_path)

    second = WRITERS[name](lab, tmp_path)

    assert (first.exit, second.exit) == (0, 0), first.err + second.err


@pytest.mark.parametrize(
    "name", ["report.json", "SHA256SUMS", "sbc1-device.pem", "sbc1-upload.zip", "manifest.json"]
)
def test_overwrite_replaces_them_but_not_what_a_link_leads_to(
    lab: CommandLine, tmp_path: Path, name: str
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere.txt"
    out.mkdir()
    elsewhere.write_bytes(b"mine\n")
    (out / name).symlink_to(elsewhere)

    answer = WRITERS[name](lab, tmp_path, "--overwrite")

    assert answer.exit == 0, answer.err
    assert elsewhere.read_bytes() == b"mine\n"
    assert not (out / name).is_symlink()
    assert (out / name).read_bytes() != b"mine\n"


def test_an_empty_file_made_for_the_report_takes_it(lab: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").touch()

    assert report(lab, tmp_path).exit == 0
    assert b'"skipped"' in (tmp_path / "out" / "report.json").read_bytes()


def test_a_report_goes_into_a_pipe(lab: CommandLine, tmp_path: Path) -> None:
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()

    answer = lab("sign", tmp_path / "sbc1.csr", "--report", tmp_path / "pipe")
    reader.join(timeout=30)

    assert answer.exit == 0, answer.err
    assert read[0].startswith(b'{\n  "schema": 1')


def test_presign_removes_nothing_but_old_answers(lab: CommandLine, tmp_path: Path) -> None:
    """The list of answers is only a text file: whoever can write it must not choose what goes."""
    out = tmp_path / "out"
    assert presign(lab, tmp_path).exit == 0
    answers = (out / "presigned.txt").read_text()
    mine = out / "MINE"
    mine.write_bytes(b"mine")
    (out / "presigned.txt").write_text(answers + "MINE\n")

    listed = presign(lab, tmp_path)
    (out / "presigned.txt").write_text(answers + "notes.txt\n")
    foreign = presign(lab, tmp_path)

    assert listed.exit == 6
    assert "MINE' holds something that sipca did not write there" in listed.err
    assert foreign.exit == 6
    assert "was changed by hand or is not sipca's" in foreign.err
    assert mine.read_bytes() == b"mine"


def test_presign_follows_no_folder_that_is_a_link(
    lab: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    """There is a folder where the base64 of a request has a slash."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    with serials_with_a_slash():
        assert lab("sign", csr_file("sbc2", cn="sbc2.lab.example", key=EC_KEY)).exit == 0
    assert presign(lab, tmp_path).exit == 0
    answer = next(path for path in out.iterdir() if path.is_dir())
    answer.rename(elsewhere)
    answer.symlink_to(elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}

    told = presign(lab, tmp_path)

    assert told.exit == 6
    assert "is a symbolic link, which is not followed" in told.err
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize("name", ["root.pem", "chain.pem", "issuing.crl"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_env_replaces_only_its_own_copies(
    lab: CommandLine, tmp_path: Path, name: str, kind: str
) -> None:
    assert lab("env").exit == 0
    path, elsewhere = lab.home / "public" / name, tmp_path / "elsewhere.txt"
    path.unlink()
    elsewhere.write_bytes(b"mine\n")
    if kind == "link":
        path.symlink_to(elsewhere)
    else:
        path.write_bytes(b"mine\n")

    answer = lab("env")

    assert answer.exit == 6
    assert "move it aside" in answer.err
    assert path.read_bytes() == elsewhere.read_bytes() == b"mine\n"


def test_env_writes_into_no_folder_that_is_a_link(lab: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (lab.home / "public").symlink_to(tmp_path / "elsewhere")

    answer = lab("env")

    assert answer.exit == 6
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_lab_file_cannot_name_a_profile_as_a_shipped_one(
    bare: CommandLine, tmp_path: Path
) -> None:
    """Refused with file and key before anything is made; with the file there and without it."""
    import shutil

    shutil.copy(VECTORS / "hostile" / "lab" / "prof-sip.toml", tmp_path / "prof-sip.toml")
    without = bare("apply", tmp_path / "prof-sip.toml")
    shutil.copy(ROOT / "profiles" / "sip.toml", tmp_path / "sip.toml")
    with_file = bare("apply", tmp_path / "prof-sip.toml")

    for answer in (without, with_file):
        assert answer.exit == 6
        assert "prof-sip.toml: profiles[0]: 'sip' is the name of a shipped profile" in answer.err
    assert not bare.home.exists()


@pytest.mark.parametrize("name", ["My Profile", "..", "-x", "a" * 41, "Sip"])
def test_a_lab_file_cannot_bring_a_profile_that_no_call_could_name(
    bare: CommandLine, tmp_path: Path, name: str
) -> None:
    text = (ROOT / "profiles" / "sip.toml").read_text()
    (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "lab.toml").write_text(f'schema = 1\nprofiles = ["{name}.toml"]\n')

    answer = bare("apply", tmp_path / "lab.toml")

    assert answer.exit == 3
    assert "profiles[0]" in answer.err
    assert not bare.home.exists()


@pytest.mark.parametrize(("shelf", "name"), [("profiles", "sip"), ("targets", "audiocodes-7.4")])
def test_an_own_file_with_a_shipped_name_hinders_only_who_asks_for_that_name(
    lab: CommandLine, csr_file: Csr, shelf: str, name: str
) -> None:
    """It was dropped in by hand; what is meant by the name is not known, all else is."""
    (lab.home / shelf).mkdir(exist_ok=True)
    (lab.home / shelf / f"{name}.toml").write_text("")
    request, option = csr_file("gw", cn="gw.lab.example"), f"--{shelf[:-1]}"

    other = {"profiles": "https", "targets": "generic"}[shelf]
    hindered = lab("sign", request, option, name, "--allow", "reused-key")
    free = lab("sign", request, option, other, "--allow", "reused-key")

    assert hindered.exit == 6
    assert f"has the name of a shipped {shelf[:-1]}" in hindered.err
    assert free.exit == 0, free.err
    listed = lab(shelf[:-1], "list", "--json").json[shelf]
    assert "cannot be used" in next(e["description"] for e in listed if e["name"] == name)
    assert lab("check").exit in (0, 9)
