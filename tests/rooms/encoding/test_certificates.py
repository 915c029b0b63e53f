"""Our tolerant reader beside cryptography's strict one, and what only the tolerant one reads."""

from __future__ import annotations

import ssl
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in import odd
from stand_in.lab import VECTORS

from ca.encoding import der
from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate, serial_text
from ca.encoding.oddities import oddities
from ca.encoding.oids import ATTRIBUTE_TYPES, KEY_USAGE_BITS, PURPOSES
from ca.encoding.remarks import MAX_REMARKS
from ca.errors import CAError, MalformedError

GOOD = odd.certificate("Good", odd.CA, odd.SIGNS, odd.san(der.tlv(0x82, b"a.example")))
OTHER_FORMS = (x509.DirectoryName, x509.OtherName, x509.RegisteredID)
ROOTS = [each.der for each in read_bundle(Path(certifi.where()).read_bytes(), what="roots").members]


def of_the_library(data: bytes) -> dict[str, Any]:
    """The facts as cryptography's strict reader has them."""
    read = x509.load_der_x509_certificate(data)
    found = {each.oid.dotted_string: each.value for each in read.extensions}
    constraints, usage = found.get("2.5.29.19"), found.get("2.5.29.15")
    ski, aki = found.get("2.5.29.14"), found.get("2.5.29.35")
    return {
        "serial": serial_text(read.serial_number),
        "subject": [(ATTRIBUTE_TYPES.get(a.oid.dotted_string, a.oid.dotted_string), a.value) for a in read.subject],
        "issuer": [(ATTRIBUTE_TYPES.get(a.oid.dotted_string, a.oid.dotted_string), a.value) for a in read.issuer],
        "validity": (read.not_valid_before_utc, read.not_valid_after_utc),
        "ca": (constraints.ca, constraints.path_length) if constraints else (False, None),
        "usage": [name for bit, name in list(KEY_USAGE_BITS.items())[:7] if getattr(usage, bit)] if usage else [],
        "purposes": [PURPOSES.get(e.dotted_string, e.dotted_string) for e in found.get("2.5.29.37", ())],
        "key": ski.digest if ski else None,
        "authority": aki.key_identifier if aki else None,
        "san": [str(each.value) for each in found.get("2.5.29.17", ()) if not isinstance(each, OTHER_FORMS)],
    }  # fmt: skip


def of_ours(data: bytes) -> dict[str, Any]:
    facts = read_certificate(data)
    return {
        "serial": facts.serial,
        "subject": [(each.type, each.value) for each in facts.subject],
        "issuer": [(each.type, each.value) for each in facts.issuer],
        "validity": (facts.validity.not_before, facts.validity.not_after),
        "ca": (facts.is_ca, facts.path_length),
        "usage": list(facts.key_usage),
        "purposes": list(facts.extended_key_usage),
        "key": facts.key_identifier,
        "authority": facts.authority_key_identifier,
        "san": [each.value for each in facts.san],
    }


def test_the_roots_of_the_web_are_read_as_cryptography_reads_them() -> None:
    assert len(ROOTS) > 100

    for data in ROOTS:
        assert of_ours(data) == of_the_library(data)
        assert read_certificate(data).faults == ()


def test_openssl_and_our_reader_see_the_same_ends_of_the_roots() -> None:
    context = ssl.create_default_context(cafile=certifi.where())
    ends = {
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(each["notAfter"])), UTC)
        for each in context.get_ca_certs()
    }

    assert ends <= {read_certificate(data).validity.not_after for data in ROOTS}


def test_all_samples_that_the_strict_reader_takes_read_the_same() -> None:
    seen = 0
    for path in sorted(VECTORS.rglob("*.pem")):
        for member in read_bundle(path.read_bytes(), what=path.name).members:
            try:
                with warnings.catch_warnings(action="ignore"):
                    expected = of_the_library(member.der)
            except Exception:
                continue
            seen += 1
            assert of_ours(member.der) == expected

    assert seen >= 8


def test_a_good_certificate_has_neither_oddities_nor_faults() -> None:
    assert oddities(read_certificate(GOOD)) == ((), ())


@pytest.mark.parametrize(
    ("spelled", "tag", "moment"),
    [
        ("2601020304Z", der.UTC_TIME, datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("260102030405+0130", der.UTC_TIME, datetime(2026, 1, 2, 1, 34, 5, tzinfo=UTC)),
        ("260102030405-0030", der.UTC_TIME, datetime(2026, 1, 2, 3, 34, 5, tzinfo=UTC)),
        ("500102030405Z", der.UTC_TIME, datetime(1950, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102030405.999Z", der.GENERALIZED_TIME, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102030460Z", der.GENERALIZED_TIME, datetime(2026, 1, 2, 3, 4, 59, tzinfo=UTC)),
        ("20260102030405", der.GENERALIZED_TIME, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_of_others_are_read(spelled: str, tag: int, moment: datetime) -> None:
    data = odd.certificate(times=(der.tlv(tag, spelled.encode()), odd.ENDS))

    assert read_certificate(data).validity.not_before == moment


@pytest.mark.parametrize("spelled", ["", "Z", "2601", "99991231235959Z", "260230000000Z", "260101250000Z", "26010100000\u0660Z"])  # fmt: skip
def test_what_is_no_time_is_refused_by_its_end(spelled: str) -> None:
    data = odd.certificate(times=(der.tlv(der.UTC_TIME, spelled.encode()), odd.ENDS))

    with pytest.raises(MalformedError, match="the certificate's notBefore is no"):
        read_certificate(data)


def test_a_time_before_the_first_year_is_refused() -> None:
    data = odd.certificate(times=(odd.generalized("00010101000000+0100"), odd.ENDS))

    with pytest.raises(MalformedError, match="notBefore is not a valid date and time"):
        read_certificate(data)


def test_of_an_extension_twice_the_first_is_read_and_of_a_broken_one_nothing() -> None:
    no_ca = odd.extension("2.5.29.19", der.sequence())
    twice = read_certificate(odd.certificate("x", odd.CA, no_ca))
    broken = read_certificate(odd.certificate("x", odd.CA, odd.extension("2.5.29.15", b"\x05\x00")))

    assert twice.is_ca
    assert [(str(each), each.fatal) for each in twice.faults] == [
        ("the extension basicConstraints occurs twice; the first was read", True)
    ]
    assert (broken.is_ca, broken.key_usage) == (True, ())
    assert [str(each) for each in broken.faults] == ["its keyUsage does not decode"]


def test_a_certificate_made_to_be_odd_does_not_fill_the_screen() -> None:
    many = [odd.extension(f"1.2.3.{number}", b"") for number in range(300)]
    facts = read_certificate(odd.certificate("x", odd.CA, *many, *many))

    assert len(facts.faults) == MAX_REMARKS


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_a_certificate_with_any_octets_changed_is_read_or_refused(data: st.DataObject) -> None:
    made = bytearray(data.draw(st.sampled_from([GOOD, *(der for der, _ in odd.ODD.values())])))
    for _ in range(data.draw(st.integers(1, 4))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))

    try:
        facts = read_certificate(bytes(made))
    except CAError:
        return

    oddities(facts)
    assert facts.der == bytes(made)
