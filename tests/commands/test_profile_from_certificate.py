"""``profile new --from-cert``: a profile that makes certificates like a given one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, ROOT, RSA_KEY, CommandLine, general_name, make_csr
from stand_in.odd import ODD, REFUSED

from ca.encoding.certificates import extensions_of, read_certificate
from ca.profiles.from_certificate import likeness
from ca.profiles.library import read_profile

BITS = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(
    *names: str,
    key: Any = RSA_KEY,
    subject: tuple[tuple[Any, str], ...] = ((x509.NameOID.COMMON_NAME, "sbc1.lab.example"),),
    usage: tuple[str, ...] = ("digital_signature", "key_encipherment"),
    purposes: tuple[x509.ObjectIdentifier, ...] = (EKU.SERVER_AUTH, EKU.CLIENT_AUTH),
    lifetime: timedelta = timedelta(days=398),
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    san_critical: bool = False,
) -> bytes:
    name = x509.Name([x509.NameAttribute(*each) for each in subject])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(BEGAN)
        .not_valid_after(BEGAN + lifetime - timedelta(seconds=1))
    )  # fmt: skip
    if names:
        san = x509.SubjectAlternativeName([general_name(each) for each in names])
        builder = builder.add_extension(san, critical=san_critical)
    if usage:
        bits = {bit: bit in usage for bit in BITS}
        builder = builder.add_extension(x509.KeyUsage(**bits), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    digest = (
        None
        if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
        else hashes.SHA256()
    )
    return builder.sign(key, digest).public_bytes(Encoding.DER)


@pytest.fixture
def made(sipca: CommandLine, tmp_path: Path) -> Callable[[bytes], tuple[Path, list[str]]]:
    """Makes the profile ``like`` from a certificate; its path, and what was not taken over."""

    def make(der: bytes) -> tuple[Path, list[str]]:
        (tmp_path / "given.cer").write_bytes(der)
        answer = sipca("profile", "new", "like", "--from-cert", tmp_path / "given.cer", "--json")
        assert answer.exit == 0, answer.err
        assert sipca("profile", "check", answer.json["path"]).exit == 0
        return Path(answer.json["path"]), answer.json["notes"]

    return make


def test_a_certificate_made_by_it_is_like_the_given_one(
    sipca: CommandLine, made: Callable[[bytes], tuple[Path, list[str]]], tmp_path: Path
) -> None:
    given_one = certificate("dns:sbc1.lab.example", "ip:10.0.0.5", usage=("digital_signature",))
    _, notes = made(given_one)
    (tmp_path / "x.csr").write_bytes(
        make_csr("dns:sbc1.lab.example", "ip:10.0.0.5", cn="sbc1.lab.example")
    )

    signed = sipca("sign", tmp_path / "x.csr", "--profile", "like", "--json").json["signed"][0]

    old = x509.load_der_x509_certificate(given_one)
    new = x509.load_pem_x509_certificate(signed["certificate_pem"].encode())
    assert notes == []
    for kind in (x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName):
        assert (
            new.extensions.get_extension_for_class(kind).value
            == old.extensions.get_extension_for_class(kind).value
        )  # type: ignore[type-var]
    lifetimes = [each.not_valid_after_utc - each.not_valid_before_utc for each in (old, new)]
    assert lifetimes[0] == lifetimes[1]


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_lifetime_is_the_same_whether_its_last_second_was_counted_or_not(
    made: Callable[[bytes], tuple[Path, list[str]]], seconds: int
) -> None:
    path, _ = made(certificate("dns:a.lab.example", lifetime=timedelta(days=365, seconds=seconds)))

    assert read_profile(path.read_text(), file="x", name="x").lifetime == "365d"


def test_ca_rights_are_never_taken_over(
    made: Callable[[bytes], tuple[Path, list[str]]],
) -> None:
    path, notes = made(
        certificate(
            usage=("key_cert_sign", "crl_sign"), purposes=(),
            more=((x509.BasicConstraints(ca=True, path_length=0), True),),
        )
    )  # fmt: skip

    profile = read_profile(path.read_text(), file="x", name="x")
    assert profile.role == "end-entity"
    assert profile.extensions.key_usage == ("digital_signature",)
    assert profile.extensions.path_length is None
    assert any(each.startswith("CA:TRUE") for each in notes)
    assert any("keyCertSign: it is for a CA alone" in each for each in notes)
    assert any("cRLSign: it is for a CA alone" in each for each in notes)


@pytest.mark.parametrize(
    ("der", "said"),
    [
        (certificate(purposes=(EKU.SERVER_AUTH, EKU.CODE_SIGNING)), "extended key usage 1.3.6.1.5.5.7.3.3"),
        (certificate(purposes=(EKU.OCSP_SIGNING,)), "OCSPSigning: it is for OCSP signers alone"),
        (certificate(usage=("digital_signature", "key_agreement")), "key usage keyAgreement"),
        (certificate(usage=()), "no key usage: digitalSignature was added"),
        (certificate(usage=("key_encipherment",)), "a key usage without digitalSignature"),
        (certificate(), "no SAN"),
        (certificate("dns:a.lab.example", san_critical=True), "a critical SAN"),
        (certificate(more=((x509.SubjectAlternativeName([x509.DNSName("a"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]), False),)), "1 of the SAN's names"),
        (certificate(subject=((x509.NameOID.ORGANIZATION_NAME, "Lab"),)), "a subject without CN"),
        (certificate(subject=((x509.NameOID.COMMON_NAME, "a"), (x509.NameOID.PSEUDONYM, "b"))), "subject attribute 2.5.4.65"),
        (certificate(lifetime=timedelta(minutes=30)), "lifetime 0:30:00: a profile's is at least 2 hours"),
        (certificate(lifetime=timedelta(days=90, hours=5)), "lifetime 90 d and 5 h: rounded up"),
        (certificate(lifetime=timedelta(days=60_000)), "lifetime 60000 d: a profile's is at most 100 years"),
        (certificate(key=ed448.Ed448PrivateKey.generate()), "a key of the kind ed448"),
        (
            certificate(more=((x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)]), False),)),
            "certificatePolicies: sipca's profiles cannot carry it",
        ),
        (
            certificate(more=((x509.AuthorityInformationAccess([x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://x/"))]), False),)),
            "authorityInfoAccess: this CA puts in its own addresses",
        ),
        (certificate(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), b"\x05\x00"), False),)), "1.2.3.5: sipca's profiles cannot carry it"),
    ],
)  # fmt: skip
def test_what_is_not_taken_over_is_said_and_stands_in_the_file(
    made: Callable[[bytes], tuple[Path, list[str]]], der: bytes, said: str
) -> None:
    path, notes = made(der)

    assert [each for each in notes if said in each]
    assert f"# * {next(each for each in notes if said in each)}" in path.read_text()


@pytest.mark.parametrize(
    ("der", "key", "value"),
    [
        (certificate("uri:sip:lab.example", "dns:a.lab.example"), "take", ["dns", "uri"]),
        (certificate("dns:*.lab.example"), "wildcard", [True]),
        (certificate("uri:spiffe://lab/x"), "uri_schemes", ["spiffe"]),
        (certificate("email:a@lab.example"), "from_cn", [False]),
    ],
)
def test_the_kinds_of_san_are_taken_over(
    made: Callable[[bytes], tuple[Path, list[str]]], der: bytes, key: str, value: list[Any]
) -> None:
    path, _ = made(der)

    san = read_profile(path.read_text(), file="x", name="x").san
    found = getattr(san, key)
    assert (list(found) if isinstance(found, tuple) else [found]) == value


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        (RSA_KEY, ("rsa:2048-8192",)),
        (EC_KEY, ("ec:p256",)),
        (ed25519.Ed25519PrivateKey.generate(), ("ed25519",)),
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), ("rsa:2048-8192",)),
    ],
)
def test_the_kind_of_key_is_taken_over(
    made: Callable[[bytes], tuple[Path, list[str]]], key: Any, allowed: tuple[str, ...]
) -> None:
    path, _ = made(certificate("dns:a.lab.example", key=key))

    assert read_profile(path.read_text(), file="x", name="x").key.allow == allowed


def test_every_shipped_root_of_another_makes_a_profile_that_passes(
    sipca: CommandLine, tmp_path: Path
) -> None:
    for number, path in enumerate(sorted((ROOT / "tests" / "vectors" / "roots").glob("*.crt"))):
        answer = sipca("profile", "new", f"root-{number}", "--from-cert", path, "--json")

        assert answer.exit == 0, answer.err
        assert sipca("profile", "check", answer.json["path"]).exit == 0


@pytest.mark.parametrize("which", [*ODD, *REFUSED])
def test_an_odd_certificate_makes_a_profile_that_passes_or_is_refused_as_damaged(
    sipca: CommandLine, tmp_path: Path, which: str
) -> None:
    der, _ = (ODD | REFUSED)[which]
    (tmp_path / "odd.cer").write_bytes(der)

    answer = sipca("profile", "new", "odd", "--from-cert", tmp_path / "odd.cer", "--json")

    assert answer.exit in (0, 3), answer.err
    if answer.exit == 0:
        assert sipca("profile", "check", answer.json["path"]).exit == 0


TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=15
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    cn=TEXT,
    usage=st.sets(st.sampled_from(BITS[:7])),
    purposes=st.lists(st.sampled_from([EKU.SERVER_AUTH, EKU.CLIENT_AUTH, EKU.OCSP_SIGNING, EKU.TIME_STAMPING]), unique=True),
    minutes=st.integers(1, 60_000_000),
    is_ca=st.booleans(),
    names=st.lists(st.sampled_from(["dns:a.lab.example", "dns:*.b.example", "ip:10.0.0.1", "uri:sip:lab.example", "uri:x-y:z", "email:a@b.example"]), unique=True),
)  # fmt: skip
def test_whatever_the_certificate_the_profile_passes_its_check_and_gives_no_ca_rights(
    cn: str, usage: set[str], purposes: list[Any], minutes: int, is_ca: bool, names: list[str]
) -> None:
    der = certificate(
        *names, key=EC_KEY, subject=((x509.NameOID.COMMON_NAME, cn),), usage=tuple(usage),
        purposes=tuple(purposes), lifetime=timedelta(minutes=minutes),
        more=((x509.BasicConstraints(is_ca, None), True),),
    )  # fmt: skip

    made = likeness(read_certificate(der), extensions_of(der), name="x", key="ec:p256")

    profile = read_profile(made.text, file="x.toml", name="x")
    assert profile.role == "end-entity"
    assert not {"key_cert_sign", "crl_sign"} & set(profile.extensions.key_usage)
    assert not is_ca or any(each.startswith("CA:TRUE") for each in made.lines)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("like", "--from-cert", "{none}"), 5, "none"),
        (("like", "--from-cert", "{csr}"), 3, "not a certificate"),
        (("like", "--from-cert", "{empty}"), 3, "holds no certificate"),
        (("sip", "--from-cert", "{given}"), 6, "a profile 'sip' already exists"),
        (("../x", "--from-cert", "{given}"), 3, "is not a valid name for a profile"),
        (("like",), 2, "give one of --from NAME and --from-cert FILE"),
        (("like", "--from", "sip", "--from-cert", "{given}"), 2, "give one of --from NAME"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(
    sipca: CommandLine, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "csr").write_bytes(make_csr())
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "given").write_bytes(certificate("dns:a.lab.example"))
    places = {each: str(tmp_path / each) for each in ("none", "csr", "empty", "given")}

    answer = sipca("profile", "new", *(each.format(**places) for each in words))

    assert answer.exit == code
    assert said in answer.err
    assert not (sipca.home / "profiles" / "like.toml").exists()
