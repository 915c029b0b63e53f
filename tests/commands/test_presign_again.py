"""``ocsp presign`` run again: what is kept, what is made anew, in any state of the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import ocsp
from stand_in.lab import EC_KEY, NOW, CommandLine, cut_off, make_csr, serials_with_a_slash
from stand_in.other_programs import OpenSSLCA

from ca.authority.status.answer_files import AnswerFiles

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]
NAME = "sbc1.lab.example"
FORMS = 8
"""Answers a certificate: four hashes, each with NULL and without."""


@pytest.fixture
def lab(frozen: Clock, sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """A CA that signed for sbc1 and for sbc2; with both CAs four certificates."""
    frozen(NOW)
    assert sipca("ocsp", "rotate").exit == 0  # made by the clock that the test sets
    for stem in ("sbc1", "sbc2"):
        csr = csr_file(stem, cn=f"{stem}.lab.example", key=EC_KEY)
        assert sipca("sign", csr, "--allow", "reused-key").exit == 0
    return sipca


def again(lab: CommandLine, folder: Path, *words: object) -> Any:
    return lab("ocsp", "presign", "--out", folder, *words, "--json").json


def said(folder: Path) -> dict[str, Any]:
    """What each answer says, all of them read by another reader."""
    paths = (folder / "presigned.txt").read_text().splitlines()
    return {each: ocsp.load_der_ocsp_response((folder / each).read_bytes()) for each in paths}


def serial(lab: CommandLine, name: str) -> int:
    return int(lab("show", name, "--json").json["certificate"]["serial"], 16)


def test_answers_that_are_good_for_long_enough_are_kept(
    lab: CommandLine, frozen: Clock, tmp_path: Path
) -> None:
    first = again(lab, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("M*") if path.is_file()}
    frozen(NOW + timedelta(days=3))

    second = again(lab, tmp_path)

    total = FORMS * first["certificates"]
    assert (first["written"], first["kept"]) == (total, 0)
    assert (second["written"], second["kept"], second["removed"]) == (0, total, 0)
    assert second["next_update"] == first["next_update"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_answers_are_made_anew_when_half_of_their_time_is_over(
    lab: CommandLine, frozen: Clock, tmp_path: Path
) -> None:
    first = again(lab, tmp_path)
    frozen(NOW + timedelta(days=3.5, seconds=1))

    second = again(lab, tmp_path)

    assert second["written"] == first["written"]
    assert {each.this_update_utc for each in said(tmp_path).values()} == {
        NOW + timedelta(days=3.5, seconds=1)
    }


def test_what_is_revoked_held_or_released_is_answered_anew_and_nothing_else(
    lab: CommandLine, frozen: Clock, tmp_path: Path
) -> None:
    again(lab, tmp_path)
    number, found = serial(lab, NAME), []
    for minute, words in enumerate(
        [("revoke", NAME, "--reason", "hold"), ("release", NAME), ("revoke", NAME)], start=1
    ):
        frozen(NOW + timedelta(minutes=minute))
        assert lab(*words).exit == 0
        counts = again(lab, tmp_path)
        states = {
            each.certificate_status.name
            for each in said(tmp_path).values()
            if each.serial_number == number
        }
        found.append((words[0], counts["written"], states))

    assert found == [
        ("revoke", FORMS, {"REVOKED"}),
        ("release", FORMS, {"GOOD"}),
        ("revoke", FORMS, {"REVOKED"}),
    ]


def folder_put_aside(lab: CommandLine, out: Path, elsewhere: Path) -> Path:
    """Presign for a request with a slash, and move a folder of the answers away."""
    csr = out.parent / "csr"
    csr.write_bytes(make_csr("dns:s.lab", cn="s.lab", key=EC_KEY))
    with serials_with_a_slash():
        assert lab("sign", csr, "--out", out.parent / "s", "--allow", "reused-key").exit == 0
    again(lab, out)
    folder = next(path for path in out.iterdir() if path.is_dir())
    folder.rename(elsewhere)
    return folder


def test_an_answer_is_replaced_by_the_folder_that_has_to_be_there_and_a_folder_is_left(
    lab: CommandLine, tmp_path: Path
) -> None:
    """sipca named files otherwise once: its list then names what is a folder now."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folder = folder_put_aside(lab, out, elsewhere)
    folder.write_bytes((out / "unauthorized.ocsp").read_bytes())
    listed = out / "presigned.txt"
    listed.write_text(listed.read_text() + folder.name + "\n")

    second = again(lab, out)

    assert second["written"] >= FORMS
    assert second["removed"] == 1
    assert {each.relative_to(folder) for each in folder.rglob("*")} == {
        each.relative_to(elsewhere) for each in elsewhere.rglob("*")
    }


def test_a_foreign_file_where_a_folder_has_to_be_is_left_and_told(
    lab: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    folder = folder_put_aside(lab, out, tmp_path / "elsewhere")
    folder.write_text("mine")

    answer = lab("ocsp", "presign", "--out", out)

    assert answer.exit == 6
    assert "holds something that sipca did not write there" in answer.err
    assert folder.read_text() == "mine"


def test_requests_too_long_for_the_name_of_a_file_are_counted_and_the_rest_is_answered(
    tmp_path: Path,
) -> None:
    """Serials of more than 20 octets, which RFC 5280, 4.1.2.2 forbids, and of exactly 20."""
    ca = OpenSSLCA(tmp_path / "ca")
    with (ca.path / "index.txt").open("a") as index:
        for serial in ("01" + "AB" * 199, "01" + "CD" * 79, "4B" + "4B" * 19, "02"):
            index.write(f"V\t300102030405Z\t\t{serial}\tunknown\t/CN=d{serial[:4]}\n")
    sipca, out = CommandLine(tmp_path / "home"), tmp_path / "out"
    assert sipca("import", "--openssl", ca.path, "--no-passphrase").exit == 0

    first = again(sipca, out)
    told = sipca("ocsp", "presign", "--out", out).out

    there = len((out / "presigned.txt").read_text().splitlines())
    assert first["too_long"] > 0
    assert (first["written"], again(sipca, out)["kept"]) == (there, there)
    assert there + first["too_long"] == FORMS * 6  # four entries and two CA certificates
    assert f"{first['too_long']} requests have no answer here" in told


def test_another_signer_means_other_answers(lab: CommandLine, tmp_path: Path) -> None:
    first = again(lab, tmp_path)
    assert lab("ocsp", "rotate", "--ca", "issuing").exit == 0

    second = again(lab, tmp_path)

    assert second["written"] == 2 * FORMS  # the root answers for both CAs
    assert second["kept"] == first["written"] - 2 * FORMS


@pytest.mark.parametrize(
    "how", ["removed", "cut off", "altered", "empty", "of another certificate"]
)
def test_a_file_that_is_not_what_was_written_is_made_again(
    lab: CommandLine, tmp_path: Path, how: str
) -> None:
    again(lab, tmp_path)
    paths = sorted(tmp_path / each for each in (tmp_path / "presigned.txt").read_text().split())
    path, other, good = paths[0], paths[-1], paths[0].read_bytes()
    changed = {
        "cut off": good[:-3],
        "altered": good[:-1] + bytes([good[-1] ^ 1]),
        "empty": b"",
        "of another certificate": other.read_bytes(),
    }
    path.unlink() if how == "removed" else path.write_bytes(changed[how])

    second = again(lab, tmp_path)

    assert second["written"] == FORMS
    assert said(tmp_path)[str(path.relative_to(tmp_path))].response_status.name == "SUCCESSFUL"
    assert again(lab, tmp_path)["written"] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"answers of sipca ocsp presign, form 1\n",
        b"answers of sipca ocsp presign, form 1\n\xff",
    ],
)
def test_without_what_is_known_of_the_answers_all_are_made_anew(
    lab: CommandLine, tmp_path: Path, content: bytes
) -> None:
    first = again(lab, tmp_path)
    state = tmp_path / "presigned.state"
    whole = state.read_bytes()
    state.write_bytes(content)

    second = again(lab, tmp_path)

    assert second["written"] == first["written"]
    assert len(state.read_bytes().splitlines()) == len(whole.splitlines())


def test_a_state_cut_off_in_its_middle_costs_only_the_rest(
    lab: CommandLine, tmp_path: Path
) -> None:
    again(lab, tmp_path)
    state = tmp_path / "presigned.state"
    state.write_bytes(b"".join(state.read_bytes().splitlines(keepends=True)[:-1]))

    assert again(lab, tmp_path)["written"] == FORMS


def test_answers_from_a_clock_that_was_ahead_are_not_kept(
    lab: CommandLine, frozen: Clock, tmp_path: Path
) -> None:
    """Longer than they should last, or not valid yet, though they end in time."""
    frozen(NOW + timedelta(days=2))
    first = again(lab, tmp_path, "--lifetime", "2d")
    frozen(NOW)

    second = again(lab, tmp_path, "--lifetime", "7d")

    assert second["written"] == first["written"]


def test_a_shorter_lifetime_is_that_of_all_answers(lab: CommandLine, tmp_path: Path) -> None:
    first = again(lab, tmp_path)

    second = again(lab, tmp_path, "--lifetime", "2d")

    assert second["written"] == first["written"]


def test_only_the_answers_to_the_hashes_asked_for_stay(lab: CommandLine, tmp_path: Path) -> None:
    first = again(lab, tmp_path)

    second = again(lab, tmp_path, "--hash", "sha1", "--hash", "SHA256", "--hash", "sha1")
    third = again(lab, tmp_path, "--hash", "sha1", "--hash", "sha256")

    half = first["written"] // 2
    assert (second["written"], second["removed"]) == (half, half)
    assert (third["written"], third["kept"], third["removed"]) == (0, half, 0)
    algorithms = {each.hash_algorithm.name for each in said(tmp_path).values()}
    assert algorithms == {"sha1", "sha256"}
    refused = lab("ocsp", "presign", "--out", tmp_path, "--hash", "md5")
    assert refused.exit == 2
    assert "'md5' is not one of sha1, sha256, sha384, sha512" in refused.err


def test_expired_certificates_lose_their_answers(
    lab: CommandLine, frozen: Clock, csr_file: Csr, tmp_path: Path
) -> None:
    csr = csr_file("short", cn="short.lab.example", key=EC_KEY)
    assert lab("sign", csr, "--lifetime", "2d", "--allow", "reused-key").exit == 0
    again(lab, tmp_path)
    frozen(NOW + timedelta(days=3))

    second = again(lab, tmp_path)

    assert (second["written"], second["removed"]) == (0, FORMS)
    assert len(list(said(tmp_path))) == second["kept"]


def test_a_folder_from_before_the_state_is_taken_over(lab: CommandLine, tmp_path: Path) -> None:
    first = again(lab, tmp_path)
    (tmp_path / "presigned.state").unlink()
    (tmp_path / "MStale").write_bytes((tmp_path / "unauthorized.ocsp").read_bytes())
    with (tmp_path / "presigned.txt").open("a") as file:
        file.write("MStale\n")

    second = again(lab, tmp_path)

    assert (second["written"], second["removed"]) == (first["written"], 1)
    assert not (tmp_path / "MStale").exists()


def test_the_text_tells_kept_answers_from_new_ones(lab: CommandLine, tmp_path: Path) -> None:
    first = lab("ocsp", "presign", "--out", tmp_path).out
    assert lab("revoke", NAME).exit == 0

    second = lab("ocsp", "presign", "--out", tmp_path).out

    assert first.startswith(f"32 answers for 4 certificates in {tmp_path}, 0 old ones removed\n")
    assert second.startswith(
        f"32 answers for 4 certificates in {tmp_path}, 8 of them written now, 0 old ones removed\n"
    )


@pytest.mark.parametrize("name", ["presigned.txt", "presigned.state", "nginx.conf", "answer"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_what_is_no_file_of_its_own_is_left_alone_and_named(
    lab: CommandLine, tmp_path: Path, name: str, kind: str
) -> None:
    again(lab, tmp_path / "out")
    if name == "answer":
        name = (tmp_path / "out" / "presigned.txt").read_text().splitlines()[0]
    place = tmp_path / "out" / name
    place.rename(tmp_path / "moved")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "moved")
    before = (tmp_path / "moved").read_bytes()

    told = lab("ocsp", "presign", "--out", tmp_path / "out")

    assert told.exit == 6, told
    assert str(place) in told.err
    assert (tmp_path / "moved").read_bytes() == before


def test_a_call_that_is_cut_off_leaves_what_the_next_one_mends(
    lab: CommandLine, frozen: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = again(lab, tmp_path)["written"]
    frozen(NOW + timedelta(days=5))
    write, left = AnswerFiles.write, iter(range(FORMS + 3))

    def some(self: AnswerFiles, path: str, data: bytes) -> None:
        if next(left, None) is None:
            cut_off()
        write(self, path, data)

    with monkeypatch.context() as patch:
        patch.setattr(AnswerFiles, "write", some)
        assert lab("ocsp", "presign", "--out", tmp_path).exit == 130

    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert again(lab, tmp_path)["written"] == total
    assert {each.this_update_utc for each in said(tmp_path).values()} == {NOW + timedelta(days=5)}
    assert again(lab, tmp_path)["written"] == 0
