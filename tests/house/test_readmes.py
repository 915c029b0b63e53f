"""The READMEs say what is so: commands, options, exit codes, folders, links, figures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from stand_in.lab import ROOT
from stand_in.reference import paths, reference

from ca.authority.reports.rule import overridable
from ca.documents.exits import EXIT_CODES
from ca.lab.lab_file import CATable, CertificateTable, DeviceTable
from ca.profiles.library import Library
from ca.profiles.profile import ExtensionRules, KeyRules, Profile, SanRules, SubjectRules
from ca.profiles.target import Target

UPDATE = "SIPCA_UPDATE_GOLDEN"
UPDATING = bool(os.environ.get(UPDATE))
CLI = ROOT / "cli" / "README.md"
READMES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)


def marked(path: Path, mark: str) -> str:
    """What stands between ``<!-- mark -->`` and ``<!-- /mark -->``."""
    found = re.search(rf"<!-- {mark} -->(.*?)<!-- /{mark} -->", path.read_text(), re.DOTALL)
    assert found is not None, f"{path} has no mark {mark}"
    return found[1]


@pytest.mark.parametrize(
    "folder",
    ["", "ca", "cli", "profiles", "profiles/targets", "profiles/samples", "scripts", "tests"],
)
def test_every_folder_explains_itself(folder: str) -> None:
    assert (ROOT / folder / "README.md").read_text().startswith("# ")


def test_the_reference_has_every_command_with_its_options_and_json_keys() -> None:
    wanted = f"\n{reference()}"
    if UPDATING:
        before, mark, rest = CLI.read_text().partition("<!-- commands -->")
        CLI.write_text(before + mark + wanted + rest[rest.index("<!-- /commands -->") :])

    assert marked(CLI, "commands") == wanted, (
        f"{UPDATE}=1 python -m pytest tests/house/test_readmes.py writes the reference anew"
    )


def test_the_reference_has_every_exit_code_and_kind() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z-]*) \|", marked(CLI, "exits"), re.MULTILINE)

    kinds = {kind: int(code) for code, kind in rows if kind not in ("", "usage")}
    assert kinds == {str(kind): code for kind, code in EXIT_CODES.items()}


def test_the_reference_names_every_rule_that_can_be_overridden() -> None:
    assert set(re.findall(r"`([a-z0-9-]+)`", marked(CLI, "allow"))) == overridable()


def test_the_reference_names_every_key_of_a_lab_file() -> None:
    text = CLI.read_text()
    tables = {"[ca]": CATable, "[[device]]": DeviceTable, "[[certificate]]": CertificateTable}

    for name, table in tables.items():
        row = re.search(rf"^\| `{re.escape(name)}` \| (.*) \|$", text, re.MULTILINE)
        assert row is not None, name
        said = set(re.findall(r"`([a-z_]+)`", row[1])) - {"init", "ca set", "sign"}
        assert set(table.__struct_fields__) <= said, name


def test_readme_s_table_has_every_command() -> None:
    said = set(re.findall(r"`sipca ([a-z]+)", marked(ROOT / "README.md", "commands")))

    assert said == {path[0] for path in paths()}


def test_every_key_of_a_profile_is_explained() -> None:
    text = (ROOT / "profiles" / "README.md").read_text()
    tables = {
        "subject": SubjectRules,
        "san": SanRules,
        "key": KeyRules,
        "extensions": ExtensionRules,
    }
    for name, table in tables.items():
        rows = "\n".join(re.findall(rf"^\| `\[{name}\] (.*?)\|", text, re.MULTILINE))
        assert set(table.__struct_fields__) <= set(re.findall(r"[a-z_]+", rows)), name
    top = set(Profile.__struct_fields__) - set(tables) - {"name", "text"}
    rows = "\n".join(re.findall(r"^\| (`[a-z_, `]+`) \|", text, re.MULTILINE))
    assert top <= set(re.findall(r"[a-z_]+", rows))


def test_every_key_of_a_target_is_explained() -> None:
    text = (ROOT / "profiles" / "targets" / "README.md").read_text()
    section = text[text.index("## 13.") :]

    keys = {field.encode_name for field in msgspec.structs.fields(Target) if field.name != "name"}
    for field in keys - {"text"}:
        assert f"`{field}`" in section or f"`[{field}]`" in section or f"`[[{field}]]`" in section


def test_every_shipped_profile_and_target_is_named() -> None:
    profiles = (ROOT / "profiles" / "README.md").read_text()
    targets = (ROOT / "profiles" / "targets" / "README.md").read_text()

    assert [each for each in Library().profiles.shipped() if f"| `{each}` |" not in profiles] == []
    assert [each for each in Library().targets.shipped() if f"| `{each}` |" not in targets] == []


def test_every_kind_of_trust_store_and_every_pack_is_named() -> None:
    text = (ROOT / "profiles" / "README.md").read_text()

    assert [each for each in Library().packs.shipped() if f"`{each}`" not in text] == []
    assert [each for each in Library().anchors.shipped() if f"`{each}`" not in text] == []


def test_every_script_is_named() -> None:
    text = (ROOT / "scripts" / "README.md").read_text()
    scripts = {path.name for path in (ROOT / "scripts").iterdir() if path.is_file()} - {"README.md"}

    assert [name for name in scripts if f"| `{name}" not in text] == []


def test_every_folder_of_tests_is_named() -> None:
    text = (ROOT / "tests" / "README.md").read_text()
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and p.name[0] not in "._"}

    assert [name for name in folders if f"| `{name}/`" not in text] == []


@pytest.mark.parametrize("page", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())

    for link in links:
        assert link.startswith("https://") or (page.parent / link).exists(), link
