"""The upload sheet, printed by Chromium and read by Poppler."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import RSA_KEY, CommandLine

TARGETS = ("audiocodes-6.6", "audiocodes-7.0", "audiocodes-7.2", "audiocodes-7.4", "audiocodes-phone", "generic")  # fmt: skip


def printed(page: Path, folder: Path) -> Path:
    paper = folder / "sheet.pdf"
    subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={paper}", page.as_uri(),
        ],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    return paper


def poppler(*words: object) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_the_sheet_of_one_context_is_one_printed_page_with_all_that_is_needed(
    sipca: CommandLine, csr_file: Callable[..., Path], tmp_path: Path, target: str
) -> None:
    sipca("device", "set", "sbc1", "--address", "10.4.0.20", "--address", "sbc1.lab.example")
    source = csr_file(
        "sbc1", "dns:sbc1.lab.example", "ip:10.4.0.20", cn="sbc1.lab.example", key=RSA_KEY
    )
    assert sipca("sign", source, "--device", "sbc1", "--context", 0).exit == 0
    kit = sipca("export", "sbc1", "--out", tmp_path / "k", "--target", target)
    assert kit.exit == 0, kit.err

    paper = printed(tmp_path / "k" / "sbc1-ctx0-upload-sheet.html", tmp_path)

    facts = poppler("pdfinfo", paper)
    assert "Pages:           1\n" in facts
    assert "A4" in facts
    text = " ".join(poppler("pdftotext", "-layout", paper, "-").split())
    assert text.index("10.4.0.20") < text.index("Before anything else")
    for part in ("sbc1.lab.example", "If not:", "root.pem", "SHA-256", "SHA-1", "MD5"):
        assert part in text
