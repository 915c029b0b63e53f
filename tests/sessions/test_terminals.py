"""What a person sees on a terminal of 80 and of 120 columns: golden captures of tmux."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES
from stand_in.waiting import until

GOLDEN = ROOT / "tests" / "golden"
UPDATE = bool(os.environ.get("SIPCA_UPDATE_GOLDEN"))
SETTING_UP = (
    "init --name Voice --no-passphrase --root-key ec:p256 --issuing-key ec:p256",
    "device set sbc1 --target audiocodes-7.4 --address sbc1.lab.example --address 10.4.0.20",
    "device set gateway-of-the-second-floor --context 2",
    "sign many.csr --device gateway-of-the-second-floor --context 2 --out {home}-upload",
)
LONGEST = 14
"""The lines that are kept of what is a list of rules, targets or fixtures, which grows."""
GROWS = ("rule list", "target list", "profile list", "fixture list", "fixture make all --out fx")
SEEN = (
    "status",
    "csr show sbc1.csr --profile sip",
    "sign sbc1.csr --device sbc1 -o sbc1.pem",
    "sign ca.csr --device sbc9 -o ca.pem --account",
    "sign email.csr",
    "list",
    "device list",
    "device show sbc1",
    "ca list",
    "ca plan",
    "check --min-severity info",
    "rule list",
    "profile list",
    "target list",
    "fixture list",
    "fixture make all --out fx",
    "samples samples",
    "device crib sbc1",
    "sign folder --out out",
    "renew --expiring 900d --out new --dry-run",
    "issue kam.lab.example --out kam",
    "preflight out/no-san-device.pem --peer sbc7.lab.example",
    "revoke sbc1 --reason cessation --no-crl",
    "list --all",
)
_VARIES = (
    (re.compile(r"\b[0-9a-f]{16,64}\b"), "x"),
    (re.compile(r"\b[0-9a-f]{8,15}\b(?=[ .…)]|$)", re.MULTILINE), "x"),
    (re.compile(r"\d\d:\d\d(?::\d\d)?(?=Z)"), "9"),
    (re.compile(r"20\d\d-\d\d-\d\d"), "9"),
    (re.compile(r"(?<=T)[0-9:]+(?=…)"), "9"),
    (re.compile(r"\b[0-9a-f]{9,40}(?=…)"), "x"),
)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with requests; its path stands in no output."""
    folder = tmp_path / "lab"
    folder.mkdir()
    for name, sample in (
        ("sbc1", "sbc1"), ("many", "sbc2-five-san"), ("ca", "wants-to-be-ca"), ("email", "email-typed-host"),
    ):  # fmt: skip
        (folder / f"{name}.csr").write_bytes((SAMPLES / f"{sample}.csr").read_bytes())
    (folder / "folder").mkdir()
    for name, sample in (
        ("no-san", "no-san-host-name"), ("email", "email-typed-host"), ("cut", "truncated"),
    ):  # fmt: skip
        (folder / "folder" / f"{name}.csr").write_bytes((SAMPLES / f"{sample}.csr").read_bytes())
    return folder


@pytest.fixture(params=[80, 120])
def screen(request: pytest.FixtureRequest, lab: Path, tmp_path: Path) -> Iterator[Screen]:
    """A tmux server of its own with one window, and a home that was just set up."""
    made = Screen(request.param, lab, tmp_path)
    try:
        yield made
    finally:
        made.end()


class Screen:
    """One window of tmux; what a command prints there is read as it looks."""

    def __init__(self, width: int, folder: Path, place: Path) -> None:
        self.width = width
        self.count = 0
        self.folder = folder
        self.done = place / "done"
        self.place = place
        self.socket = place / "tmux"
        home = f"home{width}"
        self.environment = {
            "SIPCA_HOME": home, "SIPCA_NO_INPUT": "1", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8",
            "TERM": "xterm", "PATH": os.environ["PATH"], "HOME": str(place), "TMUX_TMPDIR": str(place),
        }  # fmt: skip
        for line in SETTING_UP:
            subprocess.run(
                [sys.executable, "-c", "from cli.main import main; main()", *shlex.split(line.format(home=home))],
                cwd=folder, env=self.environment, check=True, capture_output=True, timeout=60,
            )  # fmt: skip

    def tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *words],
            cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True, timeout=60,
        ).stdout  # fmt: skip

    def shown(self, line: str) -> str:
        """What a command leaves on an empty screen; lines that the terminal broke are joined."""
        self.done.unlink(missing_ok=True)
        self.count += 1
        self.socket = self.place / f"tmux{self.count}"  # one that ends may not begin again at once
        program = f"{shlex.quote(sys.executable)} -c 'from cli.main import main; main()' {line}"
        waiting = f"{program}; touch {shlex.quote(str(self.done))}; exec sleep 600"
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(self.width), "-y", "2000", waiting
        )  # fmt: skip
        try:
            assert until(self.done.exists)
            joined = self.tmux("capture-pane", "-p", "-J").rstrip("\n")
            return "\n".join(line.rstrip() for line in joined.splitlines())
        finally:
            self.end()

    def end(self) -> None:
        subprocess.run(
            ["tmux", "-S", str(self.socket), "kill-server"],
            env=self.environment, capture_output=True, timeout=60,
        )  # fmt: skip


def without_what_varies(text: str) -> str:
    """Serials, hashes, dates and times as characters of the same width."""
    for pattern, character in _VARIES:
        text = pattern.sub(lambda match, c=character: re.sub(r"[0-9a-f:]", c, match[0]), text)  # type: ignore[misc]
    return "\n".join(line.rstrip() for line in text.splitlines())


def page_of(screen: Screen, line: str) -> str:
    """What a command shows, without what varies; of a list that grows only how it begins."""
    lines = without_what_varies(screen.shown(line)).splitlines()
    return "\n".join(lines[:LONGEST] if line in GROWS else lines)


def test_what_is_seen_on_a_terminal_is_as_it_was_looked_at(screen: Screen) -> None:
    golden = GOLDEN / f"terminal-{screen.width}.txt"

    pages = [f"$ sipca {line}\n{page_of(screen, line)}" for line in SEEN]
    text = "\n\n".join(pages) + "\n"
    if UPDATE:
        golden.write_text(text)

    assert text == golden.read_text()
    assert max(map(len, text.splitlines())) <= screen.width
    assert "\\ufdd" not in text  # a mark that was put into other text, and so lost its meaning


@pytest.mark.parametrize(
    "line", ["log", "log --verify", "backup copy", "ocsp rotate", "ca rotate --dry-run"]
)
def test_no_line_is_left_for_the_terminal_to_break(screen: Screen, line: str) -> None:
    seen = screen.shown(line)

    assert seen
    assert max(map(len, seen.splitlines())) <= screen.width
