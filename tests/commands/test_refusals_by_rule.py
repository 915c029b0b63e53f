"""Rules that no other test names: what each says, and the exit code with which it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr
from stand_in.registers import edit

from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.status.check import status_service_findings
from ca.device.trust import Candidate, Store, judge
from ca.profiles.library import Library

NAME = "dns:a.lab.example"
HUNDRED = tuple(f"dns:d{number}.lab.example" for number in range(100))
LONG = "uri:sip:" + "a" * 3000 + "@lab.example"
OWN_CN = {"from_cn = true": "from_cn = false"}
ONLY_DNS = {'take = ["dns", "ip", "uri", "email"]': 'take = ["dns"]'}


@pytest.mark.parametrize(
    ("code", "cn", "names", "words", "says"),
    [
        ("cn-port", "sbc1.lab.example:5061", (NAME,), (), "the CN 'sbc1.lab.example:5061' ends with a port"),
        ("san-count", "d1.lab.example", HUNDRED, ("--san", NAME), "the certificate would have 101 names; at most 100 are allowed"),
        ("san-long", "a.lab.example", (LONG,), (), "has 3,016 octets, but at most 2,048 are allowed"),
        ("san-required", "Reception phone", (), (), "the request has no SAN, and its CN 'Reception phone' is neither host name nor address"),
        ("san-required", "ACL_482913", (), (), "the request has no SAN, and its CN 'ACL_482913' is a factory name no peer dials"),
        ("sip-uri-user", "a.lab.example", ("uri:sip:bob@a.lab.example",), ("--profile", "sip-domain"), "the SAN URI 'sip:bob@a.lab.example' names more than a domain"),
        ("subject-is-ca", "Test Lab Issuing", (NAME,), (), "the subject is the name of this CA itself: CN=Test Lab Issuing"),
        ("subject-required", None, (NAME,), (), "the subject has no CN"),
    ],
)  # fmt: skip
def test_what_sign_refuses_by_a_rule_has_its_message_and_exit_4(
    sipca: CommandLine,
    tmp_path: Path,
    code: str,
    cn: str | None,
    names: tuple[str, ...],
    words: tuple[str, ...],
    says: str,
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr(*names, cn=cn))

    refused = sipca("sign", csr, "--out", tmp_path / "out", *words)
    mended = sipca(
        "sign", csr, "--cn", "b.lab.example", "--replace-san", "--san", NAME, "--dry-run"
    )

    assert (refused.exit, code in catalogue(sipca)) == (4, True), refused.err
    assert says in refused.err
    assert "hint: " in refused.err
    assert not (tmp_path / "out").exists()
    assert mended.exit == 0, mended.err


@pytest.mark.parametrize(
    ("code", "changes", "cn", "words", "says"),
    [
        ("cn-address", OWN_CN, "0.0.0.0", (), "the CN's 0.0.0.0 is in 0.0.0.0/8, which names no host"),
        ("cn-wildcard", OWN_CN, "f*.lab.example", (), "the CN 'f*.lab.example' has a * that is not the whole left-most label"),
        ("san-kind", ONLY_DNS, "a.lab.example", ("--san", "ip:10.0.0.5"), "--san ip:10.0.0.5: profile own takes dns"),
    ],
)  # fmt: skip
def test_what_sign_refuses_by_an_own_profile_has_its_message_and_exit_4(
    sipca: CommandLine,
    tmp_path: Path,
    code: str,
    changes: dict[str, str],
    cn: str,
    words: tuple[str, ...],
    says: str,
) -> None:
    assert sipca("profile", "new", "own", "--from", "sip").exit == 0
    path = sipca.home / "profiles" / "own.toml"
    for before, after in changes.items():
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr(NAME, cn=cn))

    refused = sipca("sign", csr, "--profile", "own", "--dry-run", *words)
    mended = sipca("sign", csr, "--profile", "own", "--dry-run", "--cn", "a.lab.example")

    assert (refused.exit, code in catalogue(sipca)) == (4, True), refused.err
    assert says in refused.err
    assert mended.exit == 0, mended.err


def test_a_name_outside_name_constraints_is_outside_name_constraints_and_exit_4(
    bare: CommandLine, tmp_path: Path
) -> None:
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert bare("init", "--name", "WK", *keys, "--permit-dns", "lab.example").exit == 0
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.other.example", cn="a.lab.example"))

    refused = bare("sign", csr, "--dry-run")
    inside = bare("sign", csr, "--dry-run", "--replace-san", "--san", NAME)

    assert refused.exit == 4
    assert "'dns:a.other.example' lies outside of what the issuing CA may certify" in refused.err
    assert "outside-name-constraints" in catalogue(bare)
    assert inside.exit == 0, inside.err


def test_a_bundle_that_the_store_does_not_take_fails_by_trust_limit_alone(
    sipca: CommandLine,
) -> None:
    target = Library().target("audiocodes-7.0")
    with open_home(sipca.home, Environment(passphrase=no_passphrase)) as home:
        root = home.ca("root").issuer.facts
    assert root is not None
    member = Candidate(root, "root.pem")

    fits = judge(Store(target, (member,), ()))
    (found,) = judge(Store(target, (member,) * 21, ()))

    assert not any(each.result == "fail" for each in fits)
    assert (found.code, found.result) == ("trust-limit", "fail")
    assert (
        found.message == "the bundle has 21 certificates, but the store of audiocodes-7.0 holds 20"
    )


def test_preflight_repaired_fails_with_exit_9_and_preflight_key_kind_warns(
    sipca: CommandLine, tmp_path: Path
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr(NAME, cn="a.lab.example", key=EC_KEY))
    assert sipca("sign", csr, "--out", tmp_path).exit == 0
    device, chain = tmp_path / "in-device.pem", tmp_path / "trusted-root.pem"
    quoted = tmp_path / "quoted.pem"
    quoted.write_text("".join(f"> {line}\n" for line in device.read_text().splitlines()))

    plain = sipca("preflight", device, "--chain", chain, "--json")
    mail = sipca("preflight", quoted, "--chain", chain, "--json")

    assert (plain.exit, mail.exit) == (0, 9)
    assert [(f["code"], f["result"]) for f in plain.json["findings"]] == [
        ("preflight-key-kind", "warn")
    ]
    (found,) = [f for f in mail.json["findings"] if f["code"] == "preflight-repaired"]
    assert found["message"] == f"'{quoted}': the quote marks of a mail were skipped"


def test_a_signer_whose_key_is_not_its_certificates_is_ocsp_signer_unusable(
    sipca: CommandLine,
) -> None:
    swap = "UPDATE ocsp_signer SET key_id = (SELECT sum(key_id) FROM ocsp_signer) - key_id"
    with open_home(sipca.home, Environment(passphrase=no_passphrase)) as home:
        before = status_service_findings(home, home.ca("issuing"))
        edit(sipca.home, swap)

        (found,) = [
            each
            for each in status_service_findings(home, home.ca("issuing"))
            if each.result == "fail"
        ]

    assert not any(each.result == "fail" for each in before)
    assert found.code == "ocsp-signer-unusable"
    assert found.message == (
        "Test Lab Issuing: its OCSP signer: the OCSP signer's key does not belong to its "
        "certificate"
    )
    assert found.hint == "sipca ocsp rotate --ca issuing"


def catalogue(sipca: CommandLine) -> set[str]:
    return {each["code"] for each in sipca("rule", "list", "--json", home=False).json["rules"]}
