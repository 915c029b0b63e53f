"""SCEP before clients that no one here wrote: strongSwan, certmonger, micromdm's, openssl and curl."""

from __future__ import annotations

import subprocess
from base64 import encodebytes
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from stand_in.lab import CommandLine
from stand_in.scep import ca_and_ra, http, printable
from stand_in.scep_clients import Certmonger, StrongSwan, pem, running
from stand_in.service import Service, serving
from stand_in.waiting import until

from ca.encoding import der, oids

NAME = "phone1.lab.example"


def founded(folder: Path, key: str) -> CommandLine:
    """A home whose issuing key is of this type and has no passphrase, with an RA certificate."""
    lab = CommandLine(folder / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", key, "--no-passphrase")
    assert lab("init", "--name", "Phone Lab", *keys).exit == 0
    assert lab("profile", "new", "brief", "--from", "phone").exit == 0
    profile = lab.home / "profiles" / "brief.toml"
    lines = profile.read_text().splitlines()
    kept = ['lifetime = "36h"' if line.startswith("lifetime") else line for line in lines]
    profile.write_text("\n".join(kept) + "\n")  # of which 24 h are over when it is signed
    assert lab("scep", "rotate").exit == 0
    return lab


@pytest.fixture(params=["ec:p256", "rsa:2048"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    return founded(tmp_path, request.param)


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "log", "--scep") as running_service:
        yield running_service


@pytest.fixture
def strongswan(service: Service, tmp_path: Path) -> StrongSwan:
    client = StrongSwan(tmp_path / "strongswan", f"{service.http}/scep")
    said = client.fetch()
    assert "RA cert is trusted" in said, said
    client.key("key.pem")
    return client


def challenge(lab: CommandLine, *words: str) -> str:
    return str(lab("scep", "challenge", "--json", *words).json["challenge"])


def test_strongswan_polls_until_it_is_approved_and_renews_with_a_new_key(
    lab: CommandLine, service: Service, strongswan: StrongSwan
) -> None:
    waiting = strongswan.begin(NAME, "key.pem", "--interval", "1", "--maxpolltime", "50")
    assert until(lambda: lab("scep", "approve", "1", "--profile", "brief").exit == 0)
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, (err, service.said())
    first = x509.load_der_x509_certificate(out)
    (strongswan.folder / "old.der").write_bytes(out)
    strongswan.key("new.pem")

    renewed = strongswan.enrol(NAME, "new.pem", "--cert", "old.der", "--key", "key.pem")

    assert b"Issued certificate is trusted" in err
    assert renewed.returncode == 0, (renewed.stderr, service.said())
    second = x509.load_der_x509_certificate(renewed.stdout)
    assert second.subject == first.subject
    assert second.serial_number != first.serial_number
    assert second.public_key() != first.public_key()
    assert lab("show", f"{first.serial_number:032x}").out.find("superseded") > 0


def test_strongswan_gets_its_certificate_at_once_by_a_challenge(
    lab: CommandLine, service: Service, strongswan: StrongSwan
) -> None:
    words = ("--password", challenge(lab), "--cipher", "aes", "--digest", "sha256")

    done = strongswan.enrol(NAME, "key.pem", *words)

    assert done.returncode == 0, (done.stderr, service.said())
    assert b"Issued certificate is trusted" in done.stderr
    assert x509.load_der_x509_certificate(done.stdout).subject.rfc4514_string() == f"CN={NAME}"


def test_strongswan_is_told_that_its_request_is_refused(
    lab: CommandLine, service: Service, strongswan: StrongSwan
) -> None:
    wrong = strongswan.enrol(NAME, "key.pem", "--password", "guessed")
    strongswan.key("other.pem")
    waiting = strongswan.begin(NAME, "other.pem", "--interval", "1", "--maxpolltime", "50")
    assert until(lambda: lab("scep", "deny", "1").exit == 0)
    _, denied = waiting.communicate(timeout=60)

    assert wrong.returncode != 0
    assert b"failInfo:     badRequest" in wrong.stderr
    assert waiting.returncode != 0
    assert b"failInfo:     badRequest" in denied
    assert "the challenge is wrong" in service.said()


@pytest.fixture
def certmonger(service: Service, tmp_path: Path) -> Iterator[Certmonger]:
    chain = ca_and_ra(service)
    yield from running(tmp_path / "certmonger", f"{service.http}/scep", chain)


def test_certmonger_polls_until_it_is_approved_and_renews(
    lab: CommandLine, service: Service, certmonger: Certmonger
) -> None:
    certmonger.request("phone3.lab.example")
    assert certmonger.reaches("CA_WORKING"), (certmonger.said(), service.said())
    assert lab("scep", "approve", "1", "--profile", "brief").exit == 0
    certmonger.getcert("refresh", "-i", "one")
    assert certmonger.reaches("MONITORING"), (certmonger.said(), service.said())
    first = certmonger.certificate()

    certmonger.getcert("rekey", "-i", "one")

    assert certmonger.has_other_than(first), (certmonger.said(), service.said())
    assert certmonger.certificate().subject == first.subject
    assert certmonger.certificate().public_key() != first.public_key()


def test_certmonger_is_told_that_its_request_is_refused(
    service: Service, certmonger: Certmonger
) -> None:
    certmonger.request("phone3.lab.example", "-L", "guessed")

    assert certmonger.reaches("CA_REJECTED"), (certmonger.said(), service.said())


def test_micromdms_client_which_knows_old_algorithms_alone_enrols_where_they_are_allowed(
    tmp_path: Path,
) -> None:
    lab = founded(tmp_path, "ec:p256")
    folder = tmp_path / "client"
    folder.mkdir()

    def client(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
        ra = sha256(ca_and_ra(service)[0]).hexdigest()  # else it encrypts for EC keys too, and dies
        files = ("-private-key", "key.pem", "-certificate", "cert.pem", "-cn", NAME)
        command = ["scepclient", "-server-url", f"{service.http}/scep", "-ca-fingerprint", ra]
        return subprocess.run(
            [*command, *files, *words], cwd=folder, capture_output=True, text=True, timeout=60
        )

    def forget() -> None:
        """Let it make another request: it sends the one in its folder, whatever challenge is given."""
        for each in folder.iterdir():
            each.unlink()

    with serving(lab.home, tmp_path / "strict", "--scep") as strict:
        refused = client(strict, "-challenge", challenge(lab))
    with serving(lab.home, tmp_path / "lenient", "--scep", "--allow", "scep-legacy") as lenient:
        forget()
        wrong = client(lenient, "-challenge", "guessed")
        forget()
        right = client(lenient, "-challenge", challenge(lab, "--profile", "brief"))
        assert right.returncode == 0, (right, lenient.said())
        first = (folder / "cert.pem").read_bytes()
        renewed = client(lenient)

    assert "failInfo: badAlg" in refused.stdout + refused.stderr
    assert "failInfo: badRequest" in wrong.stdout + wrong.stderr
    assert renewed.returncode == 0, (renewed, lenient.said())
    second = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    assert second.subject == x509.load_pem_x509_certificate(first).subject
    assert second.serial_number != x509.load_pem_x509_certificate(first).serial_number


class OpenSSLClient:
    """A device of openssl and curl that only asks by GET."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder, self.service = folder, service
        folder.mkdir()
        for name, held in zip(("ra", "ca", "root"), ca_and_ra(service), strict=True):
            (folder / f"{name}.pem").write_bytes(pem(held))
        (folder / "chain.pem").write_bytes(
            (folder / "ca.pem").read_bytes() + (folder / "root.pem").read_bytes()
        )
        self.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", "-days", "2",
            "-keyout", "key.pem", "-out", "self.pem",
        )  # fmt: skip

    def openssl(self, *words: str) -> bytes:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def request(self, given: str) -> bytes:
        """A PKCSReq: request, envelope, digest and signature by openssl, SCEP's attributes added."""
        (self.folder / "req.cnf").write_text(
            "[req]\nprompt = no\ndistinguished_name = dn\nattributes = more\n"
            f"[dn]\nCN = {NAME}\n[more]\nchallengePassword = {given}\n"
        )
        self.openssl("req", "-new", "-config", "req.cnf", "-key", "key.pem", "-outform", "DER", "-out", "req.der")  # fmt: skip
        self.openssl(
            "cms", "-encrypt", "-binary", "-stream", "-aes256", "-in", "req.der", "-outform", "DER",
            "-out", "sealed.der", "ra.pem",
        )  # fmt: skip
        self.openssl(
            "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256", "-in", "sealed.der",
            "-signer", "self.pem", "-inkey", "key.pem", "-outform", "DER", "-out", "signed.der",
        )  # fmt: skip
        info = cms.ContentInfo.load((self.folder / "signed.der").read_bytes())
        signer = info["content"]["signer_infos"][0]
        attributes = [each.dump() for each in signer["signed_attrs"]]
        for name, value in (
            (oids.SCEP_MESSAGE_TYPE, printable("19")),
            (oids.SCEP_TRANSACTION_ID, printable("4711")),
            (oids.SCEP_SENDER_NONCE, der.tlv(der.OCTET_STRING, b"0123456789abcdef")),
        ):
            attributes.append(der.sequence(der.encode_oid(name), der.tlv(der.SET, value)))
        signed = der.tlv(der.SET, b"".join(sorted(attributes)))
        (self.folder / "attributes.der").write_bytes(signed)
        signer["signed_attrs"] = cms.CMSAttributes.load(signed)
        signer["signature"] = self.openssl("dgst", "-sha256", "-sign", "key.pem", "attributes.der")
        return bytes(info.dump(force=True))

    def get(self, message: bytes) -> None:
        """Ask by GET, in lines of base64; what is answered into ``answer.der``."""
        (self.folder / "message.txt").write_bytes(encodebytes(message))
        url = f"{self.service.http}/cgi-bin/pkiclient.exe?operation=PKIOperation"
        command = [
            "curl",
            "-sf0G",
            "--data-urlencode",
            "message@message.txt",
            "-o",
            "answer.der",
            url,
        ]
        subprocess.run(command, cwd=self.folder, check=True, timeout=60)

    def verify(self) -> None:
        """openssl's judgement on the answer's signature and chain."""
        self.openssl(
            "cms", "-verify", "-inform", "DER", "-in", "answer.der", "-CAfile", "chain.pem",
            "-purpose", "any", "-out", "inside.der",
        )  # fmt: skip


def test_a_client_of_openssl_and_curl_that_only_gets_reads_what_is_sent(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    client = OpenSSLClient(tmp_path / "openssl", service)
    message = client.request(challenge(lab))

    client.get(message)
    client.verify()
    client.openssl("cms", "-decrypt", "-inform", "DER", "-in", "inside.der", "-inkey", "key.pem", "-recip", "self.pem", "-out", "bundle.der")  # fmt: skip
    certificate = client.openssl("pkcs7", "-inform", "DER", "-in", "bundle.der", "-print_certs")

    (client.folder / "cert.pem").write_bytes(certificate)
    verified = client.openssl("verify", "-CAfile", "root.pem", "-untrusted", "ca.pem", "cert.pem")
    assert verified == b"cert.pem: OK\n"
    assert b"aes-256-cbc" in client.openssl("asn1parse", "-inform", "DER", "-in", "inside.der")


def test_openssl_verifies_a_refusal_whose_content_is_empty(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    client = OpenSSLClient(tmp_path / "openssl", service)

    client.get(client.request("guessed"))

    client.verify()


def test_openssl_reads_the_certificates_of_ca_and_ra(service: Service, tmp_path: Path) -> None:
    (tmp_path / "p7").write_bytes(http(service, "/scep?operation=GetCACert").body)

    listed = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-in", tmp_path / "p7", "-print_certs"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip

    assert listed.stdout.count("BEGIN CERTIFICATE") == 3
