"""``ca``: the settings of a home, its CAs, and their successors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

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
