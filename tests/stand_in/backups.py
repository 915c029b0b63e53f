"""Backups read and written by Python's own tar, as somebody else would."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path


def members(file: Path) -> dict[str, bytes]:
    """The members of a backup."""
    with tarfile.open(file) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def packed(file: Path, *contents: dict[str, bytes]) -> Path:
    """A tar archive of these members."""
    with tarfile.open(file, "w") as archive:
        for content in contents:
            for name, data in content.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return file


def with_register(content: dict[str, bytes], register: bytes) -> dict[str, bytes]:
    """The members of a backup with another register, and a manifest whose hashes hold."""
    content = content | {"ca.db": register}
    manifest = json.loads(content["manifest.json"])
    for each in manifest["members"]:
        each["size"] = len(content[each["name"]])
        each["sha256"] = hashlib.sha256(content[each["name"]]).hexdigest()
    text = json.dumps(manifest).encode()
    return content | {
        "manifest.json": text,
        "manifest.sha256": hashlib.sha256(text).hexdigest().encode(),
    }
