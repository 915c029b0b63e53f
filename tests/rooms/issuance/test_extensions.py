"""The extensions that are issued, and what the account and the differences say of those asked for."""

from __future__ import annotations

import ipaddress

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from stand_in.lab import EC_KEY, NOW, RSA_KEY, make_csr
from stand_in.odd import SAN, extension
from stand_in.requests import with_extensions

from ca.csr.parsing import parse_request, read_request
from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.errors import PolicyError
from ca.issuance.issue import issue
from ca.issuance.order import Issuer, Order, Permitted, own_request
from ca.issuance.prepare import prepare
from ca.keys.soft import generate_key
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library

LIBRARY = Library()
KEY = generate_key("ec:p256", None, label="root")
SERIAL = 1 << 126 | 7


def ca_order(role: str, issuer: Issuer, permit: Permitted | None = None) -> Order:
    request = own_request(KEY.public.spki, (SubjectAttribute("CN", role),))
    profile = LIBRARY.profile(role)
    wishes = SigningWishes(profile=role)
    return Order(request, profile, issuer, wishes, NOW, SERIAL, permit=permit)


def made(order: Order) -> x509.Certificate:
    issued = issue(prepare(order).tbs, KEY.signer, KEY.public)
    return x509.load_der_x509_certificate(issued.der)


ROOT = read_certificate(
    issue(prepare(ca_order("root", Issuer(1, "00000000", KEY.public, None))).tbs, KEY.signer, KEY.public).der
)  # fmt: skip
ISSUER = Issuer(1, "00000000", KEY.public, ROOT)


def order(data: bytes, profile: str = "sip", **wishes: object) -> Order:
    request = read_request(data) if data.startswith(b"-----") else parse_request(data)
    allow = SigningWishes(cn="a.lab.example", **wishes)  # type: ignore[arg-type]
    return Order(request, LIBRARY.profile(profile), ISSUER, allow, NOW, SERIAL)


EVERY_V4, EVERY_V6 = ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")


@pytest.mark.parametrize(
    ("ip", "excluded"),
    [
        ((), [EVERY_V4, EVERY_V6]),
        (("10.0.0.0/8",), [EVERY_V6]),
        (("2001:db8::/32",), [EVERY_V4]),
        (("10.0.0.0/8", "2001:db8::/32"), None),
    ],
)
def test_addresses_of_a_family_that_no_permitted_network_is_of_are_excluded_whole(
    ip: tuple[str, ...], excluded: list[object] | None
) -> None:
    certificate = made(ca_order("issuing", ISSUER, Permitted(("lab.example",), ip)))

    limits = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    found = limits.value.excluded_subtrees
    assert (None if found is None else [each.value for each in found]) == excluded
    permitted = [each.value for each in limits.value.permitted_subtrees or ()]
    assert permitted == ["lab.example", *(ipaddress.ip_network(net) for net in ip)]


def test_without_permitted_names_there_are_no_name_constraints() -> None:
    for permit in (None, Permitted()):
        found = made(ca_order("issuing", ISSUER, permit)).extensions
        assert x509.ExtensionOID.NAME_CONSTRAINTS not in [each.oid for each in found]


def test_the_authority_key_identifier_is_the_one_in_the_issuers_certificate() -> None:
    facts = msgspec.structs.replace(ROOT, key_identifier=b"\x07" * 20)
    other = msgspec.structs.replace(ISSUER, facts=facts)
    certificate = made(msgspec.structs.replace(order(make_csr()), issuer=other))

    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert found.key_identifier == b"\x07" * 20


NAMES = extension(SAN, der.sequence(der.tlv(0x82, b"a.lab.example")))
CLIENT_AUTH = der.encode_oid("1.3.6.1.5.5.7.3.2")


@pytest.mark.parametrize(
    ("asked", "what", "key"),
    [
        (
            extension("2.5.29.37", der.sequence(CLIENT_AUTH)),
            "extendedKeyUsage clientAuth becomes serverAuth, clientAuth",
            "change [extensions] extended_key_usage",
        ),
        (
            extension("2.5.29.15", der.tlv(der.BIT_STRING, b"\x06\xc0")),
            "keyUsage digitalSignature, nonRepudiation becomes digitalSignature",
            "change [extensions] key_usage",
        ),
    ],
)
def test_differs_from_request_names_the_key_of_the_profile_that_decides(
    asked: bytes, what: str, key: str
) -> None:
    findings = prepare(order(with_extensions(NAMES, asked))).findings

    (found,) = [each for each in findings if each.code == "differs-from-request"]
    assert what in found.message
    assert key in str(found.hint)


def test_a_request_that_is_issued_as_asked_differs_in_nothing() -> None:
    findings = prepare(
        msgspec.structs.replace(
            order(make_csr("dns:a.lab.example", cn="a.lab.example")), wishes=SigningWishes()
        )
    ).findings

    assert findings == ()


WEAK = rsa.generate_private_key(65537, 1024)


def test_a_weak_key_is_refused_with_the_override_and_forced_where_that_is_given() -> None:
    with pytest.raises(PolicyError) as refusal:
        prepare(order(make_csr(key=WEAK)))

    assert str(refusal.value.hint).endswith("--allow weak-key overrides this and is recorded")
    allowed = prepare(order(make_csr(key=WEAK), allow=frozenset({"weak-key"})))
    assert [(a.how, a.rule) for a in allowed.account if a.field == "key"] == [
        ("forced", "weak-key")
    ]


@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY])
def test_a_good_key_is_taken_whatever_may_be_overridden(key: object) -> None:
    found = prepare(order(make_csr(key=key), allow=frozenset({"weak-key"})))

    assert [(a.how, a.rule) for a in found.account if a.field == "key"] == [("taken", "key")]


def test_of_a_cas_own_key_no_override_is_named() -> None:
    weak = read_request(make_csr(key=WEAK)).key
    of_ca = ca_order("issuing", ISSUER)
    of_ca = msgspec.structs.replace(of_ca, request=msgspec.structs.replace(of_ca.request, key=weak))

    with pytest.raises(PolicyError) as refusal:
        prepare(of_ca)

    assert "--allow" not in str(refusal.value.hint)
