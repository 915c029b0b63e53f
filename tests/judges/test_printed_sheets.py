"""The upload sheet as Chromium prints it: one page for one context, with what it has to say."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import RSA_KEY, CommandLine

Csr = Callable[..., Path]
LONG = ".".join(["sbc-" + "a" * 50, "b" * 50, "lab.example"])


def printed(page: Path, paper: str) -> tuple[int, str]:
    """How many pages Chromium prints on this paper, and their text."""
    sized = page.with_name(f"{paper}.html")
    sized.write_text(page.read_text().replace("@page {", f"@page {{ size: {paper};"))
    pdf = page.with_suffix(f".{paper}.pdf")
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", f"--user-data-dir={page.parent / 'chromium'}",
         f"--print-to-pdf={pdf}", sized.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    facts = subprocess.run(["pdfinfo", pdf], check=True, capture_output=True, text=True).stdout
    (count,) = (line.split()[1] for line in facts.splitlines() if line.startswith("Pages:"))
    text = subprocess.run(["pdftotext", pdf, "-"], check=True, capture_output=True, text=True)
    return int(count), text.stdout


@pytest.mark.parametrize("paper", ["A4", "letter"])
@pytest.mark.parametrize("names", [["sbc1.lab.example"], [LONG, *(f"n{n}.lab.example" for n in range(4))]])  # fmt: skip
def test_the_sheet_of_one_context_is_one_printed_page(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, paper: str, names: list[str]
) -> None:
    addresses = [word for name in names for word in ("--address", name)]
    sipca("device", "set", "sbc1", "--context", 0, *addresses)
    source = csr_file("sbc1", *(f"dns:{name}" for name in names), cn=names[-1], key=RSA_KEY)
    assert sipca("sign", source, "--device", "sbc1").exit == 0
    sipca("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")

    pages, text = printed(tmp_path / "k" / "sbc1-ctx0-upload-sheet.html", paper)

    assert pages == 1
    for part in ("lock yourself out", "NTP", "if not:", "SHA-256", "SHA-1", "MD5"):
        assert part in text


@pytest.mark.parametrize("target", ["audiocodes-6.6", "audiocodes-7.0", "audiocodes-phone", "generic"])  # fmt: skip
def test_the_sheet_of_every_kind_of_device_is_one_page_with_address_and_host_first(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, target: str
) -> None:
    sipca("device", "set", "sbc1", "--address", "10.4.0.20")
    names = ("dns:sbc1.lab.example", "ip:10.4.0.20")
    source = csr_file("sbc1", *names, cn="sbc1.lab.example", key=RSA_KEY)
    assert sipca("sign", source, "--device", "sbc1", "--context", 0).exit == 0
    sipca("export", "sbc1", "--out", tmp_path / "k", "--target", target)

    pages, text = printed(tmp_path / "k" / "sbc1-ctx0-upload-sheet.html", "A4")

    assert pages == 1
    first = text.index("Before anything else")
    assert text.index("10.4.0.20") < first
    assert text.index("sbc1.lab.example") < first
