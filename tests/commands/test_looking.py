"""``list``, ``show``, ``export``, ``chain``, ``status``, ``log``, ``ca set``."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates
from stand_in.lab import EC_KEY, NOW, CommandLine, cut_off
from stand_in.registers import edit

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """Three certificates: sbc1 on two contexts, and one without a device."""
    sipca(
        "sign",
        csr_file("sbc1", "ip:10.0.0.1", cn="sbc1.lab.example"),
        "--device",
        "sbc1",
        "--context",
        "1",
    )
    sipca("sign", csr_file("web", cn="sbc1.lab.example", key=EC_KEY), "--device", "sbc1", "--context", "0", "--profile", "https")  # fmt: skip
    sipca(
        "sign",
        csr_file("proxy", "dns:sip.lab.example", cn="proxy.lab.example"),
        "--lifetime",
        "40d",
    )
    return sipca


def test_list_has_the_keys_of_the_contract_oldest_first(lab: CommandLine) -> None:
    records = lab("list", "--json").json["certificates"]

    assert [(r["device"], r["context"]) for r in records] == [
        ("sbc1", 1),
        ("sbc1", 0),
        (None, None),
    ]
    assert set(records[0]) >= {
        "serial", "subject", "san", "profile", "device", "context", "issuer", "not_before",
        "not_after", "status", "fingerprint", "supersedes", "superseded_by",
    }  # fmt: skip


def test_list_filters(lab: CommandLine) -> None:
    def found(*words: str) -> int:
        return len(lab("list", *words, "--json").json["certificates"])

    assert found("--device", "SBC1") == 2
    assert found("--profile", "https") == 1
    assert found("--expiring", "60d") == 1
    assert found("--status", "revoked") == 0
    assert found("--profile", "root") == 1


def test_list_shows_expired_ones_only_when_asked(lab: CommandLine, frozen: Clock) -> None:
    frozen(NOW + timedelta(days=60))

    assert len(lab("list", "--json").json["certificates"]) == 2
    assert [
        c["status"] for c in lab("list", "--status", "expired", "--json").json["certificates"]
    ] == ["expired"]
    assert len(lab("list", "--all", "--json").json["certificates"]) == 3


def test_a_certificate_is_not_yet_valid_on_a_clock_before_it(
    lab: CommandLine, frozen: Clock
) -> None:
    frozen(NOW - timedelta(days=400))

    assert {c["status"] for c in lab("list", "--json").json["certificates"]} == {"not-yet-valid"}


def test_an_unknown_status_is_wrong_usage(lab: CommandLine) -> None:
    answer = lab("list", "--status", "odd")

    assert answer.exit == 2
    assert "'odd' is none of valid," in answer.err


def test_list_as_csv_has_a_header_and_a_row_each(lab: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(lab("list", "--csv").out)))

    assert len(rows) == 3
    assert rows[0]["san"] == "ip:10.0.0.1;dns:sbc1.lab.example"


def test_a_spreadsheet_formula_in_a_name_is_quoted_in_csv(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("x", "dns:x.lab", cn="x.lab"), "--device", "=HYPERLINK(1)")

    assert "'=HYPERLINK(1)" in sipca("list", "--csv").out


def test_list_for_people_is_a_table(lab: CommandLine) -> None:
    lines = lab("list").out.splitlines()

    assert lines[0].split() == ["serial", "subject", "san", "profile", "device", "until", "status"]
    assert "sbc1 ctx1" in lines[1]


@pytest.mark.parametrize("ref", ["proxy.lab.example", "SIP.lab.example", "dns:sip.lab.example"])
def test_show_finds_by_cn_and_san_whatever_the_case(lab: CommandLine, ref: str) -> None:
    shown = lab("show", ref, "--json").json

    assert shown["certificate"]["subject"] == "CN=proxy.lab.example"
    assert shown["account"][0]["field"] == "subject.CN"


def test_show_finds_by_address_however_it_is_spelled(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("six", "ip:2001:db8::5"))

    assert sipca("show", "2001:0DB8:0:0::5").exit == 0


def test_show_finds_by_serial_prefix_with_colons(lab: CommandLine) -> None:
    serial = lab("list", "--json").json["certificates"][2]["serial"]
    prefix = ":".join(serial[i : i + 2] for i in range(0, 6, 2))

    assert lab("show", prefix, "--json").json["certificate"]["serial"] == serial
    assert lab("show", serial[:5].upper(), "--json").json["certificate"]["serial"] == serial


def test_a_serial_prefix_needs_four_digits(lab: CommandLine) -> None:
    serial = lab("list", "--json").json["certificates"][2]["serial"]

    answer = lab("show", serial[:3])

    assert answer.exit == 5
    assert "a serial needs 4 hex digits or more" in answer.err


def test_matches_of_different_contexts_are_listed_and_nothing_is_shown(lab: CommandLine) -> None:
    answer = lab("show", "sbc1")

    assert answer.exit == 6
    assert answer.out == ""
    assert "sbc1 context 1 (valid)" in answer.err
    assert "sbc1 context 0 (valid)" in answer.err


def test_of_several_current_ones_of_one_device_the_newest_is_meant_and_the_others_named(
    sipca: CommandLine, csr_file: Csr
) -> None:
    first = sipca("sign", csr_file("a"), "--device", "sbc9", "--json").json["signed"][0]["serial"]
    second = sipca("sign", csr_file("a"), "--device", "sbc9", "--again", "--json").json["signed"][
        0
    ]["serial"]

    shown = sipca("show", "sbc9", "--json").json

    assert shown["certificate"]["serial"] == second
    assert shown["others"] == [first]


def test_show_for_people_says_everything(lab: CommandLine) -> None:
    text = lab("show", "proxy.lab.example").out

    for word in (
        "serverAuth, clientAuth",
        "RSA 2048",
        "valid",
        "SHA-256",
        "extension.keyUsage",
    ):
        assert word in text


def test_show_pem_is_the_certificate(lab: CommandLine) -> None:
    assert (
        len(load_pem_x509_certificates(lab("show", "proxy.lab.example", "--pem").out.encode())) == 1
    )


def test_export_writes_what_sign_wrote(lab: CommandLine, csr_file: Csr, tmp_path: Path) -> None:
    signed = tmp_path / "signed"
    lab("sign", csr_file("gw", cn="gw.lab.example"), "--out", signed, "--context", "3")

    answer = lab("export", "gw.lab.example", "--out", tmp_path / "exported")

    assert answer.exit == 0
    for path in signed.iterdir():
        assert (tmp_path / "exported" / path.name).read_bytes() == path.read_bytes()
    assert "1. Trusted Root Certificates > Import" in answer.out
    assert lab("export", "gw.lab.example", "--out", signed).exit == 0


def test_export_of_a_foreign_file_is_a_conflict(lab: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "proxy-device.pem").write_text("mine")

    answer = lab("export", "proxy.lab.example", "--out", tmp_path / "o")

    assert answer.exit == 6
    assert "holds another proxy-device.pem" in answer.err
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["proxy-device.pem"]


def test_export_as_der_and_p7b_and_crlf(lab: CommandLine, tmp_path: Path) -> None:
    lab("export", "proxy.lab.example", "--out", tmp_path / "der", "--format", "der")
    lab("export", "proxy.lab.example", "--out", tmp_path / "p7b", "--format", "p7b")
    lab("export", "proxy.lab.example", "--out", tmp_path / "crlf", "--crlf")

    load_der_x509_certificate((tmp_path / "der" / "proxy-device.cer").read_bytes())
    bundle = (tmp_path / "p7b" / "trusted-root.p7b").read_bytes()
    assert len(pkcs7.load_der_pkcs7_certificates(bundle)) == 2
    crlf = (tmp_path / "crlf" / "proxy-device.pem").read_bytes()
    assert crlf.count(b"\n") == crlf.count(b"\r\n")


def test_chain_is_issuing_then_root(lab: CommandLine, tmp_path: Path) -> None:
    everything = load_pem_x509_certificates(lab("chain").out.encode())
    (root,) = load_pem_x509_certificates(lab("chain", "--parts", "root").out.encode())

    assert [c.subject.rfc4514_string() for c in everything] == [
        "CN=Test Lab Issuing",
        "CN=Test Lab Root",
    ]
    assert everything[1] == root
    assert lab("chain", "-o", tmp_path / "c.pem").exit == 0
    assert load_pem_x509_certificates((tmp_path / "c.pem").read_bytes()) == everything
    der = lab("chain", "--parts", "root", "--format", "der").out.encode("latin-1")
    assert load_der_x509_certificate(der) == root


def test_der_holds_one_certificate(lab: CommandLine) -> None:
    answer = lab("chain", "--format", "der")

    assert answer.exit == 6
    assert "DER holds one certificate" in answer.err


def test_chain_into_a_folder_that_is_not_there(lab: CommandLine, tmp_path: Path) -> None:
    answer = lab("chain", "-o", tmp_path / "no" / "c.pem")

    assert answer.exit == 5
    assert "there is no folder" in answer.err


def test_status_says_which_ca_what_it_holds_and_the_head(lab: CommandLine) -> None:
    document = lab("status", "--json").json
    text = lab("status").out

    assert document["ca"] == "Test Lab"
    assert document["certificates"] == {"valid": 3}
    assert document["audit_head"] in text
    assert "certificates: 3 valid" in text


def test_the_log_names_who_did_what(lab: CommandLine) -> None:
    events = lab("log", "--json").json["events"]

    founding = ["init", *["ca-key", "planned", "issued"] * 2]
    signer = ["planned", "ocsp-signer-planned", "issued", "ocsp-signer"]
    services = [*signer, "crl-numbered", "crl"] * 2
    signed = ["planned", "issued"] * 3
    assert [event["action"] for event in events] == founding + services + signed
    assert {event["version"] for event in events} == {"0.1.0"}
    assert events[-1]["detail"]["subject"] == "CN=proxy.lab.example"
    assert all(event["os_user"] and event["host"] for event in events)


def test_a_whole_log_verifies_against_a_head_noted_earlier(lab: CommandLine, csr_file: Csr) -> None:
    head = lab("status", "--json").json["audit_head"]
    lab("sign", csr_file("more", cn="more.lab.example"))

    answer = lab("log", "--verify", "--head", head)

    assert answer.exit == 0
    assert "the trail is whole" in answer.out


def test_a_head_that_is_not_in_the_trail_is_exit_9(lab: CommandLine) -> None:
    answer = lab("log", "--verify", "--head", "ab" * 32)

    assert answer.exit == 9
    assert "is not in the trail" in answer.out


def test_an_altered_trail_is_exit_9(lab: CommandLine) -> None:
    edit(lab.home, "UPDATE audit SET os_user = 'somebody' WHERE id = 2")

    answer = lab("log", "--verify", "--json")

    assert answer.exit == 9
    assert answer.json["problems"] == ["event 2 was altered"]


def test_ca_set_changes_what_is_issued_from_then_on_and_is_logged(
    lab: CommandLine, csr_file: Csr
) -> None:
    before = lab("show", "proxy.lab.example", "--json").json["account"]

    lab("ca", "set", "--base-url", "http://10.0.0.5:8080/")
    after = lab("sign", csr_file("n", cn="n.lab.example"), "--json").json["signed"][0]["account"]
    unset = lab("ca", "set", "--base-url", "none", "--json").json

    urls = {line["field"]: line["issued"] for line in after}
    ca_id = lab("status", "--json").json["cas"][1]["id"]
    assert not any(line["field"] == "extension.cRLDistributionPoints" for line in before)
    assert urls["extension.cRLDistributionPoints"] == f"http://10.0.0.5:8080/crl/{ca_id}.crl"
    assert urls["extension.authorityInfoAccess"] == (
        f"OCSP http://10.0.0.5:8080/, CA issuers http://10.0.0.5:8080/ca/{ca_id}.cer"
    )
    assert unset == {"schema": 1, "base_url": None, "target": "audiocodes-7.4", "changed": True}
    assert [e["action"] for e in lab("log", "--json").json["events"]].count("set") == 2


def test_ca_set_with_what_is_set_already_changes_nothing(lab: CommandLine) -> None:
    lab("ca", "set", "--target", "generic")
    events = len(lab("log", "--json").json["events"])

    answer = lab("ca", "set", "--target", "generic", "--json")

    assert answer.json["changed"] is False
    assert len(lab("log", "--json").json["events"]) == events


def test_ca_set_refuses_an_unknown_target_and_an_empty_call(lab: CommandLine) -> None:
    unknown = lab("ca", "set", "--target", "audiocode-7.4")
    empty = lab("ca", "set")

    assert unknown.exit == 5
    assert "did you mean 'audiocodes-7.4'?" in unknown.err
    assert empty.exit == 2


def test_export_zip_holds_the_files_in_the_pages_order_and_is_the_same_each_time(
    lab: CommandLine, tmp_path: Path
) -> None:
    import zipfile

    for folder in ("a", "b"):
        assert lab("export", "proxy.lab.example", "--out", tmp_path / folder, "--zip").exit == 0

    with zipfile.ZipFile(tmp_path / "a" / "proxy-upload.zip") as archive:
        assert archive.namelist() == [
            "proxy-device.pem", "trusted-root.pem", "trusted-1-root.pem", "trusted-2-issuing.pem",
        ]  # fmt: skip
        assert archive.read("trusted-root.pem") == lab("chain").out.encode()
    assert (tmp_path / "a" / "proxy-upload.zip").read_bytes() == (
        tmp_path / "b" / "proxy-upload.zip"
    ).read_bytes()


def test_derived_tables_are_rebuilt_from_history_alone(
    lab: CommandLine, csr_file: Csr, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.authority.indexing import index_of
    from ca.store.connection import open_store
    from ca.store.derived import rebuild
    from ca.store.schema import DERIVED

    def rows(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
        return [
            sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in DERIVED
        ]

    monkeypatch.setattr("ca.authority.crew.issue", cut_off)
    assert lab("sign", csr_file("interrupted", cn="interrupted.lab.example")).exit == 130
    monkeypatch.undo()
    lab("revoke", "sip.lab.example", "--reason", "hold")
    lab("revoke", "sip.lab.example", "--reason", "superseded")
    lab("revoke", "sip.lab.example", "--reason", "key-compromise", "--invalid-since", "2026-01-01")
    lab("revoke", "proxy.lab.example", "--reason", "hold")
    lab("release", "proxy.lab.example")
    with open_store(lab.home / "ca.db") as store:
        before = rows(store.connection)
        with store.write() as connection:
            for table in DERIVED:
                connection.execute(f"DROP TABLE {table}")

        with store.write():
            count = rebuild(store, index_of)

        assert rows(store.connection) == before
    assert count == 7
    assert all(before)
    assert lab("show", "sip.lab.example").exit == 0
    assert [
        c["status"] for c in lab("list", "--status", "revoked", "--json").json["certificates"]
    ] == ["revoked"]
