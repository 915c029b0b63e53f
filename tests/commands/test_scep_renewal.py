"""A device renews by its certificate: octet for octet ours, in time, with the same names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from stand_in.enrolment import (
    DAY,
    MAC,
    OTHER_KEY,
    asks,
    challenge,
    issued,
    phone_csr,
    ra_of,
    served,
)
from stand_in.lab import CommandLine


@pytest.fixture
def phone(sipca: CommandLine) -> bytes:
    """The certificate that a phone has had for half of its life and a day."""
    return issued(sipca, phone_csr(challenge=challenge(sipca)))


def middle(certificate: bytes) -> datetime:
    read = x509.load_der_x509_certificate(certificate)
    life = read.not_valid_after_utc - read.not_valid_before_utc
    return read.not_valid_before_utc + life / 2 + DAY


def test_a_renewal_is_issued_by_itself_and_supersedes(sipca: CommandLine, phone: bytes) -> None:
    new = issued(sipca, phone_csr(key=OTHER_KEY), "t2", old=phone, at=middle(phone))

    assert issued(sipca, phone_csr(key=OTHER_KEY), "t2", old=phone, at=middle(phone)) == new
    read = x509.load_der_x509_certificate(new)
    assert read.public_key() == OTHER_KEY.public_key()
    records = sipca("list", "--all", "--json").json["certificates"]
    serial = f"{x509.load_der_x509_certificate(phone).serial_number:032x}"
    assert [each["supersedes"] for each in records if each["status"] != "superseded"] == [serial]


def test_a_renewal_with_the_same_key_has_the_transaction_and_the_octets_of_the_first_request(
    sipca: CommandLine,
) -> None:
    csr = phone_csr(challenge=challenge(sipca))
    first = issued(sipca, csr)

    second = issued(sipca, csr, old=first, at=middle(first))
    third = issued(sipca, csr, old=second, at=middle(second))

    assert len({first, second, third}) == 3
    assert issued(sipca, csr, old=second, at=middle(second)) == third


def test_a_renewal_may_leave_names_out_and_keeps_them(sipca: CommandLine) -> None:
    names = ("dns:phone1.lab.example", "ip:10.0.0.9")
    text = challenge(sipca)
    old = issued(sipca, phone_csr(MAC, *names, challenge=text))

    new = issued(sipca, phone_csr(MAC), "t2", old=old, at=middle(old))

    san = x509.load_der_x509_certificate(new).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert {str(each.value) for each in san.value} == {"phone1.lab.example", "10.0.0.9"}


def test_a_renewal_is_refused_outside_its_time(sipca: CommandLine, phone: bytes) -> None:
    with served(sipca.home) as home:
        early = asks(home, phone_csr(), "t2", old=phone)
        end = x509.load_der_x509_certificate(phone).not_valid_after_utc
    with served(sipca.home, end + DAY) as home:
        late = asks(home, phone_csr(), "t2", old=phone)

    assert (early.fail_info, late.fail_info) == ("badRequest", "badRequest")
    assert "can be renewed from" in early.sentence
    assert "has expired and cannot be renewed" in late.sentence


@pytest.mark.parametrize(("reason", "said"), [("cessation", "is revoked"), ("hold", "is on hold")])
def test_a_revoked_certificate_is_not_renewed(
    sipca: CommandLine, phone: bytes, reason: str, said: str
) -> None:
    assert sipca("revoke", MAC, "--reason", reason).exit == 0

    with served(sipca.home, middle(phone)) as home:
        answer = asks(home, phone_csr(), "t2", old=phone)

    assert said in answer.sentence


@pytest.mark.parametrize(
    ("csr", "said"),
    [
        (phone_csr("00908f999999"), "'00908f999999' is not one of the certificate"),
        (phone_csr(MAC, "dns:sbc1.lab.example"), "'sbc1.lab.example' is not one of"),
    ],
)
def test_a_renewal_asks_for_no_other_names(
    sipca: CommandLine, phone: bytes, csr: bytes, said: str
) -> None:
    with served(sipca.home, middle(phone)) as home:
        answer = asks(home, csr, "t2", old=phone)

    assert answer.fail_info == "badRequest"
    assert said in answer.sentence


def test_a_renewal_is_signed_by_a_certificate_of_ours_octet_for_octet(
    sipca: CommandLine, phone: bytes, tmp_path: Path
) -> None:
    other = CommandLine(tmp_path / "other")
    small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert other("init", "--name", "Other", *small).exit == 0
    foreign = issued(other, phone_csr(challenge=challenge(other)))
    altered = phone[:-1] + bytes([phone[-1] ^ 1])
    with served(sipca.home) as home:
        ra, ca = ra_of(home), home.chain()[0]
    with served(sipca.home, middle(phone)) as home:
        answers = [
            asks(home, phone_csr(), "t2", old=each)
            for each in (foreign, altered, ra, ca, b"\x30\x00")
        ]

    assert [each.fail_info for each in answers] == ["badCertId"] * 4 + ["badMessageCheck"]
    assert "is not one of this CA's" in answers[0].sentence


def test_one_certificate_is_renewed_three_times_at_most(sipca: CommandLine, phone: bytes) -> None:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]
    with served(sipca.home, middle(phone)) as home:
        answers = [asks(home, phone_csr(key=key), f"r{n}", old=phone) for n, key in enumerate(keys)]

    assert [each.status for each in answers] == ["issued"] * 3 + ["refused"]
    assert "was renewed 3 times already" in answers[3].sentence


def test_a_superseded_phone_that_lost_the_answer_still_renews(
    sipca: CommandLine, phone: bytes
) -> None:
    first = issued(sipca, phone_csr(key=OTHER_KEY), "t2", old=phone, at=middle(phone))

    second = issued(sipca, phone_csr(), "t3", old=phone, at=middle(phone))

    assert second != first


@pytest.mark.parametrize("more", [(), ("--revoke-old",), ("--dry-run",)])
def test_renew_leaves_what_came_by_scep_to_the_device_unless_it_is_named(
    sipca: CommandLine, phone: bytes, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """A phone that fetches its certificates itself would not fetch that one, and lose its own."""
    serial = f"{x509.load_der_x509_certificate(phone).serial_number:032x}"
    words = ("renew", "--expiring", "30y", *more, "--out", tmp_path / "out")

    left = sipca(*words, "--json")
    told = sipca(*words)
    named = sipca("renew", serial, "--out", tmp_path / "out", "--json")

    assert left.exit == 0, left.err
    assert (left.json["signed"], len(left.json["by_devices"])) == ([], 1)
    assert "left to its device, which renews it by SCEP: " in told.err + told.out
    assert "nothing is due" in told.err + told.out
    assert [each["supersedes"] for each in named.json["signed"]] == [serial]
    assert named.json["by_devices"] == []
