"""``sipca samples``, and every sample does what its README says with ``--profile sip``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import SAMPLES, CommandLine


def signed(sipca: CommandLine, name: str, *words: str) -> Any:
    answer = sipca("sign", SAMPLES / name, "--profile", "sip", *words, "--json")
    assert answer.exit == 0, answer.out
    return answer.json["signed"][0]


def refusal(sipca: CommandLine, name: str, *words: str) -> tuple[int, str, str]:
    answer = sipca("sign", SAMPLES / name, "--profile", "sip", *words, "--json")
    (refused,) = answer.json["refused"]
    assert answer.json["signed"] == []
    return answer.exit, refused["message"], refused["hint"]


def codes(document: Any) -> set[str]:
    return {finding["code"] for finding in document["findings"]}


def line(document: Any, field: str) -> Any:
    return next(each for each in document["account"] if each["field"] == field)


def test_sbc1_signs(sipca: CommandLine) -> None:
    document = signed(sipca, "sbc1.csr")

    assert document["san"] == ["dns:sbc1.lab.example", "ip:10.4.0.20"]
    assert codes(document) == set()


def test_five_san_keeps_all_five_in_order(sipca: CommandLine) -> None:
    document = signed(sipca, "sbc2-five-san.csr")

    assert document["san"] == [
        "dns:sbc2.lab.example", "dns:sip.lab.example", "ip:10.4.0.21", "uri:sip:lab.example", "email:voice@lab.example",
    ]  # fmt: skip
    assert codes(document) == {"sip-uri-trap"}


def test_a_factory_name_is_refused_until_a_name_is_given(sipca: CommandLine) -> None:
    code, message, hint = refusal(sipca, "no-san-factory-name.csr")

    assert code == 4
    assert "CN 'ACL_482913' is a factory name no peer dials" in message
    assert "--cn" in hint
    assert "--san" in hint
    assert signed(sipca, "no-san-factory-name.csr", "--cn", "sbc7.lab.example")["san"] == [
        "dns:sbc7.lab.example"
    ]
    by_san = signed(sipca, "no-san-factory-name.csr", "--san", "ip:10.0.0.7")
    assert by_san["san"] == ["ip:10.0.0.7"]
    assert "factory-cn" in codes(by_san)


def test_a_mac_name_is_refused_and_never_a_dns_name_of_its_own_accord(sipca: CommandLine) -> None:
    assert refusal(sipca, "no-san-mac-name.csr")[0] == 4

    document = signed(sipca, "no-san-mac-name.csr", "--san", "dns:phone.lab.example")

    assert document["san"] == ["dns:phone.lab.example"]


def test_a_host_name_without_san_is_added_and_said(sipca: CommandLine) -> None:
    document = signed(sipca, "no-san-host-name.csr")

    assert document["san"] == ["dns:gw7.lab.example"]
    assert line(document, "san")["how"] == "added"
    assert line(document, "san")["rule"] == "cn-in-san"


def test_an_email_typed_host_is_refused_and_fix_san_signs_it_as_dns(sipca: CommandLine) -> None:
    code, message, hint = refusal(sipca, "email-typed-host.csr")

    assert code == 4
    assert message == "the CSR's SAN email 'sbc3.lab.example' has no '@'"
    assert hint.startswith(
        "the page's type selector starts at EMAIL; --fix-san reads it as dns:sbc3.lab.example"
    )
    assert signed(sipca, "email-typed-host.csr", "--fix-san")["san"] == ["dns:sbc3.lab.example"]


def test_the_placeholder_subject_signs_and_warns(sipca: CommandLine) -> None:
    (finding,) = signed(sipca, "placeholder-subject.csr")["findings"]

    assert (finding["code"], finding["result"], finding["basis"]) == (
        "placeholder-subject",
        "warn",
        "inferred",
    )


def test_who_wants_to_be_ca_is_signed_as_an_end_entity_and_the_account_says_refused(
    sipca: CommandLine,
) -> None:
    document = signed(sipca, "wants-to-be-ca.csr")

    constraints = line(document, "extension.basicConstraints")
    assert (constraints["asked"], constraints["issued"], constraints["how"]) == (
        "CA:TRUE",
        "CA:FALSE",
        "refused",
    )
    assert "keyCertSign" not in line(document, "extension.keyUsage")["issued"]


def test_the_same_key_under_another_name_signs_and_warns_naming_it(sipca: CommandLine) -> None:
    signed(sipca, "sbc1.csr")

    document = signed(sipca, "same-key-other-name.csr")

    (finding,) = document["findings"]
    assert finding["code"] == "reused-key"
    assert (
        "certified already as sbc1.lab.example: a cloned machine or a restored configuration?"
        in finding["message"]
    )


def test_the_same_key_in_one_batch_is_noticed_too(sipca: CommandLine, tmp_path: Any) -> None:
    document = sipca(
        "sign",
        SAMPLES / "sbc1.csr",
        SAMPLES / "same-key-other-name.csr",
        "--out",
        tmp_path / "o",
        "--json",
    ).json

    assert [codes(each) for each in document["signed"]] == [set(), {"reused-key"}]


def test_reuse_that_is_meant_can_be_allowed_and_is_recorded(sipca: CommandLine) -> None:
    signed(sipca, "sbc1.csr")

    document = signed(sipca, "same-key-other-name.csr", "--allow", "reused-key")

    assert document["findings"][0]["result"] == "pass"
    assert sipca("log", "--json").json["events"][-1]["detail"]["allowed"] == "reused-key"


def test_an_ec_key_signs_without_key_encipherment(sipca: CommandLine) -> None:
    assert line(signed(sipca, "ec-p256.csr"), "extension.keyUsage")["issued"] == "digitalSignature"


def test_a_sha1_request_is_signed_with_sha256_and_noted(sipca: CommandLine) -> None:
    document = signed(sipca, "legacy-sha1.csr")

    signature = line(document, "signature")
    assert (signature["asked"], signature["issued"], signature["how"]) == (
        "sha1WithRSAEncryption", "ecdsa-with-SHA256", "changed",
    )  # fmt: skip
    assert codes(document) == {"sha1-request"}


def test_rsa_1024_is_refused_and_allow_weak_key_signs_and_records_it(sipca: CommandLine) -> None:
    code, message, hint = refusal(sipca, "legacy-rsa1024-sha1.csr")

    assert code == 4
    assert message == "the key is RSA 1024, but at least 2048 bits are required"
    assert "make a new 2048-bit private key on the device, then a new CSR" in hint
    assert (
        line(signed(sipca, "legacy-rsa1024-sha1.csr", "--allow", "weak-key"), "key")["how"]
        == "forced"
    )


@pytest.mark.parametrize(
    ("name", "repair"),
    [
        ("crlf.csr", "CR LF line ends were read"),
        ("new-header-no-newline.csr", "the final newline is missing"),
    ],
)
def test_browser_pastes_sign_and_say_what_was_repaired(
    sipca: CommandLine, name: str, repair: str
) -> None:
    document = signed(sipca, name)

    assert any(repair in finding["message"] for finding in document["findings"])


def test_a_broken_signature_is_exit_9(sipca: CommandLine) -> None:
    code, message, _ = refusal(sipca, "broken-signature.csr")

    assert code == 9
    assert "does not verify with its own key" in message


def test_a_truncated_file_is_exit_3(sipca: CommandLine) -> None:
    assert refusal(sipca, "truncated.csr")[0] == 3


def test_csr_show_answers_for_every_sample(bare: CommandLine) -> None:
    exits = {path.name: bare("csr", "show", path).exit for path in sorted(SAMPLES.glob("*.csr"))}

    assert {name: code for name, code in exits.items() if code} == {
        "broken-signature.csr": 9,
        "truncated.csr": 3,
    }


def test_csr_show_as_json_has_verdict_and_findings_and_with_a_profile_the_account(
    sipca: CommandLine,
) -> None:
    plain = sipca("csr", "show", SAMPLES / "sbc1.csr", "--json").json
    account = sipca(
        "csr", "show", SAMPLES / "wants-to-be-ca.csr", "--profile", "sip", "--json"
    ).json
    refused = sipca(
        "csr", "show", SAMPLES / "email-typed-host.csr", "--profile", "sip", "--json"
    ).json

    assert (plain["verdict"], plain["findings"], plain["account"]) == ("ok", [], [])
    assert account["verdict"] == "warn"
    assert line(account, "extension.basicConstraints")["how"] == "refused"
    assert refused["verdict"] == "fail"
    assert refused["account"] == []
    assert {"san-email-no-at", "profile-refused"} <= codes(refused)


def test_csr_show_reads_stdin_and_needs_no_home(bare: CommandLine) -> None:
    answer = bare("csr", "show", "-", stdin=(SAMPLES / "sbc1.csr").read_bytes())

    assert answer.exit == 0
    assert "sha256WithRSAEncryption: good" in answer.out


def test_csr_show_with_a_profile_shows_the_account_for_people(sipca: CommandLine) -> None:
    text = sipca("csr", "show", SAMPLES / "wants-to-be-ca.csr", "--profile", "sip").out

    assert "by profile sip it would be issued as:" in text
    assert "ca-flag" in text


def test_samples_are_written_into_a_folder_with_the_page_about_them(
    bare: CommandLine, tmp_path: Path
) -> None:
    answer = bare("samples", tmp_path / "samples")

    written = {path.name: path.read_bytes() for path in (tmp_path / "samples").iterdir()}
    assert answer.exit == 0, answer.err
    assert written == {
        path.name: path.read_bytes() for path in SAMPLES.iterdir() if path.suffix != ".toml"
    }
    assert f"next: sipca csr show {tmp_path}/samples/sbc1.csr" in answer.out
    assert not bare.home.exists()


def test_every_sample_is_described(bare: CommandLine, tmp_path: Path) -> None:
    document = bare("samples", tmp_path, "--json").json

    described = {Path(each["path"]).name: each["shows"] for each in document["samples"]}
    assert set(described) == {path.name for path in SAMPLES.glob("*.csr")}
    assert described["crlf.csr"] == described["new-header-no-newline.csr"] == "browser paste"
    assert document["readme"] == str(tmp_path / "README.md")


def test_samples_again_change_nothing(bare: CommandLine, tmp_path: Path) -> None:
    bare("samples", tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    answer = bare("samples", tmp_path)

    assert answer.exit == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_samples_never_replace_another_file_unasked(bare: CommandLine, tmp_path: Path) -> None:
    mine = tmp_path / "sbc1.csr"
    mine.write_text("mine\n")

    answer = bare("samples", tmp_path)

    assert answer.exit == 6
    assert answer.err == (
        f"error: '{mine}' exists with other content\n"
        "hint: choose a new folder; --overwrite replaces it\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["sbc1.csr"]
    assert mine.read_text() == "mine\n"
    assert bare("samples", tmp_path, "--overwrite").exit == 0
    assert mine.read_bytes() == (SAMPLES / "sbc1.csr").read_bytes()


def test_samples_where_a_file_is_in_the_place_of_the_folder(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "samples").write_text("mine\n")

    answer = bare("samples", tmp_path / "samples")

    assert answer.exit == 8
    assert (tmp_path / "samples").read_text() == "mine\n"


def test_samples_need_a_folder(bare: CommandLine) -> None:
    assert bare("samples").exit == 2
