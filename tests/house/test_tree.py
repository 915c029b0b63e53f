"""The house stands as its map says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "errors", "model", "documents", "names", "encoding", "files", "keys", "profiles", "lint", "csr",
    "verification", "issuance", "revocation", "scep", "device", "wire", "store", "authority", "service", "lab",
    "web",
}  # fmt: skip


def test_ca_has_only_the_rooms_of_the_design() -> None:
    present = {path.name.removesuffix(".py") for path in (ROOT / "ca").iterdir()}

    strangers = present - ROOMS - {"__init__", "py.typed", "README.md", "__pycache__"}

    assert strangers == set()


def test_the_map_names_every_room_and_no_other() -> None:
    text = (ROOT / "ca" / "README.md").read_text()
    mapped = set(re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", text, re.MULTILINE))
    present = {p.name.removesuffix(".py") for p in (ROOT / "ca").iterdir()} & ROOMS

    assert mapped == present


def test_the_layers_contract_lists_every_room_of_the_design() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    listed = {name.strip("() ") for layer in layers["layers"] for name in layer.split("|")}

    assert listed == ROOMS


def test_the_map_draws_the_layers_as_the_contracts_have_them() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = [c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    drawn = re.findall(r"```text\n(.*?)```", (ROOT / "ca" / "README.md").read_text(), re.DOTALL)

    assert len(contracts) == 2
    for contract, block in zip(contracts, drawn, strict=False):
        layers = [re.split(r"\s{2,}", line)[0] for line in block.strip().splitlines()]
        listed = [re.sub(r"[()]", "", layer) for layer in contract["layers"]]  # (wire): to come
        assert layers == listed, contract["name"]


def test_profiles_are_a_package_so_that_a_folder_of_that_name_is_never_merged_in() -> None:
    assert (ROOT / "profiles" / "__init__.py").is_file()
    assert (ROOT / "profiles" / "targets" / "__init__.py").is_file()


def test_no_module_is_called_utils_or_the_like() -> None:
    names = {path.stem for package in ("ca", "cli") for path in (ROOT / package).rglob("*.py")}

    assert names & {"utils", "helpers", "common", "manager", "misc"} == set()


def test_the_library_neither_exits_nor_prints() -> None:
    for path in (ROOT / "ca").rglob("*.py"):
        assert not re.search(r"\b(print|sys\.exit|exit)\(", path.read_text()), path


def test_only_the_keys_room_loads_or_makes_private_keys() -> None:
    for path in (ROOT / "ca").rglob("*.py"):
        if "keys" in path.relative_to(ROOT / "ca").parts:
            continue
        assert not re.search(r"load_\w+_private_key|generate_private_key", path.read_text()), path


def test_only_one_function_opens_sqlite() -> None:
    opening = [
        str(path.relative_to(ROOT))
        for package in ("ca", "cli")
        for path in (ROOT / package).rglob("*.py")
        if "sqlite3.connect" in path.read_text()
    ]

    assert opening == ["ca/store/connection.py"]
