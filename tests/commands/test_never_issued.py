"""What is never issued: names, subjects and keys that ``sign`` refuses, each by its rule."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, SAMPLES, VECTORS, CommandLine, make_csr

HOSTILE = VECTORS / "hostile"


@pytest.fixture
def constrained(bare: CommandLine) -> CommandLine:
    """A CA that may certify names below lab.example alone."""
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert bare("init", "--name", "WK", *keys, "--permit-dns", "lab.example").exit == 0
    return bare


def refused(sipca: CommandLine, *words: object) -> str:
    answer = sipca("sign", *words, "--dry-run")
    assert answer.exit == 4, answer.err
    assert "Traceback" not in answer.err
    return answer.err


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ("nc/cn-port-out.csr", "'dns:sbc.other.example' lies outside"),
        ("nc/cn-underscore-out.csr", "'dns:evil_sbc.other.example' lies outside"),
        ("nc/uri-two-at.csr", "lies outside of what the issuing CA may certify"),
        ("cn-invisible-pua/in.csr", "U+E000, which is for private use"),
        ("cn-invisible-soft-hyphen/in.csr", "invisible or direction-changing characters (U+00AD)"),
        ("big/cn-name-ca-inv.csr", "invisible or direction-changing characters (U+00AD)"),
        ("big/san-uri-long.csr", "at most 2,048 are allowed"),
        ("san-uri-sip-wildcard/in.csr", "has a wildcard, which only a DNS name may have"),
    ],
)
def test_the_samples_of_attack_are_refused_by_their_rule(
    constrained: CommandLine, sample: str, says: str
) -> None:
    assert says in refused(constrained, HOSTILE / sample)


@pytest.mark.parametrize(
    "cn",
    ["sbc.other.example.", "sbc.other.example:5061", "evil_sbc.other.example", "*.other.example", "https://sbc.other.example/", "a@other.example", "10.0.0.5", "SBC.OTHER.EXAMPLE", "x.lab.example.evil", "zürich.other.example", "[2001:db8::1]:5061"],
)  # fmt: skip
def test_a_cn_outside_of_the_issuers_constraints_is_refused(
    constrained: CommandLine, tmp_path: Path, cn: str
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn=cn, key=EC_KEY))

    err = refused(constrained, csr, "--profile", "sip-server", "--allow", "wildcard")

    assert "lies outside of what the issuing CA may certify: lab.example" in err


@pytest.mark.parametrize("cn", ["sbc.lab.example", "SBC.LAB.example", "Reception phone", "a@lab.example", "00908f123456"])  # fmt: skip
def test_a_cn_inside_or_that_is_no_name_is_issued_and_openssl_takes_the_chain(
    constrained: CommandLine, tmp_path: Path, cn: str
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn=cn, key=EC_KEY))

    answer = constrained("sign", csr, "--out", tmp_path, "--profile", "phone")

    assert answer.exit == 0, answer.err
    root, issuing = tmp_path / "trusted-1-root.pem", tmp_path / "trusted-2-issuing.pem"
    words = [
        "openssl",
        "verify",
        "-CAfile",
        root,
        "-untrusted",
        issuing,
        tmp_path / "in-device.pem",
    ]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_own_profile_that_takes_mail_addresses_keeps_them_inside(
    constrained: CommandLine, tmp_path: Path
) -> None:
    assert constrained("profile", "new", "mail", "--from", "sip").exit == 0
    path = constrained.home / "profiles" / "mail.toml"
    path.write_text(path.read_text().replace('"OU", "O",', '"OU", "O", "emailAddress",'))
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn="a.lab.example", subject={"email": "a@other.example"}))  # fmt: skip

    err = refused(constrained, csr, "--profile", "mail")

    assert "'email:a@other.example' lies outside" in err


@pytest.mark.parametrize("cn", ["*", "f*.lab.example", "*.*.lab.example", "sip:*.lab", "Support * desk", "a@*.lab.example"])  # fmt: skip
def test_a_wildcard_that_is_none_is_refused_in_a_cn_whatever_is_allowed(
    sipca: CommandLine, tmp_path: Path, cn: str
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn=cn, key=EC_KEY))

    err = refused(sipca, csr, "--allow", "wildcard")

    assert f"'{cn}' has a * that is not the whole left-most label" in err


def test_a_wildcard_cn_needs_the_override_even_where_no_san_is_made_of_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    assert sipca("profile", "new", "bare-cn", "--from", "sip").exit == 0
    path = sipca.home / "profiles" / "bare-cn.toml"
    path.write_text(path.read_text().replace("from_cn = true", "from_cn = false"))
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn="*.lab.example", key=EC_KEY))

    err = refused(sipca, csr, "--profile", "bare-cn")
    allowed = sipca("sign", csr, "--profile", "bare-cn", "--allow", "wildcard", "--dry-run")

    assert "'*.lab.example' is a wildcard" in err
    assert "--allow wildcard" in err
    assert allowed.exit == 0


def test_an_address_that_nobody_dials_is_refused_in_a_cn_too(
    sipca: CommandLine, tmp_path: Path
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn="0.0.0.0", key=EC_KEY))

    err = refused(sipca, csr, "--profile", "sip-domain")

    assert "the CN's 0.0.0.0 is in 0.0.0.0/8" in err


@pytest.mark.parametrize("uri", ["sip:10.0.0.5", "sip:[2001:db8::5]", "sip:u@lab.example", "sip:lab.example:5061", "sip:lab.example;transport=tls", "sips:lab.example", "https://lab.example/"])  # fmt: skip
def test_a_sip_domain_certificate_has_domains_alone(
    sipca: CommandLine, tmp_path: Path, uri: str
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:lab.example", f"uri:{uri}", cn="lab.example", key=EC_KEY))

    err = refused(sipca, csr, "--profile", "sip-domain")

    assert f"the SAN URI '{uri}'" in err


def test_a_hundred_names_are_taken_and_one_more_is_not_wherever_they_come_from(
    sipca: CommandLine, tmp_path: Path, csr_file: Callable[..., Path]
) -> None:
    def names(count: int) -> list[str]:
        return [word for n in range(count) for word in ("--san", f"dns:n{n}.lab.example")]

    csr = csr_file("in", "dns:a.lab.example", cn="a.lab.example", key=EC_KEY)
    table = tmp_path / "names.csv"
    spelled = ";".join(names(101)[1::2])
    table.write_text(f"source,device,context,profile,cn,san\n{csr.name},,,,,{spelled}\n")

    taken = sipca("sign", csr, *names(99), "--dry-run")
    err = refused(sipca, csr, *names(100))
    by_table = sipca("sign", csr, "--names", table, "--out", tmp_path / "o", "--dry-run")
    issued = sipca("issue", *names(101)[1::2], "--out", tmp_path / "i")

    assert taken.exit == 0, taken.err
    assert "the certificate would have 101 names; at most 100 are allowed" in err
    assert (by_table.exit, issued.exit) == (4, 4)
    assert "at most 100 are allowed" in by_table.err
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize(
    ("cn", "alike"),
    [("test lab issuing", "is"), ("Test Lab  Issuing", "is"), ("Test Lab lssuing", "looks like"), ("T\u0435st Lab Issuing", "looks like")],
)  # fmt: skip
def test_a_subject_that_is_taken_for_a_ca_is_refused(
    sipca: CommandLine, tmp_path: Path, cn: str, alike: str
) -> None:
    csr = tmp_path / "in.csr"
    csr.write_bytes(make_csr("dns:a.lab.example", cn=cn, key=EC_KEY))

    err = refused(sipca, csr, "--allow", "subject-look-alike")

    assert f"the subject {alike} the name of this CA itself: CN=Test Lab Issuing" in err


def test_one_attribute_is_told_apart_from_several_wherever_a_subject_is_shown(
    sipca: CommandLine, tmp_path: Path
) -> None:
    csr, spoof = HOSTILE / "cn-subject-spoof" / "in.csr", r"CN=sp1\, O=Acme Corp\, OU=Trusted"

    signed = sipca("sign", csr, "--out", tmp_path / "o", "--json").json["signed"][0]

    assert signed["subject"] == spoof
    shown = [
        sipca("csr", "show", csr).out,
        sipca("list").out,
        sipca("list", "--csv").out,
        sipca("show", signed["serial"]).out,
        sipca("log", "--json").out.replace("\\\\", "\\"),
        sipca("trust", "build", tmp_path / "o" / "in-device.pem", "-o", tmp_path / "t").err,
        sipca("revoke", "--serial", signed["serial"], "--json").out.replace("\\\\", "\\"),
    ]
    for text in shown:
        assert spoof in text
        assert "CN=sp1, O=Acme" not in text


@pytest.mark.parametrize("name", ["Lab\u00ad", "L\u0430b", "A\u00a0B"])
def test_a_ca_bears_no_deceiving_name_and_no_override_is_advised_that_init_has_not(
    bare: CommandLine, name: str
) -> None:
    answer = bare("init", "--name", name, "--no-passphrase", "--root-key", "ec:p256")

    assert answer.exit == 4
    assert "the subject's CN" in answer.err
    assert "--allow" not in answer.err
    assert not (bare.home / "ca.db").exists()


def test_an_address_alone_under_dns_constraints_is_warned_of(
    bare: CommandLine, tmp_path: Path
) -> None:
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    limits = ("--permit-dns", "lab.example", "--permit-ip", "10.0.0.0/8")
    assert bare("init", "--name", "WK", *keys, *limits).exit == 0
    sample = SAMPLES / "sbc1.csr"

    alone = bare("sign", sample, "--replace-san", "--cn", "10.1.2.3", "--dry-run")
    beside = bare(
        "sign",
        sample,
        "--replace-san",
        "--cn",
        "10.1.2.3",
        "--san",
        "dns:a.lab.example",
        "--dry-run",
    )

    assert "cn-address-constrained" in alone.err, alone.err
    assert "cn-address-constrained" not in beside.err
