"""A TBSCertificate put together from parts is the one that the library's builder would make."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, NOW, RSA_KEY, make_csr

from ca.csr.parsing import read_request
from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.errors import PolicyError
from ca.issuance.issue import issue
from ca.issuance.order import Issuer, Order, Permitted, own_request
from ca.issuance.prepare import prepare, prepare_all
from ca.keys.public import read_public_key
from ca.keys.soft import generate_key
from ca.lab.throwaway import with_algorithm
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.names.general import parse_general_name
from ca.names.hosts import address_problem
from ca.names.preparation import prohibited_character
from ca.profiles.library import Library

LIBRARY = Library()
SERIAL = 1 << 126 | 5
KEYS = {spec: generate_key(spec, None, label="ca") for spec in ("ec:p256", "ec:p384", "rsa:2048")}


def founding(spec: str, role: str, issuer: Issuer, **rest: Any) -> Order:
    subject = (SubjectAttribute("CN", f"Lab {role}"), SubjectAttribute("C", "NL"))
    return Order(
        own_request(KEYS[spec].public.spki, subject),
        LIBRARY.profile(role),
        issuer,
        SigningWishes(profile=role),
        NOW,
        SERIAL,
        **rest,
    )


def root(spec: str, base_url: str | None = None) -> Issuer:
    key = KEYS[spec]
    made = prepare(founding(spec, "root", Issuer(1, "00000000", key.public, None)))
    facts = read_certificate(issue(made.tbs, key.signer, key.public).der)
    return Issuer(1, "00000000", key.public, facts, base_url)


ROOTS = {
    (spec, url): root(spec, url) for spec in KEYS for url in (None, "http://10.0.0.5:8080")
}  # fmt: skip


def built(order: Order, tbs: bytes) -> bytes:
    """The TBSCertificate that ``CertificateBuilder`` makes of what is read out of ours."""
    shell = x509.load_der_x509_certificate(issue_anyhow(order, tbs))
    builder = (
        x509.CertificateBuilder()
        .subject_name(shell.subject)
        .issuer_name(shell.issuer)
        .public_key(load_der_public_key(order.request.key.spki))
        .serial_number(shell.serial_number)
        .not_valid_before(shell.not_valid_before_utc)
        .not_valid_after(shell.not_valid_after_utc)
    )
    for each in shell.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return with_algorithm(builder.create_unsigned().public_bytes(Encoding.DER), order.issuer.key)


def issue_anyhow(order: Order, tbs: bytes) -> bytes:
    key = next(key for key in KEYS.values() if key.public == order.issuer.key)
    return issue(tbs, key.signer, key.public).der


@pytest.mark.parametrize("spec", KEYS)
def test_a_cas_own_certificate_is_the_builders(spec: str) -> None:
    permit = Permitted(("lab.example",), ("10.0.0.0/8",))
    orders = [
        founding(spec, "root", Issuer(1, "00000000", KEYS[spec].public, None)),
        founding(spec, "issuing", ROOTS[spec, None]),
        founding(spec, "issuing", ROOTS[spec, "http://10.0.0.5:8080"], permit=permit),
        founding(spec, "ocsp-responder", ROOTS[spec, None]),
    ]

    for order in orders:
        tbs = prepare(order).tbs
        assert built(order, tbs) == tbs


HOSTS = st.from_regex(r"[a-z]{1,8}\.lab\.example", fullmatch=True)
NAMES = st.one_of(
    HOSTS.map("dns:{}".format),
    HOSTS.map("uri:sip:{}".format),
    HOSTS.map("email:a@{}".format),
    st.ip_addresses()
    .filter(lambda a: not getattr(a, "scope_id", None) and address_problem(str(a)) is None)
    .map("ip:{}".format),
)
TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N")).filter(
        lambda c: prohibited_character(c) is None
    ),
    min_size=1,
    max_size=64,
)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    organization=TEXT,
    profile=st.sampled_from(["sip", "sip-client", "phone"]),
    ca=st.sampled_from(sorted(ROOTS, key=str)),
    key=st.sampled_from([EC_KEY, RSA_KEY]),
    lifetime=st.sampled_from([None, "max"]),
)
def test_a_devices_certificate_is_the_builders_and_says_what_was_decided(
    names: list[str], organization: str, profile: str, ca: Any, key: Any, lifetime: str | None
) -> None:
    request = read_request(make_csr(*names, cn="sbc1.lab.example", key=key))
    subject = (*request.subject, SubjectAttribute("O", organization))
    order = Order(
        msgspec.structs.replace(request, der=b"", subject=subject),
        LIBRARY.profile(profile),
        ROOTS[ca],
        SigningWishes(profile=profile, lifetime=lifetime, allow=frozenset({"subject-look-alike"})),
        NOW,
        SERIAL,
    )

    made = prepare(order)
    facts = read_certificate(issue_anyhow(order, made.tbs))

    assert built(order, made.tbs) == made.tbs
    assert facts.subject == made.subject
    assert facts.san == made.san
    assert {parse_general_name(name) for name in names} <= set(made.san)
    assert facts.validity == made.validity
    assert facts.serial == made.serial.hex()
    for address in (each for each in made.san if each.kind == "ip"):
        assert str(ipaddress.ip_address(address.value)) == address.value


def test_a_key_that_der_would_write_otherwise_is_never_certified() -> None:
    """RSA with a superfluous zero octet in its exponent: the library would write another key."""
    request = read_request(make_csr(key=RSA_KEY))
    spki = request.key.spki
    bits = der.sequence(
        der.encode_integer(request.key.modulus or 0), der.tlv(der.INTEGER, b"\x00\x01\x00\x01")
    )
    odd = der.sequence(der.split(spki)[0], der.tlv(der.BIT_STRING, b"\x00" + bits))
    key = read_public_key(odd)
    order = Order(
        msgspec.structs.replace(request, der=b"", key=key),
        LIBRARY.profile("sip"),
        ROOTS["ec:p256", None],
        SigningWishes(),
        NOW,
        SERIAL,
    )

    assert len(odd) == len(spki) + 1
    assert key.exponent == 65537
    with pytest.raises(PolicyError, match="is not encoded in DER"):
        prepare(order)


def test_of_many_orders_each_is_judged_on_its_own_and_stays_in_its_place() -> None:
    def order(*names: str) -> Order:
        request = read_request(make_csr(*names, cn="sbc1.lab.example"))
        return Order(
            request, LIBRARY.profile("sip"), ROOTS["ec:p256", None], SigningWishes(), NOW, SERIAL
        )

    found = prepare_all([order(), order("dns:a b"), order("email:nohost"), order()])

    assert [type(each).__name__ for each in found] == [
        "Prepared", "PolicyError", "PolicyError", "Prepared",
    ]  # fmt: skip
    assert found[0] == found[3]
