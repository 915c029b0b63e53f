"""``scep``: phones ask, the operator or a challenge decides, each request is issued once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.enrolment import ADDRESS, OTHER_KEY, asks, phone_csr, poll, served
from stand_in.lab import NOW, RSA_KEY, Answer, CommandLine, make_csr

MAC = "00908f123456"
DAY = timedelta(days=1)


def challenge(sipca: CommandLine, *words: object) -> str:
    made = sipca("scep", "challenge", *words, "--json")
    assert made.exit == 0, made
    return str(made.json["challenge"])


def issued(sipca: CommandLine, csr: bytes, transaction: str = "t1", **rest: object) -> bytes:
    """The certificate that a phone gets at once."""
    at = rest.pop("at", None)
    with served(sipca.home, at) as home:  # type: ignore[arg-type]
        answer = asks(home, csr, transaction, **rest)  # type: ignore[arg-type]
    assert answer.status == "issued", answer
    assert answer.certificate is not None
    return answer.certificate


def requests(sipca: CommandLine, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = sipca("scep", "list", *words, "--json").json["requests"]
    return found


def refused(answer: Answer, code: int, *parts: str) -> None:
    assert answer.exit == code, answer
    for part in parts:
        assert part in answer.err, answer.err


# the queue


def test_a_request_without_a_challenge_waits_until_it_is_approved(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        assert asks(home, phone_csr()).status == "pending"
    (waiting,) = requests(sipca)
    assert (waiting["status"], waiting["device"], waiting["address"]) == ("pending", MAC, ADDRESS)
    assert "scep-unasked" in [f["code"] for f in waiting["findings"]]  # type: ignore[attr-defined]

    approved = sipca("scep", "approve", 1)

    assert approved.exit == 0, approved
    assert approved.err.startswith("CA: Test Lab in ")
    assert requests(sipca) == []
    (shown,) = sipca("list", "--json").json["certificates"]
    assert (shown["profile"], shown["device"]) == ("phone", MAC)
    with served(sipca.home) as home:
        answer = poll(home, "t1", signer=_self_signed())
        assert answer.certificate is not None
        assert x509.load_der_x509_certificate(answer.certificate).serial_number == int(
            shown["serial"], 16
        )
        assert [*answer.chain] == home.chain()
    assert sipca("log", "--verify").exit == 0


def test_the_same_request_again_gets_the_same_certificate_and_nothing_new_is_signed(
    sipca: CommandLine,
) -> None:
    text = challenge(sipca)
    first = issued(sipca, phone_csr(challenge=text))

    again = issued(sipca, phone_csr(challenge=text))

    assert again == first
    assert len(sipca("list", "--all", "--json").json["certificates"]) == 1


def test_what_a_phone_asked_before_the_answer_was_lost_is_issued_once_under_both_transactions(
    sipca: CommandLine,
) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr(), "t1")
        asks(home, phone_csr(), "t2")

    assert sipca("scep", "approve", 1).exit == 0

    assert issued(sipca, phone_csr(), "t1") == issued(sipca, phone_csr(), "t2")
    assert requests(sipca) == []


def test_show_has_the_account_of_what_approving_would_issue(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr(MAC, "dns:phone1.lab.example"))

    shown = sipca("scep", "show", 1, "--json").json

    fields = {(line["field"], line["issued"]) for line in shown["account"]}
    assert ("san", "dns:phone1.lab.example") in fields
    text = sipca("scep", "show", 1).out
    assert "claims to be  00908f123456  (not known here before)" in text
    assert "sipca scep approve 1, or sipca scep deny 1" in text


def test_a_denied_phone_is_told_so_each_time_and_why_stands_in_the_trail(
    sipca: CommandLine,
) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())

    assert sipca("scep", "deny", 1, "--reason", "nobody knows it").exit == 0

    with served(sipca.home) as home:
        answer = asks(home, phone_csr())
    assert (answer.status, answer.fail_info) == ("refused", "badRequest")
    assert answer.sentence == "the request 1 was denied: nobody knows it"
    events = sipca("log", "--json").json["events"]
    assert events[-1]["action"] == "scep-denied"
    assert events[-1]["detail"]["reason"] == "nobody knows it"


def test_a_phone_that_was_denied_may_ask_again_with_a_challenge(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())
    assert sipca("scep", "deny", 1).exit == 0

    assert issued(sipca, phone_csr(challenge=challenge(sipca)))


def test_what_is_decided_is_not_decided_otherwise(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())
        asks(home, phone_csr("00908f654321"), "t2")
    assert sipca("scep", "approve", 1).exit == sipca("scep", "deny", 2).exit == 0

    refused(sipca("scep", "deny", 1), 6, "has the certificate", "[scep-decided]", "sipca revoke")
    refused(sipca("scep", "approve", 2), 6, "the request 2 was denied: the operator denied it")
    again = sipca("scep", "approve", 1, "--json")
    assert (again.exit, again.json["signed"], len(again.json["decided"])) == (0, [], 1)
    assert sipca("scep", "deny", 2).exit == 0


@pytest.mark.parametrize("number", ["9", "x", "٣", "99999999999999999999"])
def test_a_request_that_is_not_there_is_not_found(sipca: CommandLine, number: str) -> None:
    refused(sipca("scep", "show", number), 5, "there is no request", "sipca scep list --all")
    refused(sipca("scep", "approve", number), 5, "there is no request")
    refused(sipca("scep", "deny", number), 5, "there is no request")


def test_one_request_that_cannot_be_decided_does_not_stop_the_others(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())

    answer = sipca("scep", "approve", 7, 1, "--json")

    assert answer.exit == 5
    assert [each["id"] for each in answer.json["decided"]] == [1]
    assert [each["source"] for each in answer.json["refused"]] == ["7"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("approve", "1", "2", "--device", "d"), "--device is for one request"),
        (("approve", "1", "--allow", "nothing"), "--allow: 'nothing' is not one of"),
        (("deny", "1", "--reason", " "), "--reason: give 1 to 200 printable characters"),
        (("challenge", "--ttl", "2y"), "--ttl: '2y' is more than 365 days"),
        (("challenge", "--ttl", "soon"), "--ttl: 'soon' is not a duration"),
        (("challenge", "--uses", "0"), "0 is not in the range"),
    ],
)
def test_wrong_words_are_wrong_usage(sipca: CommandLine, words: tuple[str, ...], said: str) -> None:
    refused(sipca("scep", *words), 2, said)


def test_what_sign_would_refuse_waits_is_told_of_and_can_be_overridden(sipca: CommandLine) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with served(sipca.home) as home:
        assert asks(home, phone_csr(key=weak, challenge=challenge(sipca))).status == "pending"

    listed = sipca("scep", "list")
    assert "REFUSED" in listed.out
    assert "weak-key" in listed.out
    refused(sipca("scep", "approve", 1), 4, "[weak-key]", "--allow weak-key overrides this")
    assert sipca("scep", "approve", 1, "--allow", "weak-key").exit == 0
    (shown,) = sipca("list", "--json").json["certificates"]
    assert "weak-key" in json.dumps(sipca("show", shown["serial"], "--json").json) or shown


def test_a_phone_that_claims_the_name_of_another_key_is_warned_of_and_supersedes_it_once_approved(
    sipca: CommandLine,
) -> None:
    first = issued(sipca, phone_csr(challenge=challenge(sipca)))
    text = challenge(sipca)
    with served(sipca.home) as home:  # its names are taken, so the challenge alone is not enough
        assert asks(home, phone_csr(key=OTHER_KEY, challenge=text), "t2").status == "pending"
    (waiting,) = requests(sipca)
    held = [f for f in waiting["findings"] if f["code"] == "scep-names-held"]  # type: ignore[attr-defined]
    assert f"{x509.load_der_x509_certificate(first).serial_number:x}"[:12] in held[0]["message"]

    approved = sipca("scep", "approve", 2, "--json")

    assert len(approved.json["signed"][0]["superseded"]) == 1
    assert len(sipca("list", "--json").json["certificates"]) == 1


def test_weak_algorithms_of_a_message_are_recorded_and_told_of(sipca: CommandLine) -> None:
    from ca.authority.enrolment.enrol import enrol
    from ca.authority.enrolment.requests import EnrolmentRequest

    with served(sipca.home) as home:
        enrol(
            home, EnrolmentRequest("t1", phone_csr(), "new", None, None, ADDRESS, ("3DES", "MD5"))
        )

    (waiting,) = requests(sipca)
    assert waiting["legacy"] == ["3DES", "MD5"]
    assert "scep-legacy" in sipca("scep", "list").out


def test_nobody_decides_for_thirty_days_and_the_place_in_the_queue_is_free_again(
    sipca: CommandLine,
) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())
        later = home.now() + 31 * DAY
    with served(sipca.home, later) as home:
        answer = poll(home, "t1", signer=_self_signed())

        assert answer.sentence == "nobody decided the request 1 within 30 days"
        assert asks(home, phone_csr()).sentence.startswith("the request 2 waits")


# challenges


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


# renewal


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
        ra, ca = _ra_of(home), home.chain()[0]
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


# what is no request


@pytest.mark.parametrize(
    ("csr", "fail_info", "said"),
    [
        (b"", "badRequest", "the PKCS#10 cannot be read"),
        (b"\x30\x80\x00\x00", "badRequest", "the PKCS#10 cannot be read"),
        (bytes(20_000), "badRequest", "the PKCS#10 has 20000 octets, where 16384 are the most"),
        (phone_csr()[:-1] + b"\x00", "badMessageCheck", "does not verify with its own key"),
    ],
)
def test_what_is_no_proven_request_is_refused_and_noted(
    sipca: CommandLine, csr: bytes, fail_info: str, said: str
) -> None:
    with served(sipca.home) as home:
        answer = asks(home, csr)

    assert (answer.status, answer.fail_info) == ("refused", fail_info)
    assert said in answer.sentence
    assert requests(sipca, "--all") == []
    noted = sipca("scep", "list", "--json").json["refused"]
    assert [(each["address"], each["count"]) for each in noted] == [(ADDRESS, 1)]


@pytest.mark.parametrize("transaction", ["", "x" * 256, "a\nb", "\x1b[31m"])
def test_a_transaction_id_is_printable_and_short(sipca: CommandLine, transaction: str) -> None:
    with served(sipca.home) as home:
        answer = asks(home, phone_csr(), transaction)

    assert answer.sentence.startswith("the transaction id has to be 1 to 255 printable")


def test_a_poll_for_what_is_not_known_or_by_another_key_is_refused(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())

        unknown = poll(home, "t9", signer=_self_signed())
        foreign = poll(home, "t1", signer=_self_signed(OTHER_KEY))
        none = poll(home, "t1", signer=b"")

    assert {each.fail_info for each in (unknown, foreign, none)} == {"badCertId"}
    assert unknown.sentence == "no request of the transaction 't9' is known"


def test_names_with_control_characters_never_reach_the_terminal(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr("\x1b[31mred\u202e"))

    for words in (("list",), ("list", "--all"), ("show", "1")):
        answer = sipca("scep", *words)
        assert answer.exit == 0, answer
        assert "\x1b" not in answer.out
        assert "\u202e" not in answer.out


# the RA certificate


def test_rotate_makes_an_ra_certificate_of_rsa_whatever_the_ca_s_key_is(
    sipca: CommandLine,
) -> None:
    made = sipca("scep", "rotate", "--json").json["ra"]

    assert (made["made"], made["key"], made["subject"]) == (True, "RSA 2048", "Test Lab RA issuing")
    with served(sipca.home) as home:
        ra = x509.load_der_x509_certificate(_ra_of(home))
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


# a challengePassword in CSRs that are signed by hand


@pytest.fixture
def with_password(tmp_path: Path) -> Path:
    path = tmp_path / "sbc1.csr"
    csr = x509.load_der_x509_csr(
        phone_csr("sbc1.lab.example", "dns:sbc1.lab.example", challenge="swordfish-7")
    )
    path.write_bytes(csr.public_bytes(Encoding.PEM))
    return path


def test_the_password_in_a_csr_signed_by_hand_is_not_kept_and_nothing_else_changes(
    sipca: CommandLine, with_password: Path, tmp_path: Path
) -> None:
    signed = sipca("sign", with_password, "--json").json["signed"][0]
    again = sipca("sign", with_password, "--json").json
    renewed = sipca("renew", "sbc1.lab.example", "--out", tmp_path / "out", "--json").json

    assert [line["issued"] for line in signed["account"]
            if line["field"] == "attribute.challengePassword"] == [None]  # fmt: skip
    assert (again["signed"], len(again["skipped"])) == ([], 1)
    assert len(renewed["signed"]) == 1, renewed
    assert renewed["signed"][0]["san"] == ["dns:sbc1.lab.example"]
    kept = b"".join(path.read_bytes() for path in sipca.home.iterdir() if path.is_file())
    assert b"swordfish" not in kept
    assert sipca("log", "--verify").exit == 0
    assert "swordfish" not in sipca("csr", "show", with_password, "--profile", "sip").out


def test_a_csr_that_an_older_sipca_kept_whole_is_still_known_as_signed(
    sipca: CommandLine, with_password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ca.authority.signing.prepare.kept_form", lambda request: request.der)
        assert sipca("sign", with_password).exit == 0

    again = sipca("sign", with_password, "--json").json

    assert (again["signed"], len(again["skipped"])) == ([], 1)


@pytest.mark.parametrize("place", ["twice", "no set", "after 64 others", "empty"])
def test_a_password_is_found_wherever_a_csr_may_hold_it(place: str) -> None:
    from stand_in.requests import attribute, request

    from ca.csr.kept import challenge_of, is_emptied, kept_form
    from ca.csr.parsing import parse_request
    from ca.encoding import der

    kind, value = "1.2.840.113549.1.9.7", der.tlv(der.PRINTABLE_STRING, b"swordfish")
    usual = attribute(kind, value)
    attributes = {
        "twice": usual + usual,
        "no set": der.sequence(der.encode_oid(kind), value),
        "after 64 others": attribute("1.2.3.4", value[:0]) * 64 + usual,
        "empty": attribute(kind),
    }[place]
    read = parse_request(request(attributes=attributes))

    kept = parse_request(kept_form(read))

    assert b"swordfish" not in kept.der
    assert is_emptied(kept)
    assert "swordfish" not in repr((read.attributes, read.flaws))
    assert b"swordfish".hex() not in repr((read.attributes, read.flaws))
    assert challenge_of(read) == {"no set": None, "empty": None}.get(place, "swordfish")


def test_whoever_has_the_kept_form_of_a_csr_cannot_have_it_signed(
    sipca: CommandLine, with_password: Path, tmp_path: Path
) -> None:
    from ca.csr.kept import kept_form
    from ca.csr.parsing import read_request

    stolen = tmp_path / "stolen.csr"
    stolen.write_bytes(kept_form(read_request(with_password.read_bytes())))

    refused(sipca("sign", stolen), 9, "the CSR's signature does not verify")


def test_a_csr_without_a_password_is_kept_as_it_came() -> None:
    from ca.csr.kept import kept_form
    from ca.csr.parsing import read_request

    request = read_request(make_csr("dns:sbc1.lab.example", key=RSA_KEY))

    assert kept_form(request) == request.der


def _self_signed(key: rsa.RSAPrivateKey = RSA_KEY) -> bytes:
    """The certificate by which a phone without one signs its messages."""
    from cryptography.hazmat.primitives import hashes

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, MAC)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(NOW).not_valid_after(NOW + DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _ra_of(home: object) -> bytes:
    from ca.authority.enrolment.handouts import ra_credentials

    return ra_credentials(home)[0].certificate  # type: ignore[arg-type]
