"""What is a host name, an address, a URI, a subject; and what a mistyped one means."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ca.errors import MalformedError
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.model.findings import run
from ca.names import hosts
from ca.names.constraints import constraint_problem, parse_permit_dns, parse_permit_ip
from ca.names.general import (
    NAME_RULES,
    WILDCARD_RULES,
    check_general_name,
    fold,
    infer_general_name,
    parse_general_name,
    retype,
    wildcard_broad,
)
from ca.names.hosts import as_address, host_problem, is_factory_name, looks_like_host, to_a_labels
from ca.names.preparation import comparison_key, look_alike_problem
from ca.names.sip import sip_uri_host, sip_uri_user
from ca.names.subjects import check_subject, normal_country
from ca.names.text import check_device_name, printable

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)


LAST_LABEL = LABEL.filter(lambda label: not re.fullmatch("[0-9]+|0x[0-9a-f]*", label))
"""Numbers, decimal and hexadecimal, stand last in addresses alone."""


@given(st.lists(LABEL, min_size=1, max_size=5), LAST_LABEL)
def test_any_ldh_name_is_a_host_name(labels: list[str], last: str) -> None:
    assert host_problem(".".join([*labels, last])) is None


NEARLY = st.text("aZ0-._*xn:/@ é", max_size=70) | st.from_regex(
    r"(\*\.)?([a-z0-9-]{0,65}\.){0,5}[a-z0-9-]{0,65}", fullmatch=True
)


@given(NEARLY)
def test_a_plain_name_has_no_problem_by_the_long_way_either(text: str) -> None:
    def long_way() -> str | None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hosts, "_PLAIN", re.compile("(?!)"))
            return host_problem(text)

    assert host_problem(text) == long_way()


@given(NEARLY, st.booleans())
def test_a_name_without_a_host_problem_breaks_no_rule_but_the_wildcards(
    text: str, wildcard: bool
) -> None:
    name = GeneralName("dns", text)
    rules = (*NAME_RULES, *([wildcard_broad] if wildcard else WILDCARD_RULES))

    assert check_general_name(name, wildcard=wildcard) == tuple(run(rules, name))


@pytest.mark.parametrize("name", ["sbc1", "sbc1.lab.example", "*.lab.example", "a" * 63 + ".lab", "1and1.de", "xn--zrich-kva.lab", "SBC.Lab"])  # fmt: skip
def test_host_names(name: str) -> None:
    assert host_problem(name) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("sbc1.lab.", "ends with a dot"),
        ("sbc..lab", "has an empty label"),
        ("", "has an empty label"),
        ("-sbc.lab", "has the label '-sbc'"),
        ("sbc-.lab", "has the label 'sbc-'"),
        ("sbc_1.lab", "has the label 'sbc_1'"),
        ("sb c.lab", "has the label 'sb c'"),
        ("a" * 64 + ".lab", "has a label of 64 characters"),
        (".".join(["a" * 60] * 5), "has 304 characters"),
        ("sbc.*.lab", "has a * that is not the whole left-most label"),
        ("sbc*.lab", "has a * that is not the whole left-most label"),
        ("*", "has a * that is not the whole left-most label"),
        ("10.0.0.5", "ends with a label of digits"),
        ("zürich.lab", "has characters outside ASCII"),
        ("xn--\x2d\x2d.lab", "label"),
        ("xn--0.lab", "which is not a valid A-label"),
        ("sbc\u202e.lab", "has characters outside ASCII"),
    ],
)
def test_what_is_no_host_name_says_why(name: str, problem: str) -> None:
    assert problem in str(host_problem(name))


def test_an_international_name_has_a_label_form() -> None:
    assert to_a_labels("zürich.lab") == "xn--zrich-kva.lab"
    assert to_a_labels("straße.lab") == "xn--strae-oqa.lab"  # IDNA 2003 makes it strasse.lab
    assert to_a_labels("a..b") is None


@pytest.mark.parametrize("cn", ["ACL_482913", "acl_1234567", "FA163EF3B1DE", "00:90:8f:12:34:56", "00-90-8f-12-34-56", "0090.8f12.3456"])  # fmt: skip
def test_factory_names_are_known(cn: str) -> None:
    assert is_factory_name(cn)
    assert not looks_like_host(cn)
    assert infer_general_name(cn) is None


@pytest.mark.parametrize("cn", ["sbc1", "ACL", "deadbeef", "fa163ef3b1de.lab", "00:90:8f:12:34"])
def test_other_names_are_not_taken_for_factory_names(cn: str) -> None:
    assert not is_factory_name(cn)


@given(st.ip_addresses())
def test_every_address_is_known_and_canonical(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert as_address(str(address)) == str(address)
    assert infer_general_name(str(address)) == GeneralName("ip", str(address))


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.256", "fe80::1%eth0", "010.0.0.1", "lab"])
def test_what_is_no_address(text: str) -> None:
    assert as_address(text) is None


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert as_address("[2001:DB8:0::5]") == "2001:db8::5"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dns:sbc1.lab", GeneralName("dns", "sbc1.lab")),
        ("DNS: sbc1.lab ", GeneralName("dns", "sbc1.lab")),
        ("ip:2001:DB8::5", GeneralName("ip", "2001:db8::5")),
        ("uri:sip:lab", GeneralName("uri", "sip:lab")),
        ("Email:a@b.lab", GeneralName("email", "a@b.lab")),
    ],
)
def test_names_are_spelled_kind_and_value(text: str, name: GeneralName) -> None:
    assert parse_general_name(text) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [("sbc1.lab", "did you mean dns:sbc1.lab?"), ("10.0.0.5", "did you mean ip:10.0.0.5?"), ("foo:bar", "dns:NAME"), ("dns:", "dns:NAME"), ("", "dns:NAME")],
)  # fmt: skip
def test_other_spellings_are_refused_with_the_right_one(text: str, hint: str) -> None:
    with pytest.raises(MalformedError, match="is not of the form KIND:VALUE") as refusal:
        parse_general_name(text)

    assert hint in str(refusal.value.hint)


def codes(
    kind: str, value: str, *, wildcard: bool = False, allowed: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    findings = check_general_name(GeneralName(kind, value), wildcard=wildcard, allowed=allowed)  # type: ignore[arg-type]
    return [(each.code, each.result) for each in findings]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("dns", "sbc1.lab"), ("ip", "10.0.0.5"), ("ip", "2001:db8::5"), ("uri", "sip:lab.example"), ("uri", "https://lab/x"), ("uri", "sips:u@lab:5061;transport=tls"), ("uri", "urn:uuid:1"), ("email", "a.b@lab.example")],
)  # fmt: skip
def test_well_formed_names_have_no_findings(kind: str, value: str) -> None:
    assert codes(kind, value) == []


@pytest.mark.parametrize(
    ("kind", "value", "code", "fixed"),
    [
        ("dns", "10.0.0.5", "san-dns-address", "ip:10.0.0.5"),
        ("dns", "2001:db8::5", "san-dns-address", "ip:2001:db8::5"),
        ("dns", "DNS:sbc1.lab", "san-dns-prefix", "dns:sbc1.lab"),
        ("dns", "IP:10.0.0.5", "san-dns-prefix", "ip:10.0.0.5"),
        ("dns", "IP Address=10.0.0.5", "san-dns-prefix", "ip:10.0.0.5"),
        ("dns", "sip:lab.example", "san-dns-uri", "uri:sip:lab.example"),
        ("dns", "https://lab", "san-dns-uri", None),
        ("dns", "sbc1.lab.", "san-dns-syntax", None),
        ("dns", "sb c", "san-dns-syntax", None),
        ("dns", "a@lab.example", "san-dns-syntax", "email:a@lab.example"),
        ("dns", "sbc_1.lab", "underscore-name", None),
        ("dns", "*.lab.example", "wildcard", None),
        ("email", "sbc1.lab", "san-email-no-at", "dns:sbc1.lab"),
        ("email", "10.0.0.5", "san-email-no-at", "ip:10.0.0.5"),
        ("email", "sip:lab", "san-email-no-at", "uri:sip:lab"),
        ("email", "a@@lab", "san-email-syntax", None),
        ("email", "@lab", "san-email-syntax", None),
        ("email", "a@", "san-email-syntax", None),
        ("email", "a b@lab", "san-email-syntax", None),
        ("email", "a" * 65 + "@lab", "san-email-syntax", None),
        ("uri", "sbc1.lab", "san-uri-bare-host", "dns:sbc1.lab"),
        ("uri", "10.0.0.5", "san-uri-bare-host", "ip:10.0.0.5"),
        ("uri", "//lab/x", "san-uri-syntax", None),
        ("uri", "sip:la b", "san-uri-syntax", None),
        ("uri", "sip:-x", "san-uri-syntax", None),
        ("uri", "sip:", "san-uri-syntax", None),
        ("ip", "10.0.0", "san-ip-syntax", None),
        ("ip", "lab", "san-ip-syntax", "dns:lab"),
    ],
)  # fmt: skip
def test_a_name_in_the_wrong_slot_is_refused_once_and_fixed_if_it_can_be(
    kind: str, value: str, code: str, fixed: str | None
) -> None:
    assert codes(kind, value) == [(code, "fail")]
    again = retype(GeneralName(kind, value))  # type: ignore[arg-type]
    assert (str(again) if again else None) == fixed


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "a" * 64 + "@lab"),
        ("email", "a.b+c@lab.example"),
        ("dns", "a" * 63 + ".lab"),
        ("dns", "a--" + "b" * 60 + ".lab"),
        ("uri", "sip:lab.example:65535"),
        ("uri", "sip:u@10.0.0.5:65535"),
        ("uri", "https://lab.example:65535/x"),
    ],
)
def test_a_name_at_its_bound_has_no_finding(kind: str, value: str) -> None:
    assert codes(kind, value) == []


@pytest.mark.parametrize("uri", ["sip:lab.example:65536", "https://lab.example:65536/"])
def test_a_port_from_65536_is_none(uri: str) -> None:
    (finding,) = check_general_name(GeneralName("uri", uri), wildcard=False)

    assert finding.code == "san-uri-syntax"
    assert "names the port 65536, but the highest is 65535" in finding.message


def test_the_hint_for_an_email_typed_host_names_the_pages_selector() -> None:
    (finding,) = check_general_name(GeneralName("email", "sbc1.lab.example"), wildcard=False)

    assert finding.message == "the CSR's SAN email 'sbc1.lab.example' has no '@'"
    assert finding.hint == (
        "the page's type selector starts at EMAIL; --fix-san reads it as dns:sbc1.lab.example, "
        "or choose DNS on the page and make a new CSR"
    )


def test_wildcard_and_underscore_can_be_allowed() -> None:
    assert codes("dns", "*.lab.example", allowed=frozenset({"wildcard"})) == [("wildcard", "warn")]
    assert codes("dns", "*.lab.example", wildcard=True) == []
    assert codes("dns", "a_b.lab", allowed=frozenset({"underscore-name"})) == [
        ("underscore-name", "warn")
    ]


def test_an_international_name_gets_its_a_labels_as_hint() -> None:
    (finding,) = check_general_name(GeneralName("dns", "zürich.lab"), wildcard=False)

    assert finding.hint == "its A-labels are xn--zrich-kva.lab"


@given(st.text(max_size=60), st.sampled_from(["dns", "ip", "uri", "email"]))
def test_any_text_is_judged_and_what_a_fix_makes_is_itself_valid(text: str, kind: str) -> None:
    name = GeneralName(kind, text)  # type: ignore[arg-type]
    check_general_name(name, wildcard=False)
    fold(name)

    fixed = retype(name)

    if fixed is not None:
        assert not [f for f in check_general_name(fixed, wildcard=True) if f.result == "fail"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (GeneralName("dns", "SBC1.lab"), GeneralName("dns", "sbc1.LAB")),
        (GeneralName("ip", "2001:DB8::5"), GeneralName("ip", "2001:db8:0::5")),
        (GeneralName("email", "a@LAB"), GeneralName("email", "a@lab")),
        (GeneralName("uri", "SIP:Lab.example"), GeneralName("uri", "sip:lab.example")),
    ],
)
def test_two_spellings_of_one_name_fold_to_one(one: GeneralName, other: GeneralName) -> None:
    assert fold(one) == fold(other)


def test_the_local_part_of_a_mail_address_keeps_its_case() -> None:
    assert fold(GeneralName("email", "A@lab")) != fold(GeneralName("email", "a@lab"))
    assert fold(GeneralName("uri", "https://LAB/X")) == "uri:https://LAB/X"


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:lab.example", "lab.example"),
        ("SIPS:u:p@Lab.Example:5061;transport=tls?x=y", "lab.example"),
        ("sip:[2001:DB8::5]:5060", "2001:db8::5"),
        ("sip:10.0.0.5", "10.0.0.5"),
        ("https://lab", None),
        ("sip:", None),
        ("sip:a_b", None),
    ],
)
def test_the_host_of_a_sip_uri(uri: str, host: str | None) -> None:
    assert sip_uri_host(uri) == host


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sip:lab.example", None),
        ("sips:lab.example", "is not sip:DOMAIN"),
        ("https://lab", "is not sip:DOMAIN"),
        ("sip:u@lab.example", "names more than a domain"),
        ("sip:lab.example:5061", "names more than a domain"),
        ("sip:lab.example;transport=tls", "names more than a domain"),
    ],
)
def test_a_sip_domain_is_bare(uri: str, problem: str | None) -> None:
    violation = sip_uri_user.check(GeneralName("uri", uri))

    assert violation is None if problem is None else problem in violation.message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("CN", "x" * 64, None),
        ("CN", "ü" * 64, None),
        ("CN", "x" * 65, "subject-bounds"),
        ("L", "x" * 128, None),
        ("1.2.3", "x" * 257, "subject-bounds"),
        ("C", "NL", None),
        ("C", "nl", None),
        ("C", "1!", "subject-country"),
        ("C", "NLD", "subject-country"),
        ("O", "", "subject-empty"),
        ("O", "  ", "subject-empty"),
        ("O", " Acme", "subject-blank-edge"),
        ("O", "Acme\u00a0", "subject-blank-edge"),
        ("O", "Ac\x07me", "subject-control"),
        ("O", "Ac\ud800me", "subject-control"),
        ("O", "Ac\u202eme", "subject-bidi"),
        ("O", "Ac\u200bme", "subject-bidi"),
    ],
)
def test_subject_attributes(kind: str, value: str, code: str | None) -> None:
    found = [each.code for each in check_subject((SubjectAttribute(kind, value),))]

    assert code in found if code else found == []


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("CN", 64), ("O", 64), ("OU", 64), ("L", 128), ("ST", 128), ("STREET", 128), ("title", 64),
        ("SN", 64), ("GN", 64), ("serialNumber", 64), ("emailAddress", 255), ("DC", 63),
        ("UID", 256), ("1.2.3", 256),
    ],
)  # fmt: skip
def test_an_attribute_as_long_as_x520_allows_passes_and_one_character_more_does_not(
    kind: str, most: int
) -> None:
    def found(length: int) -> list[str]:
        return [each.code for each in check_subject((SubjectAttribute(kind, "x" * length),))]

    assert found(most) == []
    assert found(most + 1) == ["subject-bounds"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Acme\u00a0", "subject-blank-edge"),
        ("Ac\u00a0me", "subject-look-alike"),
        ("\u0430pple\u200b", "subject-bidi"),
        ("\u0430pple", "subject-look-alike"),
        ("Ac\x07me", "subject-control"),
        ("Ac\ue000me", "subject-characters"),
    ],
)
def test_what_is_wrong_with_an_attribute_is_said_once(value: str, code: str) -> None:
    assert [each.code for each in check_subject((SubjectAttribute("O", value),))] == [code]


@pytest.mark.parametrize(
    ("kind", "hint"), [("O", "type O again"), ("CN", "type CN again, or give --cn")]
)
def test_only_of_a_cn_the_option_that_replaces_it_is_named(kind: str, hint: str) -> None:
    (finding,) = check_subject((SubjectAttribute(kind, "\u0430pple"),))

    assert finding.hint == hint


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Test\x07 Lab", "Test Lab", True),
        ("Test  LAB", "test lab", True),
        ("Te\u00adst", "Test", True),
        ("T\u0435st", "Test", True),
        ("Lab 1", "Lab l", True),
        ("Test Lab", "Test Lab 2", False),
        ("TestLab", "Test Lab", False),
    ],
)
def test_texts_that_a_reader_takes_for_one_compare_as_one(
    one: str, other: str, alike: bool
) -> None:
    assert (comparison_key(one) == comparison_key(other)) is alike


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\uff21cme", "has U+FF21, which looks like 'A'"),
        ("\U0001d400", "has U+1D400, which looks like 'A'"),
        ("\uff71\uff72", None),  # half-width katakana: in another width, but no letter of ASCII
        ("\u00e9", None),
        ("e\u0301", "has accents separate from their letters"),
        ("\u0301e", "begins with a combining accent"),
    ],
)
def test_letters_of_another_style_look_like_letters_of_ascii(text: str, says: str | None) -> None:
    found = look_alike_problem(text)

    assert found is None if says is None else says in str(found)


def test_a_long_cn_is_told_where_the_name_can_go() -> None:
    (finding,) = check_subject((SubjectAttribute("CN", "x" * 65),))

    assert finding.message == "the subject's CN has 65 characters, but at most 64 are allowed"
    assert finding.hint == "give a shorter --cn, and the long name with --san dns:NAME"
    (finding,) = check_subject((SubjectAttribute("O", "x" * 65),))
    assert finding.hint == "shorten O on the CSR page"


def test_countries_are_issued_in_capitals() -> None:
    assert normal_country("nl") == "NL"
    assert normal_country("nld") == "nld"


def test_untrusted_text_in_messages_is_spelled_out_and_bounded() -> None:
    assert printable("a\x1b[2J\u202eb") == "a\\x1b[2J\\u202eb"
    assert printable("x" * 100) == "x" * 100
    assert printable("x" * 101) == "x" * 100 + "... (101 characters)"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x00", "\\x00"), ("\xad", "\\xad"), ("\u0378", "\\u0378"), ("\udc7f", "\\udc7f"),
        ("\udc80", "\\x80"), ("\udcff", "\\xff"), ("\udd00", "\\udd00"), ("\uffff", "\\uffff"),
        ("\U000e0041", "\\U000e0041"), ("a", "a"), ("é", "é"),
    ],
)  # fmt: skip
def test_hidden_characters_and_octets_of_file_names_are_spelled_as_python_spells_them(
    character: str, shown: str
) -> None:
    assert printable(character) == shown


@pytest.mark.parametrize("name", ["s", "x" * 64, "SBC 1 (rack)"])
def test_a_devices_name_has_1_to_64_printable_characters(name: str) -> None:
    check_device_name(name)


@pytest.mark.parametrize("name", ["", "x" * 65, " a", "a ", "a\x07"])
def test_a_devices_name_of_none_or_65_characters_or_with_blanks_around_is_refused(
    name: str,
) -> None:
    with pytest.raises(MalformedError, match="cannot be a device's name"):
        check_device_name(name)


@pytest.mark.parametrize(
    ("kind", "value", "begins", "hint"),
    [
        ("CN", "CN=a.lab.example", "CN=", "--cn a.lab.example takes its place"),
        ("CN", "/CN = a.lab.example", "/CN =", "--cn a.lab.example takes its place"),
        ("CN", "O=Lab, CN=a.lab.example", "O=", "--cn a.lab.example takes its place"),
        ("CN", "dns:a.lab.example", "dns:", "--cn a.lab.example takes its place"),
        ("CN", "sip:a.lab.example", "sip:", "--cn a.lab.example takes its place"),
        ("CN", "CN=ACL_482913", "CN=", "enter only the value of CN in its field"),
        ("O", "O=Lab", "O=", "enter only the value of O in its field"),
    ],
)
def test_a_type_before_the_value_is_warned_of(
    kind: str, value: str, begins: str, hint: str
) -> None:
    (finding,) = check_subject((SubjectAttribute(kind, value),))

    assert (finding.code, finding.result) == ("subject-prefix", "warn")
    assert f"begins with '{begins}'" in finding.message
    assert finding.hint == hint


@pytest.mark.parametrize(
    ("kind", "value"), [("O", "dns:lab"), ("O", "a=b"), ("CN", "Lab: SBC 1"), ("CN", "a.lab")]
)
def test_a_colon_or_an_equals_sign_inside_a_value_is_none(kind: str, value: str) -> None:
    assert check_subject((SubjectAttribute(kind, value),)) == []


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("O", "a profile of your own whose [subject] take lacks O leaves it out"),
        ("CN", "--cn NAME takes its place"),
    ],
)
def test_keytools_word_for_nothing_is_warned_of(kind: str, hint: str) -> None:
    (finding,) = check_subject((SubjectAttribute(kind, "Unknown"),))

    assert (finding.code, finding.result, finding.hint) == ("subject-unknown", "warn", hint)
    assert check_subject((SubjectAttribute(kind, "Unknown Ltd"),)) == []


DNS, IP = ("lab.example",), ("10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("dns:lab.example", True),
        ("dns:SBC1.lab.example", True),
        ("dns:*.lab.example", True),
        ("dns:notlab.example", False),
        ("dns:lab.example.evil", False),
        ("ip:10.1.2.3", True),
        ("ip:2001:db8::5", True),
        ("ip:192.0.2.1", False),
        ("email:a@lab.example", True),
        ("email:a@evil.example", False),
        ("uri:sip:x@sbc.lab.example:5061", True),
        ("uri:sip:evil.example", False),
        ("uri:https://u@lab.example:443/x", True),
        ("uri:https://[2001:db8::5]/x", True),
        ("uri:https://evil.example/lab.example", False),
        ("uri:urn:uuid:1", False),
    ],
)
def test_names_inside_and_outside_of_constraints(name: str, inside: bool) -> None:
    found = constraint_problem(parse_general_name(name), DNS, IP)

    assert (
        found is None if inside else "lies outside of what the issuing CA may certify" in str(found)
    )


def test_with_only_domains_permitted_every_address_is_outside() -> None:
    assert constraint_problem(GeneralName("ip", "10.0.0.1"), DNS, ()) is not None


def test_with_only_networks_permitted_host_names_are_free() -> None:
    assert constraint_problem(GeneralName("dns", "any.example"), (), IP) is None


def test_constraints_are_spelled_strictly() -> None:
    assert parse_permit_dns(" Lab.Example ") == "lab.example"
    assert parse_permit_ip("10.0.0.0/8") == "10.0.0.0/8"
    with pytest.raises(
        MalformedError, match=re.escape("--permit-ip '10.0.0.1/8' is not a network")
    ) as refusal:
        parse_permit_ip("10.0.0.1/8")
    assert refusal.value.hint == "did you mean 10.0.0.0/8?"
    for bad in (".lab", "*.lab", "10.0.0.1", ""):
        with pytest.raises(MalformedError, match="--permit-dns"):
            parse_permit_dns(bad)
