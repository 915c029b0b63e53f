"""``fixture list|make``: what is listed, what is refused."""

from __future__ import annotations

from pathlib import Path

from stand_in.lab import ROOT, CommandLine

NAMES = sorted(path.stem for path in (ROOT / "profiles" / "fixtures").glob("*.toml"))


def test_list_names_them_all(bare: CommandLine) -> None:
    listed = bare("fixture", "list", "--json").json["fixtures"]

    assert [each["name"] for each in listed] == NAMES
    assert set(NAMES) == {
        "expired", "not-yet", "wrong-host", "no-san", "ip-in-dns", "critical-san", "server-only",
        "client-only", "sha1", "rsa1024", "revoked", "unknown-ca", "missing-intermediate",
        "pathlen", "name-constraint", "good",
    }  # fmt: skip
    assert "critical-san" in bare("fixture", "list").out


def test_a_folder_that_holds_something_and_an_unknown_fixture_are_named(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("x")

    full = bare("fixture", "make", "expired", "--out", tmp_path)
    unknown = bare("fixture", "make", "expird", "--out", tmp_path / "new")

    assert full.exit == 6
    assert unknown.exit == 5
    assert "did you mean 'expired'?" in unknown.err
    assert not (tmp_path / "new").exists()
