"""The road to a certificate: decisions, octets, lints, the signature."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import EC_KEY, NOW, RSA_KEY, make_csr

from ca.csr.parsing import read_request
from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.encoding.extensions import extension
from ca.errors import BugError, CAError, KeyUnavailableError, PolicyError
from ca.issuance import prepare as preparing
from ca.issuance.issue import issue
from ca.issuance.order import Issuer, Order, own_request
from ca.issuance.prepare import prepare
from ca.issuance.validity import decide_validity
from ca.keys.signer import algorithm_identifier
from ca.keys.soft import generate_key
from ca.lint.certificates import CERTIFICATE_RULES, Promised, read_back
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.model.findings import Finding, run
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library

LIBRARY = Library()
ROOT_KEY = generate_key("ec:p256", None, label="root")
SERIAL = 1 << 126 | 5


def root_certificate() -> bytes:
    order = Order(
        own_request(
            ROOT_KEY.public.spki, (SubjectAttribute("CN", "Root"), SubjectAttribute("C", "NL"))
        ),
        LIBRARY.profile("root"),
        Issuer(1, "00000000", ROOT_KEY.public, None),
        SigningWishes(profile="root"),
        NOW,
        SERIAL,
    )
    return issue(prepare(order).tbs, ROOT_KEY.signer, ROOT_KEY.public).der


ROOT = read_certificate(root_certificate())
ISSUER = Issuer(1, "00000000", ROOT_KEY.public, ROOT)


def order(
    *names: str, profile: str = "sip", wishes: SigningWishes | None = None, **csr: object
) -> Order:
    request = read_request(make_csr(*names, **csr))  # type: ignore[arg-type]
    return Order(request, LIBRARY.profile(profile), ISSUER, wishes or SigningWishes(), NOW, SERIAL)


def account(found: Order, field: str) -> list[tuple[str | None, str | None, str, str]]:
    return [(a.asked, a.issued, a.how, a.rule) for a in prepare(found).account if a.field == field]


def test_a_90_day_certificate_ends_one_second_short_of_90_days() -> None:
    validity = decide_validity(order(wishes=SigningWishes(lifetime=timedelta(days=90)))).value

    assert validity.not_before == NOW - timedelta(hours=24)
    assert validity.not_after == validity.not_before + timedelta(days=90, seconds=-1)


def test_a_certificate_never_outlives_its_issuer() -> None:
    with pytest.raises(PolicyError, match="its issuer on 2046-11-17"):
        decide_validity(order(wishes=SigningWishes(lifetime=NOW + timedelta(days=36500))))


def test_a_certificate_that_would_be_over_already_is_refused() -> None:
    with pytest.raises(PolicyError, match="before it is signed"):
        decide_validity(order(wishes=SigningWishes(lifetime=timedelta(hours=1))))


def test_an_issuer_that_ended_signs_nothing() -> None:
    late = msgspec.structs.replace(order(), now=NOW + timedelta(days=9000))

    with pytest.raises(PolicyError, match="expired on 2046-11-17, so it can no longer sign"):
        decide_validity(late)


def with_issuer_end(found: Order, end: datetime) -> Order:
    facts = msgspec.structs.replace(
        ROOT, validity=msgspec.structs.replace(ROOT.validity, not_after=end)
    )
    return msgspec.structs.replace(found, issuer=msgspec.structs.replace(found.issuer, facts=facts))


SECOND = timedelta(seconds=1)


def test_an_issuer_that_ends_this_very_second_signs_nothing() -> None:
    for end in (NOW, NOW - SECOND):
        with pytest.raises(PolicyError, match="so it can no longer sign"):
            decide_validity(with_issuer_end(order(), end))

    last = decide_validity(with_issuer_end(order(), NOW + SECOND))
    assert last.value.not_after == NOW + SECOND


def test_a_certificate_may_end_with_its_issuer_and_no_second_later() -> None:
    end = NOW + timedelta(days=100)

    together = order(wishes=SigningWishes(lifetime=end))
    later = order(wishes=SigningWishes(lifetime=end + SECOND))

    assert decide_validity(with_issuer_end(together, end)).value.not_after == end
    with pytest.raises(PolicyError, match="but its issuer on 2027-03-03"):
        decide_validity(with_issuer_end(later, end))


def test_the_profiles_lifetime_is_cut_at_the_issuers_end_and_the_account_says_so() -> None:
    own_end = NOW - timedelta(days=1) + timedelta(days=825) - SECOND

    whole = decide_validity(with_issuer_end(order(), own_end))
    cut = decide_validity(with_issuer_end(order(), own_end - SECOND))

    assert (whole.value.not_after, whole.lines[0].how) == (own_end, "added")
    assert (cut.value.not_after, cut.lines[0].how) == (own_end - SECOND, "changed")
    assert (cut.lines[0].rule, cut.lines[0].asked) == ("issuer-end", "825 d of profile sip")


def test_the_longest_lifetime_of_a_profile_is_signed_and_no_second_more() -> None:
    longest = NOW - timedelta(days=1) + timedelta(days=3650) - SECOND

    exactly = decide_validity(order(wishes=SigningWishes(lifetime=longest))).value
    by_span = decide_validity(order(wishes=SigningWishes(lifetime=timedelta(days=3650)))).value
    by_word = decide_validity(order(wishes=SigningWishes(lifetime="max"))).value

    assert exactly.not_after == by_span.not_after == by_word.not_after == longest
    for too_long in (longest + SECOND, timedelta(days=3650, seconds=1)):
        with pytest.raises(PolicyError, match="profile sip allows at most 10y, until 2036-11-19"):
            decide_validity(order(wishes=SigningWishes(lifetime=too_long)))


def test_a_certificate_that_ends_this_very_second_is_refused() -> None:
    with pytest.raises(PolicyError, match="before it is signed"):
        decide_validity(order(wishes=SigningWishes(lifetime=NOW)))

    soon = decide_validity(order(wishes=SigningWishes(lifetime=NOW + SECOND)))
    assert soon.value.not_after == NOW + SECOND


def test_a_certificate_may_begin_with_1950_and_not_before() -> None:
    first = NOW.replace(year=1950, month=1, day=1, hour=0)
    a_day_later = msgspec.structs.replace(order(), now=first + timedelta(days=1))
    too_early = msgspec.structs.replace(a_day_later, now=a_day_later.now - SECOND)

    assert decide_validity(a_day_later).value.not_before == first
    with pytest.raises(
        PolicyError, match="would begin on 1949-12-31, and 1950-01-01 is the earliest"
    ):
        decide_validity(too_early)


def test_100_names_are_signed_and_101_refused() -> None:
    names = [f"dns:d{number}.lab.example" for number in range(100)]
    more = SigningWishes(san=(GeneralName("dns", "one.more.example"),))

    assert len(prepare(order(*names, cn="d1.lab.example")).san) == 100
    with pytest.raises(PolicyError, match="would have 101 names; at most 100 are allowed"):
        prepare(order(*names, cn="d1.lab.example", wishes=more))


def test_a_year_after_2049_is_generalized_time() -> None:
    far = msgspec.structs.replace(order(), now=NOW.replace(year=2046, month=1))
    library_root = msgspec.structs.replace(
        ROOT, validity=msgspec.structs.replace(ROOT.validity, not_after=NOW.replace(year=2060))
    )
    far = msgspec.structs.replace(
        far,
        issuer=msgspec.structs.replace(ISSUER, facts=library_root),
        wishes=SigningWishes(lifetime=timedelta(days=3000)),
    )

    times = der.read(prepare(far).tbs).children()[4].children()

    assert [node.tag for node in times] == [der.UTC_TIME, der.GENERALIZED_TIME]


def test_the_real_algorithm_stands_where_the_library_writes_id_alg_unsigned() -> None:
    tbs = prepare(order()).tbs

    assert der.algorithm_of(tbs) == algorithm_identifier(ROOT_KEY.public)


def test_the_octets_equal_what_the_librarys_builder_would_sign() -> None:
    prepared = prepare(order("dns:sbc9.lab.example"))
    issued = issue(prepared.tbs, ROOT_KEY.signer, ROOT_KEY.public)

    read = x509.load_der_x509_certificate(issued.der)

    assert read.tbs_certificate_bytes == prepared.tbs
    assert read.public_bytes(Encoding.DER) == issued.der


def test_the_issuer_name_is_the_issuers_subject_octet_for_octet() -> None:
    made = read_certificate(issue(prepare(order()).tbs, ROOT_KEY.signer, ROOT_KEY.public).der)

    assert made.issuer_der == ROOT.subject_der


def test_64_characters_of_more_octets_fit_a_cn() -> None:
    name = "ü" * 64
    found = prepare(order("dns:a.lab", cn=None, wishes=SigningWishes(cn=name)))

    assert found.subject == (SubjectAttribute("CN", name),)


def test_trap_the_library_counts_octets_where_x520_counts_characters() -> None:
    with pytest.raises(ValueError, match="length"):
        x509.NameAttribute(x509.NameOID.COMMON_NAME, "ü" * 64)


def test_subject_strings_are_rebuilt_as_rfc_5280_wants_them() -> None:
    subject = der.read(prepare(order(subject={"O": "Acme", "C": "NL"})).tbs).children()[5]
    tags = [node.children()[0].children()[1].tag for node in subject.children()]

    assert tags == [der.UTF8_STRING, der.UTF8_STRING, der.PRINTABLE_STRING]


def test_attributes_outside_the_profiles_list_are_dropped_with_a_line() -> None:
    found = order(subject={"email": "a@lab.example"})

    assert account(found, "subject.emailAddress") == [
        ("a@lab.example", None, "refused", "profile sip")
    ]


def test_a_lower_case_country_is_issued_in_capitals_with_a_line() -> None:
    assert account(order(subject={"C": "nl"}), "subject.C") == [
        ("nl", "NL", "changed", "country-upper-case")
    ]


def test_duplicate_names_are_dropped_with_a_line() -> None:
    found = order("dns:SBC9.lab.example", "dns:sbc9.lab.example")

    assert account(found, "san") == [
        ("dns:SBC9.lab.example", "dns:SBC9.lab.example", "taken", "san"),
        ("dns:sbc9.lab.example", None, "refused", "san-duplicate"),
    ]


def test_names_of_kinds_that_the_profile_does_not_take_are_dropped_with_a_line() -> None:
    found = order("uri:sip:lab", "dns:a.lab", profile="https")

    assert account(found, "san")[0] == ("uri:sip:lab", None, "refused", "profile https")


def test_a_wished_name_of_such_a_kind_is_refused() -> None:
    wishes = SigningWishes(san=(GeneralName("uri", "sip:lab"),))

    with pytest.raises(PolicyError, match="--san uri:sip:lab: profile https takes dns, ip"):
        prepare(order("dns:a.lab", profile="https", wishes=wishes))


def test_a_sip_uri_warns_of_the_names_that_strict_peers_then_ignore() -> None:
    findings = prepare(order("dns:sbc9.lab.example", "uri:sip:lab.example")).findings

    (trap,) = [each for each in findings if each.code == "sip-uri-trap"]
    assert "sbc9.lab.example will not match" in trap.message


def test_in_a_sip_domain_certificate_uris_have_no_user() -> None:
    with pytest.raises(PolicyError, match="names more than a domain"):
        prepare(order("uri:sip:u@lab.example", "dns:lab.example", profile="sip-domain"))


def test_a_request_without_cn_needs_one() -> None:
    with pytest.raises(PolicyError, match="the subject has no CN") as refusal:
        prepare(order("dns:a.lab", cn=None))

    assert refusal.value.hint == "give one with --cn NAME"


def test_a_phones_cn_may_be_a_mac_and_needs_no_san() -> None:
    found = prepare(order(cn="00908F123456", profile="phone"))

    assert found.san == ()
    assert found.findings == ()


def test_a_factory_cn_with_names_is_signed_with_a_warning() -> None:
    findings = prepare(order("dns:a.lab", cn="ACL_482913")).findings

    assert [(each.code, each.result) for each in findings] == [("factory-cn", "warn")]


def test_a_cn_that_is_no_name_and_no_san_is_refused() -> None:
    with pytest.raises(
        PolicyError, match="its CN 'Main Office SBC' is neither host name nor address"
    ):
        prepare(order(cn="Main Office SBC"))


def test_an_address_as_cn_goes_into_the_san_as_an_address() -> None:
    assert prepare(order(cn="10.0.0.5")).san == (GeneralName("ip", "10.0.0.5"),)


def test_an_empty_wished_cn_is_refused() -> None:
    with pytest.raises(PolicyError, match="--cn is empty"):
        prepare(order(wishes=SigningWishes(cn=" ")))


@pytest.mark.parametrize(
    "profile",
    ["sip", "sip-server", "sip-client", "sip-domain", "https", "server", "client", "phone"],
)
@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY])
def test_key_encipherment_only_for_rsa_and_only_where_the_profile_says(
    profile: str, key: object
) -> None:
    made = read_certificate(
        issue(prepare(order(profile=profile, key=key)).tbs, ROOT_KEY.signer, ROOT_KEY.public).der
    )

    expected = key is RSA_KEY and profile not in ("sip-client", "client")
    assert ("keyEncipherment" in made.key_usage) is expected
    assert "digitalSignature" in made.key_usage
    assert ("id-kp-sipDomain" in made.extended_key_usage) is (profile == "sip-domain")


def test_every_field_has_a_line_or_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_ca_lines", lambda _order: ())

    with pytest.raises(BugError) as caught:
        prepare(order())

    assert "the account has no line for issuer, serial, signature, version" in caught.value.trace


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ("decide_subject", "no line for the request's"),
        ("decide_san", "no line for the request's"),
        ("decide_extensions", "extensions, but"),
    ],
)
def test_a_decision_that_forgets_a_line_is_a_bug_that_stops_the_signing(
    monkeypatch: pytest.MonkeyPatch, decision: str, message: str
) -> None:
    real = getattr(preparing, decision)

    def forgetful(*arguments: object) -> object:
        answer = real(*arguments)
        if isinstance(answer, tuple):
            return msgspec.structs.replace(answer[0], lines=answer[0].lines[:-1]), answer[1]
        return msgspec.structs.replace(answer, lines=answer.lines[:-1])

    monkeypatch.setattr(preparing, decision, forgetful)

    with pytest.raises(BugError) as caught:
        prepare(order("dns:sbc9.lab.example"))

    assert message in caught.value.trace


# the lint holds the very octets against the promises


def relint(tbs: bytes, profile: str = "sip") -> set[str]:
    return {each.code for each in findings_of(tbs, profile)}


def findings_of(tbs: bytes, profile: str = "sip") -> list[Finding]:
    made = prepare(order())
    promised = Promised(made.subject, made.san, made.validity)
    read = read_back(
        tbs,
        promised=promised,
        profile=LIBRARY.profile(profile),
        key=read_request(make_csr()).key,
        issuer=ROOT,
        algorithm=algorithm_identifier(ROOT_KEY.public),
    )
    return run(CERTIFICATE_RULES, read)


def relint_ca(length: int | None) -> set[str]:
    """An issuing CA's certificate whose path length was altered after it was decided."""
    request = own_request(ROOT_KEY.public.spki, (SubjectAttribute("CN", "Issuing"),))
    profile = LIBRARY.profile("issuing")
    wishes = SigningWishes(profile="issuing")
    made = prepare(Order(request, profile, ISSUER, wishes, NOW, SERIAL))
    assert b"\x30\x06\x01\x01\xff\x02\x01\x00" in made.tbs
    limit = b"" if length is None else der.encode_integer(length)
    constraints = extension("2.5.29.19", der.sequence(b"\x01\x01\xff", limit), critical=True)
    fields = fields_of(made.tbs)
    inner = [node.raw for node in der.read(fields[7]).children()[0].children()]
    fields[7] = der.tlv(0xA3, der.sequence(constraints, *inner[1:]))
    read = read_back(
        der.sequence(*fields),
        promised=Promised(made.subject, made.san, made.validity),
        profile=profile,
        key=request.key,
        issuer=ROOT,
        algorithm=algorithm_identifier(ROOT_KEY.public),
    )
    return {each.code for each in run(CERTIFICATE_RULES, read)}


@pytest.mark.parametrize("length", [None, 1, 10])
def test_the_lint_notices_a_path_length_that_is_not_the_profiles(length: int | None) -> None:
    assert relint_ca(length) == {"cert-basic-constraints"}


def test_the_lint_has_nothing_to_say_of_the_path_length_0_of_an_issuing_ca() -> None:
    assert relint_ca(0) == set()


def fields_of(tbs: bytes) -> list[bytes]:
    return [node.raw for node in der.read(tbs).children()]


def swapped(index: int, replacement: bytes) -> bytes:
    fields = fields_of(prepare(order()).tbs)
    fields[index] = replacement
    return der.sequence(*fields)


def extensions_swapped(change: object) -> bytes:
    fields = fields_of(prepare(order()).tbs)
    inner = [node.raw for node in der.read(fields[7]).children()[0].children()]
    fields[7] = der.tlv(0xA3, der.sequence(*change(inner)))  # type: ignore[operator]
    return der.sequence(*fields)


OTHER_SPKI = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
NAME = der.sequence(
    der.tlv(der.SET, der.sequence(der.encode_oid("2.5.4.3"), der.tlv(der.PRINTABLE_STRING, b"x")))
)


OTHER_NAME = der.sequence(
    der.tlv(der.SET, der.sequence(der.encode_oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"other")))
)
OTHER_SAN = extension("2.5.29.17", der.sequence(der.tlv(0x82, b"other.lab")), critical=False)


def times(first: bytes, last: bytes) -> bytes:
    return der.sequence(first, last)


UTC = der.tlv(der.UTC_TIME, b"270101000000Z")


@pytest.mark.parametrize(
    ("tbs", "code"),
    [
        (swapped(1, der.encode_integer(5)), "cert-serial"),
        (swapped(2, der.sequence(der.encode_oid("1.2.840.10045.4.3.3"))), "cert-signature-algorithm"),
        (swapped(3, NAME), "cert-issuer-name"),
        (swapped(4, times(UTC, der.tlv(der.GENERALIZED_TIME, b"20280101000000Z"))), "cert-time-form"),
        (swapped(4, times(UTC, der.tlv(der.GENERALIZED_TIME, b"20990101000000Z"))), "cert-outlives-issuer"),
        (swapped(4, times(UTC, der.tlv(der.UTC_TIME, b"260101000000Z"))), "cert-outlives-issuer"),
        (swapped(4, times(UTC, UTC)), "cert-validity"),
        (swapped(5, der.sequence()), "cert-subject"),
        (swapped(5, OTHER_NAME), "cert-subject"),
        (swapped(5, NAME), "cert-subject"),
        (swapped(6, OTHER_SPKI), "cert-key"),
        (extensions_swapped(lambda e: e[1:]), "cert-basic-constraints"),
        (extensions_swapped(lambda e: [e[0].replace(b"\x04\x02\x30\x00", b"\x04\x05\x30\x03\x01\x01\xff").replace(b"\x30\x0c", b"\x30\x0f"), *e[1:]]), "cert-basic-constraints"),
        (extensions_swapped(lambda e: [e[0], *e[2:]]), "cert-key-usage"),
        (extensions_swapped(lambda e: [*e[:2], *e[3:]]), "cert-extended-key-usage"),
        (extensions_swapped(lambda e: [*e[:3], *e[4:]]), "cert-key-identifiers"),
        (extensions_swapped(lambda e: [*e[:4], *e[5:]]), "cert-key-identifiers"),
        (extensions_swapped(lambda e: e[:-1]), "cert-san"),
        (extensions_swapped(lambda e: [*e[:-1], OTHER_SAN]), "cert-san"),
        (extensions_swapped(lambda e: [*e, der.sequence(der.encode_oid("1.2.3.4"), der.tlv(4, b"\x05\x00"))]), "cert-extensions"),
        (extensions_swapped(lambda e: [e[0].replace(b"\x01\x01\xff", b"").replace(b"\x30\x0c", b"\x30\x09"), *e[1:]]), "cert-extensions"),
    ],
)  # fmt: skip
def test_the_lint_notices(tbs: bytes, code: str) -> None:
    assert code in relint(tbs)


@pytest.mark.parametrize(
    ("serial", "fits"),
    [
        (-(1 << 126), False), (0, False), ((1 << 126) - 1, False), (1 << 126, True),
        ((1 << 159) - 1, True), (1 << 159, False),
    ],
)  # fmt: skip
def test_the_lint_takes_serials_of_127_to_159_bits(serial: int, fits: bool) -> None:
    assert relint(swapped(1, der.encode_integer(serial))) == (set() if fits else {"cert-serial"})


def test_the_lint_notices_an_end_of_2050_as_utc_time_and_one_of_2049_as_generalized_time() -> None:
    begin = der.tlv(der.UTC_TIME, b"491231235959Z")

    def codes(tag: int, text: bytes) -> set[str]:
        return relint(swapped(4, times(begin, der.tlv(tag, text)))) - {"cert-outlives-issuer"}

    assert codes(der.UTC_TIME, b"491231235959Z") == {"cert-validity"}
    assert codes(der.GENERALIZED_TIME, b"20500101000000Z") == {"cert-validity"}
    assert codes(der.GENERALIZED_TIME, b"20491231235959Z") == {"cert-validity", "cert-time-form"}


def test_the_lint_takes_an_end_at_the_issuers_and_no_second_later() -> None:
    end = ROOT.validity.not_after
    begin = der.tlv(der.UTC_TIME, b"261122120000Z")

    def codes(moment: datetime) -> set[str]:
        written = der.tlv(der.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
        return relint(swapped(4, times(begin, written))) - {"cert-validity"}

    assert codes(end) == set()
    assert codes(end + SECOND) == {"cert-outlives-issuer"}


def test_the_lint_takes_a_certificate_of_a_single_second_and_none_that_ends_before() -> None:
    one = der.tlv(der.UTC_TIME, b"270101000000Z")
    before = der.tlv(der.UTC_TIME, b"261231235959Z")

    assert relint(swapped(4, times(one, one))) == {"cert-validity"}
    assert relint(swapped(4, times(one, before))) == {"cert-validity", "cert-outlives-issuer"}


@pytest.mark.parametrize(
    ("oid", "tag"),
    [
        ("2.5.4.6", der.PRINTABLE_STRING),
        ("2.5.4.5", der.PRINTABLE_STRING),
        ("1.2.840.113549.1.9.1", der.IA5_STRING),
        ("0.9.2342.19200300.100.1.25", der.IA5_STRING),
        ("2.5.4.10", der.UTF8_STRING),
    ],
)
def test_the_lint_knows_the_string_type_of_each_attribute(oid: str, tag: int) -> None:
    def messages(of: int) -> list[str]:
        attribute = der.sequence(der.encode_oid(oid), der.tlv(of, b"NL"))
        tbs = swapped(5, der.sequence(der.tlv(der.SET, attribute)))
        return [each.message for each in findings_of(tbs) if "string tag" in each.message]

    others = {der.PRINTABLE_STRING, der.IA5_STRING, der.UTF8_STRING} - {tag}
    assert messages(tag) == []
    assert [messages(of) for of in others] == [
        [f"the subject's {oid} has string tag {of}"] for of in others
    ]


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ([], True),
        ([("2.5.4.3", b"")], True),
        ([("2.5.4.10", b"Lab")], True),
        ([("2.5.4.10", b"Lab"), ("2.5.4.3", b"")], True),
        ([("2.5.4.10", b"Lab"), ("2.5.4.3", b"a.lab")], False),
    ],
)
def test_the_lint_wants_a_cn_that_is_not_empty(
    attributes: list[tuple[str, bytes]], missing: bool
) -> None:
    rdns = [
        der.tlv(der.SET, der.sequence(der.encode_oid(oid), der.tlv(der.UTF8_STRING, text)))
        for oid, text in attributes
    ]

    messages = [each.message for each in findings_of(swapped(5, der.sequence(*rdns)))]

    assert ("the subject has no CN" in messages) is missing
    assert "the subject is not the one that was decided" in messages


def test_the_lint_notices_an_extension_that_stands_twice() -> None:
    def twice(inner: list[bytes]) -> list[bytes]:
        return [*inner, inner[1]]

    (finding,) = findings_of(extensions_swapped(twice))

    assert finding.code == "cert-extensions"
    assert finding.message == "the extension 2.5.29.15 occurs twice"


def test_a_good_certificate_has_no_finding_and_every_rule_a_bad_case() -> None:
    assert relint(prepare(order()).tbs) == set()
    tested = {
        mark.args[1][n][1]
        for mark in test_the_lint_notices.pytestmark
        for n in range(len(mark.args[1]))
    }  # type: ignore[attr-defined]
    assert {rule.code for rule in CERTIFICATE_RULES} - tested == {"cert-version"}


def test_a_profile_of_other_kinds_of_name_is_noticed() -> None:
    tbs = prepare(order("uri:sip:lab")).tbs

    assert "cert-san" in relint(tbs, "https")


def test_octets_that_cannot_be_read_back_are_refused() -> None:
    with pytest.raises(CAError):
        relint(der.sequence(*fields_of(prepare(order()).tbs)[:3]))


# the signature


def test_only_the_issuers_own_key_signs() -> None:
    other = generate_key("ec:p256", None, label="other")

    with pytest.raises(KeyUnavailableError, match="the opened key is not the issuing CA's"):
        issue(prepare(order()).tbs, other.signer, ROOT_KEY.public)


class FaultySigner:
    """A signer whose hardware lies."""

    public_key = ROOT_KEY.public.spki
    algorithm = ROOT_KEY.signer.algorithm

    def sign(self, tbs: bytes) -> bytes:
        return ROOT_KEY.signer.sign(tbs + b"x")


def test_a_signature_that_does_not_hold_is_never_handed_out() -> None:
    with pytest.raises(KeyUnavailableError, match="the new signature does not verify"):
        issue(prepare(order()).tbs, FaultySigner(), ROOT_KEY.public)


def test_a_signer_of_another_algorithm_than_planned_is_noticed() -> None:
    class Other(FaultySigner):
        algorithm = der.sequence(der.encode_oid("1.2.3"))

    with pytest.raises(KeyUnavailableError, match="not the one that was prepared"):
        issue(prepare(order()).tbs, Other(), ROOT_KEY.public)
