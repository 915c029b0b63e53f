"""``check``: what ends, what is overdue, what was left undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from stand_in.lab import EC_KEY, NOW, ROOT, CommandLine, cut_off

Csr = Callable[..., Path]


Clock = Callable[..., None]


def codes(sipca: CommandLine, *words: str) -> list[str]:
    return [each["code"] for each in sipca("check", "--json", *words).json["findings"]]


def test_check_warns_before_the_end_and_fails_after_it(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    for ca in ("root", "issuing"):
        sipca("crl", "--ca", ca, "--refresh", "--lifetime", "180d")
    sipca("ocsp", "rotate")
    sipca("sign", csr_file("brief"), "--lifetime", "200d")

    def at(days: int) -> tuple[int, list[str], str]:
        frozen(NOW + timedelta(days=days))
        answer = sipca("check", "--json")
        found = [each["code"] for each in answer.json["findings"]]
        return answer.exit, found, answer.json["verdict"]

    assert at(139) == (0, ["certificate-ending"], "warn")
    assert at(151) == (0, ["crl-ending", "crl-ending", "certificate-ending"], "warn")
    assert at(181) == (9, ["crl-ended", "crl-ended", "certificate-ending"], "fail")
    code, found, _ = at(380)
    ended = ["crl-ended", "crl-ended"]
    assert (code, found) == (9, [*ended, "ocsp-signer-ending", "certificate-ended"])
    code, found, _ = at(400)
    assert (code, found) == (9, [*ended, "ocsp-signer-ended", "certificate-ended"])
    code, found, _ = at(365 * 10 - 100)
    assert "ca-ending" in found
    code, found, _ = at(365 * 10 + 100)
    assert found.count("ca-ended") == 1


def test_check_shows_what_is_well_when_asked_and_names_the_command_that_mends(
    sipca: CommandLine, csr_file: Csr
) -> None:
    assert sipca("check").out == "all is well\n"
    well = ["ca-key-unprotected", "crl-fresh", "ocsp-signer-fresh"]
    assert codes(sipca, "--min-severity", "info") == well * 2
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"))
    sipca("revoke", "gw1.lab.example", "--no-crl")

    text = sipca("check").out

    assert "WARN  crl-pending  Test Lab Issuing: its CRL does not list the latest" in text
    assert "        sipca crl --ca issuing --refresh" in text
    assert codes(sipca, "--min-severity", "error") == []


def test_check_lists_certificates_that_end_within_a_span(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"), "--lifetime", "90d")

    assert codes(sipca) == []
    assert codes(sipca, "--expiring", "91d") == ["certificate-ending"]
    assert "gw1.lab.example: 89 d left" in sipca("check", "--expiring", "91d").out


def test_check_tells_of_plans_that_were_never_signed(
    sipca: CommandLine, csr_file: Csr, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(NOW + timedelta(days=1))
    monkeypatch.setattr("ca.authority.signing.crew.issue", cut_off)
    assert sipca("sign", csr_file("a")).exit == 130
    monkeypatch.setattr("ca.authority.signing.crew.issue", None)

    before = codes(sipca)
    frozen(NOW + timedelta(days=1, minutes=11))

    assert before == []
    assert codes(sipca) == ["plan-without-result"]


def test_a_finding_about_a_certificate_has_its_serial_device_context_and_end(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    words = ("--device", "sbc1", "--context", "2", "--lifetime", "40d")
    (signed,) = sipca("sign", csr_file("a"), *words, "--json").json["signed"]

    (finding,) = sipca("check", "--expiring", "60d", "--json").json["findings"]

    assert finding["code"] == "certificate-ending"
    marks = {name: finding[name] for name in ("serial", "device", "context", "not_after")}
    assert marks == {
        "serial": signed["serial"],
        "device": "sbc1",
        "context": 2,
        "not_after": signed["not_after"],
    }


def test_a_finding_about_no_certificate_has_none_of_its_fields(sipca: CommandLine) -> None:
    findings = sipca("check", "--min-severity", "info", "--json").json["findings"]

    crl, signer = (
        next(each for each in findings if each["code"] == code)
        for code in ("crl-fresh", "ocsp-signer-fresh")
    )

    assert not {"serial", "device", "context", "not_after"} & set(crl)
    assert {"serial", "not_after"} <= set(signer)


def test_strict_makes_a_warning_fail_and_nothing_else(sipca: CommandLine, csr_file: Csr) -> None:
    well = sipca("check", "--strict")
    sipca("sign", csr_file("a"), "--lifetime", "40d")
    warned = sipca("check", "--expiring", "60d", "--json")

    strict = sipca("check", "--expiring", "60d", "--strict", "--json")

    assert (well.exit, warned.exit, strict.exit) == (0, 0, 9)
    assert strict.json["verdict"] == warned.json["verdict"] == "warn"


Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples_of(file: Path) -> Samples:
    """The samples of a metrics file by name, without the label of the home."""
    found: Samples = {}
    for family in text_string_to_metric_families(file.read_text()):
        assert (family.type, bool(family.documentation)) == ("gauge", True), family
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name != "home"}
            found.setdefault(sample.name, []).append((labels, sample.value))
    return found


def test_metrics_are_what_was_found_as_prometheus_reads_it(
    sipca: CommandLine, csr_file: Csr, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW)
    words = ("--device", "sbc1", "--context", "2", "--lifetime", "40d")
    (signed,) = sipca("sign", csr_file("a"), *words, "--json").json["signed"]
    cas = {each["role"]: each for each in sipca("status", "--json").json["cas"]}
    file = tmp_path / "sipca.prom"

    answer = sipca("check", "--expiring", "60d", "--metrics", file)

    assert (answer.exit, answer.err) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o644
    samples = samples_of(file)
    assert samples["sipca_check_timestamp_seconds"] == [({}, NOW.timestamp())]
    assert [labels["verdict"] for labels, value in samples["sipca_check_verdict"] if value] == [
        "warn"
    ]
    found = {labels["code"]: (labels, value) for labels, value in samples["sipca_check_findings"]}
    assert found["certificate-ending"] == (
        {"code": "certificate-ending", "severity": "warning", "result": "warn"},
        1,
    )
    assert found["crl-fresh"][1] == 2, "of all severities, whatever is shown"
    counts = {labels["status"]: value for labels, value in samples["sipca_certificates"]}
    assert (counts["valid"], counts["revoked"]) == (1, 0)
    ((labels, end),) = samples["sipca_certificate_not_after_timestamp_seconds"]
    assert labels == {
        "issuer": cas["issuing"]["id"],
        "serial": signed["serial"],
        "device": "sbc1",
        "context": "2",
        "cn": "sbc9.lab.example",
        "profile": "sip",
    }
    assert datetime.fromtimestamp(end, UTC).isoformat() == signed["not_after"].replace(
        "Z", "+00:00"
    )
    ends = {
        labels["role"]: (labels["serial"], value)
        for labels, value in samples["sipca_ca_not_after_timestamp_seconds"]
    }
    for role, ca in cas.items():
        assert ends[role] == (ca["serial"], datetime.fromisoformat(ca["not_after"]).timestamp())
    for name in ("crl_next_update_timestamp_seconds", "crl_number", "ocsp_signer_not_after_timestamp_seconds"):  # fmt: skip
        values = {labels["ca"]: value for labels, value in samples[f"sipca_{name}"]}
        assert set(values) == {ca["id"] for ca in cas.values()}
        assert all(value >= NOW.timestamp() for value in values.values())


def test_metrics_keep_the_end_of_what_expired_until_it_is_replaced_or_revoked(
    sipca: CommandLine, csr_file: Csr, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW)
    for stem, key in (("a", None), ("b", EC_KEY)):
        sipca("sign", csr_file(stem, cn=f"{stem}.lab", key=key), "--lifetime", "40d")
    file = tmp_path / "sipca.prom"

    def named() -> set[str]:
        sipca("check", "--metrics", file)
        ends = samples_of(file).get("sipca_certificate_not_after_timestamp_seconds", [])
        return {labels["cn"] for labels, _ in ends}

    assert named() == {"a.lab", "b.lab"}
    sipca("revoke", "a.lab")
    frozen(NOW + timedelta(days=50))

    assert named() == {"b.lab"}


def test_metrics_of_a_failed_check_are_written_and_replace_only_metrics(
    sipca: CommandLine, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW)
    file = tmp_path / "sipca.prom"
    sipca("check", "--metrics", file)
    frozen(NOW + timedelta(days=200))

    failed = sipca("check", "--metrics", file, "--min-severity", "error")

    assert failed.exit == 9
    verdicts = {labels["verdict"]: value for labels, value in samples_of(file)["sipca_check_verdict"]}  # fmt: skip
    assert verdicts == {"ok": 0, "warn": 0, "fail": 1}
    file.write_text("node_load1 0.5\n")
    foreign = sipca("check", "--metrics", file)
    assert foreign.exit == 6
    assert "sipca.prom' holds something that sipca did not write there" in foreign.err
    assert "hint: choose another place" in foreign.err
    assert file.read_text() == "node_load1 0.5\n"
    link = tmp_path / "link.prom"
    link.symlink_to(file)
    assert sipca("check", "--metrics", link).exit == 6
    assert sipca("check", "--metrics", tmp_path).exit == 2
    assert sipca("check", "--metrics", tmp_path / "none" / "sipca.prom").exit == 8
    assert not [each for each in tmp_path.iterdir() if each.name.endswith(".tmp")]


@pytest.mark.parametrize("path", [("check", "--metrics"), ("list", "--ics")])
def test_a_disk_that_is_full_leaves_the_file_as_it_was(
    sipca: CommandLine,
    csr_file: Csr,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: tuple[str, str],
) -> None:
    command, option = path
    file = tmp_path / "out" / "file"
    file.parent.mkdir()
    assert sipca(command, option, file).exit == 0
    before = file.read_bytes()
    sipca("sign", csr_file("a"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ca.files.writing.os.fsync", full)
    answer = sipca(command, option, file)

    assert answer.exit == 8
    assert "No space left on device" in answer.err
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == ["file"]


def test_a_device_of_an_odd_name_breaks_no_metrics(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    name = 'a"b\\c{d="e"} 1'
    assert sipca("sign", csr_file("a"), "--device", name).exit == 0
    file = tmp_path / "sipca.prom"

    sipca("check", "--metrics", file)

    ((labels, _),) = samples_of(file)["sipca_certificate_not_after_timestamp_seconds"]
    assert labels["device"] == name


def test_metrics_of_an_altered_register_say_that_and_nothing_that_relies_on_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    with sqlite3.connect(sipca.home / "ca.db") as connection:
        connection.execute("UPDATE setting SET value = 'Other' WHERE name = 'name'")
    file = tmp_path / "sipca.prom"

    answer = sipca("check", "--metrics", file)

    assert answer.exit == 9
    samples = samples_of(file)
    assert [labels["code"] for labels, _ in samples["sipca_check_findings"]] == ["register-altered"]
    assert not {"sipca_certificates", "sipca_crl_number"} & set(samples)


def test_the_reference_names_each_metric(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> None:
    sipca("sign", csr_file("a"))
    file = tmp_path / "sipca.prom"
    sipca("check", "--metrics", file)

    said = (ROOT / "cli" / "README.md").read_text()

    assert [name for name in samples_of(file) if f"`{name}`" not in said] == []


def test_a_certificate_that_is_left_of_a_compromised_key_is_warned_of_until_it_is_revoked(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, frozen: Clock
) -> None:
    frozen(NOW)
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"), "--device", "gw1")
    (before,) = sipca("list", "--json").json["certificates"]
    sipca("renew", "gw1", "--out", tmp_path / "o")
    sipca("revoke", "gw1", "--reason", "key-compromise")

    answer = sipca("check", "--json")
    text = sipca("check").out
    sipca("revoke", "--serial", before["serial"], "--reason", "key-compromise")
    after = codes(sipca)

    (finding,) = [e for e in answer.json["findings"] if e["code"] == "compromised-key-live"]
    assert (answer.exit, finding["severity"]) == (0, "warning")
    assert (finding["serial"], finding["device"]) == (before["serial"], "gw1")
    assert f"sipca revoke {before['serial'][:12]} --reason key-compromise" in text
    assert "compromised-key-live" not in after
    frozen(NOW + timedelta(days=2000))
    assert "compromised-key-live" not in codes(sipca)


def test_all_certificates_of_a_compromised_key_revoked_at_once_leave_nothing_to_warn_of(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"))
    sipca("renew", "gw1.lab.example", "--out", tmp_path / "o")

    sipca("revoke", "gw1.lab.example", "--reason", "key-compromise", "--all-with-key")

    assert "compromised-key-live" not in codes(sipca)
