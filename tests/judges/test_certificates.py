"""Certificates of every profile before judges that no one here wrote."""

from __future__ import annotations

import contextlib
import importlib
import io
import ipaddress
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.x509 import verification
from stand_in.lab import EC_KEY, RSA_KEY, CommandLine, make_csr

PROFILES = ("sip", "sip-server", "sip-client", "sip-domain", "https", "server", "client", "phone")
SERVERS = ("sip", "sip-server", "sip-domain", "https", "server", "phone")
CLIENTS = ("sip", "sip-client", "sip-domain", "client", "phone")
NAMES = ("dns:sbc9.lab.example", "ip:10.4.0.9")
HOMES = {
    "plain": ("--root-key", "ec:p256", "--issuing-key", "ec:p256"),
    "rsa-with-urls": ("--root-key", "rsa:2048", "--issuing-key", "rsa:2048", "--base-url", "http://10.0.0.5:8080"),
    "constrained": ("--root-key", "ec:p384", "--issuing-key", "ec:p521", "--permit-dns", "lab.example", "--permit-ip", "10.0.0.0/8"),
}  # fmt: skip


class Lab(NamedTuple):
    """A home, and a leaf of every profile for an RSA and an EC key."""

    kind: str
    root: Path
    issuing: Path
    leaves: dict[str, Path]


@pytest.fixture(scope="module", params=HOMES)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp(request.param)
    sipca = CommandLine(folder / "home")
    assert sipca("init", "--name", "Judged Lab", "--org", "Acme", "--country", "NL", "--no-passphrase", *HOMES[request.param]).exit == 0  # fmt: skip
    leaves = {}
    for profile in PROFILES:
        for name, key in (("rsa", RSA_KEY), ("ec", EC_KEY)):
            stem = f"{profile}-{name}"
            names = ("uri:sip:lab.example", NAMES[0]) if profile == "sip-domain" else NAMES
            (folder / f"{stem}.csr").write_bytes(
                make_csr(*names, key=key, subject={"O": "Acme", "C": "NL"})
            )
            answer = sipca(
                "sign", folder / f"{stem}.csr", "--profile", profile, "--out", folder / "out"
            )
            assert answer.exit == 0, answer.err
            leaves[stem] = folder / "out" / f"{stem}-device.pem"
    out = folder / "out"
    return Lab(request.param, out / "trusted-1-root.pem", out / "trusted-2-issuing.pem", leaves)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)


def openssl_verify(lab: Lab, purpose: str, leaf: Path) -> subprocess.CompletedProcess[str]:
    return run(
        "openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", lab.root, "-untrusted", lab.issuing, leaf
    )  # fmt: skip


def test_openssl_strict_takes_servers_as_servers_and_clients_as_clients(lab: Lab) -> None:
    for stem, leaf in lab.leaves.items():
        profile = stem.rsplit("-", 1)[0]
        for purpose, takers in (("sslserver", SERVERS), ("sslclient", CLIENTS)):
            done = openssl_verify(lab, purpose, leaf)
            assert (done.returncode == 0) is (profile in takers), f"{stem} {purpose}: {done.stderr}"


def test_gnutls_takes_every_chain(lab: Lab, tmp_path: Path) -> None:
    for stem, leaf in lab.leaves.items():
        chain = tmp_path / f"{stem}.pem"
        chain.write_text(leaf.read_text() + lab.issuing.read_text())

        done = run("certtool", "--verify", "--load-ca-certificate", lab.root, "--infile", chain)

        assert done.returncode == 0, f"{stem}: {done.stdout}{done.stderr}"


def test_pythons_verifier_takes_servers_and_clients(lab: Lab) -> None:
    store = verification.Store([x509.load_pem_x509_certificate(lab.root.read_bytes())])
    issuing = x509.load_pem_x509_certificate(lab.issuing.read_bytes())
    if lab.kind == "constrained":
        return  # its policy takes no P-521 issuer at all
    builder = verification.PolicyBuilder().store(store).time(datetime.now(UTC).replace(tzinfo=None))
    for stem, path in lab.leaves.items():
        leaf = x509.load_pem_x509_certificate(path.read_bytes())
        profile = stem.rsplit("-", 1)[0]
        if profile in SERVERS:
            chain = builder.build_server_verifier(x509.DNSName("sbc9.lab.example")).verify(
                leaf, [issuing]
            )
            assert len(chain) == 3
        if profile in CLIENTS:
            assert builder.build_client_verifier().verify(leaf, [issuing]).subjects


# pkilint's URI check wants an authority ("//"), which RFC 3986 does not: sip:lab.example is what
# RFC 5922, 7.1 asks for. This one finding, for this scheme, is its mistake.
SIP_URI = re.compile(
    r"GeneralNameUriSyntaxValidator @ \S+\n +pkix\.invalid_uri_syntax \(ERROR\): Invalid URI syntax: \"sip:[^\"]*\"\n*"
)


def pkilint(tool: str, *words: object) -> str:
    """The findings of error level or worse."""
    module = importlib.import_module(f"pkilint.bin.{tool}")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        module.main(["lint", "-s", "ERROR", *map(str, words)])
    return SIP_URI.sub("", out.getvalue()).strip()


def test_pkilint_has_no_error_for_root_issuing_and_leaves(lab: Lab) -> None:
    for path in (lab.root, lab.issuing, *lab.leaves.values()):
        assert pkilint("lint_pkix_cert", path) == "", path


def test_pkilint_has_no_error_for_signer_and_signee(lab: Lab) -> None:
    for signer, signee in (
        (lab.root, lab.issuing),
        *((lab.issuing, leaf) for leaf in lab.leaves.values()),
    ):
        assert pkilint("lint_pkix_signer_signee_cert_chain", signer, signee) == "", signee


def test_pkilint_does_find_fault_where_there_is_one(tmp_path: Path) -> None:
    import datetime as dt

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    bad = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(EC_KEY.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2026, 1, 1))
        .not_valid_after(dt.datetime(2027, 1, 1))
        .sign(EC_KEY, hashes.SHA256())
    )
    path = tmp_path / "bad.pem"
    path.write_bytes(bad.public_bytes(Encoding.PEM))

    assert "ERROR" in pkilint("lint_pkix_cert", path)


def text_of(path: Path) -> str:
    return run("openssl", "x509", "-in", path, "-noout", "-text").stdout


def test_openssl_reads_the_ca_extensions_as_planned(lab: Lab) -> None:
    root, issuing = text_of(lab.root), text_of(lab.issuing)

    assert "Basic Constraints: critical\n                CA:TRUE\n" in root
    assert "CA:TRUE, pathlen:0" in issuing
    for text in (root, issuing):
        assert "Key Usage: critical\n                Certificate Sign, CRL Sign\n" in text
        assert "Extended Key Usage" not in text
    assert "Authority Key Identifier" not in root
    ski = re.search(r"Subject Key Identifier: *\n\s*([0-9A-F:]+)", root)
    aki = re.search(r"Authority Key Identifier: *\n\s*(?:keyid:)?([0-9A-F:]+)", issuing)
    assert ski is not None
    assert aki is not None
    assert ski[1] == aki[1]
    assert ("Name Constraints: critical" in issuing) is (lab.kind == "constrained")


def test_openssl_reads_the_leaf_extensions_as_planned(lab: Lab) -> None:
    for stem, path in lab.leaves.items():
        text = text_of(path)
        profile = stem.rsplit("-", 1)[0]
        assert "Basic Constraints: critical\n                CA:FALSE" in text, stem
        assert "Key Usage: critical\n                Digital Signature" in text, stem
        assert ("Key Encipherment" in text) is ("rsa" in stem and "client" not in profile), stem
        assert "X509v3 Subject Alternative Name: \n" in text, stem
        assert ("1.3.6.1.5.5.7.3.20" in text or "sipDomain" in text) is (profile == "sip-domain"), (
            stem
        )
        assert ("URI:http://10.0.0.5:8080/crl/" in text) is (lab.kind == "rsa-with-urls"), stem
        assert ("OCSP - URI:http://10.0.0.5:8080/" in text) is (lab.kind == "rsa-with-urls"), stem
        serial = re.search(r"Serial Number:\s*([0-9a-f:]+)", text)
        assert serial is not None
        assert int(serial[1].replace(":", ""), 16).bit_length() == 127


def test_name_constraints_permit_what_was_wished_and_exclude_other_addresses(lab: Lab) -> None:
    if lab.kind != "constrained":
        return
    issuing = x509.load_pem_x509_certificate(lab.issuing.read_bytes())
    limits = issuing.extensions.get_extension_for_class(x509.NameConstraints).value

    assert limits.permitted_subtrees == [
        x509.DNSName("lab.example"), x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
    ]  # fmt: skip
    assert limits.excluded_subtrees == [x509.IPAddress(ipaddress.ip_network("::/0"))]


def test_exported_der_and_p7b_are_read_by_openssl(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr())
    sipca("sign", tmp_path / "a.csr")
    sipca("export", "sbc9.lab.example", "--out", tmp_path / "der", "--format", "der")
    sipca("chain", "--format", "p7b", "-o", tmp_path / "chain.p7b")

    der = run(
        "openssl",
        "x509",
        "-inform",
        "der",
        "-in",
        tmp_path / "der" / "a-device.cer",
        "-noout",
        "-subject",
    )
    p7b = run(
        "openssl",
        "pkcs7",
        "-inform",
        "der",
        "-in",
        tmp_path / "chain.p7b",
        "-print_certs",
        "-noout",
    )

    assert "sbc9.lab.example" in der.stdout
    assert p7b.stdout.count("subject=") == 2
