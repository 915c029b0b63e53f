"""Three rules of who takes which name, case by case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ca.device.peer_names import (
    matches_proxy_set,
    matches_service_identity,
    matches_sip_domain,
    sip_identities,
)
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, Validity

AT = datetime(2026, 1, 1, tzinfo=UTC)


def facts(*names: str, cn: str | None = None, critical: bool = False) -> CertificateFacts:
    subject = () if cn is None else (SubjectAttribute("CN", cn),)
    san = tuple(GeneralName(*name.split(":", 1)) for name in names)  # type: ignore[arg-type]
    return CertificateFacts(
        b"", "01", subject, (), b"", b"", Validity(AT, AT), b"", "", "", san, critical
    )


@pytest.mark.parametrize(
    ("names", "dialled", "taken"),
    [
        (("dns:sbc1.lab.example",), "SBC1.lab.example", True),
        (("dns:*.lab.example",), "sbc1.lab.example", True),
        (("dns:*.lab.example",), "a.b.lab.example", False),
        (("dns:*.lab.example",), "lab.example", False),
        (("dns:s*.lab.example",), "sbc1.lab.example", False),
        (("ip:10.0.0.5",), "10.0.0.5", True),
        (("dns:10.0.0.5",), "10.0.0.5", False),
        (("ip:2001:db8::5",), "2001:DB8:0::5", True),
        ((), "sbc1.lab.example", False),
    ],
)
def test_rfc_9525(names: tuple[str, ...], dialled: str, *, taken: bool) -> None:
    assert matches_service_identity(facts(*names, cn="sbc1.lab.example").san, dialled) is taken


@pytest.mark.parametrize(
    ("names", "cn", "dialled", "taken"),
    [
        (("uri:sip:lab.example",), None, "lab.example", True),
        (("uri:sip:lab.example", "dns:sbc1.lab.example"), None, "sbc1.lab.example", False),
        (("uri:sip:bob@lab.example", "dns:sbc1.lab.example"), None, "sbc1.lab.example", True),
        (("dns:sbc1.lab.example",), None, "SBC1.LAB.EXAMPLE", True),
        (("dns:*.lab.example",), None, "sbc1.lab.example", False),
        ((), "sbc1.lab.example", "sbc1.lab.example", True),
        (("dns:other.example",), "sbc1.lab.example", "sbc1.lab.example", False),
        (("ip:10.0.0.5",), None, "10.0.0.5", True),
    ],
)
def test_rfc_5922(names: tuple[str, ...], cn: str | None, dialled: str, *, taken: bool) -> None:
    assert matches_sip_domain(facts(*names, cn=cn), dialled) is taken


def test_a_sip_uri_hides_the_dns_names() -> None:
    assert sip_identities(facts("uri:sip:lab.example", "dns:a.example")) == (["lab.example"], True)
    assert sip_identities(facts("dns:a.example")) == (["a.example"], False)


@pytest.mark.parametrize(
    ("names", "cn", "critical", "configured", "taken"),
    [
        (("dns:sbc1.lab.example",), None, False, "sbc1.lab.example", True),
        (("dns:*.lab.example",), None, False, "sbc1.lab.example", True),
        (("ip:10.0.0.5",), None, False, "10.0.0.5", True),
        (("dns:other.example",), "sbc1.lab.example", False, "sbc1.lab.example", True),
        (("dns:other.example",), "sbc1.lab.example", True, "sbc1.lab.example", False),
        (("dns:sbc1.lab.example",), None, False, "10.0.0.5", False),
        ((), None, False, "sbc1.lab.example", False),
    ],
)
def test_the_devices_proxy_set_rule(
    names: tuple[str, ...], cn: str | None, configured: str, *, critical: bool, taken: bool
) -> None:
    assert matches_proxy_set(facts(*names, cn=cn, critical=critical), configured) is taken
