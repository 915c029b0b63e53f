"""The form in which a CSR is kept: all of it but its challengePassword."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in.requests import CN, EXTENSION_REQUEST, attribute, rdn, request

from ca.csr.kept import challenge_of, is_emptied, kept_form
from ca.csr.parsing import parse_request
from ca.encoding import der

CHALLENGE = "1.2.840.113549.1.9.7"
TAGS = (der.UTF8_STRING, der.PRINTABLE_STRING, der.T61_STRING, der.IA5_STRING, der.OCTET_STRING)

passwords = st.binary(min_size=4, max_size=40).map(lambda octets: b"pw" + octets)
challenges = st.builds(
    lambda tag, text, more: attribute(CHALLENGE, der.tlv(tag, text), *([der.tlv(tag, text)] * more)),
    st.sampled_from(TAGS), passwords, st.integers(0, 2),
)  # fmt: skip
broken = passwords.map(
    lambda text: der.sequence(der.encode_oid(CHALLENGE), der.tlv(der.UTF8_STRING, text))
)
others = st.sampled_from(
    [
        attribute("1.2.3.4", der.tlv(der.UTF8_STRING, b"x")),
        attribute("1.2.840.113549.1.9.2", der.tlv(der.UTF8_STRING, b"name")),
        attribute(EXTENSION_REQUEST, der.sequence()),
    ]
)


@settings(max_examples=200)
@given(st.lists(st.one_of(challenges, broken, others), max_size=6))
def test_of_any_csr_all_is_kept_but_the_password(attributes: list[bytes]) -> None:
    subject = rdn(CN, der.UTF8_STRING, b"sbc1")
    read = parse_request(request(subject, attributes=b"".join(attributes)))

    kept = parse_request(kept_form(read))

    held = [each for each in attributes if der.encode_oid(CHALLENGE) in each[:16]]
    assert (kept.subject, kept.san, kept.key) == (read.subject, read.san, read.key)
    assert kept.attributes == read.attributes
    assert is_emptied(kept) is bool(held)
    assert kept_form(kept) == kept.der
    assert challenge_of(kept) is None
    for each in held:
        assert each not in kept.der
    if not held:
        assert kept.der == read.der


def test_the_octets_of_its_type_elsewhere_are_no_password() -> None:
    subject = rdn(CN, der.UTF8_STRING, der.encode_oid(CHALLENGE).hex().encode())
    inside = attribute("1.2.3.4", der.tlv(der.OCTET_STRING, der.encode_oid(CHALLENGE)))
    read = parse_request(request(subject, attributes=inside))

    assert kept_form(read) == read.der
    assert challenge_of(read) is None
