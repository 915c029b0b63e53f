"""``preflight`` judges a certificate's names by the rules that requests are judged by."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from stand_in.lab import VECTORS, CommandLine, general_name

FOUND = VECTORS / "found" / "preflight-names"
SIP_DOMAIN = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.20")
Finding = tuple[str, str]


@pytest.fixture
def other_ca(tmp_path: Path, bare: CommandLine) -> Callable[..., list[Finding]]:
    """Findings about the names of a certificate that another CA issued, checking nothing."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Careless Root")])

    def builder(subject: x509.Name) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=500))
        )

    def judged(
        *names: str, cn: str = "sbc1.lab.example", sip_domain: bool = False, permit: str = ""
    ) -> list[Finding]:
        ca = builder(root).add_extension(x509.BasicConstraints(True, None), critical=True)
        if permit:
            ca = ca.add_extension(x509.NameConstraints([x509.DNSName(permit)], None), critical=True)
        san = x509.SubjectAlternativeName([general_name(each) for each in names])
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        leaf = (
            builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]))
            .add_extension(san, critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([*purposes, *([SIP_DOMAIN] if sip_domain else [])]),
                critical=False,
            )
        )
        for stem, each in (("root", ca), ("leaf", leaf)):
            made = each.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
            (tmp_path / f"{stem}.pem").write_bytes(made)
        answer = bare(
            "preflight", tmp_path / "leaf.pem", "--chain", tmp_path / "root.pem", "--json"
        )
        return [
            (each["code"], each["message"])
            for each in answer.json["findings"]
            if each["code"].startswith(("preflight-name", "preflight-sip", "preflight-con", "preflight-cn"))
        ]  # fmt: skip

    return judged


@pytest.mark.parametrize(
    ("sample", "exit_", "code", "reason"),
    [
        ("wildcard", 0, "preflight-name-unusual", "which SIP peers do not match (RFC 5922, 7.2)"),
        ("underscore", 0, "preflight-name-unusual", "has an underscore"),
        ("trailing-dot", 9, "preflight-name", "ends with a dot"),
        ("dns-port", 9, "preflight-name", "has a port"),
    ],
)
def test_the_samples_get_the_right_verdict_for_the_right_reason(
    bare: CommandLine, sample: str, exit_: int, code: str, reason: str
) -> None:
    answer = bare("preflight", FOUND / f"{sample}.pem", "--chain", FOUND / "root.pem", "--json")

    assert answer.exit == exit_
    (finding,) = answer.json["findings"]
    assert finding["code"] == code
    assert reason in finding["message"]


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("ip:0.0.0.0", "preflight-name", "0.0.0.0/8"),
        ("ip:255.255.255.255", "preflight-name", "broadcast"),
        ("ip:::ffff:10.0.0.1", "preflight-name", "IPv4-mapped"),
        ("uri:sip:*.lab.example", "preflight-name", "has a wildcard"),
        ("email:a@*.lab.example", "preflight-name", "has a wildcard"),
        ("dns:f*.lab.example", "preflight-name", "has a *"),
        ("uri:http://a@b@lab.example/", "preflight-name", "has two @"),
        ("dns:sip:lab.example", "preflight-name", "is a URI"),
        ("uri:javascript:alert(1)", "preflight-name-unusual", "has the scheme javascript"),
        ("ip:127.0.0.1", "preflight-name-unusual", "different machine to each peer"),
        ("uri:sip:u@sbc1.lab.example", "preflight-sip-uri-no-domain", "more than a domain"),
        ("uri:sip:sbc1.lab.example:5061", "preflight-sip-uri-no-domain", "more than a domain"),
        ("uri:sips:sbc1.lab.example", "preflight-sip-uri-no-domain", "is not sip:DOMAIN"),
        ("uri:sip:10.0.0.5", "preflight-sip-uri-no-domain", "names an address"),
    ],
)
def test_what_a_request_would_be_refused_for_is_said_of_a_certificate(
    other_ca: Callable[..., list[Finding]], name: str, code: str, reason: str
) -> None:
    found = other_ca("dns:sbc1.lab.example", name)

    assert [(each, reason in message) for each, message in found if each == code] == [(code, True)]


@pytest.mark.parametrize("uri", ["uri:sip:u@sbc1.lab.example", "uri:sip:10.0.0.5"])
def test_in_a_sip_domain_certificate_a_user_or_an_address_is_a_failure(
    other_ca: Callable[..., list[Finding]], uri: str
) -> None:
    found = other_ca("dns:sbc1.lab.example", uri, sip_domain=True)

    assert "preflight-sip-uri-user" in [code for code, _ in found]


def test_honest_names_have_no_findings(other_ca: Callable[..., list[Finding]]) -> None:
    assert other_ca("dns:sbc1.lab.example", "ip:10.0.0.5", permit="lab.example") == []


@pytest.mark.parametrize("name", ["dns:sbc1.other.example", "dns:notlab.example"])
def test_names_outside_of_the_chains_constraints_are_named(
    other_ca: Callable[..., list[Finding]], name: str
) -> None:
    found = other_ca("dns:sbc1.lab.example", name, permit="lab.example")

    assert found == [
        ("preflight-constraints", f"'{name}' lies outside of what 'Careless Root' may certify: peers refuse the certificate")
    ]  # fmt: skip


def test_the_cn_is_held_to_the_chains_constraints_too(
    other_ca: Callable[..., list[Finding]],
) -> None:
    found = other_ca("dns:a.lab.example", cn="evil_sbc.other.example", permit="lab.example")

    assert ("preflight-constraints", "'dns:evil_sbc.other.example' lies outside of what 'Careless Root' may certify: peers refuse the certificate") in found  # fmt: skip


def test_a_peer_that_dials_a_name_does_not_match_that_name_with_a_final_dot(
    bare: CommandLine,
) -> None:
    """As OpenSSL has it: ``openssl x509 -checkhost`` says the same of the sample."""
    words = ("--chain", FOUND / "root.pem", "--peer", "sbc1.lab.example", "--json")

    findings = bare("preflight", FOUND / "trailing-dot.pem", *words).json["findings"]

    assert "preflight-peer" in [each["code"] for each in findings]
