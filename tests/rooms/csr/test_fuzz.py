"""Whatever the octets are, the answer is a request or a sentence; never another exception or a hang."""

from __future__ import annotations

import time
from base64 import b64encode

from asn1crypto import parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, NOW, SAMPLES, make_csr

from ca.csr.parsing import parse_request, read_request
from ca.csr.proof import prove_possession
from ca.csr.request import CertificateRequest
from ca.csr.rules import judge_request
from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.errors import CAError
from ca.issuance.issue import issue
from ca.issuance.order import Issuer, Order, own_request
from ca.issuance.prepare import prepare
from ca.keys.soft import generate_key
from ca.lint.public_keys import check_public_key
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.names.general import check_general_name
from ca.names.subjects import check_subject
from ca.profiles.library import Library

SEEDS = [
    read_request((SAMPLES / name).read_bytes()).der
    for name in ("sbc2-five-san.csr", "ec-p256.csr", "wants-to-be-ca.csr", "legacy-sha1.csr")
] + [read_request(make_csr("ip:2001:db8::1", key=EC_KEY)).der]
TEXTS = [path.read_bytes() for path in sorted(SAMPLES.glob("*.csr"))]
LENGTHS = [
    b"\x80",
    b"\x84\xff\xff\xff\xff",
    b"\x88" + b"\xff" * 8,
    b"\x81\x00",
    b"\xff",
    b"\x84\x00\x00\x00\x01",
]
THOROUGH = settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed after a few flips, cuts, doublings, insertions and hostile lengths."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["flip", "set", "insert", "delete", "cut", "double", "length"]))
        if kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            data[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "delete":
            del data[at : at + draw(st.integers(1, 8))]
        elif kind == "cut":
            del data[at:]
        elif kind == "double":
            data[at:at] = data[at : at + 64]
        else:
            data[at : at + 1] = draw(st.sampled_from(LENGTHS))
    return bytes(data)


def judge(data: bytes) -> str:
    """What the house says of some octets, within two seconds of the processor's."""
    begun = time.process_time()
    said = _said(data)
    assert time.process_time() - begun < 2
    return said


def _said(data: bytes) -> str:
    """Every rule that looks at a request runs."""
    try:
        request = read_request(data)
    except CAError as error:
        return error.message
    findings = [
        *judge_request(request),
        *check_public_key(request.key, ("rsa:2048-8192", "ec:p256")),
        *check_subject(request.subject),
        *(f for name in request.san for f in check_general_name(name, wildcard=False)),
    ]
    return f"{prove_possession(request).outcome} {len(findings)}"


ROOT_KEY = generate_key("ec:p256", None, label="root")
LIBRARY = Library()
SERIAL = 1 << 126 | 5


def _issuer() -> Issuer:
    own = own_request(ROOT_KEY.public.spki, (SubjectAttribute("CN", "Root"),))
    itself = Issuer(1, "00000000", ROOT_KEY.public, None)
    order = Order(own, LIBRARY.profile("root"), itself, SigningWishes(profile="root"), NOW, SERIAL)
    made = issue(prepare(order).tbs, ROOT_KEY.signer, ROOT_KEY.public).der
    return Issuer(1, "00000000", ROOT_KEY.public, read_certificate(made))


ISSUER = _issuer()
REPLACING = SigningWishes(
    cn="sbc1.lab.example", san=(GeneralName("dns", "sbc1.lab.example"),), replace_san=True
)


def outcome(request: CertificateRequest, wishes: SigningWishes) -> str:
    """What is prepared, or the sentence that refuses; a missing line of the account raises."""
    sip = LIBRARY.profile("sip")
    try:
        return prepare(Order(request, sip, ISSUER, wishes, NOW, SERIAL)).subject[0].value
    except CAError as error:
        return error.message


@st.composite
def resigned(draw: st.DrawFn) -> CertificateRequest:
    """A request whose names, extensions and attributes are mutated, and its signature is good."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    parts = der.read(parse_request(SEEDS[-1]).info).children()
    subject, wanted = parts[1].raw, parts[3].raw
    if draw(st.booleans()):
        subject = draw(mutated([subject]))
    else:
        wanted = draw(mutated([wanted]))
    info = der.sequence(parts[0].raw, subject, parts[2].raw, wanted)
    algorithm = der.sequence(der.encode_oid("1.2.840.10045.4.3.2"))
    return parse_request(der.signed(info, algorithm, EC_KEY.sign(info, ec.ECDSA(hashes.SHA256()))))


@THOROUGH
@given(st.data())
def test_flaws_are_accounted_for_and_no_reason_against_the_operators_names(
    data: st.DataObject,
) -> None:
    try:
        request = data.draw(resigned())
    except CAError:
        return  # no request at all

    assert outcome(request, SigningWishes())
    assert all(flaw.problem and flaw.text for flaw in request.flaws)
    left = [each.type for each in request.subject]
    if not request.subject_flaws and left == ["CN"]:
        assert outcome(request, REPLACING) == "sbc1.lab.example"


@THOROUGH
@given(mutated(SEEDS))
def test_mutated_der_gets_a_sentence(data: bytes) -> None:
    assert judge(data)


@THOROUGH
@given(mutated(SEEDS))
def test_mutated_der_in_clean_armour_gets_a_sentence(data: bytes) -> None:
    text = b64encode(data)

    assert judge(
        b"-----BEGIN CERTIFICATE REQUEST-----\n" + text + b"\n-----END CERTIFICATE REQUEST-----\n"
    )


@THOROUGH
@given(mutated(TEXTS))
def test_mutated_text_gets_a_sentence(data: bytes) -> None:
    assert judge(data)


@THOROUGH
@given(st.binary(max_size=400))
def test_any_octets_get_a_sentence(data: bytes) -> None:
    assert judge(data)
    assert judge(b"\x30" + data)


@THOROUGH
@given(mutated(SEEDS))
def test_our_reader_agrees_with_asn1crypto_where_it_reads_at_all(data: bytes) -> None:
    try:
        ours = der.first(data)
    except CAError:
        return

    cls, method, tag, header, contents, trailer = parser.parse(data[: ours.end], strict=True)

    assert trailer == b""
    assert ours.raw == header + contents
    assert ours.contents == contents
    assert ours.tag == cls << 6 | method << 5 | tag


@given(st.integers(), st.integers(0, 2**70))
def test_integers_and_lengths_come_back_as_they_were_written(value: int, size: int) -> None:
    assert der.integer(der.read(der.encode_integer(value))) == value
    assert der.read(der.tlv(4, bytes(size % 70000))).contents == bytes(size % 70000)


@given(
    st.lists(st.integers(0, 2**40), min_size=0, max_size=8), st.integers(0, 2), st.integers(0, 39)
)
def test_object_identifiers_come_back_as_they_were_written(
    rest: list[int], top: int, second: int
) -> None:
    dotted = ".".join(map(str, (top, second, *rest)))

    assert der.oid(der.read(der.encode_oid(dotted))) == dotted
