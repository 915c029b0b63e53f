"""Rules about a certificate's names, each by its code: a bad case, and the good one beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from stand_in.lab import NOW, make_csr

from ca.csr.parsing import read_request
from ca.issuance.order import Issuer, Order
from ca.issuance.san import decide_san
from ca.issuance.subject import decide_subject
from ca.keys.soft import generate_key
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, Validity
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library

LIBRARY = Library()
KEY = generate_key("ec:p256", None, label="issuing").public
CA_NAME = (SubjectAttribute("CN", "Test Lab Issuing"), SubjectAttribute("O", "Test Lab"))


def issuer(permitted_dns: tuple[str, ...] = (), permitted_ip: tuple[str, ...] = ()) -> Issuer:
    end = datetime(2046, 1, 1, tzinfo=UTC)
    facts = CertificateFacts(
        b"", "01", CA_NAME, CA_NAME, b"", b"", Validity(NOW, end), KEY.spki, "", "",
        permitted_dns=permitted_dns, permitted_ip=permitted_ip,
    )  # fmt: skip
    return Issuer(1, "00000000", KEY, facts)


def order(
    *names: str,
    cn: str | None = "a.lab.example",
    profile: str = "sip",
    subject: dict[str, str] | None = None,
    by: Issuer | None = None,
    **wishes: object,
) -> Order:
    return Order(
        read_request(make_csr(*names, cn=cn, subject=subject)),
        LIBRARY.profile(profile),
        by or issuer(),
        SigningWishes(**wishes),  # type: ignore[arg-type]
        NOW,
        1 << 126,
        ca_subjects=(CA_NAME, (SubjectAttribute("CN", "Test Lab Root"),)),
    )


def failures(found: Order) -> list[tuple[str, str]]:
    subject, about_subject = decide_subject(found)
    _, about_san = decide_san(found, subject.value)
    return [(f.code, f.message) for f in (*about_subject, *about_san) if f.result == "fail"]


def codes(found: Order) -> list[str]:
    return [code for code, _ in failures(found)]


@pytest.mark.parametrize(
    ("cn", "message"),
    [
        ("Reception phone", "its CN 'Reception phone' is neither host name nor address"),
        ("ACL_482913", "its CN 'ACL_482913' is a factory name no peer dials"),
    ],
)
def test_san_required_where_neither_request_nor_cn_nor_operator_gives_a_name(
    cn: str, message: str
) -> None:
    ((code, said),) = failures(order(cn=cn))

    assert code == "san-required"
    assert said == f"the request has no SAN, and {message}"
    assert failures(order("dns:a.lab.example", cn=cn)) == []
    assert failures(order(cn=cn, san=(GeneralName("ip", "10.0.0.5"),))) == []
    assert failures(order(cn="a.lab.example")) == []
    assert failures(order(cn=cn, profile="phone")) == []


def test_san_required_is_silent_where_another_rule_says_why_there_is_no_name() -> None:
    assert codes(order(cn="a..example")) == ["san-dns-syntax"]
    assert codes(order(cn="a.lab.example:5061")) == ["cn-port"]


def test_a_name_that_two_overrides_let_pass_is_accounted_for_by_the_first() -> None:
    both = frozenset({"underscore-name", "wildcard"})
    found = order("dns:*.a_b.lab", allow=both)

    decided, _ = decide_san(found, ())

    ((how, rule),) = [(line.how, line.rule) for line in decided.lines]
    assert (how, rule) == ("forced", "underscore-name")


@pytest.mark.parametrize(
    ("profile", "name", "takes"),
    [("https", "uri:sip:lab.example", "dns, ip"), ("https", "email:a@lab.example", "dns, ip")],
)
def test_san_kind_of_a_name_that_the_operator_gives_and_the_profile_does_not_take(
    profile: str, name: str, takes: str
) -> None:
    kind, _, value = name.partition(":")
    given = (GeneralName(kind, value),)  # type: ignore[arg-type]

    assert failures(order("dns:a.lab.example", profile=profile, san=given)) == [
        ("san-kind", f"--san {name}: profile {profile} takes {takes}")
    ]
    assert failures(order("dns:a.lab.example", profile="sip", san=given)) == []
    assert failures(order("dns:a.lab.example", name, profile=profile)) == []  # dropped, with a line


def test_subject_is_ca_where_the_subject_is_that_of_a_ca_here_or_looks_like_it() -> None:
    own = {"O": "Test Lab"}

    same = failures(order("dns:a.lab", cn="Test Lab Issuing", subject=own))
    folded = failures(order("dns:a.lab", cn="test  lab ISSUING", subject={"O": "test lab"}))
    root = failures(order("dns:a.lab", cn="Test Lab Root"))

    name = "the name of this CA itself: CN=Test Lab Issuing, O=Test Lab"
    assert same == [("subject-is-ca", f"the subject is {name}")]
    assert folded == [("subject-is-ca", f"the subject is {name}")]
    assert [code for code, _ in root] == ["subject-is-ca"]


@pytest.mark.parametrize(
    ("cn", "subject"),
    [
        ("Test Lab Issuing", None),
        ("Test Lab Issuing", {"O": "Other Lab"}),
        ("Test Lab Issuing", {"O": "Test Lab", "L": "Utrecht"}),
        ("Test Lab Issuing 2", {"O": "Test Lab"}),
        ("Test Lab Root", {"O": "Test Lab"}),
    ],
)
def test_subject_is_ca_is_silent_of_a_subject_that_differs_in_one_part(
    cn: str, subject: dict[str, str] | None
) -> None:
    assert failures(order("dns:a.lab", cn=cn, subject=subject)) == []


def test_subject_required_where_the_request_has_no_cn_and_the_operator_gives_none() -> None:
    bare = order("dns:a.lab.example", cn=None, subject={"O": "Lab"})
    given = msgspec.structs.replace(bare, wishes=SigningWishes(cn="b.lab.example"))
    profile = LIBRARY.profile("sip")
    wants_o = msgspec.structs.replace(
        profile, subject=msgspec.structs.replace(profile.subject, require=("CN", "O"))
    )
    without_o = msgspec.structs.replace(order("dns:a.lab.example"), profile=wants_o)

    assert failures(bare) == [("subject-required", "the subject has no CN")]
    assert failures(without_o) == [("subject-required", "the subject has no O")]
    assert failures(given) == []
    assert failures(order("dns:a.lab.example")) == []


LIMITED = issuer(("lab.example",), ("10.0.0.0/8",))


@pytest.mark.parametrize(
    "name",
    ["dns:a.other.example", "dns:lab.example.org", "dns:notlab.example", "ip:11.0.0.1",
     "email:a@other.example", "uri:sip:other.example", "uri:sip:10.0.0.1.example"],
)  # fmt: skip
def test_outside_name_constraints_is_a_name_that_the_issuing_ca_may_not_certify(name: str) -> None:
    found = failures(order(name, by=LIMITED))

    allowed = "lab.example, 10.0.0.0/8"
    said = f"'{name}' lies outside of what the issuing CA may certify: {allowed}"
    assert found == [("outside-name-constraints", said)]
    assert failures(order(name)) == []


@pytest.mark.parametrize(
    "name",
    ["dns:lab.example", "dns:b.LAB.example", "dns:c.b.lab.example", "ip:10.255.255.255",
     "email:a@lab.example", "uri:sip:lab.example", "uri:sip:10.0.0.1"],
)  # fmt: skip
def test_outside_name_constraints_is_silent_of_a_name_within(name: str) -> None:
    assert failures(order(name, by=LIMITED)) == []


def test_outside_name_constraints_holds_the_subject_too() -> None:
    assert codes(order("dns:a.lab.example", cn="a.other.example", by=LIMITED)) == [
        "outside-name-constraints"
    ]
    assert codes(order("dns:a.lab.example", cn="The phone of a.other", by=LIMITED)) == []


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("sips:lab.example", "is not sip:DOMAIN"),
        ("sip:bob@lab.example", "names more than a domain"),
        ("sip:lab.example:5061", "names more than a domain"),
        ("sip:lab.example;transport=tls", "names more than a domain"),
        ("sip:10.0.0.5", "names an address, but a SIP domain is a name"),
    ],
)
def test_sip_uri_user_is_a_uri_of_a_sip_domain_certificate_that_is_more_than_a_domain(
    uri: str, says: str
) -> None:
    found = failures(order("dns:lab.example", f"uri:{uri}", profile="sip-domain"))

    assert found == [("sip-uri-user", f"the SAN URI '{uri}' {says}")]
    assert failures(order("dns:lab.example", f"uri:{uri}", profile="sip")) == []


@pytest.mark.parametrize("uri", ["sip:lab.example", "SIP:Lab.Example"])
def test_sip_uri_user_is_silent_of_a_domain(uri: str) -> None:
    assert failures(order("dns:lab.example", f"uri:{uri}", profile="sip-domain")) == []
