"""The RA certificate, and what else devices are handed without a decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.enrolment import (
    DAY,
    OTHER_KEY,
    asks,
    challenge,
    issued,
    phone_csr,
    ra_of,
    requests,
    served,
)
from stand_in.lab import NOW, CommandLine

from ca.authority.enrolment.handouts import ca_chain, certificate_by, crl_for, next_ca
from ca.authority.founding.rotate import RotationWishes, rotate_ca


def test_rotate_makes_an_ra_certificate_of_rsa_whatever_the_ca_s_key_is(
    sipca: CommandLine,
) -> None:
    made = sipca("scep", "rotate", "--json").json["ra"]

    assert (made["made"], made["key"], made["subject"]) == (True, "RSA 2048", "Test Lab RA issuing")
    with served(sipca.home) as home:
        ra = x509.load_der_x509_certificate(ra_of(home))
    usage = ra.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment
    assert not usage.key_cert_sign
    assert sipca("list", "--json").json["certificates"] == []
    assert sipca("scep", "rotate", "--if-due", "--json").json["ra"]["made"] is False
    assert sipca("check").exit == 0


def test_check_says_nothing_of_ra_certificates_where_nobody_enrols(sipca: CommandLine) -> None:
    codes = [f["code"] for f in sipca("check", "--min-severity", "info", "--json").json["findings"]]

    assert [code for code in codes if code.startswith("scep")] == []


def test_check_reports_an_ra_certificate_that_ended_and_rotate_mends_it(
    bare: CommandLine, frozen: Callable[[datetime], None]
) -> None:
    small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert bare("init", "--name", "Test Lab", *small).exit == 0
    assert bare("scep", "rotate").exit == 0
    frozen(NOW + 401 * DAY)

    findings = bare("check", "--json").json["findings"]

    (ended,) = [each for each in findings if each["code"] == "scep-ra-ended"]
    assert ended["hint"] == "sipca scep rotate"
    assert bare("scep", "rotate").exit == 0
    codes = [each["code"] for each in bare("check", "--json").json["findings"]]
    assert "scep-ra-ended" not in codes


def test_an_ra_certificate_is_renewed_by_whatever_signs_when_half_of_its_life_is_over(
    bare: CommandLine, frozen: Callable[[datetime], None], csr_file: Callable[..., Path]
) -> None:
    small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert bare("init", "--name", "Test Lab", *small).exit == 0
    first = bare("scep", "rotate", "--json").json["ra"]["serial"]
    frozen(NOW + 210 * DAY)

    assert bare("sign", csr_file("sbc1", "dns:sbc1.lab.example")).exit == 0

    assert bare("scep", "rotate", "--if-due", "--json").json["ra"]["serial"] != first


def test_after_a_rotation_both_issuing_cas_have_their_ra(sipca: CommandLine) -> None:
    from ca.authority.enrolment.handouts import ra_credentials

    assert sipca("scep", "rotate").exit == 0
    assert sipca("ca", "rotate").exit == 0

    with served(sipca.home) as home:
        held = ra_credentials(home)
        assert [each.issuer_id for each in held] == [
            home.ca("issuing").issuer.id, home.cas()[1].issuer.id,
        ]  # fmt: skip
    assert sipca("check").exit == 0


def test_a_backup_keeps_challenges_requests_and_decisions(
    sipca: CommandLine, tmp_path: Path
) -> None:
    issued(sipca, phone_csr(challenge=challenge(sipca)))
    open_still = challenge(sipca)
    with served(sipca.home) as home:
        asks(home, phone_csr("00908f654321", key=OTHER_KEY), "t2")
    assert sipca("backup", tmp_path / "b").exit == 0
    other = CommandLine(tmp_path / "restored")

    assert other("restore", tmp_path / "b").exit == 0

    assert [each["status"] for each in requests(other, "--all")] == ["issued", "pending"]
    csr = phone_csr("00908f777777", key=OTHER_KEY, challenge=open_still)
    assert issued(other, csr, "t3")
    assert other("log", "--verify").exit == 0


def test_a_device_is_handed_certificates_crls_and_the_chain_by_issuer_and_serial(
    sipca: CommandLine,
) -> None:
    phone = issued(sipca, phone_csr(challenge=challenge(sipca)))
    read = x509.load_der_x509_certificate(phone)
    issuer = read.issuer.public_bytes()
    with served(sipca.home) as home:
        assert certificate_by(home, issuer, read.serial_number) == phone
        for serial in (read.serial_number + 1, 0, -1, 1 << 200):
            assert certificate_by(home, issuer, serial) is None
        assert certificate_by(home, read.subject.public_bytes(), read.serial_number) is None
        crl = crl_for(home, issuer, read.serial_number)
        assert crl is not None
        assert x509.load_der_x509_crl(crl).issuer == read.issuer
        assert crl_for(home, read.subject.public_bytes(), 1) is None
        assert ca_chain(home)[0] == home.ca("issuing").facts.der
        assert next_ca(home) is None


def test_the_next_ca_is_the_one_that_a_rotation_has_made_and_not_put_into_use(
    sipca: CommandLine,
) -> None:
    def cut_off(name: str) -> None:
        if name == "issuing-in-service":
            raise KeyboardInterrupt

    with served(sipca.home, step=cut_off) as home, pytest.raises(KeyboardInterrupt):
        rotate_ca(home, RotationWishes())

    with served(sipca.home) as home:
        prepared = next_ca(home)
    assert prepared is not None
    assert "Test Lab Issuing 2" in x509.load_der_x509_certificate(prepared).subject.rfc4514_string()


def test_the_files_of_a_certificate_that_came_by_scep_are_called_by_its_device(
    sipca: CommandLine, tmp_path: Path
) -> None:
    issued(sipca, phone_csr(challenge=challenge(sipca)))

    assert sipca("export", "00908f123456", "--out", tmp_path / "out").exit == 0

    assert (tmp_path / "out" / "00908f123456-device.pem").is_file()
