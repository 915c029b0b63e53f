"""The sample requests that sipca is shipped with, and what each of them shows."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import msgspec

_ROW = re.compile(r"^\| (?P<names>\S+\.csr(?:, \S+\.csr)*) \| (?P<shows>[^|]+) \|", re.MULTILINE)


class Sample(msgspec.Struct, frozen=True):
    """One request: its file name, its octets, and what it shows."""

    name: str
    data: bytes
    shows: str


def samples() -> list[Sample]:
    """Every sample, in the order of the README beside them."""
    folder = _folder()
    return [
        Sample(name, (folder / name).read_bytes(), row["shows"].replace("`", ""))
        for row in _ROW.finditer(samples_readme().decode())
        for name in row["names"].split(", ")
    ]


def samples_readme() -> bytes:
    """The page that says what each sample shows, and what sipca does with it."""
    return (_folder() / "README.md").read_bytes()


def lab_example() -> str:
    """A lab file with comments, to begin with."""
    return (_folder() / "lab.toml").read_text(encoding="utf-8")


def _folder() -> Path:
    return Path(str(import_module("profiles").__file__)).parent / "samples"
