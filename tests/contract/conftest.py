"""A stand-in for a device, for the documents of commands that speak to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.device import Device, rest_of


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[tuple[object, ...]]:
    """The options by which ``pull`` and ``push`` reach the stand-in."""
    password = tmp_path / "password"
    password.write_text("Admin")
    with rest_of(Device()) as port:
        yield "--address", f"127.0.0.1:{port}", "--insecure", "--password-file", password
