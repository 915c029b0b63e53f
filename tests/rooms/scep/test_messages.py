"""What is taken of a device's message, and what its answer says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from stand_in.scep import SCEPDevice, endless, in_pieces, message_key, printable, read_cert_rep
from stand_in.scep_clients import pem

from ca.encoding import der, oids
from ca.errors import MalformedError
from ca.scep.algorithms import CIPHERS, Leniency
from ca.scep.cert_rep import Answering
from ca.scep.enveloped_data import Recipient
from ca.scep.failures import FailedCheckError
from ca.scep.message import Envelope, Opened, hash_of_answer, open_message, read_message
from ca.scep.request import CertificateName, CertPoll, Enrolment, MessageType
from ca.scep.signed_data import MAX_MESSAGE

RA, PHONE = SCEPDevice("SCEP RA"), SCEPDevice()
RECIPIENT = Recipient(RA.certificate, message_key(RA.key))
CSR = PHONE.csr()
STRICT, LENIENT = Leniency(), Leniency(takes_old=True)


def opened(message: bytes, leniency: Leniency = STRICT, *, ours: Recipient = RECIPIENT) -> Opened:
    return open_message(read_message(message), [ours], leniency)


def request(challenge: str | None = None, **knobs: object) -> bytes:
    return PHONE.message("PKCSReq", PHONE.csr(challenge), RA.certificate, **knobs)  # type: ignore[arg-type]


def answering(envelope: Envelope) -> Answering:
    return Answering(envelope, RECIPIENT, os.urandom, hash_of_answer(envelope, STRICT))


@pytest.mark.parametrize("cipher", ["aes128_cbc", "aes192_cbc", "aes256_cbc"])
@pytest.mark.parametrize("hashed_by", ["SHA256", "SHA384", "SHA512"])
def test_a_request_by_aes_and_sha_2_is_read(cipher: str, hashed_by: str) -> None:
    message = opened(request("7F2A", cipher=cipher, hashed_by=hashed_by))

    assert message.kind is MessageType.PKCS_REQ
    assert isinstance(message.asked, Enrolment)
    assert message.asked.kind == "new"
    assert message.signer.der == PHONE.certificate
    assert message.cipher.word == cipher
    assert message.legacy == ()


@pytest.mark.parametrize(
    ("cipher", "hashed_by", "named", "used"),
    [
        ("tripledes_3key", "SHA256", "encrypted with 3DES", ("3DES",)),
        ("des", "SHA256", "encrypted with DES", ("DES",)),
        ("aes128_cbc", "SHA1", "signed with a digest by SHA-1", ("SHA-1",)),
        ("aes128_cbc", "MD5", "signed with a digest by MD5", ("MD5",)),
        ("des", "MD5", "signed with a digest by MD5", ("MD5", "DES")),
    ],
)
def test_old_algorithms_are_refused_by_name_and_taken_where_allowed(
    cipher: str, hashed_by: str, named: str, used: tuple[str, ...]
) -> None:
    message = request(cipher=cipher, hashed_by=hashed_by)

    with pytest.raises(FailedCheckError, match=f"the message is {named}, which is broken") as error:
        opened(message)

    assert error.value.fail_info == "badAlg"
    assert "--allow scep-legacy" in (error.value.hint or "")
    assert opened(message, LENIENT).legacy == used


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-camellia128"], "the message is encrypted with Camellia-128, not AES-CBC"),
        (["-aes-256-gcm"], "the message's content is no EnvelopedData"),
        (
            ["-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256",
             "-keyopt", "rsa_mgf1_md:sha1"],
            "the content key is transported by OAEP of an odd kind",
        ),
    ],
)  # fmt: skip
def test_an_envelope_by_other_algorithms_is_refused(
    tmp_path: Path, options: list[str], said: str
) -> None:
    sealed = by_openssl(tmp_path, *options)

    with pytest.raises(FailedCheckError, match=said):
        opened(PHONE.signed("PKCSReq", sealed), LENIENT)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-keyid"],
        ["-keyopt", "rsa_padding_mode:oaep"],
        ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"],
        ["-stream"],
    ],
    ids=["usual", "keyid", "oaep", "oaep-sha256", "ber"],
)
def test_an_envelope_made_by_openssl_is_opened(tmp_path: Path, options: list[str]) -> None:
    sealed = by_openssl(tmp_path, "-aes256", *options)

    assert opened(PHONE.signed("PKCSReq", sealed)).asked == Enrolment(CSR, "new")


def by_openssl(folder: Path, *options: str) -> bytes:
    """A request in an envelope for the RA, made by ``openssl cms``."""
    (folder / "csr").write_bytes(CSR)
    (folder / "ra.pem").write_bytes(pem(RA.certificate))
    first = [
        each for each in options if each.startswith(("-aes", "-camellia", "-stream", "-keyid"))
    ]
    rest = [each for each in options if each not in first]  # of the recipient before them
    files = ("-in", "csr", "-outform", "DER", "-out", "sealed")
    command = ["openssl", "cms", "-encrypt", "-binary", *first, *files, "-recip", "ra.pem", *rest]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return (folder / "sealed").read_bytes()


def test_ber_with_indefinite_lengths_and_octets_in_pieces_is_read() -> None:
    message = request("abc")

    assert opened(in_pieces(message)) == opened(message)


def test_a_message_in_ber_nests_no_deeper_than_der() -> None:
    deep = b"\x05\x00"
    for _ in range(40):
        deep = endless(0x30, deep)

    with pytest.raises(MalformedError, match="nests more than 32 levels deep"):
        read_message(deep)


def test_a_message_cut_off_anywhere_is_malformed() -> None:
    message = request()

    for length in range(0, len(message), 7):
        with pytest.raises(MalformedError):
            read_message(message[:length])


def test_a_message_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(MalformedError, match="a SCEP message has at most 65536 octets"):
        read_message(bytes(MAX_MESSAGE + 1))


def test_a_message_has_exactly_one_signer() -> None:
    twice, never = (with_signers(request(), count) for count in (2, 0))

    with pytest.raises(MalformedError, match="the message has 2 signers, where SCEP has one"):
        read_message(twice)
    with pytest.raises(MalformedError, match="the message has 0 signers, where SCEP has one"):
        read_message(never)


def with_signers(message: bytes, count: int) -> bytes:
    info = cms.ContentInfo.load(message)
    signers = info["content"]["signer_infos"]
    info["content"]["signer_infos"] = [signers[0]] * count
    return bytes(info.dump(force=True))


def test_what_is_not_signed_is_no_message() -> None:
    inner = read_message(request()).message.content

    with pytest.raises(MalformedError, match="the message is not signed"):
        read_message(inner)


def test_a_signature_that_does_not_verify_is_told_to_the_device() -> None:
    message = bytearray(request())
    message[-1] ^= 1

    with pytest.raises(FailedCheckError, match="the message's signature does not verify") as error:
        opened(bytes(message))

    assert error.value.fail_info == "badMessageCheck"


def test_a_signature_by_a_weaker_hash_than_that_of_the_digest_is_refused() -> None:
    info = cms.ContentInfo.load(request())
    signer = info["content"]["signer_infos"][0]
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    signer["signature_algorithm"] = {"algorithm": "sha1_rsa"}
    signer["signature"] = message_key(PHONE.key).sign(signed, hashed_by="SHA1")

    with pytest.raises(
        FailedCheckError, match="digest is by SHA256, and its signature by sha1With"
    ):
        opened(bytes(info.dump(force=True)))


def test_a_content_exchanged_under_its_signature_is_noticed() -> None:
    message, other = request(), request()
    old, new = (read_message(each).message.content for each in (message, other))

    with pytest.raises(FailedCheckError, match="the message's digest is not that of its content"):
        opened(message.replace(old, new))


def test_a_message_without_its_signers_certificate_is_refused() -> None:
    info = cms.ContentInfo.load(request())
    del info["content"]["certificates"]

    with pytest.raises(FailedCheckError, match="no certificate of its signer"):
        opened(bytes(info.dump(force=True)))


def test_a_message_for_another_recipient_is_refused() -> None:
    stranger = SCEPDevice("another CA")
    ours = Recipient(stranger.certificate, message_key(stranger.key))

    with pytest.raises(FailedCheckError, match="for another certificate than the RA's") as error:
        opened(request(), ours=ours)

    assert error.value.fail_info == "badMessageCheck"


def test_a_device_is_told_the_same_whatever_is_wrong_inside_of_an_envelope() -> None:
    sealed = read_message(request()).message.content
    encrypted_key = sealed.index(b"\x04\x82\x01\x00") + 4

    for position in (len(sealed) - 1, encrypted_key, encrypted_key + 255):
        damaged = bytearray(sealed)
        damaged[position] ^= 0x55
        with pytest.raises(FailedCheckError) as error:
            opened(PHONE.signed("PKCSReq", bytes(damaged)))

        assert error.value.fail_info == "badMessageCheck"


def test_a_new_request_is_signed_by_the_key_in_it() -> None:
    foreign = PHONE.csr(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))

    with pytest.raises(FailedCheckError, match="signed by another key than that in its request"):
        opened(PHONE.message("PKCSReq", foreign, RA.certificate))


def test_a_renewal_may_have_a_new_key() -> None:
    new = PHONE.csr(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))

    asked = opened(PHONE.message("RenewalReq", new, RA.certificate)).asked

    assert asked == Enrolment(new, "renewal")


def test_a_device_whose_key_cannot_decrypt_an_answer_is_refused_before_it_enrols() -> None:
    device = SCEPDevice(key=ec.generate_private_key(ec.SECP256R1()))
    sealed = read_message(request()).message.content
    signed = device.signed("PKCSReq", sealed, key=_Curve(device.key))
    info = cms.ContentInfo.load(signed)
    info["content"]["signer_infos"][0]["signature_algorithm"] = {"algorithm": "sha256_ecdsa"}

    with pytest.raises(FailedCheckError, match="the device's key is EC p256") as error:
        opened(bytes(info.dump(force=True)))

    assert error.value.fail_info == "badAlg"
    assert error.value.hint == "let the device make an RSA key of 2048 bits or more"


class _Curve:
    """An EC key in the place of an RSA key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key

    def sign(self, octets: bytes, *, hashed_by: str) -> bytes:
        return self.key.sign(octets, ec.ECDSA(getattr(hashes, hashed_by)()))


def test_a_poll_names_issuer_and_subject() -> None:
    asked = opened(PHONE.message("CertPoll", PHONE.poll(RA.name.public_bytes()), RA.certificate))

    assert asked.asked == CertPoll(RA.name.public_bytes(), PHONE.name.public_bytes())


@pytest.mark.parametrize("kind", ["GetCert", "GetCRL"])
def test_certificates_and_crls_are_asked_for_by_issuer_and_serial(kind: str) -> None:
    content = der.sequence(RA.name.public_bytes(), der.encode_integer(4711))

    asked = opened(PHONE.message(kind, content, RA.certificate))

    assert asked.kind == kind
    assert asked.asked == CertificateName(RA.name.public_bytes(), 4711)


@pytest.mark.parametrize("kind", ["PKCSReq", "RenewalReq", "CertPoll", "GetCert", "GetCRL"])
@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"\x30\x80", b"\x05\x00", b"junk" * 20])
def test_a_content_of_another_kind_is_refused_in_the_devices_words(
    kind: str, content: bytes
) -> None:
    with pytest.raises(FailedCheckError) as error:
        opened(PHONE.message(kind, content, RA.certificate))

    assert error.value.fail_info == "badMessageCheck"


def test_a_message_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(FailedCheckError, match="of a type that sipca does not know") as error:
        opened(PHONE.message("99", b"", RA.certificate))

    assert error.value.fail_info == "badRequest"


@pytest.mark.parametrize("value", [b"", b"x" * 129, b"a\x00b", b"a\nb", "ä".encode()])
def test_a_transaction_id_is_printable_and_of_bounded_length(value: bytes) -> None:
    odd = {oids.SCEP_TRANSACTION_ID: der.tlv(der.PRINTABLE_STRING, value)}

    with pytest.raises(MalformedError, match=r"transaction id has|not printable text"):
        read_message(request(attributes=odd))


def test_a_nonce_of_endless_length_is_refused() -> None:
    odd = {oids.SCEP_SENDER_NONCE: der.tlv(der.OCTET_STRING, bytes(65))}

    with pytest.raises(MalformedError, match="senderNonce has more than 64 octets"):
        read_message(request(attributes=odd))


def test_a_success_is_encrypted_for_the_device_and_names_what_it_answers() -> None:
    envelope = read_message(request(cipher="aes256_cbc", hashed_by="SHA512"))
    issued = SCEPDevice("issued").certificate

    made = answering(envelope).certificate(issued, PHONE.certificate, CIPHERS["aes256_cbc"])
    read = read_cert_rep(made)

    assert (read.status, read.fail_info) == ("SUCCESS", None)
    assert (read.transaction_id, read.recipient_nonce) == (PHONE.transaction_id, PHONE.nonce)
    assert (read.signer, read.hash_name) == (RA.certificate, "SHA512")
    assert PHONE.opened(read) == [issued]


def test_pending_and_failure_have_no_content() -> None:
    envelope = read_message(request())

    pending = read_cert_rep(answering(envelope).pending())
    failure = read_cert_rep(answering(envelope).failure("badCertId"))

    assert (pending.status, pending.fail_info, pending.envelope) == ("PENDING", None, b"")
    assert (failure.status, failure.fail_info, failure.envelope) == ("FAILURE", "badCertId", b"")


def test_a_refused_hash_does_not_sign_the_refusal() -> None:
    envelope = read_message(request(hashed_by="MD5"))

    assert hash_of_answer(envelope, STRICT) == "SHA256"
    assert hash_of_answer(envelope, LENIENT) == "MD5"


def test_a_message_without_a_nonce_is_answered_without_one() -> None:
    envelope = read_message(request())
    bare = Envelope(envelope.transaction_id, b"", envelope.message)

    read = read_cert_rep(answering(bare).pending())

    assert read.recipient_nonce == b""


def test_a_crl_is_handed_out_in_a_bundle() -> None:
    envelope = read_message(request())
    crl = der.sequence(
        der.sequence(
            der.sequence(der.encode_oid(oids.RSA), b"\x05\x00"),
            RA.name.public_bytes(),
            der.tlv(der.UTC_TIME, b"260101000000Z"),
        ),
        der.sequence(der.encode_oid(oids.RSA), b"\x05\x00"),
        b"\x03\x01\x00",
    )

    read = read_cert_rep(answering(envelope).crl(crl, PHONE.certificate, CIPHERS["aes128_cbc"]))

    assert [each.chosen.dump() for each in PHONE.bundle(read)["crls"]] == [crl]


def test_attributes_of_text_may_be_of_any_ascii_string_type() -> None:
    spelled = {oids.SCEP_TRANSACTION_ID: der.tlv(der.UTF8_STRING, b"0815")}

    assert read_message(request(attributes=spelled)).transaction_id == "0815"
    assert printable("0815") != spelled[oids.SCEP_TRANSACTION_ID]
