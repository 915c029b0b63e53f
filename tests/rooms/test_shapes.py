"""Requests read and certificates filled by their shape, beside the long way: never an octet apart."""

from __future__ import annotations

import ipaddress
import textwrap
from base64 import b64encode
from collections import Counter
from datetime import timedelta
from importlib import import_module
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import NOW

from ca.authority.signing.prepare import Job, Outcome, Ready, Shapes, Terms, outcomes
from ca.csr.shape import RequestShape
from ca.encoding import der, oids
from ca.encoding.certificates import read_certificate
from ca.errors import BugError, CAError, PolicyError
from ca.issuance.issue import issue
from ca.issuance.order import Issuer, Order, Permitted, own_request
from ca.issuance.prepare import prepare
from ca.issuance.shape import CertificateShape
from ca.keys.soft import generate_key
from ca.lint import certificates
from ca.lint.certificates import CERTIFICATE_RULES, SLOT_RULES, ToBeSigned
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.model.findings import Slot, run
from ca.model.trial import EVERY
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library

COUNT = 10_000
LIBRARY = Library(None)
TARGETS = ("audiocodes-7.4", "audiocodes-7.4", "audiocodes-6.6", "cisco-cucm")
EC = [ec.generate_private_key(ec.SECP256R1()) for _ in range(24)]
OTHER = [
    *(rsa.generate_private_key(65537, 2048) for _ in range(3)),
    rsa.generate_private_key(65537, 1024),
    rsa.generate_private_key(3, 2048),
    ec.generate_private_key(ec.SECP384R1()),
    ec.generate_private_key(ec.SECP256K1()),
]
SPKI = {
    id(key): key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for key in (*EC, *OTHER)
}
ODD_CNS = [
    "", " ", "*", "*.lab.example", "sbc*.lab.example", "10.4.0.20", "0.0.0.0", "ACL_482913",
    "00908F1A2B3C", "Lab Issuing", "lab  issuing", "sbc1", "sbc1.lab.example.", "sbc1.lab.example:5061",
    "sip:sbc1.lab.example", "späti.lab.example", "xn--spti-7qa.lab.example", "a" * 64, "a" * 65,
    "sbc1.lab.example\n", "sbc1\x00.lab.example", "Reception phone", "a_b.lab.example", "\u202esbc1",
]  # fmt: skip
ODD_NAMES = [
    (0x82, b"10.1.1.3"), (0x82, b"DNS:sbc1.lab.example"), (0x82, b"sip:lab.example"), (0x82, b""),
    (0x82, b"*.lab.example"), (0x82, b"a_b.lab.example"), (0x82, b"sbc1.lab.example."),
    (0x82, "späti.lab".encode()), (0x82, b"sbc1\x00.lab"), (0x82, b"SBC1.Lab.Example"),
    (0x81, b"sbc1.lab.example"), (0x81, b"ops@lab.example"), (0x86, b"sip:lab.example"),
    (0x86, b"sip:alice@lab.example"), (0x86, b"http://lab.example"), (0x86, b"no uri"),
    (0x87, b"\x0a\x04\x00\x14"), (0x87, bytes(4)), (0x87, bytes(5)), (0x87, bytes(15) + b"\x01"),
    (0xA0, b"\x06\x01\x2a\xa0\x02\x0c\x00"), (0x88, b"\x2a\x03"), (0x8F, b"x"),
]  # fmt: skip
SHA256_RSA, SHA256_EC, SHA1_RSA = (
    "1.2.840.113549.1.1.11",
    "1.2.840.10045.4.3.2",
    "1.2.840.113549.1.1.5",
)
KEY_USAGE = der.sequence(der.encode_oid("2.5.29.15"), der.tlv(4, b"\x03\x02\x05\xa0"))
WANTS_CA = der.sequence(
    der.encode_oid("2.5.29.19"), b"\x01\x01\xff", der.tlv(4, b"\x30\x03\x01\x01\xff")
)


def rdn(oid: str, text: bytes, tag: int = der.UTF8_STRING) -> bytes:
    value = der.tlv(tag, text)
    return der.tlv(der.SET, der.sequence(der.encode_oid(oid), value))


def extension_request(*extensions: bytes) -> bytes:
    values = der.tlv(der.SET, der.sequence(*extensions))
    return der.sequence(der.encode_oid("1.2.840.113549.1.9.14"), values)


def san_of(names: list[tuple[int, bytes]], *, critical: bool) -> bytes:
    value = der.tlv(4, der.sequence(*(der.tlv(tag, contents) for tag, contents in names)))
    return der.sequence(der.encode_oid("2.5.29.17"), b"\x01\x01\xff" if critical else b"", value)


def pem(data: bytes) -> bytes:
    body = "\n".join(textwrap.wrap(b64encode(data).decode(), 64))
    label = "CERTIFICATE REQUEST"
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()


class Lab(msgspec.Struct):
    """What the requests of one lab have in common."""

    tag: int
    order: int
    country: str
    names: int
    usage: int | None
    critical: bool
    profile: str
    target: str


def fitted(odd: bytes, usual: bytes) -> bytes:
    """An odd value as long as the usual one, so that it stands in the slot of the same shape."""
    return (odd + usual[len(odd) :])[: len(usual)]


class Devices:
    """Makes requests of several labs; nearly half of them are hostile."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.number = 0
        self.labs = [self.lab() for _ in range(24)]

    def lab(self) -> Lab:
        choice = self.dice.choice
        return Lab(
            tag=choice([der.UTF8_STRING] * 3 + [der.PRINTABLE_STRING, der.IA5_STRING]),
            order=choice([0, 0, 2]),
            country=choice(["NL", "NL", "nl"]),
            names=choice([0, 1, 1, 2, 3, 5]),
            usage=choice([None, None, 0, 1]),
            critical=choice([False] * 5 + [True]),
            profile=choice(["sip", "sip", "https", "phone"]),
            target=choice(TARGETS),
        )

    def request(self, lab: Lab) -> bytes:
        dice = self.dice
        self.number += 1
        host = f"sbc{self.number % 400 + 100}.lab.example"
        cn = host.encode()
        if dice.random() < 0.15:
            odd = dice.choice(ODD_CNS).encode()
            cn = odd if dice.random() < 0.3 else fitted(odd, cn)
        names = self.names(host, lab.names)
        key = dice.choice(OTHER) if dice.random() < 0.1 else dice.choice(EC)
        info = self.info(lab, cn, names, SPKI[id(key)])
        data = self.signed(info, key if dice.random() > 0.04 else dice.choice(EC))
        if dice.random() < 0.08:
            data = self.damaged(data)
        text = pem(data)
        return text.replace(b"\n", b"\r\n") if dice.random() < 0.03 else text

    def names(self, host: str, count: int) -> list[tuple[int, bytes]]:
        dice = self.dice
        usual = [
            (0x82, host.encode()),
            (0x87, ipaddress.ip_address(0x0A040000 + self.number % 200).packed),
            (0x86, f"sip:{host}".encode()),
            (0x82, b"pbx.lab.example"),
            (0x87, bytes.fromhex("20010db8") + bytes(11) + b"\x01"),
        ]
        names = usual[:count]
        if names and dice.random() < 0.15:
            tag, odd = dice.choice(ODD_NAMES)
            place = dice.randrange(len(names))
            if dice.random() < 0.3:
                names[place] = tag, odd
            else:
                names[place] = names[place][0], fitted(odd, names[place][1])
        if names and dice.random() < 0.04:
            names.append(dice.choice(names))
        return names

    def info(self, lab: Lab, cn: bytes, names: list[tuple[int, bytes]], spki: bytes) -> bytes:
        dice = self.dice
        parts = [rdn("2.5.4.6", lab.country.encode()), rdn("2.5.4.10", b"Lab")]
        parts.insert(lab.order, rdn("2.5.4.3", cn, lab.tag))
        if dice.random() < 0.02:
            parts.append(rdn("2.5.4.3", b"second.lab.example"))
        if dice.random() < 0.02:
            parts.append(rdn("2.5.4.11", b"Voice"))
        extensions = [san_of(names, critical=lab.critical)] if names else []
        if lab.usage is not None:
            extensions.insert(lab.usage, KEY_USAGE)
        if dice.random() < 0.02:
            extensions.append(dice.choice([WANTS_CA, KEY_USAGE, b"\x30\x00"]))
        attributes = [extension_request(*extensions)] if extensions else []
        if dice.random() < 0.02:
            challenge = der.tlv(der.SET, der.tlv(der.UTF8_STRING, b"secret"))
            attributes.append(der.sequence(der.encode_oid("1.2.840.113549.1.9.7"), challenge))
        version = der.encode_integer(1 if dice.random() < 0.02 else 0)
        return der.sequence(
            version, der.sequence(*parts), spki, der.tlv(0xA0, b"".join(attributes))
        )

    def signed(self, info: bytes, key: Any) -> bytes:
        if isinstance(key, rsa.RSAPrivateKey):
            retired = self.dice.random() < 0.3
            hashed = hashes.SHA1() if retired else hashes.SHA256()
            signature = key.sign(info, padding.PKCS1v15(), hashed)
            algorithm = der.sequence(
                der.encode_oid(SHA1_RSA if retired else SHA256_RSA), der.tlv(der.NULL, b"")
            )
        else:
            signature = key.sign(info, ec.ECDSA(hashes.SHA256()))
            algorithm = der.sequence(der.encode_oid(SHA256_EC))
        return der.sequence(info, algorithm, der.tlv(der.BIT_STRING, b"\x00" + signature))

    def damaged(self, data: bytes) -> bytes:
        dice, octets = self.dice, bytearray(data)
        place = dice.randrange(len(octets))
        how = dice.choice(["flip", "cut", "more", "double"])
        if how == "flip":
            octets[place] ^= 1 << dice.randrange(8)
        elif how == "cut":
            del octets[place:]
        elif how == "more":
            octets += b"\x00"
        else:
            octets[place:place] = octets[place : place + 3]
        return bytes(octets)

    def job(self) -> Job:
        dice, lab = self.dice, self.dice.choice(self.labs)
        wishes = SigningWishes(profile=lab.profile)
        if dice.random() < 0.12:
            own = GeneralName("dns", f"own{self.number}.lab.example")
            more = dice.choice(
                [
                    {"fix_san": True}, {"cn": "given.lab.example"}, {"san": (own,)},
                    {"san": (own,), "replace_san": True}, {"lifetime": timedelta(days=30)},
                    {"allow": frozenset({"weak-key", "wildcard", "md5-request"})},
                    {"device": f"dev{self.number}", "context": 1}, {"lifetime": timedelta(0)},
                ]
            )  # fmt: skip
            wishes = msgspec.structs.replace(wishes, **more)
        profile, target = LIBRARY.profile(lab.profile), LIBRARY.target(lab.target)
        serial = 1 << 127 | dice.getrandbits(126)
        return Job(self.request(lab), profile, target, wishes, serial)


@pytest.fixture(scope="module", params=["plain", "constrained"])
def issuer(request: pytest.FixtureRequest) -> Issuer:
    key = generate_key("ec:p256", None, label="root")
    permit = (
        Permitted(("lab.example",), ("10.0.0.0/8",)) if request.param == "constrained" else None
    )
    subject = (SubjectAttribute("CN", "Lab Issuing"),)
    order = Order(
        own_request(key.public.spki, subject), LIBRARY.profile("root"),
        Issuer(1, "root", key.public, None), SigningWishes(), NOW, 1 << 127, permit=permit,
    )  # fmt: skip
    issued = issue(prepare(order).tbs, key.signer, key.public)
    facts = read_certificate(issued.der)
    return Issuer(1, "root", key.public, facts, "http://ca.lab.example")


def told(outcome: Outcome) -> object:
    """An outcome in a form that can be compared."""
    if isinstance(outcome, CAError):
        return type(outcome), outcome.message, outcome.hint, outcome.rule
    return outcome


def test_what_is_filled_into_a_shape_is_what_the_long_way_makes(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices, shapes, used = Devices(len(issuer.facts.permitted_dns)), Shapes(), Counter[str]()
    count_uses(monkeypatch, used)
    subjects = (issuer.facts.subject,)
    ended: Counter[str] = Counter()

    for start in range(0, COUNT // 2, 250):
        now = NOW + timedelta(seconds=start)
        terms = Terms(issuer, now, subjects, thorough=False)
        jobs = [devices.job() for _ in range(250)]
        long_way = outcomes(terms, jobs)
        filled = outcomes(terms, jobs, shapes)

        for job, expected, got in zip(jobs, long_way, filled, strict=True):
            assert told(got) == told(expected), job.data.decode()
            ended["signed" if isinstance(expected, Ready) else type(expected).__name__] += 1

    assert not ended["BugError"]
    assert ended["signed"] > COUNT // 5
    assert used["read"] > COUNT // 8
    assert used["filled"] > COUNT // 20


def count_uses(monkeypatch: pytest.MonkeyPatch, used: Counter[str]) -> None:
    for kind, name, word in (
        (RequestShape, "read", "read"),
        (CertificateShape, "fill", "filled"),
    ):
        real = getattr(kind, name)

        def counted(*arguments: Any, real: Any = real, word: str = word) -> Any:
            answer = real(*arguments)
            used[word] += answer is not None
            return answer

        monkeypatch.setattr(kind, name, counted)


class Usual(Devices):
    """Makes requests of one lab, none of them odd."""

    def job(self) -> Job:
        self.number += 1
        lab = Lab(
            der.UTF8_STRING, 0, "NL", 1, None, critical=False, profile="sip", target="generic"
        )
        host = f"sbc{self.number + 100}.lab.example"
        key = EC[self.number % len(EC)]
        self.dice.seed(1)  # no oddity is drawn
        names = [(0x82, host.encode())]
        info = self.info(lab, host.encode(), names, SPKI[id(key)])
        profile, target = LIBRARY.profile("sip"), LIBRARY.target("generic")
        return Job(pem(self.signed(info, key)), profile, target, SigningWishes(), 1 << 127 | 1)


@pytest.fixture
def terms() -> Terms:
    key = generate_key("ec:p256", None, label="issuing")
    subject = (SubjectAttribute("CN", "Lab Issuing"),)
    order = Order(
        own_request(key.public.spki, subject), LIBRARY.profile("root"),
        Issuer(1, "root", key.public, None), SigningWishes(), NOW, 1 << 127,
    )  # fmt: skip
    facts = read_certificate(issue(prepare(order).tbs, key.signer, key.public).der)
    return Terms(Issuer(1, "root", key.public, facts), NOW, (), thorough=False)


@pytest.mark.parametrize(
    ("short_way", "made"),
    [("ca.csr.shape._name", GeneralName("dns", "sbc9.lab.example")),
     ("ca.issuance.shape.encode_general_names", b"\x82\x12sbc999.lab.example")],
    ids=["read", "filled"],
)  # fmt: skip
def test_a_short_way_that_leads_elsewhere_is_an_error_of_ours_and_not_taken_again(
    terms: Terms, monkeypatch: pytest.MonkeyPatch, short_way: str, made: object
) -> None:
    devices, shapes = Usual(1), Shapes()
    outcomes(terms, [devices.job()], shapes)
    second, third = devices.job(), devices.job()
    monkeypatch.setattr(short_way, lambda *_: made)
    monkeypatch.setattr("ca.issuance.shape.SLOT_RULES", ())

    (wrong,) = outcomes(terms, [second], shapes)
    monkeypatch.undo()
    (right,) = outcomes(terms, [third], shapes)

    assert isinstance(wrong, BugError)
    assert told(right) == told(outcomes(terms, [third])[0])


@pytest.mark.parametrize("way", ["ca.csr.shape.parse_request", "ca.issuance.prepare.assemble"])
def test_a_short_way_past_what_the_long_way_refuses_is_an_error_of_ours(
    terms: Terms, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    devices, shapes = Usual(1), Shapes()
    outcomes(terms, [devices.job()], shapes)

    def refuse(*_: object) -> object:
        raise PolicyError("refused", rule="a-rule")

    monkeypatch.setattr(way, refuse)
    (outcome,) = outcomes(terms, [devices.job()], shapes)

    assert isinstance(outcome, BugError)


def test_where_only_the_short_way_refuses_the_long_way_decides(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices, shapes = Usual(1), Shapes()
    outcomes(terms, [devices.job(), devices.job()], shapes)
    third = devices.job()

    def refuse(*_: object) -> object:
        raise PolicyError("refused", rule="a-rule")

    monkeypatch.setattr("ca.issuance.shape.read_with_cryptography", refuse)
    (outcome,) = outcomes(terms, [third], shapes)

    assert told(outcome) == told(outcomes(terms, [third])[0])
    assert isinstance(outcome, Ready)


def test_every_so_often_a_shape_is_compared_with_the_long_way_again(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices, shapes, compared = Usual(1), Shapes(), []
    outcomes(terms, [devices.job()], shapes)
    for way in ("ca.csr.shape.parse_request", "ca.issuance.prepare.assemble"):
        module, name = way.rsplit(".", 1)
        real = getattr(import_module(module), name)

        def long_way(*arguments: Any, real: Any = real, name: str = name) -> Any:
            compared.append(name)
            return real(*arguments)

        monkeypatch.setattr(way, long_way)

    outcomes(terms, [devices.job() for _ in range(2 * EVERY)], shapes)

    assert Counter(compared) == {"parse_request": 2, "assemble": 2}


def test_shapes_that_are_forgotten_are_learned_anew(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.csr.shape.MOST_SHAPES", 2)
    monkeypatch.setattr("ca.issuance.shape.MOST_SHAPES", 2)
    devices, shapes = Devices(7), Shapes()
    jobs = [devices.job() for _ in range(100)]

    filled = outcomes(terms, jobs, shapes)

    assert [told(each) for each in filled] == [told(each) for each in outcomes(terms, jobs)]


class Unlooked:
    """Something that a rule must not look at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"{name} was looked at")


def test_a_rule_that_looks_at_no_slot_says_so_and_looks_at_none(terms: Terms) -> None:
    judged: list[ToBeSigned] = []

    def read_back(*words: Any, **more: Any) -> ToBeSigned:
        judged.append(certificates.read_back(*words, **more))
        return judged[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ca.issuance.prepare.read_back", read_back)
        outcomes(terms, [Usual(1).job()])
    (read,) = judged
    slots = {oids.SUBJECT_KEY_IDENTIFIER, oids.SUBJECT_ALT_NAME}
    blind = msgspec.structs.replace(
        read,
        fields=[
            Unlooked() if place in (1, 4, 5, 6, 7) else f for place, f in enumerate(read.fields)
        ],
        extensions=[(o, c, Unlooked() if o in slots else v) for o, c, v in read.extensions],
        attributes=Unlooked(),
        times=Unlooked(),
        promised=Unlooked(),
        key=Unlooked(),
        values={oid: Unlooked() if oid in slots else v for oid, v in read.values.items()},
    )

    assert [each.code for each in CERTIFICATE_RULES if each.looks_at is None] == []
    assert run([each for each in CERTIFICATE_RULES if not each.looks_at], blind) == []
    assert {slot for each in SLOT_RULES for slot in each.looks_at or ()} == set(get_args(Slot))
