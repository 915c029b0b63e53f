"""What a new certificate supersedes, what that means for lists, checks and revocations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY, NOW, CommandLine
from stand_in.revocations import crl_reasons

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]
DAY = timedelta(days=1)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def signed(sipca: CommandLine, *words: object) -> dict[str, Any]:
    answer = sipca("sign", *words, "--json")
    assert answer.exit == 0, answer.err or answer.out
    (entry,) = answer.json["signed"]
    return entry


def statuses(sipca: CommandLine) -> dict[str, str]:
    listed = sipca("list", "--all", "--json").json["certificates"]
    return {each["serial"]: each["status"] for each in listed}


@pytest.mark.parametrize(
    ("first", "second", "is_superseded"),
    [
        (("--device", "sbc1", "--context", "2"), ("--device", "SBC1", "--context", "2"), True),
        (("--device", "s", "--context", "2"), ("--device", "s", "--context", "2", "--profile", "https"), True),
        (("--device", "s", "--context", "1"), ("--device", "s", "--context", "2"), False),
        (("--device", "s"), ("--device", "s"), True),
        (("--device", "s"), ("--device", "s", "--profile", "phone"), False),
        (("--device", "s"), ("--device", "t"), False),
        (("--device", "s", "--context", "1"), ("--device", "s"), False),
        ((), (), False),
    ],
)  # fmt: skip
def test_a_new_key_supersedes_that_of_the_same_device_and_context_or_profile(
    sipca: CommandLine,
    csr_file: Csr,
    first: tuple[str, ...],
    second: tuple[str, ...],
    is_superseded: bool,
) -> None:
    old = signed(sipca, csr_file("a", cn="sbc1.lab.example", key=EC_KEY), *first)

    new = signed(sipca, csr_file("b", cn="sbc1.lab.example", key=new_key()), *second)

    assert old["supersedes"] is None
    assert new["supersedes"] == (old["serial"] if is_superseded else None)
    assert statuses(sipca)[old["serial"]] == ("superseded" if is_superseded else "valid")
    assert sipca("log", "--verify").exit == 0


@pytest.mark.parametrize(
    ("second", "is_superseded"),
    [
        ((), True),
        (("--device", "sbc1"), True),
        (("--san", "dns:more.lab.example"), False),
        (("--beside",), False),
    ],
)
def test_the_same_key_and_names_supersede_each_other(
    sipca: CommandLine, csr_file: Csr, second: tuple[str, ...], is_superseded: bool
) -> None:
    request = csr_file("a", cn="sbc1.lab.example")
    old = signed(sipca, request)

    new = signed(sipca, request, "--again", *second)

    assert new["supersedes"] == (old["serial"] if is_superseded else None)


def test_what_is_superseded_is_said_in_one_line_with_the_way_to_revoke_it(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("--device", "sbc1", "--context", "2")
    old = signed(sipca, csr_file("a", cn="sbc1.lab.example"), *words)

    answer = sipca("sign", csr_file("b", cn="sbc1.lab.example", key=new_key()), *words)

    (line,) = [each for each in answer.err.splitlines() if each.startswith("supersedes")]
    assert line.startswith(f"supersedes {old['serial']}, which stays valid until 20")
    assert line.endswith(f": sipca revoke {old['serial'][:12]} --reason superseded")
    assert "another key than" in answer.err
    assert "made anew on the device since" in answer.err


def test_a_dry_run_supersedes_nothing(sipca: CommandLine, csr_file: Csr) -> None:
    request = csr_file("a", cn="sbc1.lab.example")
    old = signed(sipca, request)

    assert sipca("sign", request, "--again", "--dry-run").exit == 0
    assert statuses(sipca) == {old["serial"]: "valid"}


def test_of_two_kept_beside_each_other_the_one_of_the_same_key_is_superseded(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("--device", "sbc1", "--context", "2")
    rsa, curve = csr_file("rsa", cn="a.lab.example"), csr_file("ec", cn="a.lab.example", key=EC_KEY)
    first = signed(sipca, rsa, *words)
    second = signed(sipca, curve, *words, "--beside")

    third = signed(sipca, curve, *words, "--again")

    assert third["supersedes"] == second["serial"]
    assert statuses(sipca)[first["serial"]] == "valid"


def test_in_one_batch_the_later_of_two_for_one_context_supersedes_the_earlier(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    requests = [csr_file(stem, cn="s.lab.example", key=new_key()) for stem in ("a", "b", "c")]
    names = tmp_path / "names.csv"
    names.write_text("source,device,context\na.csr,s,\nb.csr,s,\nc.csr,t,\n")

    answer = sipca("sign", *requests, "--names", names, "--out", tmp_path / "out", "--json").json

    first, second, third = answer["signed"]
    assert [each["supersedes"] for each in (first, second, third)] == [None, first["serial"], None]


def test_the_superseded_one_is_revoked_in_the_same_call_if_wished(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("--device", "sbc1")
    old = signed(sipca, csr_file("a", cn="sbc1.lab.example"), *words)

    new = signed(sipca, csr_file("b", cn="sbc1.lab.example", key=new_key()), *words, "--revoke-old")

    assert [each["revoked"] for each in new["superseded"]] == [True]
    assert statuses(sipca) == {old["serial"]: "revoked", new["serial"]: "valid"}
    assert crl_reasons(sipca) == {old["serial"]: "superseded"}


def test_beside_goes_with_no_other_way_to_supersede(sipca: CommandLine, csr_file: Csr) -> None:
    for words in (("--revoke-old",), ("--supersedes", "x")):
        answer = sipca("sign", csr_file("a"), "--beside", *words)
        assert answer.exit == 2
        assert "--beside supersedes nothing" in answer.err


def test_issue_supersedes_what_was_issued_for_the_same_profile_and_names(
    sipca: CommandLine, tmp_path: Path
) -> None:
    first = sipca("issue", "p.lab.example", "--out", tmp_path / "a", "--json").json
    beside = sipca("issue", "p.lab.example", "--out", tmp_path / "b", "--beside", "--json").json
    other = sipca("issue", "p.lab.example", "--profile", "https", "--out", tmp_path / "c", "--json").json  # fmt: skip
    last = sipca("issue", "p.lab.example", "--out", tmp_path / "d", "--revoke-old", "--json").json

    assert [each["supersedes"] for each in (first, beside, other)] == [None] * 3
    assert {each["serial"] for each in last["superseded"]} == {first["serial"], beside["serial"]}
    assert statuses(sipca)[first["serial"]] == "revoked"
    assert statuses(sipca)[other["serial"]] == "valid"


def test_a_lapsed_certificate_is_listed_and_fails_the_check_until_it_is_replaced(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    request = csr_file("a", cn="sbc1.lab.example")
    old = signed(sipca, request, "--lifetime", "30d")
    frozen(NOW + 31 * DAY)

    for words in ((), ("--expiring", "60d"), ("--status", "expired")):
        (listed,) = sipca("list", *words, "--json").json["certificates"]
        assert (listed["serial"], listed["status"]) == (old["serial"], "expired")
    check = sipca("check", "--json")
    assert check.exit == 9
    (finding,) = [each for each in check.json["findings"] if each["code"] == "certificate-ended"]
    assert "sbc1.lab.example: expired 2 d ago" in finding["message"]
    assert "and nothing replaced it" in finding["message"]

    new = signed(sipca, request)

    assert new["supersedes"] == old["serial"]
    assert sipca("check").exit == 0
    assert [each["serial"] for each in sipca("list", "--json").json["certificates"]] == [
        new["serial"]
    ]


def test_a_lapsed_certificate_that_is_revoked_is_silent(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    signed(sipca, csr_file("a", cn="sbc1.lab.example"), "--lifetime", "30d")
    frozen(NOW + 31 * DAY)

    assert sipca("revoke", "sbc1.lab.example", "--reason", "cessation").exit == 0

    assert sipca("check").exit == 0
    assert sipca("list", "--json").json["certificates"] == []


def test_the_list_is_sorted_by_end(sipca: CommandLine, csr_file: Csr) -> None:
    for stem, lifetime in (("a", "90d"), ("b", "30d"), ("c", "60d")):
        signed(sipca, csr_file(stem, cn=f"{stem}.lab", key=new_key()), "--lifetime", lifetime)

    subjects = [each["subject"] for each in sipca("list", "--json").json["certificates"]]

    assert subjects == ["CN=b.lab", "CN=c.lab", "CN=a.lab"]


@pytest.mark.parametrize(
    ("lifetime", "expiring", "is_due"),
    [("90d", None, False), ("900d", None, False), ("90d", "80d", False), ("90d", "91d", True)],
)
def test_the_check_takes_an_explicit_span_as_given_and_else_a_third_of_a_short_life(
    sipca: CommandLine, csr_file: Csr, frozen: Clock, lifetime: str, expiring: str | None,
    is_due: bool,
) -> None:  # fmt: skip
    frozen(NOW)
    words = () if lifetime == "900d" else ("--lifetime", lifetime)
    signed(sipca, csr_file("a", cn="a.lab"), *words)

    findings = sipca("check", "--json", *(("--expiring", expiring) if expiring else ())).json

    assert ("certificate-ending" in {each["code"] for each in findings["findings"]}) is is_due


def test_revoking_by_name_as_superseded_takes_the_superseded_ones_alone(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("--device", "sbc1", "--context", "2")
    first = signed(sipca, csr_file("a", cn="s.lab"), *words)
    none = sipca("revoke", "sbc1", "--reason", "superseded")
    second = signed(sipca, csr_file("b", cn="s.lab", key=new_key()), *words)
    third = signed(sipca, csr_file("c", cn="s.lab", key=new_key()), *words)

    answer = sipca("revoke", "sbc1", "--reason", "superseded", "--json")

    assert none.exit == 6
    assert "no certificate of 'sbc1' is superseded" in none.err
    assert "first sign its successor: sipca sign FILE --device sbc1" in none.err
    revoked = {each["serial"] for each in answer.json["changed"]}
    assert revoked == {first["serial"], second["serial"]}
    assert statuses(sipca)[third["serial"]] == "valid"


def test_revoking_the_superseded_ones_again_changes_nothing_but_makes_the_crl_that_is_pending(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("revoke", "sbc1", "--reason", "superseded")
    old = signed(sipca, csr_file("a", cn="s.lab"), "--device", "sbc1")["serial"]
    signed(sipca, csr_file("b", cn="s.lab", key=new_key()), "--device", "sbc1")
    assert sipca(*words, "--no-crl").exit == 0

    again = sipca(*words)
    number = sipca("crl", "--json").json["crl"]["number"]
    by_serial = sipca("revoke", old[:12], "--reason", "superseded", "--json")

    assert again.exit == 0, again.err
    assert f"already revoked  {old}  sbc1" in again.out
    assert "OCSP says so from now on" not in again.out
    assert "1 entries" in again.out
    assert crl_reasons(sipca) == {old: "superseded"}
    assert (by_serial.exit, by_serial.json["changed"]) == (0, [])
    assert [each["serial"] for each in by_serial.json["already"]] == [old]
    assert sipca("crl", "--json").json["crl"]["number"] == number
    assert sipca("revoke", old[:12], "--reason", "cessation").exit == 6


def test_superseded_ones_of_several_devices_are_listed_and_none_is_revoked(
    sipca: CommandLine, csr_file: Csr
) -> None:
    for device in ("s", "t"):
        for _ in range(2):
            request = csr_file("x", "dns:shared.lab", cn=f"{device}.lab", key=new_key())
            signed(sipca, request, "--device", device)

    answer = sipca("revoke", "shared.lab", "--reason", "superseded")

    assert answer.exit == 6
    assert "'shared.lab' could be any of 2 certificates" in answer.err


def test_for_another_reason_the_current_one_is_revoked_and_older_ones_are_named(
    sipca: CommandLine, csr_file: Csr
) -> None:
    first = signed(sipca, csr_file("a", cn="s.lab"), "--device", "s")
    second = signed(sipca, csr_file("b", cn="s.lab", key=new_key()), "--device", "s")

    answer = sipca("revoke", "s", "--reason", "cessation", "--json").json

    assert [each["serial"] for each in answer["changed"]] == [second["serial"]]
    assert [each["serial"] for each in answer["older"]] == [first["serial"]]


@pytest.mark.parametrize(
    ("change", "rule", "said"),
    [
        (("revoke", "s", "--reason", "cessation"), "revoked-before", "was revoked on"),
        (("revoke", "s", "--reason", "hold"), "held-before", "is on hold since"),
        (None, "superseded-before", "which has another key"),
    ],
)
def test_a_request_whose_certificate_was_taken_away_is_signed_again_only_if_that_is_meant(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, change: tuple[str, ...] | None, rule: str,
    said: str,
) -> None:  # fmt: skip
    request, out = csr_file("a", cn="s.lab"), tmp_path / "out"
    signed(sipca, request, "--device", "s")
    if change is None:
        signed(sipca, csr_file("b", cn="s.lab", key=new_key()), "--device", "s")
        (tmp_path / "b.csr").unlink()
    else:
        assert sipca(*change).exit == 0
    other = csr_file("other", cn="other.lab", key=EC_KEY)

    answer = sipca("sign", request, other, "--out", out, "--json")

    assert answer.exit == 4
    (refused,) = answer.json["refused"]
    assert (refused["rule"], refused["kind"]) == (rule, "refused")
    assert said in refused["message"]
    assert "--again signs it all the same" in refused["hint"]
    assert len(answer.json["signed"]) == 1
    assert f"[{rule}]" in sipca("sign", request).err
    assert signed(sipca, request, "--device", "s", "--again")["serial"]


def test_a_file_in_the_way_says_which_certificate_and_key_it_holds(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    old = signed(sipca, csr_file("a", cn="one.lab"), "--out", out)

    answer = sipca("sign", csr_file("a", cn="two.lab", key=new_key()), "--out", out)

    assert answer.exit == 6
    assert f"holds certificate {old['serial'][:12]} (one.lab) of key " in answer.err


def test_beside_another_its_file_is_a_conflict(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    request, out = csr_file("a", cn="one.lab"), tmp_path / "out"
    signed(sipca, request, "--out", out)

    assert sipca("sign", request, "--again", "--beside", "--out", out).exit == 6
    assert sipca("sign", request, "--again", "--out", out).exit == 0


def test_a_device_of_letters_beyond_ascii_has_its_certificate_superseded(
    sipca: CommandLine, csr_file: Csr
) -> None:
    words = ("--device", "\u00c4lteres Gateway")
    old = signed(sipca, csr_file("a", cn="s.lab"), *words)

    new = signed(sipca, csr_file("b", cn="s.lab", key=new_key()), *words)

    assert new["supersedes"] == old["serial"]


def test_a_copy_of_a_profile_under_another_name_is_the_same_profile(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("profile", "new", "mine", "--from", "sip")
    signed(sipca, csr_file("z", cn="z.lab", key=new_key()))  # sip's text is in the register first
    words = ("--device", "s", "--profile", "mine")
    old = signed(sipca, csr_file("a", cn="s.lab"), *words)

    new = signed(sipca, csr_file("b", cn="s.lab", key=new_key()), *words)

    assert new["supersedes"] == old["serial"]


def test_issued_by_a_copied_profile_the_earlier_one_is_superseded(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("profile", "new", "mine", "--from", "sip")
    sipca("issue", "other.lab", "--out", tmp_path / "o")  # sip's text is in the register first
    words = ("issue", "p.lab.example", "--profile", "mine", "--json")
    old = sipca(*words, "--out", tmp_path / "a").json

    new = sipca(*words, "--out", tmp_path / "b").json

    assert new["supersedes"] == old["serial"]


def test_the_reason_of_one_that_was_revoked_before_stays(sipca: CommandLine, csr_file: Csr) -> None:
    old = signed(sipca, csr_file("a", cn="s.lab"), "--device", "s")
    assert sipca("revoke", "s", "--reason", "affiliation-changed").exit == 0

    answer = sipca("rekey", old["serial"], "--csr", csr_file("b", cn="s.lab", key=new_key()), "--revoke-old")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert crl_reasons(sipca) == {old["serial"]: "affiliationChanged"}


@pytest.mark.parametrize("words", [(), ("--revoke-old",)], ids=["", "revoke-old"])
def test_older_ones_that_are_still_valid_are_told_until_they_are_revoked(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, words: tuple[str, ...]
) -> None:
    sipca("sign", csr_file("s", cn="s.lab.example"), "--device", "s", "--out", tmp_path)
    for _ in range(2):
        sipca("renew", "s", "--out", tmp_path)

    answer = sipca("renew", "s", "--out", tmp_path, *words, "--json")
    text = sipca("renew", "s", "--out", tmp_path, *words).err
    sipca("revoke", "s", "--reason", "superseded")
    left = sipca("list", "--all", "--status", "superseded", "--json").json["certificates"]
    again = sipca("revoke", "s", "--reason", "superseded")
    last = sipca("renew", "s", "--out", tmp_path, "--json")

    (old,) = answer.json["signed"][0]["superseded"]
    assert (old["older_valid"], old["revoked"]) == (2, bool(words))
    older = 2 if words else 3
    assert f"{older} older ones are still valid, too: sipca revoke NAME --reason superseded" in text
    assert left == []
    assert again.exit == 0, again.err
    assert last.json["signed"][0]["superseded"][0]["older_valid"] == 0


def test_a_device_with_a_new_name_for_its_own_key_is_no_clone_of_itself(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("a", cn="old.lab.example"), "--device", "sbc2")

    renamed = sipca("sign", csr_file("b", cn="new.lab.example"), "--device", "sbc2", "--json")
    cloned = sipca("sign", csr_file("c", cn="other.lab.example"), "--device", "sbc3", "--json")

    (entry,), (other,) = renamed.json["signed"], cloned.json["signed"]
    assert "reused-key" not in {each["code"] for each in entry["findings"]}
    assert entry["supersedes"] is not None
    assert "reused-key" in {each["code"] for each in other["findings"]}
