"""Names and subjects that are never issued: each rule with what it takes and what it refuses."""

from __future__ import annotations

import pytest

from ca.model.certificates import GeneralName, SubjectAttribute, subject_text
from ca.names.constraints import names_in_subject
from ca.names.general import check_general_name, parse_general_name
from ca.names.hosts import host_problem
from ca.names.preparation import comparison_key
from ca.names.sip import sip_uri_user
from ca.names.subjects import check_subject
from ca.names.uris import read_uri


def codes(text: str, *allowed: str) -> list[tuple[str, str]]:
    kind, _, value = text.partition(":")
    found = check_general_name(GeneralName(kind, value), wildcard=False, allowed=allowed)  # type: ignore[arg-type]
    return [(each.code, each.result) for each in found]


@pytest.mark.parametrize(
    "text",
    ["uri:sip:*.lab.example", "uri:sips:*@lab.example", "uri:https://*.lab.example/", "uri:https://lab.example/*", "email:a@*.lab.example", "email:*@lab.example", "uri:sip:a@b*.lab"],
)  # fmt: skip
def test_a_wildcard_outside_of_a_dns_name_is_refused_whatever_is_allowed(text: str) -> None:
    assert codes(text, "wildcard") == [("wildcard-place", "fail")]


@pytest.mark.parametrize("text", ["dns:*", "dns:f*.lab.example", "dns:*.*.lab", "dns:a.*.lab"])
def test_a_wildcard_that_is_not_the_whole_left_most_label_is_refused(text: str) -> None:
    assert codes(text, "wildcard") == [("san-dns-syntax", "fail")]


def test_a_left_most_wildcard_label_takes_the_override() -> None:
    assert codes("dns:*.lab.example") == [("wildcard", "fail")]
    assert codes("dns:*.lab.example", "wildcard") == [("wildcard", "warn")]


def test_a_wildcard_right_below_a_top_level_is_warned_of() -> None:
    assert codes("dns:*.lab", "wildcard") == [("wildcard", "warn"), ("wildcard-broad", "warn")]


def test_a_star_code_in_the_user_part_of_a_sip_uri_is_no_wildcard() -> None:
    assert codes("uri:sip:*97@lab.example") == []


@pytest.mark.parametrize(
    "text",
    ["uri:javascript:alert(1)", "uri:file:///etc/passwd", "uri:data:text/html,x", "uri:ftp://lab.example/", "uri:sbc1.lab:5061", "uri:mailto:a@lab.example"],
)  # fmt: skip
def test_a_scheme_that_names_nobody_here_is_refused(text: str) -> None:
    assert codes(text) == [("san-uri-scheme", "fail")]


def test_a_profile_may_take_another_scheme() -> None:
    name = parse_general_name("uri:spiffe://lab.example/sbc1")

    assert check_general_name(name, wildcard=False, schemes=("spiffe",)) == ()
    assert [each.code for each in check_general_name(name, wildcard=False)] == ["san-uri-scheme"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.0.0.0", "0.0.0.0/8"), ("0.1.2.3", "0.0.0.0/8"), ("255.255.255.255", "broadcast"),
        ("224.0.0.1", "multicast"), ("::", "unspecified"), ("ff02::1", "multicast"),
        ("::ffff:a00:1", "peers compare 10.0.0.1"), ("::a00:1", "IPv4-compatible"),
    ],
)  # fmt: skip
def test_an_address_that_nobody_can_be_dialled_at_is_refused(text: str, problem: str) -> None:
    (finding,) = check_general_name(GeneralName("ip", text), wildcard=False)

    assert (finding.code, finding.result) == ("san-address", "fail")
    assert problem in finding.message


@pytest.mark.parametrize("uri", ["http://0.0.0.0/", "sip:a@0.0.0.0", "https://[::ffff:1.2.3.4]:8443/"])  # fmt: skip
def test_such_an_address_is_refused_in_a_uri_too(uri: str) -> None:
    assert codes(f"uri:{uri}") == [("san-address", "fail")]


@pytest.mark.parametrize("text", ["ip:127.0.0.1", "ip:::1", "ip:169.254.1.1", "ip:fe80::1"])
def test_loopback_and_link_local_addresses_are_warned_of(text: str) -> None:
    assert codes(text) == [("san-address-local", "warn")]


@pytest.mark.parametrize(
    ("text", "most"),
    [("uri:https://lab.example/", 2048), ("email:a@{}.lab.example", 254), ("dns:{}.lab", 253)],
)
def test_a_name_as_long_as_may_be_passes_and_one_octet_more_does_not(text: str, most: int) -> None:
    def long(octets: int) -> str:
        kind, _, value = text.partition(":")
        if kind == "uri":
            return f"{kind}:{value.ljust(octets, 'a')}"
        free = octets - len(value.replace("{}", ""))
        labels = ".".join(["a" * 60] * (free // 61) + ["b" * (free % 61)]).strip(".")
        return f"{kind}:{value.format(labels)}"

    assert len(long(most).partition(":")[2]) == most
    assert codes(long(most)) == []
    assert [result for _, result in codes(long(most + 1))] == ["fail"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://a@evil.com@x.lab.example/", "http://a%2eb.example/", "http:///x", "http:x", "http://",
        "http://lab.example\\@evil.com/", "http://[::1/", "http://[lab]/", "http://a b/", "urn:",
        "http://lab.example:99999/", "sip:lab.example:99999", "https://zürich.example/", "//lab/x",
        "http://-a.example/", "http://a..example/", "sip:a@b@c", "http://lab/%zz", "http://u@/",
    ],
)  # fmt: skip
def test_a_uri_that_programs_read_differently_is_none(uri: str) -> None:
    assert read_uri(uri) is None


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("HTTPS://U:P@Lab.Example:8443/a/b?c=d#e", "lab.example"), ("https://[2001:DB8::5]/", "2001:db8::5"),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None), ("sip:u@lab.example", "lab.example"),
        ("https://lab.example/@evil.example", "lab.example"), ("https://lab.example?@evil", "lab.example"),
    ],
)  # fmt: skip
def test_the_host_of_a_uri_is_what_rfc_3986_says(uri: str, host: str | None) -> None:
    read = read_uri(uri)

    assert read is not None
    assert read.host == host


@pytest.mark.parametrize("label", ["xn--e28h", "xn--a", "xn--1ch", "xn--abc-", "xn--cme-8cd", "xn--80ak6aa92e"])  # fmt: skip
def test_an_a_label_stands_for_a_word_of_one_alphabet(label: str) -> None:
    """An emoji, a control character, a symbol, a broken one, two alphabets, and a twin of apple."""
    assert str(host_problem(f"{label}.lab.example")).startswith(f"has the label '{label}', which")


@pytest.mark.parametrize("label", ["xn--zrich-kva", "xn--strae-oqa", "xn--80akhbyknj4f", "xn--s-ekab", "xn--wgv71a119e", "xn--fiqs8s"])  # fmt: skip
def test_honest_international_labels_pass(label: str) -> None:
    """Zürich, Straße, a Russian, a Turkish, a Japanese and a Chinese word."""
    assert host_problem(f"{label}.lab.example") is None


@pytest.mark.parametrize(
    ("uri", "problem"),
    [("sip:10.0.0.5", "names an address"), ("sip:[2001:db8::5]", "names an address"), ("sip:@lab.example", "more than a domain"), ("sip:u%40x@lab.example", "more than a domain")],
)  # fmt: skip
def test_a_sip_domain_is_neither_address_nor_user(uri: str, problem: str) -> None:
    violation = sip_uri_user.check(GeneralName("uri", uri))

    assert problem in violation.message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sbc\u00adOne", "subject-bidi"), ("a\u034fb", "subject-bidi"), ("a\ufe0fb", "subject-bidi"),
        ("a\u3164b", "subject-bidi"), ("a\u2028b", "subject-bidi"), ("x\U000e0041", "subject-bidi"),
        ("a\u2063b", "subject-bidi"), ("a\u180bb", "subject-bidi"),
        ("Sbc\ue000", "subject-characters"), ("x\U000f0000", "subject-characters"),
        ("\u0378x", "subject-characters"), ("a\ufdd0", "subject-characters"), ("\u1100x", "subject-characters"),
        ("a\u200cb", "subject-characters"),
        ("A\u00a0B", "subject-look-alike"), ("A\u2800B", "subject-look-alike"), ("A\u3000B", "subject-look-alike"),
        ("\U0001d400cme", "subject-look-alike"), ("\uff21cme", "subject-look-alike"),
        ("\ufb01rm", "subject-look-alike"), ("\u0410cme", "subject-look-alike"),
        ("Me\u0301ga", "subject-look-alike"), ("\u0301e", "subject-look-alike"), ("Lab \u2160", "subject-look-alike"),
    ],
)  # fmt: skip
def test_deceiving_characters_in_a_subject_are_refused(text: str, code: str) -> None:
    (finding,) = check_subject((SubjectAttribute("O", text),))

    assert (finding.code, finding.result) == (code, "fail")


@pytest.mark.parametrize(
    "text",
    ["Müller GmbH & Co. KG", "Société Générale № 5", "東京SBC", "ООО Acme", "Ωmega".replace("Ω", "O"), "شركة", "کتاب\u200cها", "क्\u200dष", "Lab™ 100 m²", "Nº 5", "😀"],
)  # fmt: skip
def test_honest_words_of_any_language_pass(text: str) -> None:
    assert check_subject((SubjectAttribute("O", text),)) == []


def test_a_look_alike_is_the_operators_to_allow_and_an_invisible_character_is_not() -> None:
    allowed = ("subject-look-alike", "subject-bidi", "subject-characters")

    assert [f.result for f in check_subject((SubjectAttribute("O", "ＮＥＣ"),), allowed)] == [
        "warn"
    ]
    assert [f.result for f in check_subject((SubjectAttribute("O", "N\u200bC"),), allowed)] == [
        "fail"
    ]


@pytest.mark.parametrize(
    "other",
    ["lab  ISSUING", "Lab lssuing", "Lab\u00ad Issuing", "L\u0430b Issuing", "\uff2cab Issuing", "Lab\u00a0Issuing", "Lab Issu\u0131ng", "1ab Issuing"],
)  # fmt: skip
def test_a_name_that_is_taken_for_another_compares_as_that_other(other: str) -> None:
    assert comparison_key(other) == comparison_key("Lab Issuing")


def test_names_that_nobody_confuses_compare_as_two() -> None:
    assert len({comparison_key(each) for each in ("Lab Issuing", "Lab Issuing 2", "Lab Root", "LabIssuing")}) == 4  # fmt: skip


@pytest.mark.parametrize(
    ("cn", "names"),
    [
        ("sbc.other.example", ["dns:sbc.other.example"]),
        ("sbc.other.example.", ["dns:sbc.other.example"]),
        ("sbc.other.example:5061", ["dns:sbc.other.example"]),
        ("evil_sbc.other.example", ["dns:evil_sbc.other.example"]),
        ("*.other.example", ["dns:*.other.example"]),
        ("https://a.other.example/b.lab.example", ["dns:a.other.example", "dns:b.lab.example"]),
        ("first.last@other.example", ["dns:other.example"]),
        ("sip:u@a.example@b.example", ["dns:a.example", "dns:b.example"]),
        ("sbc\uff0eother\uff0eexample", ["dns:sbc.other.example"]),
        ("10.0.0.5", ["ip:10.0.0.5"]),
        ("10.0.0.5:5061", ["ip:10.0.0.5"]),
        ("[2001:db8::5]:5061", ["ip:2001:db8::5"]),
        ("sbc1", []),
        ("Reception, second floor, v7.4", []),
        ("ACL_482913", []),
        ("00:90:8f:12:34:56", []),
        ("0090.8f12.3456", []),
    ],
)
def test_names_that_a_peer_may_read_out_of_a_cn(cn: str, names: list[str]) -> None:
    found = names_in_subject((SubjectAttribute("CN", cn),))

    assert [str(each) for each in found] == names


def test_the_subjects_mail_address_is_a_name_too() -> None:
    found = names_in_subject((SubjectAttribute("emailAddress", "a@other.example"),))

    assert found == (GeneralName("email", "a@other.example"),)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sp1, O=Acme", r"CN=sp1\, O=Acme"),
        ("a+OU=b", r"CN=a\+OU=b"),
        ('a"b', r"CN=a\"b"),
        ("a\\", r"CN=a\\"),
        ("#04", r"CN=\#04"),
        (" a ", r"CN=\ a\ "),
        ("a\0b", r"CN=a\00b"),
        ("a<b>;c", r"CN=a\<b\>\;c"),
        ("plain = text", "CN=plain = text"),
    ],
)
def test_one_attribute_never_reads_as_several(value: str, text: str) -> None:
    assert subject_text((SubjectAttribute("CN", value),)) == text


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("emailAddress", "mü@lab.example", "subject-encoding"),
        ("emailAddress", "a@lab.example", None),
        ("DC", "müller", "subject-encoding"),
        ("DC", "example", None),
        ("serialNumber", "a_b*", "subject-encoding"),
        ("serialNumber", "ACL-482913 (old)", None),
        ("UID", "a_b*ü", None),
    ],
)
def test_an_attribute_that_its_string_type_cannot_hold_is_refused(
    kind: str, value: str, code: str | None
) -> None:
    found = [each.code for each in check_subject((SubjectAttribute(kind, value),))]

    assert found == ([code] if code else [])
