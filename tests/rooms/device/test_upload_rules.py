"""Rules about files to be uploaded, at their exact bounds: a bad case, the good one beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import EC_KEY, RSA_KEY

from ca.device.preflight import preflight
from ca.device.trust import Candidate, Store, judge
from ca.device.upload import TrustFile, Upload, device_file
from ca.encoding.certificates import read_certificate
from ca.keys.public import PublicKey, read_public_key
from ca.model.certificates import CertificateFacts, SubjectAttribute, Validity
from ca.profiles.library import Library

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TARGET = Library().target("audiocodes-7.2")


def certificate(cn: str, issuer: str, signer: Any, *, ca: bool) -> bytes:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder().subject_name(name(cn)).issuer_name(name(issuer))
        .public_key((signer if ca else RSA_KEY).public_key()).serial_number(1)
        .not_valid_before(AT - DAY).not_valid_after(AT + 500 * DAY)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )  # fmt: skip
    if not ca:
        purposes = [x509.ExtendedKeyUsageOID.SERVER_AUTH, x509.ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(cn)]), False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)


DEVICE = certificate("a.lab.example", "Root", EC_KEY, ca=False)
ROOT = read_certificate(
    x509.load_pem_x509_certificate(certificate("Root", "Root", EC_KEY, ca=True)).public_bytes(
        Encoding.DER
    )
)


def upload(*, key: PublicKey | None = None, at: datetime = AT, **changes: object) -> Upload:
    file = device_file("a.pem", DEVICE)
    facts = msgspec.structs.replace(file.facts, **changes)
    file = msgspec.structs.replace(file, facts=facts, key=key or file.key)
    return Upload(TARGET, file, at)


def found(of: Upload) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in preflight(of)]


def key_of(private: Any) -> PublicKey:
    return read_public_key(
        private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )


def with_members(of: Upload, *members: CertificateFacts) -> Upload:
    trust = TrustFile("t.pem", of.device.bundle, members)
    return msgspec.structs.replace(of, trust=trust)


def test_a_good_upload_has_no_finding() -> None:
    assert found(upload()) == []
    assert found(with_members(upload(), ROOT)) == []


@pytest.mark.parametrize(
    ("key", "label"), [(EC_KEY, "EC p256"), (ed25519.Ed25519PrivateKey.generate(), "ed25519")]
)
def test_preflight_key_kind_where_nothing_is_known_of_such_keys_at_the_target(
    key: Any, label: str
) -> None:
    other = msgspec.structs.replace(
        TARGET, key=msgspec.structs.replace(TARGET.key, kinds=("rsa", "ec"))
    )
    of = upload(key=key_of(key))

    assert found(of) == [
        ("preflight-key-kind", f"it is not known whether this device accepts {label} keys")
    ]
    takes_ec = [code for code, _ in found(msgspec.structs.replace(of, target=other))]
    assert takes_ec == ([] if key is EC_KEY else ["preflight-key-kind"])


def test_preflight_weak_key_below_the_targets_smallest_and_not_at_it() -> None:
    exactly = rsa.generate_private_key(65537, 2048)
    smaller = msgspec.structs.replace(key_of(exactly), size=2047)

    assert found(upload(key=key_of(exactly))) == []
    assert [code for code, _ in found(upload(key=smaller))] == ["preflight-weak-key"]


def test_preflight_validity_takes_both_ends_and_no_second_beyond() -> None:
    begin, end = AT - DAY, AT + 500 * DAY

    def codes(at: datetime) -> list[str]:
        return [code for code, _ in found(upload(at=at)) if code != "preflight-alarm"]

    assert codes(begin) == codes(end) == []
    assert codes(begin - SECOND) == codes(end + SECOND) == ["preflight-validity"]


def test_preflight_alarm_to_the_day_that_the_devices_alarm_would_be_raised() -> None:
    days = TARGET.alarm.start_days + TARGET.alarm.period_days
    end = AT + 500 * DAY

    def codes(left: timedelta) -> list[str]:
        return [code for code, _ in found(upload(at=end - left))]

    assert days == 67
    assert codes(67 * DAY + SECOND) == []
    assert codes(67 * DAY) == codes(timedelta(0)) == ["preflight-alarm"]
    assert codes(-SECOND) == ["preflight-validity"]


def test_preflight_apple_from_826_days() -> None:
    def codes(days: int) -> list[str]:
        return [code for code, _ in found(upload(validity=Validity(AT, AT + days * DAY)))]

    assert codes(825) == []
    assert codes(826) == ["preflight-apple"]


@pytest.mark.parametrize(("count", "code"), [(20, []), (21, ["preflight-trust"])])
def test_preflight_trust_holds_the_bundle_to_the_stores_limit(count: int, code: list[str]) -> None:
    others = [
        msgspec.structs.replace(ROOT, fingerprint=f"{number:064x}", subject_der=bytes([number]))
        for number in range(1, count)
    ]
    codes = [c for c, m in found(with_members(upload(), ROOT, *others)) if "the store of" in m]

    assert TARGET.trust.limit == 20
    assert codes == code


def test_preflight_trust_takes_members_on_both_days_of_their_ends() -> None:
    span = ROOT.validity

    def says(at: datetime) -> bool:
        of = msgspec.structs.replace(with_members(upload(), ROOT), at=at)
        return any("'Root' in 't.pem' is not valid at" in message for _, message in found(of))

    assert not says(span.not_before)
    assert not says(span.not_after)
    assert says(span.not_before - SECOND)
    assert says(span.not_after + SECOND)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"is_ascii": False}, "'a.pem' is not plain ASCII text"),
        ({"is_ascii": False, "has_bom": True}, "'a.pem' is not plain ASCII text (byte order mark)"),
    ],
)
def test_preflight_form_of_a_file_that_is_not_plain_ascii(
    changes: dict[str, bool], message: str
) -> None:
    of = upload()
    of = msgspec.structs.replace(of, device=msgspec.structs.replace(of.device, **changes))

    assert found(of) == [("preflight-form", message)]


def test_preflight_unreadable_of_a_key_that_does_not_decode() -> None:
    of = upload()
    of = msgspec.structs.replace(of, device=msgspec.structs.replace(of.device, key=None))

    assert found(of) == [("preflight-unreadable", "the certificate's public key does not decode")]


def test_preflight_name_unusual_tells_of_a_subject_typed_wrongly() -> None:
    of = upload(subject=(SubjectAttribute("CN", "a.lab.example"), SubjectAttribute("O", "O=Lab")))

    (finding,) = preflight(of)

    assert (finding.code, finding.result) == ("preflight-name-unusual", "warn")
    assert "the subject's O 'O=Lab' begins with 'O='" in finding.message
    assert finding.hint == f"{TARGET.pages.csr}: correct it and create a new CSR"


@pytest.mark.parametrize(("count", "fails"), [(1, False), (20, False), (21, True), (40, True)])
def test_trust_limit_from_the_first_certificate_more_than_the_store_takes(
    count: int, fails: bool
) -> None:
    members = tuple(
        Candidate(msgspec.structs.replace(ROOT, subject_der=bytes([number])), "root.pem")
        for number in range(count)
    )

    codes = [(each.code, each.result) for each in judge(Store(TARGET, members, ()))]

    assert TARGET.trust.limit == 20
    assert codes == ([("trust-limit", "fail")] if fails else [])
