"""``serve --scep``: what devices are answered over HTTP, and what the server does not do for them."""

from __future__ import annotations

import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from asn1crypto import cms, crl
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import PASSPHRASE, CommandLine
from stand_in.scep import SCEPDevice, ca_and_ra, http, in_pieces, posted
from stand_in.service import Service, serving
from stand_in.waiting import until

from ca.encoding import der

MIB = 1 << 20


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of EC keys without passphrases, with an RA certificate."""
    made = CommandLine(tmp_path_factory.mktemp("scep") / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert made("init", "--name", "Phone Lab", *keys).exit == 0
    assert made("scep", "rotate").exit == 0
    return made.home


@pytest.fixture
def lab(home: Path, tmp_path: Path) -> CommandLine:
    """A copy of it for one test."""
    shutil.copytree(home, tmp_path / "home")
    return CommandLine(tmp_path / "home")


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "log", "--scep") as running:
        yield running


@pytest.fixture(scope="module")
def device() -> SCEPDevice:
    return SCEPDevice()


def challenge(lab: CommandLine, *words: str) -> str:
    made = lab("scep", "challenge", "--json", *words)
    assert made.exit == 0, made
    return str(made.json["challenge"])


def issued(service: Service, device: SCEPDevice, given: str) -> bytes:
    """A certificate by a challenge."""
    ra = ca_and_ra(service)[0]
    answer = posted(service, device.message("PKCSReq", device.csr(given), ra))
    assert answer.status == "SUCCESS", service.said()
    (certificate,) = device.opened(answer)
    return certificate


def test_the_capabilities_are_those_of_the_rfc_and_nothing_broken_is_offered(
    service: Service,
) -> None:
    reply = http(service, "/scep?operation=GetCACaps&message=any")

    words = reply.body.decode().split("\n")
    assert reply.headers["content-type"].startswith("text/plain")
    assert {"POSTPKIOperation", "Renewal", "SHA-256", "SHA-512", "AES", "SCEPStandard"} <= set(
        words
    )
    assert not {"SHA-1", "DES3", "GetNextCACert"} & set(words)


def test_the_ras_certificate_and_those_of_its_cas_are_handed_out(service: Service) -> None:
    ra, issuing, root = map(x509.load_der_x509_certificate, ca_and_ra(service))

    usage = ra.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment
    ra.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)


@pytest.mark.parametrize(
    "path",
    [
        "/scep",
        "/scep/",
        "/cgi-bin/pkiclient.exe",
        "/pkiclient.exe",
        "/certsrv/mscep/mscep.dll",
        "/certsrv/mscep/mscep.dll/pkiclient.exe",
        "/CertSrv/MSCEP/MSCEP.DLL",
    ],
)
def test_scep_is_answered_where_devices_look_for_it(service: Service, path: str) -> None:
    assert http(service, f"{path}?operation=GetCACaps").status == 200
    assert http(service, f"{path}?Operation=getcacaps", version="1.0").status == 200


@pytest.mark.parametrize("path", ["/x/scep", "/scep/x", "/scepter", "/mscep.dll/x", "/"])
def test_scep_is_answered_nowhere_else(service: Service, path: str) -> None:
    assert b"POSTPKIOperation" not in http(service, f"{path}?operation=GetCACaps").body


def test_scep_is_answered_below_the_path_of_the_base_url_as_well(
    lab: CommandLine, service: Service
) -> None:
    assert lab("ca", "set", "--base-url", "http://pki.lab.example/voice").exit == 0

    assert until(lambda: http(service, "/voice/scep?operation=GetCACaps").status == 200)


def test_without_its_option_serve_knows_no_scep(lab: CommandLine, tmp_path: Path) -> None:
    with serving(lab.home, tmp_path / "log") as plain:
        assert http(plain, "/scep?operation=GetCACaps").status == 404


def test_a_request_waits_until_it_is_approved_and_is_answered_the_same_again(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    ra, issuing, _ = ca_and_ra(service)
    request = device.message("PKCSReq", device.csr(), ra)
    issuer = x509.load_der_x509_certificate(issuing).subject.public_bytes()
    poll = device.message("CertPoll", device.poll(issuer), ra)

    assert posted(service, request).status == "PENDING"
    assert posted(service, poll).status == "PENDING"
    assert lab("scep", "approve", "1").exit == 0
    answers = [posted(service, each) for each in (poll, request, in_pieces(request))]

    assert [each.status for each in answers] == ["SUCCESS"] * 3
    assert {each.transaction_id for each in answers} == {device.transaction_id}
    assert {each.recipient_nonce for each in answers} == {device.nonce}
    (certificate,) = {each for answer in answers for each in device.opened(answer)}
    held = x509.load_der_x509_certificate(certificate)
    assert held.public_key() == device.key.public_key()
    held.verify_directly_issued_by(x509.load_der_x509_certificate(issuing))


def test_a_request_that_is_denied_fails_with_its_reason_in_the_log(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    request = device.message("PKCSReq", device.csr(), ca_and_ra(service)[0])
    posted(service, request)

    assert lab("scep", "deny", "1").exit == 0
    answer = posted(service, request)

    assert (answer.status, answer.fail_info) == ("FAILURE", "badRequest")
    assert "WARNING: SCEP refused 127.0.0.1: the request 1 was denied" in service.said()


def test_a_challenge_brings_a_certificate_at_once_and_only_once(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    given = challenge(lab)
    other = SCEPDevice("phone2.lab.example", key=device.key)

    certificate = issued(service, device, given)
    again = posted(service, other.message("PKCSReq", other.csr(given), ca_and_ra(service)[0]))

    assert x509.load_der_x509_certificate(certificate).subject == device.name
    assert (again.status, again.fail_info) == ("FAILURE", "badRequest")
    assert "is used up" in service.said()


def test_a_wrong_challenge_fails_and_never_waits(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    answer = posted(
        service, device.message("PKCSReq", device.csr("guessed"), ca_and_ra(service)[0])
    )

    assert answer.status == "FAILURE"
    assert "the challenge is wrong" in service.said()
    assert "guessed" not in service.said()


def test_serve_opens_no_key_with_a_passphrase_even_for_a_challenge(
    tmp_path: Path, device: SCEPDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = CommandLine(tmp_path / "home")
    (tmp_path / "secret").write_text(PASSPHRASE)
    monkeypatch.setenv("SIPCA_PASSPHRASE_FILE", str(tmp_path / "secret"))
    lab("init", "--name", "Phone Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    given = challenge(lab)

    with serving(lab.home, tmp_path / "log", "--scep") as service:
        request = device.message("PKCSReq", device.csr(given), ca_and_ra(service)[0])
        before = posted(service, request)
        approved = lab("scep", "approve", "1")
        after = posted(service, request)

    assert (before.status, approved.exit, after.status) == ("PENDING", 0, "SUCCESS")


@pytest.mark.parametrize(
    ("spelled", "version"),
    [
        (lambda text: quote(text, safe=""), "1.1"),
        (lambda text: quote(text, safe=""), "1.0"),
        (lambda text: quote("\n".join(text[n : n + 64] for n in range(0, len(text), 64))), "1.0"),
        (lambda text: text.replace("+", "%20").replace("=", ""), "1.1"),
        (lambda text: text, "1.1"),
    ],
    ids=["escaped", "http-1.0", "lines", "blanks", "bare"],
)
def test_a_get_carries_the_message_in_whatever_spelling(
    service: Service, device: SCEPDevice, spelled: object, version: str
) -> None:
    message = device.message("PKCSReq", device.csr(), ca_and_ra(service)[0])
    text = spelled(b64encode(message).decode())  # type: ignore[operator]

    reply = http(service, f"/scep?operation=PKIOperation&message={text}", version=version)

    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/x-pki-message"


def test_certificates_and_crls_are_handed_out(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    certificate = issued(service, device, challenge(lab))
    ra, issuing, _ = ca_and_ra(service)
    held = x509.load_der_x509_certificate(certificate)
    name = der.sequence(held.issuer.public_bytes(), der.encode_integer(held.serial_number))
    unknown = der.sequence(held.issuer.public_bytes(), der.encode_integer(4711))

    by_serial = posted(service, device.message("GetCert", name, ra))
    by_no_serial = posted(service, device.message("GetCert", unknown, ra))
    revoked = posted(service, device.message("GetCRL", name, ra))
    of_strangers = posted(
        service, device.message("GetCRL", der.sequence(b"\x30\x00", der.encode_integer(1)), ra)
    )

    assert device.opened(by_serial) == [certificate]
    assert (by_no_serial.status, by_no_serial.fail_info) == ("FAILURE", "badCertId")
    (listed,) = device.bundle(revoked)["crls"]
    read = crl.CertificateList.load(listed.chosen.dump())
    assert read.issuer.dump() == x509.load_der_x509_certificate(issuing).subject.public_bytes()
    assert (of_strangers.status, of_strangers.fail_info) == ("FAILURE", "badCertId")


def test_old_algorithms_are_refused_by_name_unless_they_are_allowed_and_then_recorded(
    lab: CommandLine, service: Service, device: SCEPDevice, tmp_path: Path
) -> None:
    ra = ca_and_ra(service)[0]
    old = device.message("PKCSReq", device.csr(), ra, cipher="tripledes_3key", hashed_by="SHA1")

    refused = posted(service, old)
    service.stop()
    with serving(lab.home, tmp_path / "lenient", "--scep", "--allow", "scep-legacy") as lenient:
        taken = posted(lenient, old)
        words = http(lenient, "/scep?operation=GetCACaps").body
    trail = lab("log", "--json").json

    assert (refused.status, refused.fail_info) == ("FAILURE", "badAlg")
    assert "the message is signed with a digest by SHA-1, which is broken" in service.said()
    assert (taken.status, taken.hash_name) == ("PENDING", "SHA1")
    assert b"SHA-1" not in words
    assert "SHA-1, 3DES" in str(trail)


def test_allow_takes_one_word_and_only_with_scep(lab: CommandLine) -> None:
    other = lab("serve", "--scep", "--allow", "md5")
    alone = lab("serve", "--allow", "scep-legacy")

    assert (other.exit, alone.exit) == (2, 2)
    assert "--allow: 'md5' is not scep-legacy, the one word here" in other.err
    assert "--allow scep-legacy says how --scep answers: give both" in alone.err


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/scep", None, 400, b"the URL names no operation of SCEP"),
        ("/scep?operation=Enrol", None, 400, b"GetCACaps, GetCACert, GetNextCACert, PKIOperation"),
        ("/scep?operation=GetCACert&operation=x", None, 400, b"a parameter twice"),
        ("/scep?operation=PKIOperation", None, 400, b"not one message in base64"),
        ("/scep?operation=PKIOperation&message=%00", None, 400, b"not one message in base64"),
        ("/scep?operation=PKIOperation&message=MAA=", None, 400, b"cut off or damaged"),
        ("/scep?operation=PKIOperation", b"", 400, b"ends in the middle"),
        ("/scep?operation=PKIOperation", b"\x30\x80" * 500, 400, b"nests more than 32"),
        ("/scep?operation=PKIOperation", b"\x30\x84\xff\xff\xff\xff", 400, b"the DER field"),
        ("/scep?operation=PKIOperation", bytes(70_000), 413, b"at most 65536 octets"),
        ("/scep?operation=GetNextCACert", None, 404, b"no next CA is prepared"),
    ],
)
def test_what_is_no_message_is_an_http_error(
    service: Service, path: str, body: bytes | None, status: int, said: bytes
) -> None:
    reply = http(service, path, body)

    assert reply.status == status
    assert said in reply.body


def test_what_was_refused_before_there_was_anything_to_decide_is_in_the_log_of_refusals(
    lab: CommandLine, service: Service
) -> None:
    http(service, "/scep?operation=PKIOperation", b"junk")
    http(service, "/scep?operation=PKIOperation", bytes(70_000))
    http(service, "/scep?operation=Enrol")

    noted = lab("scep", "list", "--all", "--json").json["refused"]

    assert {each["address"] for each in noted} == {"127.0.0.1"}
    assert len(noted) == 3


def test_a_body_of_ten_mebibytes_is_not_read(service: Service) -> None:
    head = (
        f"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: {10 * MIB}\r\n"
    )
    chunked = (
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    )

    stated = service.raw(head.encode() + b"\r\n" + bytes(70_000))
    unstated = service.raw(chunked.encode() + b"\r\n" + b"11170\r\n" + bytes(70_000) + b"\r\n")

    assert stated.startswith(b"HTTP/1.1 413 ")
    assert unstated.startswith(b"HTTP/1.1 413 ")


def test_an_address_that_floods_is_sent_away_and_ocsp_goes_on(service: Service) -> None:
    replies = [http(service, "/scep?operation=PKIOperation", b"junk") for _ in range(200)]

    sent_away = [each for each in replies if each.status == 429]
    assert {each.status for each in replies} == {400, 429}
    assert 1 <= len(sent_away) <= 80  # the longer it takes, the fewer
    assert "retry-after" in sent_away[0].headers
    assert http(service, "/healthz").status in (200, 503)


def test_a_locked_register_is_later_not_never(
    lab: CommandLine, service: Service, device: SCEPDevice
) -> None:
    request = device.message("PKCSReq", device.csr(), ca_and_ra(service)[0])
    holder = sqlite3.connect(lab.home / "ca.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    locked = http(service, "/scep?operation=PKIOperation", request)
    holder.execute("ROLLBACK")
    holder.close()

    assert locked.status == 503
    assert locked.headers["retry-after"] == "30"
    assert posted(service, request).status == "PENDING"


def test_a_request_outlives_the_server(
    lab: CommandLine, device: SCEPDevice, tmp_path: Path
) -> None:
    with serving(lab.home, tmp_path / "first", "--scep") as first:
        ra = ca_and_ra(first)[0]
        request = device.message("PKCSReq", device.csr(), ra)
        assert posted(first, request).status == "PENDING"
        first.process.kill()
        first.process.wait()
    assert lab("scep", "approve", "1").exit == 0

    with serving(lab.home, tmp_path / "second", "--scep") as second:
        assert posted(second, request).status == "SUCCESS"


def test_without_an_ra_certificate_devices_are_sent_away_and_the_log_says_why(
    tmp_path: Path,
) -> None:
    lab = CommandLine(tmp_path / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    lab("init", "--name", "Phone Lab", *keys)

    with serving(lab.home, tmp_path / "log", "--scep") as service:
        before = http(service, "/scep?operation=GetCACert")
        lab("scep", "rotate")
        after = http(service, "/scep?operation=GetCACert")

    assert (before.status, after.status) == (503, 200)
    assert (
        "no phone can enrol yet, without an RA certificate: sipca scep challenge" in service.said()
    )
    assert "has no RA certificate in force" in service.said()
    assert "sipca scep rotate" in service.said()


def test_a_device_with_an_ec_key_is_told_that_its_algorithm_is_the_trouble(
    service: Service, device: SCEPDevice
) -> None:
    curved = SCEPDevice(key=ec.generate_private_key(ec.SECP256R1()))
    ra = ca_and_ra(service)[0]
    message = cms.ContentInfo.load(device.message("PKCSReq", device.csr(), ra))
    sealed = bytes(message["content"]["encap_content_info"]["content"])
    signed = curved.signed("PKCSReq", sealed, key=_Curve(curved.key))
    info = cms.ContentInfo.load(signed)
    info["content"]["signer_infos"][0]["signature_algorithm"] = {"algorithm": "sha256_ecdsa"}

    answer = posted(service, bytes(info.dump(force=True)))

    assert (answer.status, answer.fail_info) == ("FAILURE", "badAlg")
    assert "answers are encrypted for RSA keys alone" in service.said()


class _Curve:
    """An EC key in the place of an RSA key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key

    def sign(self, octets: bytes, *, hashed_by: str) -> bytes:
        from cryptography.hazmat.primitives import hashes

        return self.key.sign(octets, ec.ECDSA(getattr(hashes, hashed_by)()))
