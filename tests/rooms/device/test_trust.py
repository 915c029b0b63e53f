"""What a trust bundle takes, leaves out and says of its members."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import EC_KEY, RSA_KEY

from ca.device.trust import Candidate, Store, gather, judge, may_be_root, refusal
from ca.encoding.certificates import read_certificate
from ca.errors import BugError
from ca.model.certificates import CertificateFacts, Fault
from ca.profiles.library import Library

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TARGET = Library().target("audiocodes-7.2")


def certificate(
    cn: str, issuer: str | None = None, by: Any = None, **changes: object
) -> CertificateFacts:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder().subject_name(name(cn)).issuer_name(name(issuer or cn))
        .public_key(EC_KEY.public_key()).serial_number(1)
        .not_valid_before(AT - DAY).not_valid_after(AT + DAY)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(by or (EC_KEY if issuer is None else RSA_KEY), hashes.SHA256())
    )  # fmt: skip
    return msgspec.structs.replace(read_certificate(made.public_bytes(Encoding.DER)), **changes)


ROOT, OTHER, ISSUING = certificate("Root"), certificate("A root"), certificate("Issuing", "Root")


def bundle(*members: CertificateFacts) -> Store:
    return gather([Candidate(each, "f.pem") for each in members], TARGET, at=AT)


def codes(*members: CertificateFacts) -> list[tuple[str, str]]:
    store = Store(TARGET, tuple(Candidate(each, "f.pem") for each in members), ())
    return [(each.code, each.result) for each in judge(store)]


def test_intermediates_stand_before_roots_each_by_name() -> None:
    last = certificate("Zulu", "Root")

    names = [each.facts.cn for each in bundle(ROOT, last, OTHER, ISSUING).members]

    assert names == ["Issuing", "Zulu", "A root", "Root"]


def test_what_is_there_already_is_left_out_as_a_duplicate() -> None:
    made = bundle(ROOT, ROOT)

    assert len(made.members) == 1
    assert [(each.kind, each.reason) for each in made.dropped] == [
        ("duplicate", "it is already in f.pem")
    ]


def test_a_ca_is_taken_in_both_seconds_of_its_ends_and_none_beyond() -> None:
    assert refusal(ROOT, AT - DAY) is None
    assert refusal(ROOT, AT + DAY) is None
    assert refusal(ROOT, AT + DAY + SECOND) == "it expired on 2026-11-24"
    assert refusal(ROOT, AT - DAY - SECOND) == "it is not valid before 2026-11-22"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"faults": (Fault("its SAN is cut", True),)}, "its SAN is cut, and no verifier accepts"),
        ({"spki": b"\x30\x00"}, "its public key does not decode"),
        (
            {"is_ca": False, "extended_key_usage": ("serverAuth",)},
            "it is not a CA certificate: a client's own",
        ),
        (
            {"is_ca": False, "issuer_der": b"x", "issuer": ()},
            "it is not a CA certificate: a client's own",
        ),
    ],
)
def test_what_does_not_belong_into_a_trust_store_is_refused(
    changes: dict[str, object], says: str
) -> None:
    assert says in str(refusal(msgspec.structs.replace(ROOT, **changes), AT))


def test_faults_that_some_verifiers_take_are_no_refusal() -> None:
    assert refusal(msgspec.structs.replace(ROOT, faults=(Fault("odd"),)), AT) is None


def test_a_root_without_basic_constraints_is_one_if_it_signed_itself() -> None:
    plain = certificate("Root", is_ca=False)
    damaged = certificate("Root", by=RSA_KEY, is_ca=False)

    assert may_be_root(plain)
    assert refusal(plain, AT) is None
    assert "is it damaged?" in str(refusal(damaged, AT))


def test_one_that_breaks_a_rule_is_left_out_and_told_as_a_bug() -> None:
    broken = msgspec.structs.replace(ROOT, validity=None)
    told: list[BugError] = []

    made = gather([Candidate(broken, "f.pem")], TARGET, at=AT, on_bug=told.append)

    assert [each.kind for each in made.dropped] == ["bug"]
    assert len(told) == 1
    assert gather([Candidate(broken, "f.pem")], TARGET, at=AT).dropped[0].kind == "bug"


def test_good_members_have_no_finding() -> None:
    assert codes(ROOT, OTHER) == []


def test_trust_twins_are_of_one_name_and_one_key() -> None:
    newer = msgspec.structs.replace(ROOT, fingerprint="f" * 64)
    other_key = msgspec.structs.replace(newer, spki=certificate("x").spki + b"x")

    assert codes(ROOT, newer) == [("trust-twins", "warn")]
    assert "trust-twins" not in dict(codes(ROOT, other_key))


def test_trust_self_signature_of_a_root_that_its_key_did_not_sign() -> None:
    damaged = certificate("Root", by=RSA_KEY)
    change_of_key = certificate("Root", by=RSA_KEY, authority_key_identifier=b"x")

    assert codes(damaged) == [("trust-self-signature", "warn")]
    assert codes(change_of_key) == []
    assert codes(certificate("Issuing", "Root")) == []


def test_trust_root_signature_of_a_retired_or_an_unknown_algorithm() -> None:
    sha1 = certificate("Root", signature_algorithm="ecdsa-with-SHA1")
    unknown = certificate("Root", signature_algorithm="1.2.3.4")
    below = certificate("Issuing", "Root", signature_algorithm="1.2.3.4")

    assert ("trust-root-signature", "pass") in codes(sha1)
    assert codes(unknown) == [("trust-root-signature", "pass")]
    assert codes(below) == []


def test_trust_v1_root_of_one_that_does_not_say_that_it_is_a_ca() -> None:
    assert codes(certificate("Root", is_ca=False)) == [("trust-v1-root", "pass")]


def test_trust_encoding_of_an_odd_one() -> None:
    odd = certificate("Root", odd=("its serial is negative",))
    faulty = certificate("Root", faults=(Fault("its SAN is cut"),))

    assert codes(odd) == codes(faulty) == [("trust-encoding", "warn")]
