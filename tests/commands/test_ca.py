"""``ca``: the settings of a home, its CAs, and their successors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from stand_in.lab import EC_KEY, NOW, CommandLine

Csr = Callable[..., Path]


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


def the_cas(sipca: CommandLine) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = sipca("ca", "list", "--json").json["cas"]
    return entries


def test_ca_list_names_each_ca_its_key_and_how_many_live_certificates_it_has(
    lab: CommandLine,
) -> None:
    root, issuing = the_cas(lab)

    assert (root["role"], root["name"], root["live"]) == ("root", "Test Lab Root", 1)
    assert (issuing["role"], issuing["name"], issuing["live"]) == ("issuing", "Test Lab Issuing", 3)
    assert {(each["key"], each["state"], each["cross_of"]) for each in (root, issuing)} == {
        ("here", "current", None)
    }
    lab("revoke", "proxy.lab.example")
    assert the_cas(lab)[1]["live"] == 2
    assert "Test Lab Issuing" in lab("ca", "list").out


def test_ca_rotate_makes_the_next_issuing_ca_which_signs_from_then_on(
    lab: CommandLine, csr_file: Csr
) -> None:
    answer = lab("ca", "rotate", "--json")

    assert answer.exit == 0, answer.err
    (new,) = answer.json["cas"]
    assert (new["name"], new["state"], new["live"]) == ("Test Lab Issuing 2", "current", 0)
    signed = lab("sign", csr_file("n", cn="n.lab.example", key=EC_KEY), "--json", "--allow", "reused-key")  # fmt: skip
    assert signed.json["signed"][0]["issuer"] == "Test Lab Issuing 2"
    assert [(e["name"], e["state"], e["live"]) for e in the_cas(lab)] == [
        ("Test Lab Root", "current", 2),
        ("Test Lab Issuing 2", "current", 1),
        ("Test Lab Issuing", "previous", 3),
    ]
    assert lab("check").exit == 0
    assert lab("log", "--verify").exit == 0


def test_ca_rotate_gives_the_new_ca_its_crl_and_ocsp_signer_and_the_old_ones_go_on(
    lab: CommandLine,
) -> None:
    old = the_cas(lab)[1]["id"]
    lab("ca", "rotate")
    new = the_cas(lab)[1]["id"]

    signers = lab("ocsp", "rotate", "--json").json["signers"]
    assert old in {each["id"] for each in signers}
    assert new in {each["id"] for each in signers}
    for ca_id in (old, new):
        crl = lab("crl", "--ca", ca_id, "--json").json
        assert (crl["crl"]["id"], crl["made"]) == (ca_id, False)
    assert lab("revoke", "proxy.lab.example", "--json").json["crls"][0]["id"] == old


def test_ca_rotate_with_the_same_key_changes_dates_and_serial_alone(
    sipca: CommandLine, frozen: Any
) -> None:
    before = the_cas(sipca)[1]
    frozen(NOW + timedelta(days=3000))

    answer = sipca("ca", "rotate", "--same-key", "--json")

    (after,) = answer.json["cas"]
    assert len(the_cas(sipca)) == 2
    same = ("id", "name", "subject", "role", "state")
    assert [after[each] for each in same] == [before[each] for each in same]
    assert after["serial"] != before["serial"]
    assert after["not_after"] > before["not_after"]
    chain = x509.load_pem_x509_certificates(sipca("chain").out.encode())
    assert f"{chain[0].serial_number:x}" == after["serial"]


def test_ca_rotate_of_the_root_makes_both_cross_certificates(sipca: CommandLine) -> None:
    old_root = the_cas(sipca)[0]["id"]

    answer = sipca("ca", "rotate", "--root", "--json")

    assert answer.exit == 0, answer.err
    listed = the_cas(sipca)
    root, issuing = listed[:2]
    assert (root["name"], issuing["name"]) == ("Test Lab Root 2", "Test Lab Issuing 2")
    crosses = [each for each in listed if each["cross_of"]]
    assert {(each["id"], each["cross_of"]) for each in crosses} == {
        (root["id"], old_root),
        (old_root, root["id"]),
    }
    for cross in crosses:
        shown = sipca("show", cross["serial"], "--pem").out
        certificate = x509.load_pem_x509_certificate(shown.encode())
        by = next(e for e in listed if e["id"] == cross["cross_of"] and not e["cross_of"])
        issuer = x509.load_pem_x509_certificate(sipca("show", by["serial"], "--pem").out.encode())
        certificate.verify_directly_issued_by(issuer)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value.ca
    assert sipca("check").exit == 0


def test_a_dry_run_of_ca_rotate_makes_nothing(sipca: CommandLine) -> None:
    before, events = the_cas(sipca), len(sipca("log", "--json").json["events"])

    for words in ((), ("--same-key",), ("--root",), ("--root", "--same-key")):
        answer = sipca("ca", "rotate", "--dry-run", *words, "--json")
        assert answer.exit == 0, answer.err
        assert answer.json["dry_run"] is True
        assert answer.json["cas"][0]["serial"] is None

    assert the_cas(sipca) == before
    assert len(sipca("log", "--json").json["events"]) == events


def test_ca_rotate_refuses_a_name_that_a_ca_has_and_a_lifetime_past_its_root(
    sipca: CommandLine,
) -> None:
    taken = sipca("ca", "rotate", "--name", "test lab issuing")
    empty = sipca("ca", "rotate", "--name", " ")
    key = sipca("ca", "rotate", "--key", "dsa:1024")
    long = sipca("ca", "rotate", "--lifetime", "30y")
    both = sipca("ca", "rotate", "--same-key", "--name", "Other")

    assert (taken.exit, empty.exit, key.exit, long.exit, both.exit) == (6, 3, 3, 4, 2)
    assert "is called 'test lab issuing' already, with another key" in taken.err
    assert "--name has 0 characters" in empty.err
    assert "'dsa:1024' is not a supported key type" in key.err
    assert "but its issuer on" in long.err
    assert len(the_cas(sipca)) == 2


def test_ca_rotate_takes_name_lifetime_and_key_and_keeps_name_constraints(
    bare: CommandLine,
) -> None:
    bare("init", "--name", "Lab", "--org", "Acme", "--root-key", "ec:p256", "--issuing-key",
         "ec:p256", "--no-passphrase", "--permit-dns", "lab.example")  # fmt: skip

    bare("ca", "rotate", "--name", "Second", "--lifetime", "2y", "--key", "ec:p384")

    issuing = bare("status", "--json").json["cas"][-1]
    assert issuing["subject"] == "CN=Second, O=Acme"
    assert issuing["key"] == "EC p384"
    assert issuing["permitted"] == ["dns:lab.example"]
    assert bare("ca", "rotate", "--json").json["cas"][0]["name"] == "Second 2"


def test_a_new_ca_s_key_has_the_passphrase_of_the_home(bare: CommandLine, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text("correct horse")
    give = ("--passphrase-file", word)
    bare("init", "--name", "Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256", *give)

    without = bare("ca", "rotate")
    answer = bare("ca", "rotate", "--json", *give)

    assert without.exit == 7
    assert answer.json["cas"][0]["key"] == "encrypted"
    assert bare("crl", "--refresh").exit == 7
    assert bare("crl", "--refresh", *give).exit == 0


def test_of_a_rotated_ca_status_services_go_on_until_its_last_certificate_ended(
    lab: CommandLine, tmp_path: Path, frozen: Any
) -> None:
    frozen(NOW)
    old = the_cas(lab)[1]["id"]
    lab("ca", "rotate")
    new = the_cas(lab)[1]["id"]

    answer = lab("crl", "--ca", "all", "--json")
    made = lab("ocsp", "rotate", "--json").json["signers"]
    written = lab("crl", "--ca", "all", "-o", tmp_path / "all.crl")

    ids = [answer.json["crl"]["id"], *(each["id"] for each in answer.json["others"])]
    assert ids == [new, old, the_cas(lab)[0]["id"]]
    assert {each["id"] for each in made} == set(ids)
    assert written.exit == 0
    assert (tmp_path / "all.crl").read_text().count("BEGIN X509 CRL") == 3
    assert lab("crl", "--ca", "all", "--format", "der").exit == 2
    assert lab("crl", "--ca", old, "--refresh").exit == 0
    assert f"{lab.home}/public/issuing.crl" in lab("env").out
    assert (lab.home / "public" / "issuing.crl").read_text().count("BEGIN X509 CRL") == 2

    frozen(NOW + timedelta(days=200))
    hints = {each["hint"] for each in lab("check", "--json").json["findings"]}
    assert f"sipca crl --ca {old} --refresh" in hints
    assert "sipca crl --ca issuing --refresh" in hints

    for days in (200, 550):  # a longer gap at once would be a doubtful clock
        frozen(NOW + timedelta(days=days))
        lab("crl", "--refresh")
    frozen(NOW + timedelta(days=900))
    lab("sign", tmp_path / "proxy.csr")
    actions = [each["action"] for each in lab("log", "--json").json["events"]]
    assert actions.count("ca-ended") == 1
    lab("sign", tmp_path / "proxy.csr", "--again")
    actions = [each["action"] for each in lab("log", "--json").json["events"]]
    assert actions.count("ca-ended") == 1
    lab("crl", "--ca", "all")
    ids = [each["id"] for each in lab("ocsp", "rotate", "--json").json["signers"]]
    assert sorted(ids) == sorted(each["id"] for each in the_cas(lab) if each["state"] == "current")


def test_trust_files_hold_what_live_certificates_need_and_are_replaced_after_a_rotation(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    one = csr_file("one", cn="one.lab.example", key=EC_KEY)
    sipca("sign", one, "--device", "one", "--out", out)
    sipca("issue", "peer.lab.example", "--out", out)
    old = the_cas(sipca)[1]

    sipca("ca", "rotate")
    again = sipca("sign", one, "--device", "one", "--out", out, "--fullchain", "--json")
    issued = sipca("issue", "peer.lab.example", "--out", out)

    assert (again.exit, issued.exit) == (0, 0), (again.err, issued.err)
    names = sorted(path.name for path in out.glob("trusted*"))
    assert names == [
        "trusted-1-root.pem", "trusted-2-issuing.pem", "trusted-3-issuing.pem", "trusted-root.pem",
    ]  # fmt: skip
    bundle = [x.subject.rfc4514_string() for x in pem_in(out / "trusted-root.pem")]
    assert bundle == ["CN=Test Lab Issuing 2", "CN=Test Lab Root", "CN=Test Lab Issuing"]
    assert again.json["signed"][0]["chain_pem"].count("BEGIN") == 2
    for words in (("chain",), ("chain", "--parts", "issuing")):
        assert "Test Lab Issuing 2" in sipca(*words, "--json").json["cas"][0]["subject"]
    assert len(sipca("chain", "--json").json["cas"]) == 3

    for each in sipca("list", "--all", "--json").json["certificates"]:
        if each["issuer"] == "CN=Test Lab Issuing":
            assert sipca("revoke", each["serial"]).exit == 0
    retired = sipca("ca", "retire", old["id"], "--json")
    assert retired.json["changed"] is True
    assert sipca("export", "one", "--out", out, "--overwrite").exit == 0
    assert sorted(path.name for path in out.glob("trusted*")) == [
        "trusted-1-root.pem", "trusted-2-issuing.pem", "trusted-root.pem",
    ]  # fmt: skip
    assert sipca("ca", "retire", old["id"], "--json").json["changed"] is False


def pem_in(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def test_a_trust_file_of_somebody_else_is_in_the_way_after_a_rotation_too(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    one = csr_file("one", cn="one.lab.example", key=EC_KEY)
    sipca("sign", one, "--out", out)
    sipca("ca", "rotate")
    trusted = out / "trusted-root.pem"
    trusted.write_text(trusted.read_text() + "# my own\n")

    answer = sipca("sign", one, "--out", out)

    assert answer.exit == 6
    assert "holds another trusted-root.pem" in answer.err
    assert trusted.read_text().endswith("# my own\n")


def test_an_earlier_certificate_is_exported_with_the_chain_of_its_own_issuer(
    lab: CommandLine, tmp_path: Path
) -> None:
    lab("ca", "rotate")

    lab("export", "proxy.lab.example", "--out", tmp_path / "kit", "--target", "generic")

    (chain,) = (pem_in(path) for path in (tmp_path / "kit").glob("*-fullchain.pem"))
    assert [each.subject.rfc4514_string() for each in chain] == [
        "CN=proxy.lab.example", "CN=Test Lab Issuing",
    ]  # fmt: skip
    sheet = next((tmp_path / "kit").glob("*-upload-sheet.txt")).read_text()
    assert "all at once" in sheet
    assert "Preflight:" in sheet
    assert "fail:" not in sheet


def test_the_kit_of_an_earlier_certificate_names_each_import_in_turn(
    lab: CommandLine, tmp_path: Path
) -> None:
    lab("ca", "rotate")
    kit = tmp_path / "kit"

    answer = lab(
        "export", "proxy.lab.example", "--out", kit, "--target", "audiocodes-7.4", "--json"
    )

    (sheet,) = (path.read_text() for path in kit.glob("*-upload-sheet.txt"))
    steps = [sheet.index(f"Trusted Root Certificates > Import: trusted-{name}.pem") for name in (
        "1-root", "2-issuing", "3-issuing",
    )]  # fmt: skip
    of_step = [pem_in(kit / f"trusted-{name}.pem") for name in ("1-root", "2-issuing", "3-issuing")]
    assert steps == sorted(steps)
    assert [len(each) for each in of_step] == [1, 1, 1]
    (chain,) = (pem_in(path) for path in kit.glob("*-fullchain.pem"))
    assert chain[1] in [of_step[1][0], of_step[2][0]]
    assert [each for each in answer.json["findings"] if each["result"] == "fail"] == []
    (preflight,) = (json.loads(path.read_text()) for path in kit.glob("*-preflight.json"))
    assert {each["result"] for each in preflight["findings"]} <= {"pass", "unknown", "warn"}
    assert "fail:" not in sheet


def test_a_trust_file_that_outgrows_its_device_s_store_is_found(
    lab: CommandLine, tmp_path: Path
) -> None:
    lab.home.joinpath("targets").mkdir()
    small = lab("target", "show", "audiocodes-7.4").out.replace("limit = 150", "limit = 2")
    assert "limit = 2\n" in small
    (lab.home / "targets" / "small.toml").write_text(small)
    words = ("export", "proxy.lab.example", "--target", "small", "--json")
    before = lab(*words, "--out", tmp_path / "a").json["findings"]

    assert lab("device", "set", "sbc1", "--target", "small").exit == 0
    notes = lab("ca", "rotate", "--json").json["notes"]
    after = lab(*words, "--out", tmp_path / "b").json["findings"]

    failing = [
        {each["message"] for each in findings if each["result"] == "fail"}
        for findings in (before, after)
    ]
    assert "the trust files hold 3 certificates, and the store of small 2" in notes[0]
    assert failing[0] == set()
    assert any("3" in message and "2" in message for message in failing[1])


def test_ca_plan_names_first_who_needs_the_trust_file_and_then_who_needs_a_certificate(
    two_devices: CommandLine, tmp_path: Path
) -> None:
    sipca = two_devices
    assert "nothing to do" in sipca("ca", "plan").out
    sipca("ca", "rotate")

    first = sipca("ca", "plan", "--json").json
    assert [(d["device"], d["context"], d["next"]) for d in first["devices"]] == [
        ("sbc1", 0, "trust"), ("sbc1", 2, "trust"), ("sbc9.lab.example", None, "trust"),
    ]  # fmt: skip
    assert first["devices"][0]["why"] == "its trust store lacks Test Lab Issuing 2"
    assert len(first["trust"]) == 3

    assert sipca("export", "gw1.lab.example", "--out", tmp_path / "kit").exit == 0
    exported = sipca("ca", "plan", "--json").json["devices"]
    assert [each["exported"] is not None for each in exported] == [False, False, True]
    assert "not yet recorded as on the device" in exported[2]["why"]

    sipca("device", "done", "SBC1", "--step", "trust")
    second = sipca("ca", "plan", "--json").json["devices"]
    assert [d["next"] for d in second] == ["trust", "certificate", "certificate"]
    assert second[1]["after"] == ["sbc9.lab.example"]
    assert "first the trust files of sbc9.lab.example" in second[1]["why"]

    sipca("device", "done", "sbc9.lab.example", "--step", "trust")
    third = sipca("ca", "plan", "--json").json["devices"]
    assert [(d["next"], d["after"]) for d in third] == [("certificate", [])] * 3
    sipca("sign", tmp_path / "sbc1-2.csr", "--device", "sbc1", "--context", 2)
    why = sipca("ca", "plan", "--json").json["devices"][1]["why"]
    assert "not yet recorded as on the device" in why
    done = sipca("device", "done", "sbc1", "--step", "certificate", "--context", 2, "--json").json
    assert (done["changed"], done["devices"][-1]["next"]) == (True, "nothing")
    assert done["devices"][-1]["certificate_done"] is not None
    again = sipca("device", "done", "sbc1", "--step", "certificate", "--context", 2, "--json").json
    assert again["changed"] is False


def test_ca_retire_refuses_the_current_ca_and_one_with_live_certificates(
    lab: CommandLine,
) -> None:
    root, issuing = the_cas(lab)
    current = lab("ca", "retire", issuing["id"])
    lab("ca", "rotate", "--root")
    live = lab("ca", "retire", issuing["id"])
    above = lab("ca", "retire", root["id"])
    unknown = lab("ca", "retire", "00000000")

    assert [each.exit for each in (current, live, above, unknown)] == [6, 6, 6, 5]
    assert "Test Lab Issuing is the current issuing CA" in current.err
    assert "Test Lab Issuing has 3 live certificates" in live.err
    assert "Test Lab Root has 1 live issuing CAs" in above.err
    assert "there is no CA '00000000' here" in unknown.err


def test_a_successor_of_a_revoked_ca_signs(lab: CommandLine, csr_file: Csr) -> None:
    request = csr_file("n", cn="n.lab.example")
    lab("revoke", the_cas(lab)[1]["serial"], "--reason", "ca-compromise")

    refused = lab("sign", request, "--allow", "reused-key")
    assert refused.exit == 4
    assert "sipca ca rotate makes its successor" in refused.err
    assert lab("ca", "rotate").exit == 0
    assert lab("sign", request, "--allow", "reused-key").exit == 0
    assert len(lab("chain", "--json").json["cas"]) == 2


def test_a_device_without_certificate_needs_the_trust_file_too(sipca: CommandLine) -> None:
    sipca("device", "set", "phone7")
    before = sipca("ca", "plan", "--json").json["devices"]
    sipca("ca", "rotate")
    after = sipca("ca", "plan", "--json").json["devices"]
    refused = sipca("device", "done", "phone7", "--step", "certificate")
    done = sipca("device", "done", "phone7", "--step", "trust", "--json").json["devices"]

    assert [each["next"] for each in (*before, *after, *done)] == ["nothing", "trust", "nothing"]
    assert after[0]["why"] == "its trust store lacks Test Lab Issuing 2"
    assert (after[0]["serial"], refused.exit) == (None, 6)


def test_a_new_root_succeeds_one_that_has_ended(sipca: CommandLine, frozen: Any) -> None:
    frozen(NOW + timedelta(days=21 * 365))

    alone = sipca("ca", "rotate")
    answer = sipca("ca", "rotate", "--root", "--json")

    assert alone.exit == 4
    assert "sipca ca rotate makes its successor (--root where the root ended)" in alone.err
    assert answer.exit == 0, answer.err
    assert [each["cross_of"] for each in answer.json["cas"]] == [None, None]
    assert len(sipca("chain", "--json").json["cas"]) == 2


def test_status_tells_the_earlier_ca_from_the_current_one(sipca: CommandLine) -> None:
    sipca("ca", "rotate")

    assert "earlier issuing" in sipca("status").out
    cas = sipca("status", "--json").json["cas"]
    assert [each["current"] for each in cas] == [True, False, True]


def test_a_successor_s_key_has_the_home_s_passphrase_also_where_the_root_s_key_is_away(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word, other, key = tmp_path / "word", tmp_path / "other", tmp_path / "root.key"
    word.write_text("correct horse")
    other.write_text("battery staple")
    give = ("--passphrase-file", word)
    bare("init", "--name", "Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256", *give)
    bare("crl", "--ca", "root", "--refresh", "--lifetime", "2y", *give)
    bare("ca", "export-root-key", key, "--new-passphrase-file", other, *give)
    monkeypatch.setenv("SIPCA_ROOT_KEY_PASSPHRASE_FILE", str(other))
    dropped = bare("ca", "drop-root-key", "--exported", key, "--passphrase-file", other)
    assert dropped.exit == 0, dropped.err

    away = bare("ca", "rotate", *give)
    answer = bare("ca", "rotate", "--root", "--root-key-file", key, *give, "--json")

    assert away.exit == 7
    assert answer.exit == 0, answer.err
    assert any("sipca ca export-root-key" in note for note in answer.json["notes"])
    assert [each["key"] for each in the_cas(bare)[:2]] == ["encrypted", "encrypted"]
    assert bare("crl", "--ca", "root", "--refresh", *give).exit == 0
    assert bare("crl", "--refresh", *give).exit == 0
    assert bare("ca", "rotate", *give).exit == 0
