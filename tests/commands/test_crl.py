"""``crl``: what it lists, when a new one is made, where it is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from stand_in.lab import NOW, RSA_KEY, Answer, CommandLine
from stand_in.revocations import parsed_crl

Csr = Callable[..., Path]


def test_crl_hands_out_the_newest_until_a_new_one_is_needed(
    two_devices: CommandLine, frozen: Callable[..., None]
) -> None:
    frozen(NOW)
    two_devices("crl", "--refresh")
    first = parsed_crl(two_devices("crl", "--if-within", "7d"))
    frozen(NOW + timedelta(days=172, hours=23))
    fresh = two_devices("crl", "--if-within", "7d")
    frozen(NOW + timedelta(days=173, hours=1))
    renewed = two_devices("crl", "--if-within", "7d")

    assert parsed_crl(fresh).fingerprint(first.signature_hash_algorithm) == first.fingerprint(  # type: ignore[arg-type]
        first.signature_hash_algorithm  # type: ignore[arg-type]
    )
    assert "still fresh: CRL" in fresh.err
    assert parsed_crl(renewed).last_update_utc == NOW + timedelta(days=173, hours=1)
    assert "made: CRL" in renewed.err
    assert parsed_crl(renewed).next_update_utc - parsed_crl(renewed).last_update_utc == timedelta(
        days=180
    )


def test_a_crl_number_rises_though_the_clock_goes_back(
    two_devices: CommandLine, frozen: Callable[..., None]
) -> None:
    def number(answer: Answer) -> int:
        return (
            parsed_crl(answer).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        )

    frozen(NOW)
    first = number(two_devices("crl", "--refresh"))
    frozen(NOW - timedelta(days=400))
    finding = two_devices("check", "--json").json["findings"][0]
    second = number(two_devices("crl", "--refresh", "--allow", "clock-behind"))
    frozen(NOW + timedelta(days=1))
    third = number(two_devices("crl", "--refresh"))

    assert first < second < third
    assert third == int((NOW + timedelta(days=1)).timestamp())
    assert second == first + 1
    assert finding["code"] == "clock-behind"


def test_a_revoked_certificate_that_expired_stays_for_one_crl_after_its_end(
    two_devices: CommandLine, frozen: Callable[..., None], csr_file: Csr
) -> None:
    frozen(NOW)
    two_devices(
        "sign", csr_file("brief", "dns:brief.lab.example", key=RSA_KEY), "--lifetime", "10d"
    )
    two_devices("revoke", "brief.lab.example")
    appeared = []
    for days in (5, 20, 30, 40):
        frozen(NOW + timedelta(days=days))
        appeared.append(len(parsed_crl(two_devices("crl", "--refresh"))))

    assert appeared == [1, 1, 0, 0]


def test_a_certificate_revoked_after_its_end_appears_once(
    two_devices: CommandLine, frozen: Callable[..., None], csr_file: Csr
) -> None:
    frozen(NOW)
    two_devices(
        "sign", csr_file("brief", "dns:brief.lab.example", key=RSA_KEY), "--lifetime", "10d"
    )
    frozen(NOW + timedelta(days=20))
    two_devices("crl", "--refresh")
    two_devices("revoke", "brief.lab.example", "--no-crl")

    assert [len(parsed_crl(two_devices("crl", "--refresh"))) for _ in range(2)] == [1, 0]


def test_an_empty_crl_has_no_revoked_certificates_and_no_distribution_point(
    two_devices: CommandLine,
) -> None:
    made = parsed_crl(two_devices("crl"))

    assert len(made) == 0
    assert [each.oid.dotted_string for each in made.extensions] == ["2.5.29.35", "2.5.29.20"]


def test_a_crl_file_is_replaced_by_a_newer_one_but_nothing_else_is(
    two_devices: CommandLine, tmp_path: Path
) -> None:
    file, other = tmp_path / "lab.crl", tmp_path / "notes.txt"
    other.write_text("mine")

    for format_ in ("der", "pem", "pem", "der"):
        assert two_devices("crl", "-o", file, "--format", format_, "--refresh").exit == 0
    answer = two_devices("crl", "-o", other)
    wrong_ca = two_devices("crl", "--ca", "root", "-o", file)

    assert x509.load_der_x509_crl(file.read_bytes()).next_update_utc
    assert answer.exit == wrong_ca.exit == 6
    assert "is not a CRL of Test Lab Issuing" in answer.err
    assert other.read_text() == "mine"
    assert two_devices("crl", "-o", tmp_path).exit == 6


def test_a_ca_is_named_by_role_or_by_its_hex_digits(two_devices: CommandLine) -> None:
    root = two_devices("status", "--json").json["cas"][0]["id"]

    assert (
        parsed_crl(two_devices("crl", "--ca", root)).issuer
        == parsed_crl(two_devices("crl", "--ca", "root")).issuer
    )
    answer = two_devices("crl", "--ca", "nobody")
    assert answer.exit == 5
    assert root in answer.err


def test_refresh_and_if_within_are_two_wishes(two_devices: CommandLine) -> None:
    assert two_devices("crl", "--refresh", "--if-within", "7d").exit == 2


def test_an_ended_ca_signs_no_crl(two_devices: CommandLine, frozen: Callable[..., None]) -> None:
    frozen(NOW + timedelta(days=365 * 11))

    answer = two_devices("crl", "--refresh")

    assert answer.exit == 4
    assert "can sign no CRL" in answer.err
