"""Browsers and curl before the page of ``serve``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from stand_in.lab import CommandLine
from stand_in.service import serving


def in_chromium(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--no-proxy-server", "--enable-logging=stderr", "--v=0",
            f"--user-data-dir={folder / 'profile'}", *words, url,
        ],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_chromium_shows_the_page_and_its_style_and_reports_nothing_blocked(
    sipca: CommandLine, tmp_path: Path
) -> None:
    with serving(sipca.home, tmp_path / "log") as service:
        shown = in_chromium(service.http, tmp_path, "--dump-dom")
        picture = tmp_path / "page.png"
        drawn = in_chromium(service.http, tmp_path, f"--screenshot={picture}")

    assert "<h1>Test Lab</h1>" in shown.stdout
    assert "Content Security Policy" not in shown.stderr
    assert drawn.returncode == 0
    assert picture.stat().st_size > 20_000  # a blank page has some 5,000 octets


def test_curl_fetches_the_root_and_openssl_verifies_with_it_and_all_crls(
    sipca: CommandLine, tmp_path: Path
) -> None:
    assert sipca("issue", "peer.lab.example", "--out", tmp_path / "i").exit == 0

    with serving(sipca.home, tmp_path / "log") as service:
        for name in ("ca/root.pem", "ca/issuing.pem", "crl/all.pem"):
            target = tmp_path / name.replace("/", "-")
            subprocess.run(
                ["curl", "-fsS", "--noproxy", "*", "-o", target, f"{service.http}/{name}"],
                check=True,
            )
    verified = subprocess.run(
        [
            "openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", tmp_path / "crl-all.pem",
            "-CAfile", tmp_path / "ca-root.pem", "-untrusted", tmp_path / "ca-issuing.pem",
            tmp_path / "i" / "peer.lab.example-device.pem",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert verified.returncode == 0, verified.stderr
