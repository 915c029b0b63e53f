"""The upload kit: read back with openssl, for every shipped target."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stand_in.lab import NOW, RSA_KEY, CommandLine

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]
TARGETS = ("audiocodes-6.6", "audiocodes-7.0", "audiocodes-7.2", "audiocodes-7.4", "audiocodes-phone", "cisco-cucm", "generic", "polycom-dma")  # fmt: skip
STEM = "sbc1-ctx2"
NAMES = {
    f"{STEM}-device.pem", f"{STEM}-fullchain.pem", f"{STEM}-upload-sheet.txt",
    f"{STEM}-upload-sheet.html", f"{STEM}-account.txt", f"{STEM}-preflight.json", "SHA256SUMS",
    "trusted-root.pem", "trusted-1-root.pem", "trusted-2-issuing.pem",
}  # fmt: skip


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    sipca("device", "set", "sbc1", "--context", 2, "--address", "sbc1.lab.example")
    source = csr_file("sbc1", "dns:sbc1.lab.example", cn="sbc1.lab.example", key=RSA_KEY)
    assert sipca("sign", source, "--device", "sbc1").exit == 0
    return sipca


def openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout


def fingerprint(path: Path, kind: str) -> str:
    return (
        openssl("x509", "-in", path, "-noout", "-fingerprint", f"-{kind}").partition("=")[2].strip()
    )


@pytest.mark.parametrize("target", TARGETS)
def test_the_kit_of_every_target_reads_back(lab: CommandLine, tmp_path: Path, target: str) -> None:
    out = tmp_path / "kit"

    answer = lab("export", "sbc1", "--out", out, "--target", target, "--json")

    assert answer.exit == 0, answer.err
    assert {path.name for path in out.iterdir()} == NAMES
    assert answer.json["target"] == target
    assert [each for each in answer.json["findings"] if each["result"] == "fail"] == []
    verified = openssl(
        "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", out / "trusted-1-root.pem",
        "-untrusted", out / "trusted-2-issuing.pem", out / f"{STEM}-device.pem",
    )  # fmt: skip
    assert verified.endswith(": OK\n")
    sheet = (out / f"{STEM}-upload-sheet.txt").read_text()
    kinds = ["sha256", "sha1", "md5"]
    for name in (f"{STEM}-device.pem", "trusted-1-root.pem", "trusted-2-issuing.pem"):
        for kind in kinds:
            assert fingerprint(out / name, kind).lower() in sheet
        serial = openssl("x509", "-in", out / name, "-noout", "-serial").strip().partition("=")[2]
        assert serial.lower() in sheet


def test_every_text_of_the_kit_is_canonical(lab: CommandLine, tmp_path: Path) -> None:
    lab("export", "sbc1", "--out", tmp_path / "lf", "--target", "audiocodes-7.4")
    lab("export", "sbc1", "--out", tmp_path / "crlf", "--target", "audiocodes-7.4", "--crlf")

    for path in (tmp_path / "lf").glob("*.pem"):
        data = path.read_bytes()
        assert data.isascii()
        assert data.endswith(b"-----\n")
        assert b"\r" not in data
        assert max(map(len, data.split(b"\n"))) == 64
        assert data.startswith(b"-----BEGIN CERTIFICATE-----\n")
        assert (tmp_path / "crlf" / path.name).read_bytes() == data.replace(b"\n", b"\r\n")


def test_the_sums_are_right_and_cover_every_file(lab: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "kit"
    lab("export", "sbc1", "--out", out, "--target", "audiocodes-7.4")

    lines = (out / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}

    assert set(sums) == NAMES - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_the_sheet_tells_pages_order_and_what_to_check(lab: CommandLine, tmp_path: Path) -> None:
    lab("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    sheet = (tmp_path / "k" / f"{STEM}-upload-sheet.txt").read_text()

    places = [
        sheet.index(part)
        for part in (
            "Upload sheet for sbc1", "host     sbc1.lab.example", "TLS context 2",
            "Before anything else:", "back the configuration up", "NTP", "TLS connections of this context end",
            "The way to the page:", "Setup menu > IP Network", "index 2",
            "Steps, in this order:", "1. [ ] Trusted Root Certificates > Import: trusted-1-root.pem",
            "2. [ ] Trusted Root Certificates > Import: trusted-2-issuing.pem",
            f'3. [ ] Change Certificate > "Send Device Certificate file": {STEM}-device.pem',
            "4. [ ] Certificate Information: the private key status must say OK", "if not: not OK", "5. [ ] save",
            "Afterwards:", "Files:", "Notes:", "- by REST, PUT /api/v1/files/tls/2/trustedRoot replaces the whole store",
            "60 d before expiry (vendor)", "one import at a time", "Preflight:", "these files can be uploaded",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "lock yourself out" not in sheet  # it is not context 0


def test_the_sheet_of_context_0_says_not_to_lock_oneself_out_of_https(
    lab: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    source = csr_file("web", "dns:web.lab.example", cn="web.lab.example", key=RSA_KEY)
    lab("sign", source, "--device", "sbc9", "--context", 0)

    lab("export", "web.lab.example", "--out", tmp_path / "k", "--target", "audiocodes-7.4")

    sheet = (tmp_path / "k" / "web-ctx0-upload-sheet.txt").read_text()
    assert "do not lock yourself out of HTTPS" in sheet


def test_a_key_that_was_made_here_is_loaded_before_the_certificate(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("issue", "gw2.lab.example", "--key", "rsa:2048", "--out", tmp_path / "i")

    sipca("export", "gw2.lab.example", "--out", tmp_path / "k", "--target", "audiocodes-7.4")

    sheet = (tmp_path / "k" / "gw2.lab.example-upload-sheet.txt").read_text()
    key = sheet.index("load the private key, gw2.lab.example.key")
    assert key < sheet.index("Send Device Certificate file")


def test_the_sheet_of_a_phone_has_a_slot_for_each_ca_and_both_urls_and_the_scep_note(
    sipca: CommandLine, tmp_path: Path
) -> None:
    mac = "00908f112233"
    sipca("issue", mac, "--profile", "phone", "--key", "rsa:2048", "--out", tmp_path / "p")

    sipca("export", mac, "--out", tmp_path / "k", "--target", "audiocodes-phone")

    sheet = (tmp_path / "k" / f"{mac}-upload-sheet.txt").read_text()
    for part in (
        "security/ca_certificate/0/uri: trusted-1-root.pem",
        "security/ca_certificate/1/uri: trusted-2-issuing.pem",
        f"security/device_certificate_url: the URL of {mac}-device.pem",
        "security/device_private_key_url",
        "- SCEP: while security/SCEPServerURL is set",
        "certificate page",
    ):
        assert part in sheet
    assert "TLS context" not in sheet


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("src", "href", "onload", "onclick")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_the_same_sheet_without_anything_from_elsewhere(
    lab: CommandLine, tmp_path: Path
) -> None:
    lab("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    page = _Page()
    page.feed((tmp_path / "k" / f"{STEM}-upload-sheet.html").read_text())

    assert page.links == []
    assert "script" not in page.tags
    assert page.tags.count("li") >= 10
    assert fingerprint(tmp_path / "k" / f"{STEM}-device.pem", "sha256").lower() in page.text
    assert "@media print" in page.text


def test_a_name_that_tries_to_be_html_is_escaped(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("x"), "--device", "<script>alert(1)</script>")
    (record,) = sipca("list", "--json").json["certificates"]

    sipca("export", record["serial"], "--out", tmp_path / "k", "--target", "generic")

    text = (tmp_path / "k" / "x-upload-sheet.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_kit_is_written_again_an_hour_later_over_the_sheet_of_then(
    frozen: Clock, sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("sbc1"), "--device", "sbc1")
    words = ("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")

    assert sipca(*words).exit == 0
    frozen(NOW + timedelta(hours=1))
    later = sipca(*words)

    assert later.exit == 0, later.err


def test_a_kit_is_written_again_over_itself_but_over_nothing_else(
    lab: CommandLine, tmp_path: Path
) -> None:
    words = ("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    assert lab(*words).exit == lab(*words).exit == 0
    (tmp_path / "k" / f"{STEM}-device.pem").write_text("mine")

    answer = lab(*words)

    assert answer.exit == 6
    assert (tmp_path / "k" / f"{STEM}-device.pem").read_text() == "mine"


def test_the_kit_of_a_successor_replaces_what_sipca_wrote_for_the_older_certificate(
    lab: CommandLine, tmp_path: Path
) -> None:
    words = ("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    assert lab(*words).exit == 0
    old = (tmp_path / "k" / f"{STEM}-account.txt").read_text()
    assert lab("renew", "sbc1", "--out", tmp_path / "elsewhere").exit == 0

    answer = lab(*words)

    assert answer.exit == 0, answer.err
    assert (tmp_path / "k" / f"{STEM}-account.txt").read_text() != old
    renewed = (tmp_path / "elsewhere" / f"{STEM}-device.pem").read_bytes()
    assert (tmp_path / "k" / f"{STEM}-device.pem").read_bytes() == renewed


@pytest.mark.parametrize("name", ["upload-sheet.txt", "account.txt", "fullchain.pem"])
def test_an_edited_file_of_an_older_kit_stays(lab: CommandLine, tmp_path: Path, name: str) -> None:
    words = ("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    assert lab(*words).exit == 0
    assert lab("renew", "sbc1", "--out", tmp_path / "k").exit == 0
    edited = tmp_path / "k" / f"{STEM}-{name}"
    edited.write_text(edited.read_text() + "done by Ann\n")

    answer = lab(*words)

    assert answer.exit == 6
    assert f"holds another {STEM}-{name}" in answer.err
    assert edited.read_text().endswith("done by Ann\n")


def test_a_kit_as_zip_holds_the_same_names(lab: CommandLine, tmp_path: Path) -> None:
    lab("export", "sbc1", "--out", tmp_path / "z", "--target", "audiocodes-7.4", "--zip")

    (path,) = (tmp_path / "z").iterdir()
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == NAMES


def test_the_kit_says_what_preflight_found_for_the_devices_addresses(
    lab: CommandLine, tmp_path: Path
) -> None:
    lab("device", "set", "sbc1", "--address", "10.9.9.9")

    answer = lab("export", "sbc1", "--out", tmp_path / "k", "--target", "audiocodes-7.4", "--json")

    assert [each["code"] for each in answer.json["findings"]] == ["preflight-peer"]
    assert (
        "no name of the certificate equals '10.9.9.9'"
        in (tmp_path / "k" / f"{STEM}-upload-sheet.txt").read_text()
    )


@pytest.mark.parametrize("profile", ["sip-server", "sip-client", "https"])
def test_a_certificate_made_for_one_role_is_not_blamed_for_it(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, profile: str
) -> None:
    source = csr_file("one", "dns:one.lab.example", cn="one.lab.example", key=RSA_KEY)
    assert sipca("sign", source, "--profile", profile).exit == 0

    answer = sipca(
        "export", "one.lab.example", "--out", tmp_path / "k", "--target", "audiocodes-7.4", "--json"
    )

    assert answer.json["findings"] == []


@pytest.mark.parametrize("mac", ["00908f112233", "00:90:8F:11:22:33"])
def test_a_mac_is_the_cn_of_a_phone_and_never_a_name_in_its_san(
    sipca: CommandLine, tmp_path: Path, mac: str
) -> None:
    issued = sipca(
        "issue", mac, "--profile", "phone", "--key", "rsa:2048", "--out", tmp_path / "p", "--json"
    )
    assert issued.exit == 0, issued.err

    kit = sipca("export", mac, "--out", tmp_path / "k", "--target", "audiocodes-phone", "--json")

    assert issued.json["san"] == []
    assert (kit.exit, kit.json["findings"]) == (0, [])


def test_a_certificate_without_a_context_goes_into_the_registered_one_of_its_device(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("device", "set", "sbc7", "--context", 3, "--address", "10.4.0.7")
    words = ("issue", "sbc7.lab.example", "--key", "rsa:2048", "--device", "sbc7")
    assert sipca(*words, "--out", tmp_path / "i").exit == 0

    sipca("export", "sbc7", "--out", tmp_path / "k", "--target", "audiocodes-7.4")

    (sheet,) = (tmp_path / "k").glob("*-upload-sheet.txt")
    assert "select the row of the TLS context, index 3;" in sheet.read_text()
