"""Times as they are written: one form a year, whole seconds, UTC (RFC 5280, 4.1.2.5 and 5.1.2.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from asn1crypto.x509 import Time
from hypothesis import given
from hypothesis import strategies as st

from ca.encoding import der
from ca.encoding.crl import entry
from ca.encoding.times import encode_time, generalized_time
from ca.errors import MalformedError


@given(st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31)))
def test_a_time_is_written_in_the_form_of_its_year(moment: datetime) -> None:
    utc = moment.replace(tzinfo=UTC)

    written = encode_time(utc)

    assert Time.load(written, strict=True).native == utc.replace(microsecond=0)
    assert written[0] == (der.UTC_TIME if utc.year <= 2049 else der.GENERALIZED_TIME)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 31)))
def test_a_generalized_time_says_any_year(moment: datetime) -> None:
    utc = moment.replace(tzinfo=UTC, microsecond=0)

    written = generalized_time(utc)

    assert (
        der.read(written).contents
        == (utc.isoformat().translate(dict.fromkeys(map(ord, "-:T")))[:14] + "Z").encode()
    )


@pytest.mark.parametrize(("moment", "octets"), [
    (datetime(1950, 1, 1, tzinfo=UTC), b"500101000000Z"),
    (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"491231235959Z"),
    (datetime(2050, 1, 1, tzinfo=UTC), b"20500101000000Z"),
    (datetime(2050, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), b"491231230000Z"),
])  # fmt: skip
def test_the_form_changes_at_the_turn_of_a_year_in_utc(moment: datetime, octets: bytes) -> None:
    assert der.read(encode_time(moment)).contents == octets


def test_no_time_before_1950_is_written_in_a_certificate_or_a_crl() -> None:
    before = datetime(1949, 12, 31, 23, 59, 59, tzinfo=UTC)

    for write in (encode_time, lambda moment: entry(b"\x01", moment, "unspecified")):
        with pytest.raises(MalformedError, match="1949-12-31 is before 1950"):
            write(before)


@pytest.mark.parametrize("value", [0, 6, 127, 128, 255, 256])
def test_an_enumerated_is_written_in_the_fewest_octets(value: int) -> None:
    written = der.encode_enumerated(value)

    assert written[:1] == b"\x0a"
    assert written[1:] == core.Integer(value).dump()[1:]
