"""``export``: the upload files, written again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import load_der_x509_certificate
from stand_in.lab import CommandLine

Csr = Callable[..., Path]


def test_export_writes_what_sign_wrote(lab: CommandLine, csr_file: Csr, tmp_path: Path) -> None:
    signed = tmp_path / "signed"
    lab("sign", csr_file("gw", cn="gw.lab.example"), "--out", signed, "--context", "3")

    answer = lab("export", "gw.lab.example", "--out", tmp_path / "exported")

    assert answer.exit == 0
    for path in signed.iterdir():
        assert (tmp_path / "exported" / path.name).read_bytes() == path.read_bytes()
    assert "1. Trusted Root Certificates > Import" in answer.out
    assert lab("export", "gw.lab.example", "--out", signed).exit == 0


def test_export_of_a_foreign_file_is_a_conflict(lab: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "proxy-device.pem").write_text("mine")

    answer = lab("export", "proxy.lab.example", "--out", tmp_path / "o")

    assert answer.exit == 6
    assert "holds another proxy-device.pem" in answer.err
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["proxy-device.pem"]


def test_export_as_der_and_p7b_and_crlf(lab: CommandLine, tmp_path: Path) -> None:
    lab("export", "proxy.lab.example", "--out", tmp_path / "der", "--format", "der")
    lab("export", "proxy.lab.example", "--out", tmp_path / "p7b", "--format", "p7b")
    lab("export", "proxy.lab.example", "--out", tmp_path / "crlf", "--crlf")

    load_der_x509_certificate((tmp_path / "der" / "proxy-device.cer").read_bytes())
    bundle = (tmp_path / "p7b" / "trusted-root.p7b").read_bytes()
    assert len(pkcs7.load_der_pkcs7_certificates(bundle)) == 2
    crlf = (tmp_path / "crlf" / "proxy-device.pem").read_bytes()
    assert crlf.count(b"\n") == crlf.count(b"\r\n")


def test_export_zip_holds_the_files_in_the_pages_order_and_is_the_same_each_time(
    lab: CommandLine, tmp_path: Path
) -> None:
    import zipfile

    for folder in ("a", "b"):
        assert lab("export", "proxy.lab.example", "--out", tmp_path / folder, "--zip").exit == 0

    with zipfile.ZipFile(tmp_path / "a" / "proxy-upload.zip") as archive:
        assert archive.namelist() == [
            "proxy-device.pem", "trusted-root.pem", "trusted-1-root.pem", "trusted-2-issuing.pem",
        ]  # fmt: skip
        assert archive.read("trusted-root.pem") == lab("chain").out.encode()
    assert (tmp_path / "a" / "proxy-upload.zip").read_bytes() == (
        tmp_path / "b" / "proxy-upload.zip"
    ).read_bytes()


Csr = Callable[..., Path]


def test_exporting_what_is_not_current_says_so(two_devices: CommandLine, tmp_path: Path) -> None:
    two_devices("revoke", "gw1.lab.example", "--reason", "hold")

    answer = two_devices("export", "gw1.lab.example", "--out", tmp_path / "k")

    assert answer.exit == 0
    assert "note: this certificate is held" in answer.out
