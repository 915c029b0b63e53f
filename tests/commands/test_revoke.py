"""``revoke``: what is recorded, what the CRL lists, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.lab import EC_KEY, PASSPHRASE, RSA_KEY, CommandLine, cut_off
from stand_in.revocations import all_serials, crl_reasons, parsed_crl

Csr = Callable[..., Path]


def test_a_revocation_is_told_by_list_and_by_the_crl_of_the_same_call(
    two_devices: CommandLine,
) -> None:
    answer = two_devices("revoke", "gw1.lab.example", "--reason", "cessation", "--json").json

    (serial,) = all_serials(two_devices, "--status", "revoked")
    assert [each["serial"] for each in answer["changed"]] == [serial]
    assert answer["pending"] is None
    assert answer["crls"][0]["pending"] is False
    assert crl_reasons(two_devices) == {serial: "cessationOfOperation"}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("unspecified", ""),
        ("key-compromise", "keyCompromise"),
        ("ca-compromise", "cACompromise"),
        ("affiliation-changed", "affiliationChanged"),
        ("superseded", "superseded"),
        ("cessation", "cessationOfOperation"),
        ("hold", "certificateHold"),
    ],
)
def test_every_reason_of_rfc_5280_is_told_and_unspecified_left_out(
    two_devices: CommandLine, reason: str, code: str
) -> None:
    serial = two_devices("show", "gw1.lab.example", "--json").json["certificate"]["serial"]

    assert two_devices("revoke", serial, "--reason", reason).exit == 0

    assert list(crl_reasons(two_devices).values()) == [code]


def test_several_current_matches_are_listed_and_nothing_changes(two_devices: CommandLine) -> None:
    answer = two_devices("revoke", "sbc1")

    assert answer.exit == 6
    assert "'sbc1' could be any of 2 certificates" in answer.err
    assert all(serial in answer.err for serial in all_serials(two_devices, "--device", "sbc1"))
    assert all_serials(two_devices, "--status", "revoked") == []


def test_one_bad_ref_among_several_revokes_none(two_devices: CommandLine) -> None:
    answer = two_devices("revoke", "gw1.lab.example", "no-such.lab.example")

    assert answer.exit == 5
    assert all_serials(two_devices, "--status", "revoked") == []


def test_revoking_twice_is_exit_6_and_harmless(two_devices: CommandLine) -> None:
    two_devices("revoke", "gw1.lab.example")
    before = two_devices("status", "--json").json["audit_head"]

    answer = two_devices("revoke", "gw1.lab.example", "--reason", "cessation")

    assert answer.exit == 6
    assert "is already revoked, since" in answer.err
    assert two_devices("status", "--json").json["audit_head"] == before


def test_a_later_key_compromise_upgrades_the_reason_as_a_new_event(
    two_devices: CommandLine,
) -> None:
    two_devices("revoke", "gw1.lab.example", "--reason", "cessation")

    assert two_devices("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 0

    assert list(crl_reasons(two_devices).values()) == ["keyCompromise"]
    actions = [each["action"] for each in two_devices("log", "--json").json["events"]]
    assert actions.count("revoked") == 2
    assert two_devices("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 6


def test_a_root_is_not_revoked_and_the_issuing_ca_goes_on_the_roots_crl(
    two_devices: CommandLine, csr_file: Csr
) -> None:
    refused = two_devices("revoke", "Test Lab Root")
    done = two_devices("revoke", "Test Lab Issuing", "--reason", "ca-compromise")

    assert refused.exit == 4
    assert "a root cannot be revoked" in refused.err
    assert done.exit == 0
    assert list(crl_reasons(two_devices, "--ca", "root").values()) == ["cACompromise"]
    assert crl_reasons(two_devices) == {}
    after = two_devices("sign", csr_file("new", key=RSA_KEY))
    assert after.exit == 4
    assert "Test Lab Issuing is revoked and can sign nothing more" in after.err


def test_a_compromised_key_is_never_certified_again(
    two_devices: CommandLine, csr_file: Csr
) -> None:
    again = csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)
    two_devices("revoke", "gw1.lab.example", "--reason", "key-compromise")

    for words in ((again,), (again, "--again"), (again, "--dry-run")):
        answer = two_devices("sign", *words)

        assert answer.exit == 4
        assert "was revoked for key-compromise and is never certified again" in answer.err
    shown = two_devices("csr", "show", again, "--profile", "sip", "--json").json
    assert "never certified again" in shown["findings"][-1]["message"]
    assert shown["account"] == []


def test_other_reasons_do_not_block_a_key(two_devices: CommandLine, csr_file: Csr) -> None:
    two_devices("revoke", "gw1.lab.example", "--reason", "cessation")

    assert two_devices("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)).exit == 0


def test_live_certificates_of_a_compromised_key_are_listed_or_revoked_too(
    two_devices: CommandLine, csr_file: Csr
) -> None:
    two_devices("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")
    first, second = all_serials(two_devices)[-2:]

    listed = two_devices("revoke", first, "--reason", "key-compromise", "--json").json
    assert [each["serial"] for each in listed["same_key"]] == [second]
    both = two_devices(
        "revoke", second, "--reason", "key-compromise", "--all-with-key", "--json"
    ).json

    assert both["same_key"] == []
    assert set(crl_reasons(two_devices)) == {first, second}


def test_all_with_key_revokes_the_others_in_the_same_call(
    two_devices: CommandLine, csr_file: Csr
) -> None:
    two_devices("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")
    first, second = all_serials(two_devices)[-2:]

    assert two_devices("revoke", first, "--reason", "key-compromise", "--all-with-key").exit == 0

    assert set(crl_reasons(two_devices)) == {first, second}
    assert two_devices("revoke", first, "--all-with-key").exit == 2


def test_a_key_blocked_between_judging_and_planning_is_refused(
    two_devices: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process revokes while this one opens the issuing key."""
    from ca.authority.home import Home

    real = Home.signer

    def meanwhile(home: Home, ca: object) -> object:
        monkeypatch.setattr(Home, "signer", real)
        assert two_devices("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 0
        return real(home, ca)  # type: ignore[arg-type]

    monkeypatch.setattr(Home, "signer", meanwhile)
    answer = two_devices("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")

    assert answer.exit == 4
    assert "never certified again" in answer.err
    assert answer.out == ""


def test_a_certificate_revoked_between_judging_and_handing_out_is_not_handed_out(
    two_devices: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.authority.signing import sign

    real = sign.still_allowed

    def meanwhile(*arguments: object) -> object:
        monkeypatch.setattr(sign, "still_allowed", real)
        home = arguments[0].home  # type: ignore[attr-defined]
        home.store.connection.execute("ROLLBACK")
        assert two_devices("revoke", "gw1.lab.example").exit == 0
        home.store.connection.execute("BEGIN")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sign, "still_allowed", meanwhile)
    answer = two_devices("sign", tmp_path / "gw1.csr")

    assert answer.exit == 6
    assert "was revoked just now" in answer.err
    assert answer.out == ""


def test_no_crl_leaves_it_pending_and_says_how_to_make_it(two_devices: CommandLine) -> None:
    answer = two_devices("revoke", "gw1.lab.example", "--no-crl")

    assert answer.exit == 0
    assert "does not list this yet" in answer.out
    assert " --refresh" in answer.out
    assert [f["code"] for f in two_devices("check", "--json").json["findings"]] == ["crl-pending"]
    assert len(crl_reasons(two_devices)) == 1, "a plain crl tells what is pending"
    assert two_devices("check").exit == 0


def test_without_a_passphrase_the_revocation_stands_and_the_crl_is_pending(
    bare: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    bare("sign", csr_file("gw1", "dns:gw1.lab.example"))
    monkeypatch.delenv("SIPCA_PASSPHRASE")

    answer = bare("revoke", "gw1.lab.example", "--json")
    newest = bare("crl")
    wrong = bare("check", "--json")

    assert answer.exit == 0
    assert "none was given" in answer.json["pending"]
    assert answer.json["crls"][0]["pending"] is True
    assert newest.exit == 7
    assert newest.out == ""
    assert wrong.json["findings"][0]["code"] == "crl-pending"
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    assert len(crl_reasons(bare)) == 1


def test_a_planned_serial_without_result_can_be_revoked_by_serial(
    two_devices: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.authority.signing.crew.issue", cut_off)
    assert two_devices("sign", csr_file("new", key=RSA_KEY)).exit == 130
    monkeypatch.undo()
    (planned,) = all_serials(two_devices, "--status", "planned")

    assert two_devices("revoke", planned).exit == 5
    assert two_devices("revoke", "--serial", planned, "--reason", "key-compromise").exit == 0

    assert crl_reasons(two_devices) == {planned: "keyCompromise"}
    answer = two_devices("sign", csr_file("new", key=RSA_KEY))
    assert "never certified again" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name a certificate"),
        (("--serial", "xyz"), 3, "'xyz' is not a serial number"),
        (("--serial", "abcd1234"), 5, "no serial begins with abcd1234"),
        (("gw1.lab.example", "--reason", "boredom"), 2, "not one of unspecified"),
        (("gw1.lab.example", "--invalid-since", "2099-01-01"), 3, "is in the future"),
        (("gw1.lab.example", "--invalid-since", "lately"), 2, "is not a date or time"),
    ],
)
def test_what_cannot_be_revoked_is_named(
    two_devices: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = two_devices("revoke", *words)

    assert answer.exit == code
    assert said in answer.err


def test_the_date_since_when_a_key_is_suspect_is_told(two_devices: CommandLine) -> None:
    two_devices(
        "revoke", "gw1.lab.example", "--reason", "key-compromise", "--invalid-since", "2026-01-02"
    )

    (entry,) = parsed_crl(two_devices("crl"))
    date = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert f"{date.invalidity_date_utc:%Y-%m-%d %H:%M}" == "2026-01-02 00:00"
