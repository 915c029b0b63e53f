"""``scep list|show|approve|deny``: phones ask, the operator decides, each is issued once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from stand_in.enrolment import (
    ADDRESS,
    DAY,
    MAC,
    OTHER_KEY,
    asks,
    challenge,
    issued,
    phone_csr,
    refused,
    requests,
    self_signed,
    served,
)
from stand_in.lab import CommandLine

from ca.authority.enrolment.enrol import poll


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
        answer = poll(home, "t1", signer=self_signed())
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
        answer = poll(home, "t1", signer=self_signed())

        assert answer.sentence == "nobody decided the request 1 within 30 days"
        assert asks(home, phone_csr()).sentence.startswith("the request 2 waits")


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

        unknown = poll(home, "t9", signer=self_signed())
        foreign = poll(home, "t1", signer=self_signed(OTHER_KEY))
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


def test_the_operator_says_whose_a_request_is(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr("kitchen.lab.example"))

    assert sipca("scep", "approve", 1, "--device", "kitchen").exit == 0

    (shown,) = sipca("list", "--json").json["certificates"]
    assert shown["device"] == "kitchen"


def test_a_renewal_waits_where_the_issuing_key_has_a_passphrase(
    bare: CommandLine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    words = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--passphrase-file", secret)
    assert bare("init", "--name", "Test Lab", *words).exit == 0
    with served(bare.home) as home:
        asks(home, phone_csr())
    assert bare("scep", "approve", 1, "--passphrase-file", secret).exit == 0
    old = issued(bare, phone_csr())
    read = x509.load_der_x509_certificate(old)
    later = read.not_valid_before_utc + (read.not_valid_after_utc - read.not_valid_before_utc) / 2
    with served(bare.home, later + DAY) as home:
        assert asks(home, phone_csr(), "t1", old=old).status == "pending"

    (waiting,) = [each for each in requests(bare, "--all") if each["kind"] == "renewal"]

    assert waiting["renews"] == f"{read.serial_number:x}"
    assert bare("scep", "deny", waiting["id"]).exit == 0
    with served(bare.home, later + DAY) as home:
        assert "was denied" in asks(home, phone_csr(), "t1", old=old).sentence


def test_nobody_signs_by_the_profile_of_an_ra(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr())

    refused(sipca("scep", "approve", 1, "--profile", "scep-ra"), 4, "[profile-role]")


def test_check_tells_of_requests_that_wait(sipca: CommandLine) -> None:
    sipca("scep", "rotate")
    with served(sipca.home) as home:
        asks(home, phone_csr())

    findings = sipca("check", "--min-severity", "info", "--json").json["findings"]

    (told,) = [each for each in findings if each["code"] == "scep-waiting"]
    assert told["message"].startswith("a request waits for you since ")


def test_a_certificate_that_was_revoked_since_is_not_handed_out_again(sipca: CommandLine) -> None:
    csr = phone_csr(challenge=challenge(sipca))
    issued(sipca, csr)
    assert sipca("revoke", MAC, "--reason", "key-compromise").exit == 0

    with served(sipca.home) as home:
        answer = asks(home, csr)

    assert (answer.status, answer.certificate) == ("refused", None)
    assert answer.sentence.endswith("is revoked: the device has to make another key")


def test_a_request_claims_to_be_the_device_whose_certificate_has_its_name(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    csr = csr_file("one", "dns:kitchen.lab.example", cn="kitchen.lab.example")
    assert sipca("sign", csr, "--device", "kitchen", "--profile", "phone").exit == 0
    with served(sipca.home) as home:
        asks(home, phone_csr("kitchen.lab.example", key=OTHER_KEY))

    (waiting,) = requests(sipca)
    approved = sipca("scep", "approve", 1, "--json").json

    assert (waiting["device"], waiting["known"]) == ("kitchen", True)
    assert len(approved["signed"][0]["superseded"]) == 1
