"""``scep challenge``: one-time, for a device's names, kept as a hash; guessing ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.enrolment import (
    MAC,
    OTHER_KEY,
    asks,
    challenge,
    issued,
    phone_csr,
    refused,
    served,
)
from stand_in.lab import CommandLine


def test_with_a_challenge_a_phone_has_its_certificate_at_once(sipca: CommandLine) -> None:
    made = sipca("scep", "challenge", "--device", MAC, "--json").json

    certificate = issued(sipca, phone_csr(challenge=made["challenge"]))

    assert made["names"] == [MAC]
    assert set(made) >= {"schema", "challenge", "device", "expires"}
    (shown,) = sipca("list", "--json").json["certificates"]
    assert shown["device"] == MAC
    assert shown["fingerprint"] == hashlib.sha256(certificate).hexdigest()


def test_a_challenge_is_kept_only_as_a_hash_and_so_is_one_that_a_request_carries(
    sipca: CommandLine,
) -> None:
    text = challenge(sipca)
    issued(sipca, phone_csr(challenge=text))
    with served(sipca.home) as home:
        asks(home, phone_csr(challenge="hand-typed secret"), "t2")

    kept = b"".join(path.read_bytes() for path in sipca.home.iterdir() if path.is_file())

    assert text.encode() not in kept
    assert b"hand-typed secret" not in kept
    assert hashlib.sha256(text.encode()).digest() in kept


def test_a_challenge_is_good_once_or_as_often_as_it_says(sipca: CommandLine) -> None:
    once, twice = challenge(sipca), challenge(sipca, "--uses", 2)
    issued(sipca, phone_csr("00908f000001", challenge=once), "t1")

    with served(sipca.home) as home:
        answer = asks(home, phone_csr("00908f000002", challenge=once), "t2")
        assert (answer.status, answer.fail_info) == ("refused", "badRequest")
        assert answer.sentence == "the challenge was good once, and is used up"
        for n in (3, 4):
            csr = phone_csr(f"00908f00000{n}", key=OTHER_KEY, challenge=twice)
            assert asks(home, csr, f"t{n}").status == "issued"
        csr = phone_csr("00908f000005", key=OTHER_KEY, challenge=twice)
        assert asks(home, csr, "t5").sentence == "the challenge was good 2 times, and is used up"


def test_a_challenge_ends(sipca: CommandLine) -> None:
    text = challenge(sipca, "--ttl", "1h")

    with served(sipca.home) as home:
        later = home.now() + timedelta(hours=2)
    with served(sipca.home, later) as home:
        answer = asks(home, phone_csr(challenge=text))

    assert answer.status == "refused"
    assert answer.sentence.startswith("the challenge ended at ")


def test_a_challenge_for_a_device_is_for_its_names_alone(sipca: CommandLine) -> None:
    sipca("device", "set", "phone1", "--address", "phone1.lab.example")
    text = challenge(sipca, "--device", "phone1")

    with served(sipca.home) as home:
        answer = asks(home, phone_csr("sbc1.lab.example", challenge=text))
        assert answer.sentence == (
            "the challenge is for the device 'phone1', and 'sbc1.lab.example' is not one of its "
            "names"
        )
        csr = phone_csr("phone1.lab.example", "dns:phone1.lab.example", challenge=text)
        assert asks(home, csr, "t2").status == "issued"  # what was refused did not use it up
    (shown,) = sipca("list", "--json").json["certificates"]
    assert shown["device"] == "phone1"


@pytest.mark.parametrize("spelled", ["00:90:8F:12:34:56", "00908F123456", MAC])
def test_a_mac_address_is_one_name_however_it_is_spelled(sipca: CommandLine, spelled: str) -> None:
    text = challenge(sipca, "--device", "00-90-8f-12-34-56")

    assert issued(sipca, phone_csr(spelled, challenge=text))


def test_a_wrong_challenge_is_refused_and_after_five_none_of_the_address_is_tried(
    sipca: CommandLine,
) -> None:
    text = challenge(sipca)
    with served(sipca.home) as home:
        for _ in range(5):
            answer = asks(home, phone_csr(challenge="guess"))
            assert (answer.sentence, answer.fail_info) == ("the challenge is wrong", "badRequest")

        answer = asks(home, phone_csr(challenge=text))
        assert answer.sentence == "too many wrong challenges came from this address of late"
        assert asks(home, phone_csr(challenge=text), address="10.0.0.10").status == "issued"
        later = home.now() + timedelta(minutes=16)
    with served(sipca.home, later) as home:
        csr = phone_csr(key=OTHER_KEY, challenge="guess")
        assert asks(home, csr, "t2").sentence == "the challenge is wrong"
    listed = sipca("scep", "list", "--all")
    assert "5 x  the challenge is wrong" in listed.out


def test_when_too_many_guess_from_everywhere_no_challenge_is_tried_and_requests_wait(
    sipca: CommandLine,
) -> None:
    text = challenge(sipca)
    with served(sipca.home) as home:
        for n in range(100):
            asks(home, phone_csr(challenge="guess"), address=f"10.1.{n // 4}.1")

        answer = asks(home, phone_csr(challenge=text), address="10.2.0.1")

    assert answer.status == "pending"
    assert "this one was not tried, the request waits" in sipca("scep", "list").out


def test_the_profile_is_the_operator_s_the_challenge_s_the_device_s_or_phone(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    sipca("sign", csr_file("gw", "dns:gw.lab.example", cn="gw.lab.example"), "--device", "gw",
          "--profile", "server")  # fmt: skip

    issued(sipca, phone_csr("gw.lab.example", challenge=challenge(sipca, "--device", "gw"),
                            key=OTHER_KEY), "t1")  # fmt: skip
    text = challenge(sipca, "--profile", "client")
    issued(sipca, phone_csr("c.lab.example", key=OTHER_KEY, challenge=text), "t2")
    with served(sipca.home) as home:
        asks(home, phone_csr("o.lab.example", key=OTHER_KEY), "t3")
    assert sipca("scep", "approve", 3, "--profile", "https").exit == 0

    listed = sipca("list", "--json").json["certificates"]
    assert {each["subject"]: each["profile"] for each in listed} == {
        "CN=gw.lab.example": "server", "CN=c.lab.example": "client", "CN=o.lab.example": "https",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--profile", "nothing"), 5, "nothing"),
        (("--profile", "root"), 4, "profile root has the role root"),
        (("--profile", "scep-ra"), 4, "registration-authority"),
        (("--device", " "), 3, "cannot be a device's name"),
        (("--device", "d" * 65), 3, "cannot be a device's name"),
    ],
)
def test_a_challenge_is_for_a_profile_and_a_device_that_can_be(
    sipca: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    refused(sipca("scep", "challenge", *words), code, said)


def test_challenge_prints_what_the_phone_s_configuration_needs(sipca: CommandLine) -> None:
    without = sipca("scep", "challenge")
    assert "security/SCEPServerURL=http://ADDRESS:8080/scep" in without.out
    assert "no base URL yet: sipca ca set --base-url" in without.out
    sipca("ca", "set", "--base-url", "http://10.0.0.5:8080")

    made = sipca("scep", "challenge", "--device", MAC, "--json").json
    text = sipca("scep", "challenge", "--device", MAC).out

    issuing = x509.load_pem_x509_certificate(sipca("chain", "--parts", "issuing").out.encode())
    der = issuing.public_bytes(Encoding.DER)
    md5 = hashlib.md5(der, usedforsecurity=False).hexdigest()
    assert made["configuration"] == [
        "security/SCEPServerURL=http://10.0.0.5:8080/scep",
        f"security/SCEPEnroll/ca_fingerprint={md5}",
        f"security/SCEPEnroll/password_challenge={made['challenge']}",
    ]
    prints = made["fingerprints"][0]
    assert (prints["sha1"], prints["sha256"]) == (
        hashlib.sha1(der, usedforsecurity=False).hexdigest(), hashlib.sha256(der).hexdigest(),
    )  # fmt: skip
    assert "renewal/advancethreshold" in text
    assert "(that the fingerprint is MD5 is inferred)" in text
    assert "its request is issued by itself" in text


def test_with_a_passphrase_on_the_issuing_key_a_challenge_waits_for_the_operator(
    bare: CommandLine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    words = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--passphrase-file", secret)
    assert bare("init", "--name", "Test Lab", *words).exit == 0
    without = bare("scep", "challenge", "--json")  # no RA certificate yet, and no key for one
    assert [f["code"] for f in without.json["findings"]] == ["scep-ra-missing"]
    assert without.exit == 0
    made = bare("scep", "challenge", "--passphrase-file", secret)
    assert "scep-ra-missing" not in made.out
    assert "its request waits for sipca scep approve" in made.out
    text = challenge(bare)  # from then on it takes no key
    with served(bare.home) as home:
        assert asks(home, phone_csr(challenge=text)).status == "pending"

    refused(bare("scep", "approve", 1), 7, "passphrase")
    assert bare("scep", "approve", 1, "--passphrase-file", secret).exit == 0

    assert issued(bare, phone_csr(challenge=text))


def test_with_a_challenge_for_its_device_a_phone_that_was_reset_gets_a_certificate_for_its_new_key(
    sipca: CommandLine,
) -> None:
    first = issued(sipca, phone_csr(challenge=challenge(sipca, "--device", MAC)))

    csr = phone_csr(key=OTHER_KEY, challenge=challenge(sipca, "--device", MAC))
    second = issued(sipca, csr, "t2")

    listed = sipca("list", "--all", "--json").json["certificates"]
    assert {each["fingerprint"]: each["status"] for each in listed} == {
        hashlib.sha256(first).hexdigest(): "superseded", hashlib.sha256(second).hexdigest(): "valid",
    }  # fmt: skip


def test_a_device_nearly_called_like_a_known_one_is_warned_of(sipca: CommandLine) -> None:
    sipca("device", "set", "phone-kitchen")

    made = sipca("scep", "challenge", "--device", "phone-kitchne", "--json").json

    assert [each["code"] for each in made["findings"]] == ["device-near-miss"]


def test_no_more_challenges_are_open_than_can_be_compared(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.store.challenges.MOST_OPEN", 2)
    for _ in range(2):
        challenge(sipca)

    refused(sipca("scep", "challenge"), 6, "2 challenges are open, which is the most", "--ttl")


def test_a_challenge_for_no_device_takes_none_from_another_key_by_a_name_that_is_still_free(
    sipca: CommandLine,
) -> None:
    sipca("device", "set", "gw", "--address", "gw.lab.example", "--address", "spare.lab.example")
    issued(sipca, phone_csr("gw.lab.example", challenge=challenge(sipca, "--device", "gw")))

    csr = phone_csr("spare.lab.example", key=OTHER_KEY, challenge=challenge(sipca))
    with served(sipca.home) as home:
        answer = asks(home, csr, "t2")

    assert answer.status == "pending"
    assert "scep-names-held" in sipca("scep", "list").out
