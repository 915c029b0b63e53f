"""``revoke``, ``release``, ``crl``: what is recorded, what is told, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY, NOW, PASSPHRASE, RSA_KEY, Answer, CommandLine, cut_off

Csr = Callable[..., Path]


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """Two devices, one with certificates in two contexts."""
    for stem, context in (("sbc1", 0), ("sbc1", 2)):
        key = ec.generate_private_key(ec.SECP256R1())
        file = csr_file(f"{stem}-{context}", f"dns:{stem}.lab.example", key=key)
        assert sipca("sign", file, "--device", stem, "--context", context).exit == 0
    assert sipca("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)).exit == 0
    return sipca


def crl(answer: Answer) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(answer.out.encode())


def told(lab: CommandLine, *words: str) -> dict[str, str]:
    """What the newest CRL tells: reason by serial."""
    entries = {}
    for entry in crl(lab("crl", *words)):
        try:
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except x509.ExtensionNotFound:
            reason = ""
        entries[f"{entry.serial_number:x}"] = reason
    return entries


def serials(lab: CommandLine, *words: str) -> list[str]:
    return [each["serial"] for each in lab("list", "--all", "--json", *words).json["certificates"]]


def test_a_revocation_is_told_by_list_and_by_the_crl_of_the_same_call(lab: CommandLine) -> None:
    answer = lab("revoke", "gw1.lab.example", "--reason", "superseded", "--json").json

    (serial,) = serials(lab, "--status", "revoked")
    assert [each["serial"] for each in answer["changed"]] == [serial]
    assert answer["pending"] is None
    assert answer["crls"][0]["pending"] is False
    assert told(lab) == {serial: "superseded"}


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
    lab: CommandLine, reason: str, code: str
) -> None:
    assert lab("revoke", "gw1.lab.example", "--reason", reason).exit == 0

    assert list(told(lab).values()) == [code]


def test_several_current_matches_are_listed_and_nothing_changes(lab: CommandLine) -> None:
    answer = lab("revoke", "sbc1")

    assert answer.exit == 6
    assert "'sbc1' could be any of 2 certificates" in answer.err
    assert all(serial in answer.err for serial in serials(lab, "--device", "sbc1"))
    assert serials(lab, "--status", "revoked") == []


def test_one_bad_ref_among_several_revokes_none(lab: CommandLine) -> None:
    answer = lab("revoke", "gw1.lab.example", "no-such.lab.example")

    assert answer.exit == 5
    assert serials(lab, "--status", "revoked") == []


def test_revoking_twice_is_exit_6_and_harmless(lab: CommandLine) -> None:
    lab("revoke", "gw1.lab.example")
    before = lab("status", "--json").json["audit_head"]

    answer = lab("revoke", "gw1.lab.example", "--reason", "superseded")

    assert answer.exit == 6
    assert "is revoked already, since" in answer.err
    assert lab("status", "--json").json["audit_head"] == before


def test_a_later_key_compromise_upgrades_the_reason_as_a_new_event(lab: CommandLine) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "superseded")

    assert lab("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 0

    assert list(told(lab).values()) == ["keyCompromise"]
    actions = [each["action"] for each in lab("log", "--json").json["events"]]
    assert actions.count("revoked") == 2
    assert lab("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 6


def test_a_hold_is_released_and_absent_from_the_next_crl(lab: CommandLine) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "hold")
    assert lab("list", "--status", "held", "--json").json["certificates"]

    assert lab("release", "gw1.lab.example").exit == 0

    assert told(lab) == {}
    assert lab("show", "gw1.lab.example", "--json").json["certificate"]["status"] == "valid"


def test_a_hold_can_be_made_final_but_not_twice(lab: CommandLine) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "hold")

    assert "held already" in lab("revoke", "gw1.lab.example", "--reason", "hold").err
    assert lab("revoke", "gw1.lab.example", "--reason", "cessation").exit == 0
    answer = lab("release", "gw1.lab.example")

    assert answer.exit == 6
    assert "that is for good" in answer.err


def test_releasing_what_is_not_held_is_exit_6(lab: CommandLine) -> None:
    answer = lab("release", "gw1.lab.example")

    assert answer.exit == 6
    assert "is not held" in answer.err


def test_a_root_is_not_revoked_and_the_issuing_ca_goes_on_the_roots_crl(
    lab: CommandLine, csr_file: Csr
) -> None:
    refused = lab("revoke", "Test Lab Root")
    done = lab("revoke", "Test Lab Issuing", "--reason", "ca-compromise")

    assert refused.exit == 4
    assert "a root cannot be revoked" in refused.err
    assert done.exit == 0
    assert list(told(lab, "--ca", "root").values()) == ["cACompromise"]
    assert told(lab) == {}
    after = lab("sign", csr_file("new", key=RSA_KEY))
    assert after.exit == 4
    assert "Test Lab Issuing is revoked and signs nothing more" in after.err


def test_a_compromised_key_is_never_certified_again(lab: CommandLine, csr_file: Csr) -> None:
    again = csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)
    lab("revoke", "gw1.lab.example", "--reason", "key-compromise")

    for words in ((again,), (again, "--again"), (again, "--dry-run")):
        answer = lab("sign", *words)

        assert answer.exit == 4
        assert "was revoked for key-compromise and is never certified again" in answer.err
    shown = lab("csr", "show", again, "--profile", "sip", "--json").json
    assert "never certified again" in shown["findings"][-1]["message"]
    assert shown["account"] == []


def test_other_reasons_do_not_block_a_key(lab: CommandLine, csr_file: Csr) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "superseded")

    assert lab("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY)).exit == 0


def test_live_certificates_of_a_compromised_key_are_listed_or_revoked_too(
    lab: CommandLine, csr_file: Csr
) -> None:
    lab("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")
    first, second = serials(lab)[-2:]

    listed = lab("revoke", first, "--reason", "key-compromise", "--json").json
    assert [each["serial"] for each in listed["same_key"]] == [second]
    both = lab("revoke", second, "--reason", "key-compromise", "--all-with-key", "--json").json

    assert both["same_key"] == []
    assert set(told(lab)) == {first, second}


def test_all_with_key_revokes_the_others_in_the_same_call(lab: CommandLine, csr_file: Csr) -> None:
    lab("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")
    first, second = serials(lab)[-2:]

    assert lab("revoke", first, "--reason", "key-compromise", "--all-with-key").exit == 0

    assert set(told(lab)) == {first, second}
    assert lab("revoke", first, "--all-with-key").exit == 2


def test_a_key_blocked_between_judging_and_planning_is_refused(
    lab: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process revokes while this one opens the issuing key."""
    from ca.authority.home import Home

    real = Home.signer

    def meanwhile(home: Home, ca: object) -> object:
        monkeypatch.setattr(Home, "signer", real)
        assert lab("revoke", "gw1.lab.example", "--reason", "key-compromise").exit == 0
        return real(home, ca)  # type: ignore[arg-type]

    monkeypatch.setattr(Home, "signer", meanwhile)
    answer = lab("sign", csr_file("gw1", "dns:gw1.lab.example", key=EC_KEY), "--again")

    assert answer.exit == 4
    assert "never certified again" in answer.err
    assert answer.out == ""


def test_a_certificate_revoked_between_judging_and_handing_out_is_not_handed_out(
    lab: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.authority import signing

    real = signing.still_allowed

    def meanwhile(*arguments: object) -> object:
        monkeypatch.setattr(signing, "still_allowed", real)
        home = arguments[0].home  # type: ignore[attr-defined]
        home.store.connection.execute("ROLLBACK")
        assert lab("revoke", "gw1.lab.example").exit == 0
        home.store.connection.execute("BEGIN")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(signing, "still_allowed", meanwhile)
    answer = lab("sign", tmp_path / "gw1.csr")

    assert answer.exit == 6
    assert "was revoked at this very moment" in answer.err
    assert answer.out == ""


def test_no_crl_leaves_it_pending_and_says_how_to_make_it(lab: CommandLine) -> None:
    answer = lab("revoke", "gw1.lab.example", "--no-crl")

    assert answer.exit == 0
    assert "does not tell this yet" in answer.out
    assert " --refresh" in answer.out
    assert [f["code"] for f in lab("check", "--json").json["findings"]] == ["crl-pending"]
    assert len(told(lab)) == 1, "a plain crl tells what is pending"
    assert lab("check").exit == 0


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
    assert "none to be had" in answer.json["pending"]
    assert answer.json["crls"][0]["pending"] is True
    assert newest.exit == 7
    assert newest.out == ""
    assert wrong.json["findings"][0]["code"] == "crl-pending"
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    assert len(told(bare)) == 1


def test_a_planned_serial_without_result_can_be_revoked_by_serial(
    lab: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.authority.crew.issue", cut_off)
    assert lab("sign", csr_file("new", key=RSA_KEY)).exit == 130
    monkeypatch.undo()
    (planned,) = serials(lab, "--status", "planned")

    assert lab("revoke", planned).exit == 5
    assert lab("revoke", "--serial", planned, "--reason", "key-compromise").exit == 0

    assert told(lab) == {planned: "keyCompromise"}
    answer = lab("sign", csr_file("new", key=RSA_KEY))
    assert "never certified again" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name a certificate"),
        (("--serial", "xyz"), 3, "'xyz' is no serial"),
        (("--serial", "abcd1234"), 5, "no serial begins with abcd1234"),
        (("gw1.lab.example", "--reason", "boredom"), 2, "none of unspecified"),
        (("gw1.lab.example", "--invalid-since", "2099-01-01"), 3, "lies in the future"),
        (("gw1.lab.example", "--invalid-since", "lately"), 2, "is no date or moment"),
    ],
)
def test_what_cannot_be_revoked_is_named(
    lab: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = lab("revoke", *words)

    assert answer.exit == code
    assert said in answer.err


def test_the_date_since_when_a_key_is_suspect_is_told(lab: CommandLine) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "key-compromise", "--invalid-since", "2026-01-02")

    (entry,) = crl(lab("crl"))
    date = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert f"{date.invalidity_date_utc:%Y-%m-%d %H:%M}" == "2026-01-02 00:00"


def test_crl_hands_out_the_newest_until_a_new_one_is_needed(
    lab: CommandLine, frozen: Callable[..., None]
) -> None:
    frozen(NOW)
    lab("crl", "--refresh")
    first = crl(lab("crl", "--if-within", "7d"))
    frozen(NOW + timedelta(days=172, hours=23))
    fresh = lab("crl", "--if-within", "7d")
    frozen(NOW + timedelta(days=173, hours=1))
    renewed = lab("crl", "--if-within", "7d")

    assert crl(fresh).fingerprint(first.signature_hash_algorithm) == first.fingerprint(  # type: ignore[arg-type]
        first.signature_hash_algorithm  # type: ignore[arg-type]
    )
    assert "still fresh: CRL" in fresh.err
    assert crl(renewed).last_update_utc == NOW + timedelta(days=173, hours=1)
    assert "made: CRL" in renewed.err
    assert crl(renewed).next_update_utc - crl(renewed).last_update_utc == timedelta(days=180)


def test_a_crl_number_rises_though_the_clock_goes_back(
    lab: CommandLine, frozen: Callable[..., None]
) -> None:
    def number(answer: Answer) -> int:
        return crl(answer).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    frozen(NOW)
    first = number(lab("crl", "--refresh"))
    frozen(NOW - timedelta(days=400))
    finding = lab("check", "--json").json["findings"][0]
    second = number(lab("crl", "--refresh", "--allow", "clock-behind"))
    frozen(NOW + timedelta(days=1))
    third = number(lab("crl", "--refresh"))

    assert first < second < third
    assert third == int((NOW + timedelta(days=1)).timestamp())
    assert second == first + 1
    assert finding["code"] == "clock-behind"


def test_a_revoked_certificate_that_expired_stays_for_one_crl_after_its_end(
    lab: CommandLine, frozen: Callable[..., None], csr_file: Csr
) -> None:
    frozen(NOW)
    lab("sign", csr_file("brief", "dns:brief.lab.example", key=RSA_KEY), "--lifetime", "10d")
    lab("revoke", "brief.lab.example")
    appeared = []
    for days in (5, 20, 30, 40):
        frozen(NOW + timedelta(days=days))
        appeared.append(len(crl(lab("crl", "--refresh"))))

    assert appeared == [1, 1, 0, 0]


def test_a_certificate_revoked_after_its_end_appears_once(
    lab: CommandLine, frozen: Callable[..., None], csr_file: Csr
) -> None:
    frozen(NOW)
    lab("sign", csr_file("brief", "dns:brief.lab.example", key=RSA_KEY), "--lifetime", "10d")
    frozen(NOW + timedelta(days=20))
    lab("crl", "--refresh")
    lab("revoke", "brief.lab.example", "--no-crl")

    assert [len(crl(lab("crl", "--refresh"))) for _ in range(2)] == [1, 0]


def test_an_empty_crl_has_no_revoked_certificates_and_no_distribution_point(
    lab: CommandLine,
) -> None:
    made = crl(lab("crl"))

    assert len(made) == 0
    assert [each.oid.dotted_string for each in made.extensions] == ["2.5.29.35", "2.5.29.20"]


def test_a_crl_file_is_replaced_by_a_newer_one_but_nothing_else_is(
    lab: CommandLine, tmp_path: Path
) -> None:
    file, other = tmp_path / "lab.crl", tmp_path / "notes.txt"
    other.write_text("mine")

    for format_ in ("der", "pem", "pem", "der"):
        assert lab("crl", "-o", file, "--format", format_, "--refresh").exit == 0
    answer = lab("crl", "-o", other)
    wrong_ca = lab("crl", "--ca", "root", "-o", file)

    assert x509.load_der_x509_crl(file.read_bytes()).next_update_utc
    assert answer.exit == wrong_ca.exit == 6
    assert "is no CRL of Test Lab Issuing" in answer.err
    assert other.read_text() == "mine"
    assert lab("crl", "-o", tmp_path).exit == 6


def test_a_ca_is_named_by_role_or_by_its_hex_digits(lab: CommandLine) -> None:
    root = lab("status", "--json").json["cas"][0]["id"]

    assert crl(lab("crl", "--ca", root)).issuer == crl(lab("crl", "--ca", "root")).issuer
    answer = lab("crl", "--ca", "nobody")
    assert answer.exit == 5
    assert root in answer.err


def test_refresh_and_if_within_are_two_wishes(lab: CommandLine) -> None:
    assert lab("crl", "--refresh", "--if-within", "7d").exit == 2


def test_an_ended_ca_signs_no_crl(lab: CommandLine, frozen: Callable[..., None]) -> None:
    frozen(NOW + timedelta(days=365 * 11))

    answer = lab("crl", "--refresh")

    assert answer.exit == 4
    assert "signs no CRL" in answer.err


def test_status_counts_what_list_shows(
    lab: CommandLine, csr_file: Csr, frozen: Callable[..., None]
) -> None:
    """The count is made in SQL, the list in Python: both must mean the same."""
    frozen(NOW)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(5)]
    for number, key in enumerate(keys):
        words = ("--lifetime", "10d") if number == 0 else ()
        assert (
            lab("sign", csr_file(f"n{number}", cn=f"n{number}.lab.example", key=key), *words).exit
            == 0
        )
    lab("revoke", "n1.lab.example")
    lab("revoke", "n2.lab.example", "--reason", "hold")
    again = csr_file("n3b", "dns:n3.lab.example", cn="n3.lab.example", key=keys[3])
    assert lab("sign", again, "--supersedes", "n3.lab.example").exit == 0
    for days in (-400, 0, 30, 4000):
        frozen(NOW + timedelta(days=days))
        listed: dict[str, int] = {}
        for each in lab("list", "--all", "--json").json["certificates"]:
            listed[each["status"]] = listed.get(each["status"], 0) + 1
        assert lab("status", "--json").json["certificates"] == dict(sorted(listed.items()))
    assert {"revoked", "held"} <= set(listed)


def test_exporting_what_is_not_current_says_so(lab: CommandLine, tmp_path: Path) -> None:
    lab("revoke", "gw1.lab.example", "--reason", "hold")

    answer = lab("export", "gw1.lab.example", "--out", tmp_path / "k")

    assert answer.exit == 0
    assert "note: this certificate is held" in answer.out
