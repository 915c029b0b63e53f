"""From ``scep challenge`` to the certificate in a phone, by the keys of its configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.lab import CommandLine
from stand_in.phone import CHALLENGE, Phone
from stand_in.service import Service, serving

MAC = "00908f123456"


@pytest.fixture
def lab(tmp_path: Path) -> CommandLine:
    made = CommandLine(tmp_path / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert made("init", "--name", "Phone Lab", *keys).exit == 0
    assert made("profile", "new", "brief", "--from", "phone").exit == 0
    profile = made.home / "profiles" / "brief.toml"
    lines = profile.read_text().splitlines()
    kept = ['lifetime = "28h"' if line.startswith("lifetime") else line for line in lines]
    profile.write_text("\n".join(kept) + "\n")  # of which 24 h are over when it is signed
    return made


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "log", "--scep") as running:
        assert lab("ca", "set", "--base-url", running.http).exit == 0
        yield running


def configuration(lab: CommandLine, service: Service, folder: Path, *words: str) -> Path:
    """A phone's file: the lines that ``scep challenge`` prints, and where the root is."""
    made = lab("scep", "challenge", "--json", *words)
    assert made.exit == 0, made
    lines = [
        *made.json["configuration"],
        f"security/ca_certificate/0/uri={service.http}/ca/root.pem",
    ]
    file = folder / f"{MAC}.cfg"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_phone_goes_from_challenge_to_certificate_and_renews_it_when_it_is_due(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    file = configuration(lab, service, tmp_path, "--device", MAC, "--profile", "brief")
    phone = Phone(MAC, file, service)

    assert phone.start() == "SUCCESS", service.said()
    first = phone.certificate
    now = datetime.now(UTC)
    due = phone.is_due(now), phone.is_due(now - timedelta(hours=20))
    renewed = phone.renew()

    assert due == (True, False)
    assert renewed == "SUCCESS", service.said()
    assert phone.trusts(first)
    assert phone.trusts(phone.certificate)
    held = x509.load_der_x509_certificate(phone.certificate)
    assert held.public_key() == phone.device.key.public_key()
    assert held.public_key() != x509.load_der_x509_certificate(first).public_key()
    rows = {row["serial"]: row for row in lab("list", "--all", "--json").json["certificates"]}
    old, new = (f"{x509.load_der_x509_certificate(each).serial_number:032x}" for each in (first, phone.certificate))  # fmt: skip
    assert (rows[old]["status"], rows[new]["status"]) == ("superseded", "valid")
    assert {rows[old]["device"], rows[new]["device"]} == {MAC}


def test_a_phone_without_a_challenge_waits_until_it_is_approved(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    file = configuration(lab, service, tmp_path)
    kept = [line for line in file.read_text().splitlines() if not line.startswith(CHALLENGE)]
    file.write_text("\n".join(kept) + "\n")
    phone = Phone(MAC, file, service)

    states = [phone.start(), phone.asks_again()]
    assert lab("scep", "approve", "1").exit == 0
    states.append(phone.asks_again())

    assert states == ["PENDING", "PENDING", "SUCCESS"]
    assert phone.trusts(phone.certificate)


def test_a_phone_with_the_challenge_of_another_is_refused(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    file = configuration(lab, service, tmp_path, "--device", "00908f654321")

    state = Phone(MAC, file, service).start()

    assert state == "FAILURE"
    assert f"the challenge is for the device '00908f654321', and '{MAC}'" in service.said()


def test_a_phone_that_was_told_another_fingerprint_asks_for_nothing(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    file = configuration(lab, service, tmp_path)
    file.write_text(file.read_text().replace("ca_fingerprint=", "ca_fingerprint=00"))

    state = Phone(MAC, file, service).start()

    assert state == "another CA"
    assert lab("scep", "list", "--json").json["requests"] == []
