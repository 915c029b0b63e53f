"""Every file of ``samples/found`` and ``samples/hostile`` gives what the samples' README says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from stand_in.lab import VECTORS, CommandLine

OWN_NAMES = ("--replace-san", "--san", "dns:sbc1.lab.example", "--cn", "sbc1.lab.example")
KEYS = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")


class Case(NamedTuple):
    """A command about a file, its exit code, and what it says."""

    file: str
    words: tuple[str, ...]
    exit: int
    says: str


def trust(file: str, code: int, says: str) -> Case:
    words = ("trust", "build", "FILE", "GOOD", "-o", "OUT")
    return Case(file, words, code, says)


def preflight(file: str, code: int, says: str) -> Case:
    return Case(file, ("preflight", "FILE", "--chain", "ROOT"), code, says)


def sign(file: str, code: int, says: str, *words: str) -> Case:
    return Case(file, ("sign", "FILE", *words), code, says)


def shown(file: str, code: int, says: str) -> Case:
    return Case(file, ("csr", "show", "FILE", "--profile", "sip"), code, says)


UNREADABLE, BUG, CERTS = "found/cert-unreadable", "found/cert-bug", "hostile/hostile-certs"
REPLACED = "found/replace-san"
CASES = [
    trust(f"{UNREADABLE}/ber-true-root.pem", 0, "0x01, but TRUE in DER is 0xff"),
    trust(f"{UNREADABLE}/good-root.pem", 0, "Good Lab Root"),
    trust(f"{UNREADABLE}/leaf-ca-false-encoded.pem", 4, "it is not a CA certificate"),
    trust(f"{UNREADABLE}/t61-root.pem", 0, "is a TeletexString; it was read as Latin-1"),
    trust(f"{UNREADABLE}/visiblestring-root.pem", 0, "its certificatePolicies has octets that are not valid in a VisibleString"),
    trust(f"{BUG}/duplicate-extension.pem", 4, "the extension keyUsage occurs twice"),
    trust(f"{BUG}/negative-serial-root.pem", 0, "its serial number is negative"),
    trust(f"{BUG}/version-4.pem", 0, "its version is 4"),
    trust(f"{CERTS}/dup-ext.pem", 4, "the extension basicConstraints occurs twice"),
    trust(f"{CERTS}/neg-serial.pem", 0, "its serial number is negative"),
    trust(f"{CERTS}/p7-empty.p7b", 4, "the PKCS#7 is cut off or damaged"),
    trust(f"{CERTS}/san-x400.pem", 0, "is of the type x400Address, which sipca does not decode"),
    trust(f"{CERTS}/v4.pem", 0, "its version is 4"),
    trust("found/v1-root/v1-root.pem", 0, "is a root of X.509 version 1"),
    trust("found/v1-root/v1-sha1-root.pem", 0, "a root's own signature is not part of"),
    *(Case(f"{REPLACED}/{name}", ("csr", "show", "FILE"), 0, "REFUSED") for name in ("cn-newline.csr", "dns-nul.csr", "latin1.csr", "ip-as-text.csr", "tag9.csr", "san-garbage.csr")),
    sign(f"{REPLACED}/cn-newline.csr", 4, "holds control characters"),
    sign(f"{REPLACED}/dns-nul.csr", 4, "holds control characters"),
    sign(f"{REPLACED}/latin1.csr", 4, "has characters outside ASCII"),
    sign(f"{REPLACED}/ip-as-text.csr", 4, "--replace-san --san ip:10.4.0.20"),
    sign(f"{REPLACED}/tag9.csr", 4, "an entry of an unknown kind"),
    sign(f"{REPLACED}/san-garbage.csr", 4, "does not decode"),
    *(sign(f"{REPLACED}/{name}", 0, "dns:sbc1.lab.example", *OWN_NAMES) for name in ("cn-newline.csr", "dns-nul.csr", "latin1.csr", "ip-as-text.csr", "tag9.csr", "san-garbage.csr")),
    preflight("found/preflight-names/wildcard.pem", 0, "WARN  the SAN DNS name '*.lab.example' is a wildcard"),
    preflight("found/preflight-names/trailing-dot.pem", 9, "FAIL  the SAN DNS name 'sbc1.lab.example.' ends with a dot"),
    preflight("found/preflight-names/dns-port.pem", 9, "FAIL  the SAN DNS name 'sbc1.lab.example:5061' has a port"),
    preflight("found/preflight-names/underscore.pem", 0, "WARN  the SAN DNS name 'sbc_1.lab.example' has an underscore"),
    *(sign(f"found/underscore/{name}", 4, "has an underscore") for name in ("san.csr", "nosan.csr")),
    *(sign(f"found/underscore/{name}", 0, "underscore-name", "--allow", "underscore-name") for name in ("san.csr", "nosan.csr")),
    trust("found/pfx/truststore.p12", 4, "is a PKCS#12 file, not a certificate"),
    Case("found/pfx/truststore.p12", ("preflight", "ROOT", "--key", "FILE", "--key-passphrase-file", "PASSWORD"), 9, "is a PFX with no private key in it"),
    trust("found/pfx/u16.pem", 0, "the file is UTF-16"),
    trust("found/pfx/bare.txt", 0, "base64 without BEGIN and END lines was read"),
    trust("found/pfx/trusted.pem", 0, "BEGIN TRUSTED CERTIFICATE was read as BEGIN CERTIFICATE"),
    sign("found/csr-version/v2.csr", 0, "the CSR has version 1, but RFC 2986 defines only 0"),
    sign("found/csr-version/empty-integer.csr", 3, "the CSR's version is an integer without octets"),
    sign("found/json-csr/redfish.json", 0, "JSON escapes"),
    sign("found/json-csr/escaped.csr", 0, "JSON escapes"),
    shown("found/cn-cn/with-san.csr", 0, "begins with 'CN=': the certificate would have CN=CN="),
    shown("found/cucm-ms/tomcat.csr", 0, "verbatim = true refuses instead"),
    shown("found/keytool-unknown/a.csr", 4, "a profile of your own whose [subject] take lacks C"),
    sign("hostile/san-uri-sip-wildcard/in.csr", 4, "has a wildcard, which only a DNS name may have"),
    sign("hostile/cn-invisible-pua/in.csr", 4, "U+E000, which is for private use"),
    sign("hostile/cn-invisible-soft-hyphen/in.csr", 4, "invisible or direction-changing characters (U+00AD)"),
    sign("hostile/big/cn-name-ca-inv.csr", 4, "invisible or direction-changing characters (U+00AD)"),
    sign("hostile/big/san-uri-long.csr", 4, "at most 2,048 are allowed"),
    sign("hostile/keys/prime-modulus.csr", 4, "the RSA modulus is a prime number"),
    Case("hostile/cn-subject-spoof/in.csr", ("csr", "show", "FILE"), 0, r"CN=sp1\, O=Acme Corp\, OU=Trusted"),
    Case("hostile/toml/deep.toml", ("profile", "check", "FILE"), 3, "deep.toml is nested deeper than"),
    Case("hostile/toml/dup-eku.toml", ("profile", "check", "FILE"), 3, "extensions.extended_key_usage: 'server_auth' is listed twice"),
    Case("hostile/toml/ocsp-nocheck.toml", ("profile", "check", "FILE"), 3, "extensions.ocsp_nocheck is only for role ocsp-responder"),
    Case("hostile/key-bomb/bomb.pem", ("preflight", "ROOT", "--key", "FILE", "--key-passphrase-file", "PASSWORD"), 4, "rounds (PBKDF2) would be 2147483647"),
]  # fmt: skip
ELSEWHERE = {
    "found/pfx/pw",
    "found/preflight-names/root.pem",  # the chain of its neighbours
    "hostile/cn-shell/in.csr",  # tests/commands/test_completion_in_shells.py
    *(f"hostile/batch-one-bad/inbox/{name}.csr" for name in ("a-good", "b-evil", "c-good")),
    *(f"hostile/nc/{name}.csr" for name in ("cn-port-out", "cn-underscore-out", "uri-two-at")),
    *(f"hostile/lab/{name}.toml" for name in ("ctx-neg", "prof-sip")),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file} {case.words[0]} {case.exit}")
def test_a_sample_gives_what_its_readme_says(
    sipca: CommandLine, tmp_path: Path, case: Case
) -> None:
    places = {
        "FILE": VECTORS / case.file,
        "GOOD": VECTORS / "found" / "cert-unreadable" / "good-root.pem",
        "ROOT": VECTORS / "found" / "preflight-names" / "root.pem",
        "PASSWORD": VECTORS / "found" / "pfx" / "pw",
        "OUT": tmp_path / "bundle.pem",
    }

    answer = sipca(*(places.get(word, word) for word in case.words))

    assert answer.exit == case.exit, answer.err
    assert case.says in answer.out + answer.err
    if case.words[0] == "trust":
        assert "Good Lab Root" in sipca("trust", "diff", places["OUT"], places["GOOD"]).out or (
            (tmp_path / "bundle.pem").read_bytes().count(b"BEGIN CERTIFICATE") >= 1
        )


def test_every_sample_is_named_here() -> None:
    files = {
        str(path.relative_to(VECTORS))
        for folder in ("found", "hostile")
        for path in (VECTORS / folder).rglob("*")
        if path.is_file()
    }

    assert files == {case.file for case in CASES} | ELSEWHERE


def test_one_bad_request_among_three_is_refused_alone(sipca: CommandLine, tmp_path: Path) -> None:
    inbox = VECTORS / "hostile" / "batch-one-bad" / "inbox"

    answer = sipca("sign", inbox, "--out", tmp_path / "out", "--json")

    assert answer.exit == 3
    assert [Path(each["source"]).stem for each in answer.json["signed"]] == ["a-good", "c-good"]
    assert [Path(each["source"]).stem for each in answer.json["refused"]] == ["b-evil"]


@pytest.mark.parametrize("name", ["cn-port-out", "cn-underscore-out", "uri-two-at"])
def test_names_outside_the_constraints_are_refused_also_where_a_rule_is_overridden(
    bare: CommandLine, name: str
) -> None:
    bare("init", "--name", "Fenced", "--permit-dns", "lab.example", *KEYS)
    file = VECTORS / "hostile" / "nc" / f"{name}.csr"

    plain = bare("sign", file)
    overridden = bare("sign", file, "--allow", "underscore-name", "--allow", "wildcard")

    assert (plain.exit, overridden.exit) == (4, 4), overridden.err


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("ctx-neg", 3, "device[0].context"),
        ("prof-sip", 6, "profiles[0]: 'sip' is the name of a shipped profile"),
    ],
)
def test_a_hostile_lab_file_is_refused_and_spoils_no_home(
    bare: CommandLine, tmp_path: Path, name: str, code: int, says: str
) -> None:
    lab = tmp_path / f"{name}.toml"
    shutil.copy(VECTORS / "hostile" / "lab" / f"{name}.toml", lab)
    (tmp_path / "sip.toml").write_text(bare("profile", "show", "sip").out)

    answer = bare("apply", lab)

    assert answer.exit == code
    assert f"{lab}: {says}" in answer.err
    assert not bare.home.exists()
