"""``sipca sign``: what scripts rely on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from stand_in.lab import EC_KEY, NOW, SAMPLES, CommandLine, make_csr

from ca.documents.sign import SigningDocument

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]


def leaf(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def names_of(certificate: x509.Certificate) -> list[object]:
    san = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    return [name.value for name in san.value]


def test_one_csr_without_out_gives_the_pem_on_stdout_and_the_account_on_stderr(
    sipca: CommandLine, csr_file: Csr
) -> None:
    answer = sipca("sign", csr_file("sbc9", "dns:sbc9.lab.example"))

    assert answer.exit == 0
    assert answer.out.startswith("-----BEGIN CERTIFICATE-----\n")
    assert answer.out.count("BEGIN") == 1
    assert answer.err.splitlines()[0] == f"CA: Test Lab in {sipca.home}"
    assert "extension.extendedKeyUsage" in answer.err
    assert answer.err.splitlines()[-1].startswith("upload files: sipca export ")


def test_the_next_steps_follow_the_order_of_the_devices_pages(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "up"

    answer = sipca("sign", csr_file("sbc9"), "--out", out)

    steps = answer.err.splitlines()[-4:]
    assert steps == [
        f"  1. Trusted Root Certificates > Import: {out}/trusted-1-root.pem, then {out}/trusted-2-issuing.pem",
        f'  2. Change Certificate > "Send Device Certificate file": {out}/sbc9-device.pem',
        steps[2],
        steps[3],
    ]
    assert steps[3].startswith("  4. save the configuration")
    assert "private key status must say OK" in steps[2]


def test_out_writes_the_files_of_the_contract(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "up"

    answer = sipca("sign", csr_file("sbc9"), "--out", out, "--context", "2", "--fullchain")

    assert answer.exit == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "sbc9-ctx2-device.pem",
        "sbc9-ctx2-fullchain.pem",
        "trusted-1-root.pem",
        "trusted-2-issuing.pem",
        "trusted-root.pem",
    ]
    device = (out / "sbc9-ctx2-device.pem").read_bytes()
    assert device.count(b"BEGIN") == 1
    assert b"\r" not in device
    assert device.endswith(b"-----END CERTIFICATE-----\n")
    assert {len(line) for line in device.splitlines()[1:-2]} == {64}
    issuing = (out / "trusted-2-issuing.pem").read_text()
    root = (out / "trusted-1-root.pem").read_text()
    assert (out / "trusted-root.pem").read_text() == issuing + root
    assert (out / "sbc9-ctx2-fullchain.pem").read_text() == device.decode() + issuing


def test_o_writes_one_file_and_fullchain_puts_the_issuing_ca_behind(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    file = tmp_path / "one.pem"

    answer = sipca("sign", csr_file("sbc9"), "-o", file, "--fullchain")

    assert answer.exit == 0
    assert answer.out == ""
    assert file.read_text().count("BEGIN CERTIFICATE") == 2


def test_json_has_the_keys_of_the_contract(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    document = sipca(
        "sign",
        csr_file("sbc9", "ip:10.0.0.9"),
        "--device",
        "sbc9",
        "--out",
        tmp_path / "o",
        "--json",
    ).json

    assert document["schema"] == 1
    assert document["ca"] == "Test Lab"
    assert set(document) >= {"schema", "ca", "home", "signed", "skipped", "refused", "ignored"}
    (signed,) = document["signed"]
    assert set(signed) >= {
        "source", "serial", "subject", "san", "profile", "device", "context", "issuer",
        "not_before", "not_after", "fingerprint", "certificate_pem", "chain_pem", "root_pem",
        "files", "account", "findings",
    }  # fmt: skip
    assert signed["san"] == ["ip:10.0.0.9", "dns:sbc9.lab.example"]
    assert set(signed["files"]) >= {"device", "trusted_root", "fullchain"}
    assert {line["how"] for line in signed["account"]} <= {
        "taken", "added", "changed", "refused", "forced",
    }  # fmt: skip
    assert signed["not_after"].endswith("Z")
    assert int(signed["serial"], 16).bit_length() == 127


def test_a_refusal_is_in_the_document_too(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "email-typed-host.csr", "--json")

    (refused,) = answer.json["refused"]
    assert answer.exit == refused["exit"] == 4
    assert refused["kind"] == "refused"
    assert set(refused) >= {"source", "kind", "message", "hint", "exit"}


def test_the_same_request_again_is_skipped_and_handed_out_again(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    file = csr_file("sbc9")
    first = sipca("sign", file, "--json").json["signed"][0]

    again = sipca("sign", file, "--out", tmp_path / "o", "--json")

    (skipped,) = again.json["skipped"]
    assert again.exit == 0
    assert again.json["signed"] == []
    assert skipped["serial"] == first["serial"]
    assert skipped["certificate_pem"] == first["certificate_pem"]
    assert "good until" in skipped["reason"]
    assert (tmp_path / "o" / "sbc9-device.pem").read_text() == first["certificate_pem"]


def test_again_signs_anew_all_the_same(sipca: CommandLine, csr_file: Csr) -> None:
    file = csr_file("sbc9")
    first = sipca("sign", file)

    second = sipca("sign", file, "--again")

    assert second.out != first.out


@pytest.mark.parametrize(
    "words",
    [
        ["--san", "dns:other.lab.example"],
        ["--cn", "other.lab.example"],
        ["--profile", "https"],
        ["--lifetime", "90d"],
        ["--device", "other"],
        ["--context", "3"],
    ],
)
def test_another_wish_is_not_skipped(sipca: CommandLine, csr_file: Csr, words: list[str]) -> None:
    file = csr_file("sbc9")
    sipca("sign", file, "--device", "sbc9")

    document = sipca("sign", file, *words, "--json").json

    assert len(document["signed"]) == 1


def test_an_unchanged_request_is_signed_anew_when_less_than_sixty_days_are_left(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    file = csr_file("sbc9")
    first = sipca("sign", file, "--lifetime", "1y", "--json").json["signed"][0]

    frozen(NOW + timedelta(days=300))
    still_good = sipca("sign", file, "--lifetime", "1y", "--json").json
    frozen(NOW + timedelta(days=310))
    near_its_end = sipca("sign", file, "--lifetime", "1y", "--json").json

    assert still_good["skipped"][0]["serial"] == first["serial"]
    assert near_its_end["signed"][0]["serial"] != first["serial"]


def test_a_short_certificate_is_renewed_when_a_third_of_its_life_is_left(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    file = csr_file("sbc9")
    frozen(NOW)
    sipca("sign", file, "--lifetime", "30d")

    frozen(NOW + timedelta(days=18))
    good = sipca("sign", file, "--lifetime", "30d", "--json").json
    frozen(NOW + timedelta(days=20))
    due = sipca("sign", file, "--lifetime", "30d", "--json").json

    assert len(good["skipped"]) == 1
    assert len(due["signed"]) == 1


def test_a_dry_run_leaves_nothing_behind(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> None:
    out = tmp_path / "o"

    answer = sipca("sign", csr_file("sbc9"), "--dry-run", "--out", out)

    assert answer.exit == 0
    assert "dry run: nothing was written" in answer.err
    assert not out.exists()
    assert sipca("list", "--all", "--json").json["certificates"] == []


def test_a_refusal_leaves_nothing_behind(sipca: CommandLine, tmp_path: Path) -> None:
    before = sipca("status", "--json").json["audit_head"]

    answer = sipca("sign", SAMPLES / "email-typed-host.csr", "--out", tmp_path / "o")

    assert answer.exit == 4
    assert not (tmp_path / "o").exists()
    assert sipca("status", "--json").json["audit_head"] == before
    assert sipca("list", "--all", "--json").json["certificates"] == []


def test_overwrite_replaces_the_file(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> None:
    out = tmp_path / "o"
    out.mkdir()
    (out / "sbc9-device.pem").write_text("mine")

    answer = sipca("sign", csr_file("sbc9"), "--out", out, "--overwrite")

    assert answer.exit == 0
    assert (out / "sbc9-device.pem").read_text().startswith("-----BEGIN")


def test_another_cas_trust_file_is_a_conflict(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    out.mkdir()
    (out / "trusted-root.pem").write_text("another CA's")

    answer = sipca("sign", csr_file("sbc9"), "--out", out)

    assert answer.exit == 6
    assert "holds another trusted-root.pem" in answer.err


def test_signing_a_folder_judges_each_on_its_own(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for stem in ("a", "b"):
        (inbox / f"{stem}.csr").write_bytes(make_csr(cn=f"{stem}.lab.example", key=EC_KEY))
    (inbox / "weak.req").write_bytes((SAMPLES / "legacy-rsa1024-sha1.csr").read_bytes())
    (inbox / "cut.p10").write_bytes((SAMPLES / "truncated.csr").read_bytes())
    (inbox / "notes.txt").write_text("nothing to sign")
    (inbox / "named.txt").write_bytes(make_csr(cn="t.lab.example"))
    (inbox / "sub").mkdir()
    (inbox / "sub" / "c.csr").write_bytes(make_csr(cn="c.lab.example"))

    answer = sipca("sign", inbox, "--out", tmp_path / "o", "--json")

    document = answer.json
    assert answer.exit == 4
    assert [Path(each["source"]).name for each in document["signed"]] == [
        "a.csr",
        "b.csr",
        "named.txt",
    ]
    assert {Path(each["source"]).name: each["exit"] for each in document["refused"]} == {
        "cut.p10": 3,
        "weak.req": 4,
    }
    assert [Path(each).name for each in document["ignored"]] == ["notes.txt"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_request_twice_in_a_call_is_signed_once_and_handed_out_twice(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr("ca.authority.signing.sign.WORTH_CHECKER", 1)
    first = csr_file("a", cn="a.lab.example")
    (tmp_path / "b.csr").write_bytes(first.read_bytes())
    out = tmp_path / "out"

    answer = sipca("sign", first, tmp_path / "b.csr", "--out", out, "--jobs", jobs, "--json")

    (signed,), (skipped,) = answer.json["signed"], answer.json["skipped"]
    assert (signed["source"], skipped["source"]) == (str(first), str(tmp_path / "b.csr"))
    assert signed["serial"] == skipped["serial"]
    assert (out / "a-device.pem").read_bytes() == (out / "b-device.pem").read_bytes()


def test_the_document_of_a_batch_is_the_same_on_stdout_and_in_the_report(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    """It is put together from what was put aside, not printed from memory as that of one CSR."""
    for n in range(3):
        csr_file(f"in{n}", cn=f"d{n}.lab.example")
    sipca("sign", tmp_path / "in0.csr")
    words = [*sorted(tmp_path.glob("*.csr")), SAMPLES / "email-typed-host.csr"]
    report = tmp_path / "report.json"

    answer = sipca("sign", *words, "--out", tmp_path / "out", "--json", "--report", report)

    document = msgspec.json.decode(answer.out, type=SigningDocument)
    assert [len(each) for each in (document.signed, document.skipped, document.refused)] == [
        2,
        1,
        1,
    ]
    assert report.read_text() == answer.out
    assert (
        answer.out == msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    )


def test_a_batch_of_nothing_but_refusals_has_a_document_too(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = [SAMPLES / "email-typed-host.csr", SAMPLES / "truncated.csr"]

    answer = sipca("sign", *words, "--out", tmp_path / "out", "--json")

    document = msgspec.json.decode(answer.out, type=SigningDocument)
    assert (document.signed, document.skipped, len(document.refused)) == ([], [], 2)
    assert not (tmp_path / "out").exists()


def test_several_sources_need_out(sipca: CommandLine, csr_file: Csr) -> None:
    answer = sipca("sign", csr_file("a"), csr_file("b"))

    assert answer.exit == 2
    assert "several sources need --out DIR" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["--cn", "x.lab"],
        ["--san", "dns:x.lab"],
        ["--replace-san"],
        ["--device", "x"],
        ["--supersedes", "x"],
    ],
)
def test_wishes_for_one_csr_are_wrong_usage_with_several(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, words: list[str]
) -> None:
    answer = sipca("sign", csr_file("a"), csr_file("b"), "--out", tmp_path / "o", *words)

    assert answer.exit == 2
    assert f"{words[0]} is for one CSR" in answer.err


def test_equal_stems_are_refused_before_signing(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "A.csr").write_bytes(make_csr())

    answer = sipca("sign", csr_file("a"), other / "A.csr", "--out", tmp_path / "o")

    assert answer.exit == 6
    assert "would both be written to 'a-device.pem'" in answer.err
    assert not (tmp_path / "o").exists()


def test_a_names_csv_gives_each_source_its_own(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    for stem in ("a", "b"):
        csr_file(stem, cn=f"{stem}.lab.example")
    names = tmp_path / "names.csv"
    names.write_text(
        "\ufeffsource,device,context,profile,cn,san\r\n"
        "a.csr,sbc-a,2,https,,dns:x.lab.example;ip:10.0.0.1\r\n"
        "b.csr,sbc-b,,,new.lab.example,\r\n",
        encoding="utf-8",
    )

    document = sipca(
        "sign",
        tmp_path / "a.csr",
        tmp_path / "b.csr",
        "--names",
        names,
        "--out",
        tmp_path / "o",
        "--json",
    ).json

    a, b = document["signed"]
    assert (a["device"], a["context"], a["profile"]) == ("sbc-a", 2, "https")
    assert a["san"] == ["dns:x.lab.example", "ip:10.0.0.1", "dns:a.lab.example"]
    assert a["files"]["device"].endswith("a-ctx2-device.pem")
    assert (b["device"], b["profile"]) == ("sbc-b", "sip")
    assert b["subject"].startswith("CN=new.lab.example")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("source,devise\na.csr,x\n", 3, "the header is source,devise"),
        ("device\nx\n", 3, "the header is device"),
        ("source,san\na.csr,bogus\n", 3, "is not of the form KIND:VALUE"),
        ("source,context\na.csr,x\n", 3, "'x' is no TLS context"),
        ("source\nnowhere.csr\n", 5, "no source is called nowhere.csr"),
        ("source\na.csr\na.csr\n", 6, "source 'a.csr' is empty or twice"),
        ("source,cn\na.csr,x,y\n", 3, "too many columns"),
    ],
)
def test_a_bad_names_csv_is_refused_before_signing(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, text: str, code: int, message: str
) -> None:
    names = tmp_path / "names.csv"
    names.write_text(text)

    answer = sipca("sign", csr_file("a"), "--names", names, "--out", tmp_path / "o")

    assert answer.exit == code
    assert message in answer.err
    assert not (tmp_path / "o").exists()


def test_stdin_is_signed_and_its_stem_is_the_device_else_the_cn(
    sipca: CommandLine, tmp_path: Path
) -> None:
    data = make_csr(cn="sbc7.lab.example")

    by_device = sipca("sign", "-", "--device", "sbc7", "--out", tmp_path / "a", stdin=data)
    by_cn = sipca("sign", "-", "--out", tmp_path / "b", "--again", stdin=data)

    assert (by_device.exit, by_cn.exit) == (0, 0)
    assert (tmp_path / "a" / "sbc7-device.pem").exists()
    assert (tmp_path / "b" / "sbc7.lab.example-device.pem").exists()


def test_two_things_from_stdin_are_wrong_usage(bare: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "p"
    secret.write_text("secret\n")
    bare("init", "--issuing-key", "ec:p256", "--root-key", "ec:p256", "--passphrase-file", secret)

    answer = bare("sign", "-", "--passphrase-file", "-", stdin=make_csr())

    assert answer.exit == 2
    assert "cannot both come from stdin" in answer.err


def test_supersedes_marks_the_old_one_and_a_second_time_is_skipped(
    sipca: CommandLine, csr_file: Csr
) -> None:
    old = sipca("sign", csr_file("old"), "--device", "sbc9", "--json").json["signed"][0]
    words = (
        "sign",
        csr_file("new", key=EC_KEY),
        "--device",
        "sbc9",
        "--supersedes",
        old["serial"],
        "--json",
    )

    new = sipca(*words).json["signed"][0]
    again = sipca(*words)

    records = {c["serial"]: c for c in sipca("list", "--all", "--json").json["certificates"]}
    assert records[old["serial"]]["status"] == "superseded"
    assert records[old["serial"]]["superseded_by"] == new["serial"]
    assert records[new["serial"]]["supersedes"] == old["serial"]
    assert again.json["skipped"][0]["serial"] == new["serial"]


def test_superseding_what_is_superseded_by_another_is_a_conflict(
    sipca: CommandLine, csr_file: Csr
) -> None:
    old = sipca("sign", csr_file("old"), "--json").json["signed"][0]["serial"]
    sipca("sign", csr_file("new", key=EC_KEY), "--supersedes", old)

    answer = sipca("sign", csr_file("third", cn="x.lab.example"), "--supersedes", old)

    assert answer.exit == 6
    assert "is superseded already, by" in answer.err


def test_a_default_lifetime_is_cut_at_the_issuers_end_with_a_line(
    bare: CommandLine, csr_file: Csr
) -> None:
    bare(
        "init",
        "--no-passphrase",
        "--root-key",
        "ec:p256",
        "--issuing-key",
        "ec:p256",
        "--issuing-lifetime",
        "1y",
    )

    signed = bare("sign", csr_file("sbc9"), "--json").json["signed"][0]

    (line,) = [line for line in signed["account"] if line["field"] == "validity"]
    assert line["how"] == "changed"
    assert line["rule"] == "issuer-end"
    assert line["asked"] == "825 d of profile sip"
    issuing = bare("status", "--json").json["cas"][1]
    assert signed["not_after"] == issuing["not_after"]


def test_an_explicit_lifetime_past_the_issuer_is_refused_naming_both_dates(
    bare: CommandLine, csr_file: Csr
) -> None:
    bare(
        "init",
        "--no-passphrase",
        "--root-key",
        "ec:p256",
        "--issuing-key",
        "ec:p256",
        "--issuing-lifetime",
        "1y",
    )
    end = bare("status", "--json").json["cas"][1]["not_after"][:10]

    answer = bare("sign", csr_file("sbc9"), "--lifetime", "2099-01-31")

    assert answer.exit == 4
    assert f"would expire on 2099-01-31, but its issuer on {end}" in answer.err


def test_lifetime_max_goes_as_far_as_profile_and_issuer_allow(
    sipca: CommandLine, csr_file: Csr
) -> None:
    https = sipca("sign", csr_file("a"), "--profile", "https", "--lifetime", "max", "--json").json

    signed = https["signed"][0]
    span = datetime.fromisoformat(signed["not_after"]) - datetime.fromisoformat(
        signed["not_before"]
    )
    assert span == timedelta(days=825, seconds=-1)


def test_a_lifetime_longer_than_the_profile_allows_is_refused(
    sipca: CommandLine, csr_file: Csr
) -> None:
    answer = sipca("sign", csr_file("a"), "--profile", "https", "--lifetime", "3y")

    assert answer.exit == 4
    assert "profile https allows at most 825d" in answer.err


def test_backdate_moves_the_beginning(sipca: CommandLine, csr_file: Csr, frozen: Clock) -> None:
    frozen(NOW)

    signed = sipca("sign", csr_file("a"), "--backdate", "12w", "--json").json["signed"][0]

    assert signed["not_before"] == (NOW - timedelta(weeks=12)).isoformat().replace("+00:00", "Z")


def test_what_would_have_ended_or_begins_too_early_is_refused(
    bare: CommandLine, csr_file: Csr
) -> None:
    bare("init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
         "--root-lifetime", "90y", "--issuing-lifetime", "80y")  # fmt: skip
    file = csr_file("a", cn="a.lab.example")

    ended = bare("sign", file, "--backdate", "5y")
    early = bare("sign", file, "--backdate", "80y", "--lifetime", "2100-01-01")

    assert (ended.exit, early.exit) == (4, 4)
    assert re.search("the certificate would expire on 20.*, before it is signed", ended.err)
    assert "and 1950-01-01 is the earliest" in early.err
    assert bare("list", "--all", "--json").json["certificates"] == []


def test_a_key_or_a_note_beside_a_csr_of_the_same_name_is_ignored(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    """``openssl req -newkey`` makes such a pair."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    csr_file("gw1", cn="gw1.lab.example").rename(inbox / "gw1.csr")
    for name in ("gw1.key", "gw1.txt"):
        (inbox / name).write_text("no request")

    done = sipca("sign", inbox, "--out", tmp_path / "o", "--json")

    assert done.exit == 0
    assert [Path(each["source"]).name for each in done.json["signed"]] == ["gw1.csr"]
    assert [Path(each).name for each in done.json["ignored"]] == ["gw1.key", "gw1.txt"]


def test_names_that_become_one_file_name_are_refused_before_signing(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    csr_file("a\tb", cn="a.lab.example")
    csr_file("a_b", cn="b.lab.example")

    done = sipca("sign", *sorted(tmp_path.glob("*.csr")), "--out", tmp_path / "o", "--overwrite")

    assert done.exit == 6
    assert "would both be written to 'a_b-device.pem'" in done.err
    assert sipca("list", "--json").json["certificates"] == []


def test_a_name_too_long_for_a_device_file_is_shortened(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    file = csr_file("x" * 248, cn="a.lab.example")

    first = sipca("sign", file, "--out", tmp_path / "p")
    second = sipca("sign", file, "--out", tmp_path / "p")

    assert (first.exit, second.exit) == (0, 0)
    assert (tmp_path / "p" / f"{'x' * 100}-device.pem").exists()


def test_a_place_that_takes_no_files_is_found_before_anything_is_signed(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    file = csr_file("a", cn="a.lab.example")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "o" / "trusted-root.pem").mkdir(parents=True)

    codes = [
        sipca("sign", file, "--out", tmp_path / name, "--overwrite").exit
        for name in ("file", "file/below", "link", "o")
    ]

    assert codes == [8, 8, 8, 6]
    assert sipca("list", "--json").json["certificates"] == []


def test_what_is_no_regular_file_is_refused_or_ignored_by_its_name(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    csr_file("gw1", cn="gw1.lab.example").rename(inbox / "gw1.csr")
    os.mkfifo(inbox / "pipe.csr")
    os.mkfifo(inbox / "pipe")

    done = sipca("sign", inbox, "--out", tmp_path / "o", "--json")

    assert done.exit == 3
    assert [Path(each["source"]).name for each in done.json["refused"]] == ["pipe.csr"]
    assert [Path(each).name for each in done.json["ignored"]] == ["pipe"]


def test_two_csrs_from_stdin_and_an_empty_name_are_said_at_once(
    sipca: CommandLine, tmp_path: Path
) -> None:
    assert sipca("sign", "-", "-", "--out", tmp_path / "o").exit == 2
    assert sipca("sign", "", "--out", tmp_path / "o").exit == 5


def test_a_report_goes_into_a_device_but_through_no_link(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    file = csr_file("a", cn="a.lab.example")
    (tmp_path / "link").symlink_to(tmp_path / "report.json")

    linked = sipca("sign", file, "--report", tmp_path / "link")
    device = sipca("sign", file, "--report", "/dev/null")

    assert (linked.exit, device.exit) == (6, 0)
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "report.json").exists()
    assert not Path("/dev/null").is_file()


def test_a_file_name_that_is_no_utf_8_is_spelled_out(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    odd = os.fsdecode(os.fsencode(inbox) + b"/gw\xff.csr")
    os.rename(csr_file("a", cn="a.lab.example"), odd)

    first = sipca("sign", inbox, "--out", tmp_path / "o", "--json")
    again = sipca("sign", inbox, "--out", tmp_path / "o")

    (signed,) = first.json["signed"]
    assert signed["source"] == f"{inbox}/gw\\xff.csr"
    assert (first.exit, again.exit) == (0, 0)
    assert Path(signed["files"]["device"]).exists()


def test_of_twins_with_other_wishes_each_wish_is_signed_once(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    first = csr_file("f1", "dns:a.lab.example", cn="a.lab.example")
    for stem in ("f2", "f3", "f4"):
        (tmp_path / f"{stem}.csr").write_bytes(first.read_bytes())
    names = tmp_path / "names.csv"
    names.write_text("source,profile\nf1.csr,sip\nf2.csr,https\nf3.csr,https\nf4.csr,sip\n")
    words = sorted(tmp_path.glob("*.csr"))

    done = sipca("sign", *words, "--names", names, "--out", tmp_path / "o", "--json").json

    assert [Path(each["source"]).stem for each in done["signed"]] == ["f1", "f2"]
    assert sorted(Path(each["source"]).stem for each in done["skipped"]) == ["f3", "f4"]


def test_cn_replaces_the_requests_and_goes_into_the_san(sipca: CommandLine) -> None:
    signed = sipca(
        "sign", SAMPLES / "no-san-factory-name.csr", "--cn", "sbc7.lab.example", "--json"
    ).json["signed"][0]

    assert signed["san"] == ["dns:sbc7.lab.example"]
    (line,) = [line for line in signed["account"] if line["field"] == "subject.CN"]
    assert (line["asked"], line["issued"], line["how"], line["rule"]) == (
        "ACL_482913", "sbc7.lab.example", "changed", "--cn",
    )  # fmt: skip


def test_replace_san_neither_judges_nor_takes_the_requests_names(sipca: CommandLine) -> None:
    signed = sipca(
        "sign", SAMPLES / "email-typed-host.csr", "--replace-san", "--san", "ip:10.0.0.7", "--json"
    ).json["signed"][0]

    assert signed["san"][0] == "ip:10.0.0.7"
    assert any(
        line["rule"] == "--replace-san" and line["issued"] is None for line in signed["account"]
    )


def test_fix_san_retypes_and_says_so(sipca: CommandLine) -> None:
    signed = sipca("sign", SAMPLES / "email-typed-host.csr", "--fix-san", "--json").json["signed"][
        0
    ]

    changed = [line for line in signed["account"] if line["rule"] == "--fix-san"]
    assert signed["san"] == ["dns:sbc3.lab.example"]
    assert changed[0]["asked"] == "email:sbc3.lab.example"
    assert changed[0]["issued"] == "dns:sbc3.lab.example"


def test_allow_signs_and_is_recorded(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "legacy-rsa1024-sha1.csr", "--allow", "weak-key", "--json")

    (line,) = [line for line in answer.json["signed"][0]["account"] if line["field"] == "key"]
    event = sipca("log", "--json").json["events"][-1]
    assert line["how"] == "forced"
    assert line["rule"] == "weak-key"
    assert event["detail"]["allowed"] == "weak-key"


def test_allow_takes_only_rules_of_the_closed_list(sipca: CommandLine, csr_file: Csr) -> None:
    answer = sipca("sign", csr_file("a"), "--allow", "broken-signature")

    assert answer.exit == 2
    assert "'broken-signature' is not one of" in answer.err


def test_a_name_outside_the_name_constraints_is_refused(bare: CommandLine, csr_file: Csr) -> None:
    bare(
        "init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--permit-dns", "lab.example", "--permit-ip", "10.0.0.0/8",
    )  # fmt: skip

    inside = bare("sign", csr_file("a", "ip:10.1.2.3", "uri:sip:lab.example"))
    outside = [
        bare("sign", csr_file("b", name))
        for name in (
            "dns:sbc.other.example",
            "ip:192.0.2.1",
            "uri:sip:other.example",
            "email:a@other.example",
        )
    ]

    assert inside.exit == 0
    for answer in outside:
        assert answer.exit == 4
        assert "lies outside of what the issuing CA may certify" in answer.err


def test_a_subject_equal_to_a_cas_own_is_refused(sipca: CommandLine, csr_file: Csr) -> None:
    answer = sipca("sign", csr_file("a", "dns:x.lab.example", cn="TEST LAB  issuing"))

    assert answer.exit == 4
    assert "the subject is the name of this CA itself" in answer.err


def test_a_missing_file_is_named(sipca: CommandLine) -> None:
    answer = sipca("sign", "nowhere.csr")

    assert answer.exit == 5
    assert "there is no file 'nowhere.csr'" in answer.err


def test_a_ca_profile_signs_no_request(sipca: CommandLine, csr_file: Csr) -> None:
    answer = sipca("sign", csr_file("a"), "--profile", "issuing")

    assert answer.exit == 4
    assert "profile issuing has the role issuing; requests are not signed by it" in answer.err


def test_a_report_is_the_json_document_in_a_file(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    report = tmp_path / "r.json"

    sipca("sign", csr_file("a"), "--report", report)

    assert json.loads(report.read_text())["signed"][0]["subject"] == "CN=sbc9.lab.example"


def test_a_locked_key_without_passphrase_is_kind_key_and_nothing_is_planned(
    bare: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    secret = tmp_path / "p"
    secret.write_text("secret\n")
    bare("init", "--issuing-key", "ec:p256", "--root-key", "ec:p256", "--passphrase-file", secret)

    without = bare("sign", csr_file("a"))
    (tmp_path / "wrong").write_text("wrong\n")
    wrong = bare("sign", csr_file("a"), "--passphrase-file", tmp_path / "wrong")

    assert without.exit == wrong.exit == 7
    assert "give --passphrase-file FILE or set SIPCA_PASSPHRASE_FILE" in without.err
    assert "the passphrase does not open the issuing CA key" in wrong.err
    assert bare("list", "--all", "--json").json["certificates"] == []


@pytest.mark.parametrize("name", ["", " sbc1", "sbc\x1b[31m", "sbc\n1", "x" * 65, "a\u202eb"])
def test_a_device_name_is_short_and_printable(sipca: CommandLine, csr_file: Csr, name: str) -> None:
    answer = sipca("sign", csr_file("sbc9"), "--device", name)

    assert answer.exit == 3
    assert "cannot be a device's name" in answer.err
    assert "\x1b" not in answer.err
    assert answer.out == ""


def test_a_file_name_that_hides_control_characters_gives_a_clean_one(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    odd = csr_file("sbc9").rename(tmp_path / "bad\nname\x1b[31m.csr")
    plain = tmp_path / "a b;$(x).csr"
    plain.write_bytes(odd.read_bytes())

    assert sipca("sign", odd, "--out", tmp_path / "up").exit == 0
    assert sipca("sign", plain, "--out", tmp_path / "up").exit == 0

    names = {path.name for path in (tmp_path / "up").glob("*-device.pem")}
    assert names == {"bad_name_31m-device.pem", "a b;$(x)-device.pem"}


def test_a_report_that_cannot_be_written_costs_no_certificate(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    source = csr_file("sbc9")

    assert sipca("sign", source, "--report", tmp_path).exit == 2
    assert sipca("list", "--json").json["certificates"] == []

    answer = sipca("sign", source, "--report", tmp_path / "none" / "r.json")
    assert answer.exit == 8
    assert leaf(answer.out)


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """A folder without CSRs whose sub-folders have some, a hidden one and a link to itself."""
    inbox = tmp_path / "inbox"
    for place, sample in (("a", "sbc1"), ("b/deep", "ec-p256"), (".hidden", "sbc2-five-san")):
        (inbox / place).mkdir(parents=True)
        (inbox / place / f"{sample}.csr").write_bytes((SAMPLES / f"{sample}.csr").read_bytes())
    (inbox / "notes.txt").write_text("nothing to sign here")
    (inbox / "again").symlink_to(inbox)
    return inbox


def test_a_folder_without_csrs_whose_sub_folders_have_some_names_the_way(
    sipca: CommandLine, nested: Path
) -> None:
    answer = sipca("sign", nested, "--out", nested / "out")

    assert answer.exit == 5
    assert f"'{nested}' itself holds no CSR, but its sub-folders do" in answer.err
    assert "hint: --recursive looks into them" in answer.err
    assert not (nested / "out").exists()


def test_recursive_signs_what_is_below_but_not_what_is_hidden_or_was_written(
    sipca: CommandLine, nested: Path
) -> None:
    first = sipca("sign", nested, "--recursive", "--out", nested / "out", "--json")
    (nested / "out" / "stray.csr").write_bytes((SAMPLES / "sbc2-five-san.csr").read_bytes())
    second = sipca("sign", nested, "--recursive", "--out", nested / "out", "--json")

    assert first.exit == 0, first.err
    assert len(first.json["signed"]) == 2
    assert [each.rpartition("/")[2] for each in first.json["ignored"]] == ["notes.txt"]
    assert (len(second.json["skipped"]), second.json["signed"]) == (2, [])


def test_equal_stems_in_two_sub_folders_are_refused_before_anything_is_signed(
    sipca: CommandLine, nested: Path
) -> None:
    (nested / "b" / "sbc1.csr").write_bytes((SAMPLES / "ec-p256.csr").read_bytes())

    answer = sipca("sign", nested, "--recursive", "--out", nested / "out")

    assert answer.exit == 6
    assert sipca("list", "--json").json["certificates"] == []


@pytest.mark.parametrize(("content", "says"), [(None, "holds no files"), ("text", "holds no CSR")])
def test_a_folder_with_nothing_to_sign_anywhere_is_exit_5(
    sipca: CommandLine, tmp_path: Path, content: str | None, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    if content:
        (tmp_path / "empty" / "a.txt").write_text(content)

    for words in ((), ("--recursive",)):
        answer = sipca("sign", tmp_path / "empty", *words, "--out", tmp_path / "out")

        assert answer.exit == 5
        assert says in answer.err
