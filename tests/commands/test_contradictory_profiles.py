"""An own profile that could issue nothing, or what its role may not carry, is refused by key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, ROOT, VECTORS, CommandLine

TAKE = 'take = ["CN", "OU", "O", "L", "ST", "C"]'
KEYS = 'allow = ["rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521"]'
KINDS = 'take = ["dns", "ip", "uri", "email"]'
USAGE = '["digital_signature", "key_encipherment"]'


@pytest.mark.parametrize(
    ("like", "old", "new", "message"),
    [
        ("sip", '"server_auth", "client_auth"', '"server_auth", "server_auth"', "extensions.extended_key_usage: 'server_auth' is listed twice"),
        ("sip", USAGE, '["digital_signature", "digital_signature"]', "extensions.key_usage: 'digital_signature' is listed twice"),
        ("sip", "[extensions]", "[extensions]\nocsp_nocheck = true", "extensions.ocsp_nocheck is only for role ocsp-responder"),
        ("sip", '"key_encipherment"', '"crl_sign"', "key_usage: crl_sign is only for a CA"),
        ("sip", TAKE, 'take = ["CN", "O", "O"]', "subject.take: 'O' is listed twice"),
        ("sip", TAKE, 'take = ["CN", "1.2.3.4"]', "subject.take: '1.2.3.4' is not an attribute type that sipca can encode"),
        ("sip", TAKE, 'take = ["CN", "commonName"]', "subject.take: 'commonName' is not an attribute type"),
        ("sip", 'require = ["CN"]', 'require = ["CN", "SN"]', "subject.require: 'SN' is required but not in subject.take"),
        ("sip", KEYS, "allow = []", "key.allow: an empty list allows no key"),
        ("sip", KEYS, 'allow = ["rsa:8192-2048"]', "key.allow: 'rsa:8192-2048' allows no key: MIN is above MAX"),
        ("sip", KEYS, 'allow = ["rsa:512-1024"]', "key.allow: 'rsa:512-1024' allows no key"),
        ("sip", KEYS, 'allow = ["rsa:16384-32768"]', "key.allow: 'rsa:16384-32768' allows no key"),
        ("sip", KEYS, 'allow = ["rsa:many"]', "key.allow: 'rsa:many' is not rsa:MIN-MAX"),
        ("sip", KEYS, 'allow = ["rsa:"]', "key.allow: 'rsa:' is not rsa:MIN-MAX"),
        ("sip", KEYS, 'allow = ["ec:p192"]', "key.allow: 'ec:p192' is not a supported key type"),
        ("sip", KEYS, 'allow = ["dsa"]', "key.allow: 'dsa' is not a supported key type"),
        ("sip", KEYS, 'allow = ["ec:p256", "ec:p256"]', "key.allow: 'ec:p256' is listed twice"),
        ("sip", KINDS, "take = []", "san.require has no effect: san.take has no dns"),
        ("sip", KINDS, 'take = ["uri"]', "san.from_cn has no effect: san.take has no dns or ip"),
        ("sip", KINDS, 'wildcard = true\ntake = ["ip"]', "san.wildcard has no effect: san.take has no dns"),
        ("sip-domain", 'take = ["uri", "dns"]', 'take = ["dns"]', "san.sip_domain has no effect: san.take has no uri"),
        ("sip-domain", "sip_domain = true", 'sip_domain = true\nuri_schemes = ["https"]', "san.uri_schemes lacks sip, which san.sip_domain needs"),
        ("sip", KINDS, f'uri_schemes = []\n{KINDS}', "san.uri_schemes: an empty list allows no URI"),
        ("sip", KINDS, f'uri_schemes = ["sip:"]\n{KINDS}', "san.uri_schemes: 'sip:' is not a URI scheme"),
        ("sip", KINDS, 'uri_schemes = ["sip"]\ntake = ["dns"]', "san.uri_schemes has no effect"),
        ("issuing", '"crl_sign"', '"digital_signature"', "key_usage: a profile of role issuing needs crl_sign"),
        ("issuing", "[extensions]", '[extensions]\nextended_key_usage = ["server_auth"]', "extended_key_usage must be empty for a CA"),
        ("issuing", "path_length = 0", "path_length = -1", "path_length: -1 is not between 0 and 10"),
        ("issuing", 'issuer = "root"', 'issuer = "issuing"', "issuer: role issuing needs 'root', not 'issuing'"),
        ("scep-ra", 'allow = ["rsa:2048-8192"]', 'allow = ["rsa:2048-8192", "ec:p256"]', "key.allow: role registration-authority needs RSA keys"),
        ("scep-ra", ', "key_encipherment"', "", "key_usage: a profile of role registration-authority needs key_encipherment"),
        ("scep-ra", "[extensions]", '[extensions]\nextended_key_usage = ["client_auth"]', "extended_key_usage must be empty for role registration-authority"),
        ("scep-ra", 'issuer = "issuing"', 'issuer = "root"', "issuer: role registration-authority needs 'issuing', not 'root'"),
        ("ocsp-responder", '["ocsp_signing"]', '["ocsp_signing", "server_auth"]', "extended_key_usage: role ocsp-responder has ocsp_signing and nothing else"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named_by_file_and_key(
    bare: CommandLine, tmp_path: Path, like: str, old: str, new: str, message: str
) -> None:
    path, text = tmp_path / "mine.toml", (ROOT / "profiles" / f"{like}.toml").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    answer = bare("profile", "check", path)

    assert answer.exit == 3
    assert f"mine.toml: {message}" in answer.err


@pytest.mark.parametrize(
    ("sample", "key"),
    [("dup-eku", "extended_key_usage"), ("ocsp-nocheck", "ocsp_nocheck")],
)
def test_the_samples_are_refused_by_check_and_at_use(
    sipca: CommandLine, csr_file: Callable[..., Path], sample: str, key: str
) -> None:
    source = VECTORS / "hostile" / "toml" / f"{sample}.toml"
    (sipca.home / "profiles").mkdir()
    (sipca.home / "profiles" / f"{sample}.toml").write_bytes(source.read_bytes())
    csr = csr_file("in", "dns:a.lab.example", key=EC_KEY)

    checked = sipca("profile", "check", source)
    used = [
        sipca("sign", csr, "--profile", sample),
        sipca("issue", "a.lab.example", "--profile", sample, "--out", csr.parent / "o"),
        sipca("csr", "show", csr, "--profile", sample),
    ]

    assert checked.exit == 3
    assert f"{source}: extensions.{key}" in checked.err
    for answer in used:
        assert answer.exit == 3
        assert f"{sample}.toml: extensions.{key}" in answer.err
    assert not (csr.parent / "o").exists()


def test_an_own_profile_may_take_other_schemes(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    assert sipca("profile", "new", "mesh", "--from", "sip").exit == 0
    path = sipca.home / "profiles" / "mesh.toml"
    path.write_text(path.read_text().replace(KINDS, f'uri_schemes = ["spiffe"]\n{KINDS}'))
    csr = csr_file("in", "dns:a.lab.example", "uri:spiffe://lab.example/a", key=EC_KEY)

    refused = sipca("sign", csr, "--dry-run")
    taken = sipca("sign", csr, "--profile", "mesh", "--json").json["signed"][0]

    assert refused.exit == 4
    assert "has the scheme spiffe, but the profile takes sip, sips, http, https, urn" in refused.err
    assert "uri:spiffe://lab.example/a" in taken["san"]
