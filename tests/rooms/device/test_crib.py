"""The crib: what to type on a device's page before a CSR exists."""

from __future__ import annotations

import pytest
from stand_in.lab import SAMPLES, CommandLine

from ca.device.crib import Wanted, crib, names_known
from ca.documents.device import CribDocument
from ca.model.certificates import GeneralName
from ca.profiles.library import Library

LIBRARY = Library()
HOST, ADDRESS = GeneralName("dns", "sbc1.lab.example"), GeneralName("ip", "10.4.0.20")


def of(target: str, *names: GeneralName, context: int | None = None) -> CribDocument:
    return crib(Wanted(device="sbc1", context=context, target=LIBRARY.target(target), names=names))


def test_each_san_slot_has_its_selector_because_it_starts_at_email() -> None:
    document = of("audiocodes-7.4", HOST, ADDRESS, context=2)

    typed = [(each.field, each.selector, each.value) for each in document.lines]
    assert typed == [
        ("Subject Name [CN]", None, "sbc1.lab.example"),
        ("1st Subject Alternative Name [SAN]", "DNS", "sbc1.lab.example"),
        ("2nd Subject Alternative Name [SAN]", "IP ADDRESS", "10.4.0.20"),
        ("Signature Algorithm", None, "SHA-256"),
    ]
    assert document.lines[1].note == "the selector starts at EMAIL"
    assert document.key == "RSA 2048"
    assert "Generate New Private Key" in str(document.key_page)
    assert document.notes[-1].endswith("sipca sign - --device sbc1 --context 2")


def test_names_beyond_the_slots_are_left_to_the_signing() -> None:
    names = [GeneralName("dns", f"n{number}.lab.example") for number in range(7)]

    document = of("audiocodes-7.4", *names)

    assert len([each for each in document.lines if each.selector]) == 5
    assert any(
        "the page has 5 SAN fields" in note and "--san dns:n5.lab.example --san dns:n6.lab.example" in note
        for note in document.notes
    )  # fmt: skip


def test_a_page_without_san_fields_leaves_all_names_to_the_signing() -> None:
    document = of("audiocodes-6.6", HOST)

    assert [each.field for each in document.lines] == ["Subject Name [CN]", "Signature Algorithm"]
    assert any("the page has no SAN fields" in note for note in document.notes)


def test_a_name_too_long_for_the_cn_goes_into_the_san_alone() -> None:
    long = GeneralName("dns", f"{'a' * 60}.lab.example")

    document = of("audiocodes-7.4", long, ADDRESS)

    assert document.lines[0].value == "10.4.0.20"
    assert document.lines[1].value == long.value


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("audiocodes-phone", "a phone has no CSR page: key and certificate come by URL"),
        ("nginx", "nothing is typed: nginx, HTTPS with client certificates gets key"),
    ],
)
def test_where_nobody_types_it_says_what_to_do_instead(target: str, words: str) -> None:
    document = of(target, HOST)

    assert (document.lines, document.key) == ([], None)
    assert words in document.notes[0]
    assert document.notes[1].startswith("sipca issue sbc1.lab.example")


def test_what_peers_dial_comes_before_what_the_last_certificate_had() -> None:
    before = (GeneralName("uri", "sip:lab.example"), HOST)

    names = names_known(["10.4.0.20", "sbc1.lab.example"], before, "sbc1")

    assert [str(each) for each in names] == [
        "ip:10.4.0.20", "dns:sbc1.lab.example", "uri:sip:lab.example",
    ]  # fmt: skip
    assert names_known([], (), "sbc9.lab.example") == (GeneralName("dns", "sbc9.lab.example"),)
    assert names_known([], (), "sbc9") == ()


def test_the_command_knows_target_context_and_names_of_the_device(sipca: CommandLine) -> None:
    sipca("device", "set", "sbc1", "--context", "3", "--address", "sbc1.lab.example")
    sipca("sign", SAMPLES / "sbc1.csr", "--device", "sbc1", "--context", "3")

    answer = sipca("device", "crib", "sbc1", "--json").json

    assert answer["context"] == 3
    values = [each["value"] for each in answer["lines"] if each["selector"]]
    assert values == ["sbc1.lab.example", "10.4.0.20"]


def test_a_device_without_names_is_told_how_to_give_them(sipca: CommandLine) -> None:
    sipca("device", "set", "sbc1")

    answer = sipca("device", "crib", "sbc1")

    assert answer.exit == 0
    assert "no name of 'sbc1' is known: sipca device set sbc1 --address A" in answer.out


def test_a_crib_for_nobody_is_exit_5(sipca: CommandLine) -> None:
    nobody = sipca("device", "crib", "nobody")
    no_target = sipca("device", "crib", "nobody", "--target", "toaster")

    assert (nobody.exit, no_target.exit) == (5, 5)
    assert "sipca device set nobody registers it" in nobody.err


def test_csr_show_says_what_to_type_instead_where_sign_would_refuse(sipca: CommandLine) -> None:
    refused = sipca("csr", "show", SAMPLES / "email-typed-host.csr", "--profile", "sip")
    good = sipca("csr", "show", SAMPLES / "sbc1.csr", "--profile", "sip", "--json")

    assert refused.exit == 4
    assert "what to type instead, for a new CSR:" in refused.out
    assert "1st Subject Alternative Name [SAN]  DNS       sbc3.lab.example" in refused.out
    assert good.json["crib"] is None


def test_csr_show_with_a_profile_refuses_what_sign_refuses(sipca: CommandLine) -> None:
    csr = SAMPLES / "sbc1.csr"
    assert sipca("sign", csr).exit == 0
    assert sipca("revoke", "sbc1.lab.example", "--reason", "cessation").exit == 0

    signed = sipca("sign", csr)
    shown = sipca("csr", "show", csr, "--profile", "sip", "--json")

    assert (signed.exit, shown.exit) == (4, 4)
    assert [f["code"] for f in shown.json["findings"] if f["result"] == "fail"] == [
        "revoked-before",
        "profile-refused",
    ]
