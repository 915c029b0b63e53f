"""``renew``: the same key and names, new dates, the same file names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import EC_KEY, NOW, SAMPLES, CommandLine, cut_off

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]
DAY = timedelta(days=1)


def leaf(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def key_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def renewed(sipca: CommandLine, *words: object) -> list[dict[str, Any]]:
    answer = sipca("renew", *words, "--json")
    assert answer.exit == 0, answer.err or answer.out
    return answer.json["signed"]


def test_nothing_is_due_and_that_is_no_failure(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("a"), "--device", "s")

    answer = sipca("renew", "--out", tmp_path / "out")

    assert answer.exit == 0
    assert re.search(r"nothing is due; next: s in \d+ d\n", answer.err)
    assert not (tmp_path / "out").exists()


def test_what_is_due_gets_the_same_key_and_names_with_new_dates_under_the_same_file_names(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, frozen: Clock
) -> None:
    out = tmp_path / "out"
    frozen(NOW)
    words = ("--device", "sbc1", "--context", "2", "--fullchain", "--out", out)
    sipca("sign", csr_file("sbc", "ip:10.0.0.1", cn="sbc1.lab.example"), *words)
    sipca("sign", csr_file("gw", cn="gw.lab.example", key=EC_KEY), "--out", out, "--lifetime", "30d")  # fmt: skip
    files = sorted(path.name for path in out.iterdir())
    before = {name: leaf(out / name) for name in ("sbc-ctx2-device.pem", "gw-device.pem")}
    frozen(NOW + 800 * DAY)

    entries = renewed(sipca, "--out", out)

    assert {each["source"].split("/")[-1] for each in entries} == {"sbc.csr", "gw.csr"}
    assert sorted(path.name for path in out.iterdir()) == files
    for name, old in before.items():
        new = leaf(out / name)
        assert new.subject == old.subject
        assert key_of(new) == key_of(old)
        names = x509.SubjectAlternativeName
        assert (
            new.extensions.get_extension_for_class(names).value
            == old.extensions.get_extension_for_class(names).value
        )
        assert new.not_valid_after_utc > old.not_valid_after_utc
    whole = (out / "sbc-ctx2-fullchain.pem").read_bytes()
    assert x509.load_pem_x509_certificates(whole)[0] == leaf(out / "sbc-ctx2-device.pem")
    assert leaf(out / "gw-device.pem").not_valid_after_utc < NOW + 832 * DAY  # its own lifetime
    codes = {each["code"] for each in sipca("check", "--json").json["findings"]}
    assert not {code for code in codes if code.startswith("certificate-")}
    assert renewed(sipca, "--out", out) == []


def test_a_named_certificate_is_renewed_at_once_and_within_a_span_only_if_it_is_due(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = sipca("sign", csr_file("a"), "--device", "s", "--json").json["signed"][0]

    assert renewed(sipca, "s", "--renew-before", "30d", "--out", out) == []
    (entry,) = renewed(sipca, "s", "--out", out)
    (again,) = renewed(sipca, "--device", "S", "--out", out)
    (due,) = renewed(sipca, "--expiring", "3000d", "--out", out)

    assert entry["supersedes"] == first["serial"]
    assert again["supersedes"] == entry["serial"]
    assert due["supersedes"] == again["serial"]


def test_what_was_allowed_by_name_at_first_is_allowed_again_and_said(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    request = csr_file("w", "dns:*.lab.example", cn="a.lab.example")
    assert sipca("sign", request, "--allow", "wildcard").exit == 0

    (entry,) = renewed(sipca, "a.lab.example", "--out", tmp_path / "out")

    (finding,) = [each for each in entry["findings"] if each["code"] == "wildcard"]
    assert finding["message"].endswith("(allowed by the operator)")


def test_names_that_the_operator_chose_are_kept(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    words = ("--replace-san", "--cn", "b.lab.example", "--san", "ip:10.0.0.7")
    first = sipca("sign", csr_file("a", "dns:a.lab.example"), *words, "--json").json["signed"][0]

    (entry,) = renewed(sipca, "b.lab.example", "--out", tmp_path / "out")

    assert (entry["subject"], entry["san"]) == (first["subject"], first["san"])


def test_of_an_issued_one_the_key_file_stays_as_it_is(
    sipca: CommandLine, tmp_path: Path, frozen: Clock
) -> None:
    out = tmp_path / "p"
    frozen(NOW)
    sipca("issue", "p.lab.example", "10.0.0.9", "--lifetime", "90d", "--out", out)
    key, old = (out / "p.lab.example.key").read_bytes(), leaf(out / "p.lab.example-device.pem")
    frozen(NOW + 80 * DAY)

    (entry,) = renewed(sipca, "--out", out)

    new = leaf(out / "p.lab.example-device.pem")
    assert (out / "p.lab.example.key").read_bytes() == key
    assert key_of(new) == key_of(old)
    assert entry["san"] == ["dns:p.lab.example", "ip:10.0.0.9"]
    assert (out / "p.lab.example-fullchain.pem").read_text().startswith(entry["certificate_pem"])
    assert sipca("issue", "p.lab.example", "10.0.0.9", "--lifetime", "90d", "--out", out, "--json").json["made"] == "nothing"  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("revoke", "s", "--reason", "cessation"), 4, "is revoked and cannot be renewed"),
        (("revoke", "s", "--reason", "hold"), 4, "is held and cannot be renewed"),
        (("renew", "s", "--out", "{out}"), 6, "is superseded by"),
    ],
)
def test_what_is_not_in_use_is_not_renewed(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, change: tuple[str, ...], code: int, said: str
) -> None:
    out = tmp_path / "out"
    first = sipca("sign", csr_file("a"), "--device", "s", "--json").json["signed"][0]
    sipca(*(word.format(out=out) for word in change))

    answer = sipca("renew", first["serial"], "--out", out)

    assert answer.exit == code
    assert said in answer.err


def test_a_ca_is_not_renewed_here(sipca: CommandLine, tmp_path: Path) -> None:
    (ca,) = sipca("list", "--profile", "issuing", "--json").json["certificates"]

    answer = sipca("renew", ca["serial"], "--out", tmp_path)

    assert answer.exit == 4
    assert "is the certificate of a CA" in answer.err


def test_one_that_todays_rules_refuse_does_not_stop_the_others(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, frozen: Clock
) -> None:
    frozen(NOW)
    out, keys = tmp_path / "out", [ec.generate_private_key(ec.SECP256R1()) for _ in "ab"]
    profile = sipca.home / "profiles" / "mine.toml"
    sipca("profile", "new", "mine", "--from", "sip")
    profile.write_text(f"{profile.read_text()}# of this lab\n")
    for stem, key in zip("ab", keys, strict=True):
        words = ("--profile", "mine") if stem == "a" else ()
        sipca("sign", csr_file(stem, cn=f"{stem}.lab.example", key=key), *words)
    profile.unlink()
    frozen(NOW + 790 * DAY)

    answer = sipca("renew", "--out", out, "--json")

    assert answer.exit == 5
    assert [each["subject"] for each in answer.json["signed"]] == ["CN=b.lab.example"]
    assert "no profile 'mine'" in answer.json["refused"][0]["message"]


def test_two_of_one_file_name_are_not_both_written(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        key = ec.generate_private_key(ec.SECP256R1())
        sipca("sign", csr_file("device", cn=f"{name}.lab.example", key=key))

    answer = sipca("renew", "a.lab.example", "b.lab.example", "--out", tmp_path / "o", "--json")

    assert answer.exit == 6
    assert len(answer.json["signed"]) == 1
    assert "would both be written to 'device-device.pem'" in answer.json["refused"][0]["message"]


@pytest.mark.parametrize("step", ["planned", "signed", "recorded"])
def test_a_renewal_cut_off_at_any_step_is_finished_by_the_next(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, frozen: Clock, step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from ca.authority.home import Home

    out = tmp_path / "out"
    frozen(NOW)
    sipca("sign", csr_file("a", cn="a.lab.example"), "--lifetime", "90d", "--out", out)
    old = leaf(out / "a-device.pem")
    frozen(NOW + 85 * DAY)
    with monkeypatch.context() as patch:
        patch.setattr(Home, "step", lambda _, name: cut_off() if name == step else None)
        assert sipca("renew", "--out", out).exit == 130

    frozen(NOW + 86 * DAY)
    assert sipca("renew", "--out", out).exit == 0

    new = leaf(out / "a-device.pem")
    assert new.serial_number != old.serial_number
    (current,) = sipca("list", "--json").json["certificates"]
    assert int(current["serial"], 16) == new.serial_number
    assert sipca("log", "--verify").exit == 0


def test_a_dry_run_writes_nothing_and_a_report_is_the_document(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("a"), "--device", "s")
    out, report = tmp_path / "out", tmp_path / "report.json"

    answer = sipca("renew", "s", "--dry-run", "--out", out, "--report", report, "--json")

    assert answer.exit == 0
    assert report.read_text() == answer.out
    assert answer.json["signed"][0]["serial"] is None
    assert not out.exists()


def test_two_spans_or_two_choices_are_wrong_usage(sipca: CommandLine, tmp_path: Path) -> None:
    spans = sipca("renew", "--expiring", "1d", "--renew-before", "1d", "--out", tmp_path)
    choices = sipca("renew", "s", "--device", "s", "--out", tmp_path)

    assert (spans.exit, choices.exit) == (2, 2)
    assert "two spans" in spans.err
    assert "two choices" in choices.err


def test_a_device_that_has_no_certificate_is_not_taken_for_one_with_nothing_due(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("a"), "--device", "s")

    answer = sipca("renew", "--device", "t", "--out", tmp_path / "out")

    assert answer.exit == 5
    assert "no certificate of a device 't' is known" in answer.err


def test_the_sheet_of_the_older_certificate_is_named_with_the_command_that_writes_it_anew(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "kit"
    sipca("sign", csr_file("a", cn="a.lab"), "--device", "s", "--context", "2")
    sipca("export", "s", "--target", "audiocodes-7.4", "--out", out)

    answer = sipca("renew", "s", "--out", out)

    told = f"{out} has the sheet of an older certificate: sipca export "
    (line,) = (each for each in answer.err.splitlines() if each.startswith(told))
    command = line.partition(": sipca ")[2].split()
    assert sipca(*command).exit == 0, line
    assert "the sheet of" not in sipca("renew", "s", "--out", tmp_path / "plain").err


def test_one_whose_key_sipca_made_for_a_server_gets_no_steps_of_a_device(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("issue", "sip1.lab.test", "--target", "kamailio", "--out", tmp_path / "sip1")

    alone = sipca("renew", "sip1.lab.test", "--out", tmp_path / "kit")
    sipca("sign", csr_file("a", cn="a.lab"), "--device", "s")
    both = sipca("renew", "--expiring", "30y", "--out", tmp_path / "both")

    told = "sip1.lab.test: its key was made by sipca issue; a server's files: sipca issue sip1"
    assert told in alone.err
    assert "next, on the device" not in alone.err
    assert told in both.err
    assert f"{tmp_path / 'both' / 'a-device.pem'}" in both.err.partition("next, on the device")[2]


def test_all_is_a_span_and_an_unknown_option_says_so(sipca: CommandLine, tmp_path: Path) -> None:
    answer = sipca("renew", "--all", "--out", tmp_path)

    assert answer.exit == 2
    assert "'--expiring 30y' means all of them" in answer.err


def test_a_request_from_stdin_is_called_by_its_device(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", "-", "--device", "s", stdin=csr_file("a", cn="a.lab").read_bytes())

    answer = sipca("renew", "s", "--out", tmp_path / "out")

    assert "s: supersedes " in answer.err
    assert "-: supersedes" not in answer.err


def test_a_dry_run_says_what_would_be_done(sipca: CommandLine, tmp_path: Path) -> None:
    for name in ("sbc1", "sbc2-five-san"):
        assert sipca("sign", SAMPLES / f"{name}.csr").exit == 0
    batch = sipca("sign", SAMPLES / "sbc1.csr", SAMPLES / "ec-p256.csr", "--dry-run", "--again",
                  "--out", tmp_path / "a")  # fmt: skip
    renewal = sipca("renew", "sbc1.lab.example", "--dry-run", "--out", tmp_path / "b")

    assert "\nwould sign 2   skipped 0" in batch.err
    assert "\nwould renew 1   skipped 0" in renewal.err
    for answer in (batch, renewal):
        assert "dry run: nothing was written" in answer.err
        assert not any(line.startswith("signed") for line in answer.err.splitlines())
