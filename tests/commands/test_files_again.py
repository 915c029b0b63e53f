"""Files that are written again: under the names of the first writing, and only where they differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

Csr = Callable[..., Path]


def names(folder: Path) -> list[str]:
    """The files of a folder that are of one certificate, not of the CA."""
    return sorted(
        each.name
        for each in folder.iterdir()
        if not each.name.startswith("trusted-") and each.name != "SHA256SUMS"
    )


@pytest.mark.parametrize(
    ("words", "stem"),
    [
        (("sign", "in/gw2.csr"), "gw2"),
        (("sign", "in/gw2.csr", "--device", "dev9", "--context", "3"), "gw2-ctx3"),
        (("sign", "-"), "gw2.lab.example"),
        (("sign", "-", "--device", "dev9"), "dev9"),
        (("issue", "gw2.lab.example"), "gw2.lab.example"),
        (("issue", "gw2.lab.example", "--device", "dev9"), "gw2.lab.example"),
    ],
)
def test_export_kit_zip_and_renewal_have_the_names_of_the_first_writing(
    sipca: CommandLine,
    csr_file: Csr,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    stem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    request = csr_file("gw2", "dns:gw2.lab.example", cn="gw2.lab.example")
    request.rename("in/gw2.csr")
    first = sipca(*words, "--out", "first", stdin=Path("in/gw2.csr").read_bytes())
    assert first.exit == 0, first.err

    for word, options in (
        ("export", ("--out", "export")),
        ("export", ("--target", "audiocodes-7.4", "--out", "kit")),
        ("export", ("--target", "audiocodes-7.4", "--zip", "--out", "zip")),
        ("export", ("--format", "der", "--out", "der")),
        ("renew", ("--out", "renewed")),
        ("renew", ("--out", "renewed")),
        ("export", ("--out", "again")),
    ):
        answer = sipca(word, "gw2.lab.example", *options)
        assert answer.exit == 0, answer.err

    assert f"{stem}-device.pem" in names(Path("first"))
    assert names(Path("export")) == names(Path("again")) == [f"{stem}-device.pem"]
    assert all(each.startswith(f"{stem}-") for each in names(Path("kit")))
    assert names(Path("zip")) == [f"{stem}-upload.zip"]
    assert names(Path("der")) == [f"{stem}-device.cer"]
    assert names(Path("renewed"))[0] == f"{stem}-device.pem"
    assert len(names(Path("renewed"))) == (2 if words[0] == "issue" else 1)


def test_a_certificate_that_is_handed_out_again_has_the_name_of_its_context(
    sipca: CommandLine, tmp_path: Path
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    sipca("sign", SAMPLES / "sbc1.csr", "--device", "sbc1", "--context", "2", "--out", first)

    skipped = sipca("sign", SAMPLES / "sbc1.csr", "--out", again, "--json").json["skipped"][0]

    assert names(first) == names(again) == ["sbc1-ctx2-device.pem"]
    assert skipped["files"]["device"] == str(again / "sbc1-ctx2-device.pem")


def test_sign_says_of_each_file_whether_it_was_there(sipca: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "up"
    words = ("sign", SAMPLES / "sbc1.csr", "--out", out, "--fullchain")

    first = sipca(*words)
    again = sipca(*words)
    (out / "sbc1-device.pem").unlink()
    mended = sipca(*words, "--json").json["skipped"][0]["files"]

    assert first.err.count("  wrote ") == 3
    assert "there already" not in first.err
    assert again.err.count("  there already ") == 3
    assert "wrote" not in again.err
    assert {*mended["unchanged"]} == {mended["trusted_root"], mended["fullchain"]}


def test_of_a_batch_each_certificate_says_it_of_its_own_files(
    sipca: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "up"
    sipca("sign", SAMPLES / "sbc1.csr", "--out", out)

    both = sipca(
        "sign", SAMPLES / "sbc1.csr", SAMPLES / "ec-p256.csr", "--out", out, "--json"
    ).json  # fmt: skip

    root = str(out / "trusted-root.pem")
    assert both["skipped"][0]["files"]["unchanged"] == [str(out / "sbc1-device.pem"), root]
    assert both["signed"][0]["files"]["unchanged"] == [root]


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("export", "sbc1.lab.example", "--out", "f"), "f/sbc1-device.pem"),
        (("chain", "-o", "f/chain.pem"), "f/chain.pem"),
        (("crl", "-o", "f/issuing.crl"), "f/issuing.crl"),
        (("crl", "--ca", "all", "-o", "f/all.pem"), "f/all.pem"),
        (("trust", "build", "root.pem", "-o", "f/bundle.pem"), "f/bundle.pem"),
        (("trust", "export", "--for", "debian", "-o", "f"), "f/"),
        (("env",), None),
        (("samples", "s"), "s/sbc1.csr"),
        (("issue", "peer.lab.example", "--target", "nginx", "--out", "f"), None),
    ],
)
def test_what_is_there_unchanged_is_not_called_written(
    sipca: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    file: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f").mkdir()
    sipca("sign", SAMPLES / "sbc1.csr")
    sipca("chain", "--parts", "root", "-o", "root.pem")
    folders = [Path("f"), Path("s"), sipca.home / "public"]

    first = sipca(*words)
    before = {
        path: path.stat().st_mtime_ns for each in folders for path in each.rglob("*")
        if path.is_file()
    }  # fmt: skip
    again = sipca(*words)
    after = {path: path.stat().st_mtime_ns for path in before}

    assert (first.exit, again.exit) == (0, 0), first.err + again.err
    assert after == before
    said = first.out + first.err, again.out + again.err
    if file is not None and words[0] != "samples":
        assert f"wrote {file}" in said[0]
        assert f"there already {file}" in said[1]
    assert "wrote" not in said[1].replace("wrote 0 files", "")


def test_a_crl_that_is_newer_is_written_again_and_a_link_replaced(
    sipca: CommandLine, tmp_path: Path
) -> None:
    path, elsewhere = tmp_path / "a.crl", tmp_path / "elsewhere"
    sipca("crl", "-o", path)
    elsewhere.write_bytes(path.read_bytes())

    newer = sipca("crl", "--refresh", "-o", path)
    kept = sipca("crl", "-o", path, "--json")

    assert f"wrote {path}" in newer.err
    assert path.read_bytes() != elsewhere.read_bytes()
    assert kept.json["unchanged"] is True
