"""What would be changed is said with the profile key that leaves it alone, or refused: verbatim."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import RSA_KEY, SAMPLES, VECTORS, CommandLine, make_csr
from stand_in.profiles import ROLE, VERBATIM, own_profile

CUCM = VECTORS / "found" / "cucm-ms" / "tomcat.csr"
KEYTOOL = VECTORS / "found" / "keytool-unknown" / "a.csr"


NOT_FROM_CN = ("from_cn = true", "from_cn = false")


WITH_SERIAL = ('"ST", "C"]', '"ST", "C", "serialNumber"]')


def notes(document: dict, code: str) -> list[dict]:  # type: ignore[type-arg]
    return [each for each in document["signed"][0]["findings"] if each["code"] == code]


def test_what_the_profile_changes_is_said_with_its_keys(sipca: CommandLine) -> None:
    answer = sipca("sign", CUCM, "--json")

    (note,) = notes(answer.json, "differs-from-request")
    assert note["severity"] == "info"
    assert "is left out of the subject; dns:cucm-pub-ms.lab.example is added to the SAN" in note["message"]  # fmt: skip
    assert "extendedKeyUsage serverAuth, clientAuth, 1.3.6.1.5.5.7.3.5 becomes" in note["message"]
    for key in (
        'add "serialNumber" to [subject] take',
        "[san] from_cn = false",
        "change [extensions] key_usage",
        "change [extensions] extended_key_usage",
        "sipca profile new NAME --from sip",
        "verbatim = true refuses instead of changing",
    ):
        assert key in note["hint"]


def test_the_keys_that_are_named_leave_it_alone(sipca: CommandLine) -> None:
    own_profile(sipca, "cucm", VERBATIM, NOT_FROM_CN, WITH_SERIAL)

    answer = sipca("sign", CUCM, "--profile", "cucm", "--target", "cisco-cucm", "--json")

    assert answer.exit == 0
    (signed,) = answer.json["signed"]
    made = x509.load_pem_x509_certificate(signed["certificate_pem"].encode())
    asked = x509.load_pem_x509_csr(CUCM.read_bytes())
    san = x509.SubjectAlternativeName
    assert made.subject.rfc4514_string() == asked.subject.rfc4514_string()
    assert (
        made.extensions.get_extension_for_class(san).value
        == asked.extensions.get_extension_for_class(san).value
    )
    names = [a for a in signed["account"] if a["field"] == "san" or a["field"][:7] == "subject"]
    assert {(each["how"], each["rule"]) for each in names} == {("taken", "verbatim")}


def test_a_request_that_is_issued_as_asked_has_no_such_note(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "sbc1.csr", "--json")

    assert notes(answer.json, "differs-from-request") == []


def test_the_first_name_of_a_device_without_san_fields_is_no_news(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "no-san-host-name.csr", "--json")

    assert notes(answer.json, "differs-from-request") == []
    assert [line["rule"] for line in answer.json["signed"][0]["account"] if line["field"] == "san"] == ["cn-in-san"]  # fmt: skip


def test_the_operators_own_wishes_are_no_note(sipca: CommandLine) -> None:
    answer = sipca(
        "sign", SAMPLES / "sbc1.csr", "--cn", "sbc1.lab.example", "--san", "dns:x.lab", "--json"
    )

    assert answer.exit == 0
    assert notes(answer.json, "differs-from-request") == []


@pytest.mark.parametrize(
    ("csr", "words", "what", "way_out"),
    [
        (make_csr("dns:a.lab", cn="b.lab"), (), "dns:b.lab is added to the SAN", "[san] from_cn = false"),
        (make_csr("dns:a.lab", cn="a.lab", subject={"email": "a@b.lab"}), (), "emailAddress=a@b.lab is left out of the subject", 'add "emailAddress" to [subject] take'),
        (make_csr("dns:a.lab", cn="a.lab", subject={"C": "nl"}), (), "C=nl becomes C=NL", "write C in capitals"),
        (make_csr("dns:a.lab", "dns:A.lab", cn="a.lab"), (), "dns:A.lab is left out of the SAN", "name it once in the CSR"),
        (make_csr("dns:a.lab", cn="a.lab"), ("--cn", "b.lab"), "CN=a.lab becomes CN=b.lab", "leave --cn out"),
        (make_csr("dns:a.lab", cn="a.lab"), ("--san", "dns:b.lab"), "dns:b.lab is added to the SAN", "leave --san out"),
        (make_csr("dns:a.lab", cn="a.lab"), ("--replace-san", "--san", "dns:b.lab"), "dns:a.lab is left out of the SAN", "leave --replace-san out"),
        (make_csr("email:a.lab", cn="a.lab"), ("--fix-san",), "email:a.lab becomes dns:a.lab", "leave --fix-san out"),
        (make_csr(cn="a.lab"), (), "dns:a.lab is added to the SAN", "[san] from_cn = false"),
    ],
)  # fmt: skip
def test_a_verbatim_profile_refuses_what_it_would_change(
    sipca: CommandLine, tmp_path: Path, csr: bytes, words: tuple[str, ...], what: str, way_out: str
) -> None:
    own_profile(sipca, "exact", VERBATIM)
    (tmp_path / "a.csr").write_bytes(csr)

    answer = sipca("sign", tmp_path / "a.csr", "--profile", "exact", *words)

    assert answer.exit == 4
    assert (
        "profile exact is verbatim, and the certificate would differ from the CSR: " in answer.err
    )
    assert what in answer.err
    assert way_out in answer.err
    assert sipca("list", "--json").json["certificates"] == []


def test_a_kind_of_name_that_the_profile_lacks_is_named_with_its_key(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own_profile(sipca, "exact", VERBATIM, ('["dns", "ip", "uri", "email"]', '["dns"]'))
    (tmp_path / "a.csr").write_bytes(make_csr("dns:a.lab", "uri:sip:a.lab", cn="a.lab"))

    answer = sipca("sign", tmp_path / "a.csr", "--profile", "exact")

    assert answer.exit == 4
    assert "uri:sip:a.lab is left out of the SAN" in answer.err
    assert 'add "uri" to [san] take' in answer.err


def test_a_verbatim_profile_refuses_what_no_profile_issues(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own_profile(sipca, "exact", VERBATIM)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.lab")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    names = [x509.DNSName("a.lab"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]
    other = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    critical = builder.add_extension(x509.SubjectAlternativeName(names[:1]), critical=True)
    for name, each in (("o.csr", other), ("c.csr", critical)):
        made = each.sign(RSA_KEY, hashes.SHA256())
        (tmp_path / name).write_bytes(made.public_bytes(Encoding.PEM))

    others = sipca("sign", tmp_path / "o.csr", "--profile", "exact")
    criticals = sipca("sign", tmp_path / "c.csr", "--profile", "exact")

    assert others.exit == criticals.exit == 4
    assert "registeredID 1.2.3 is left out of the SAN" in others.err
    assert "leave the name out of the CSR, since no profile issues its kind" in others.err
    assert "the SAN is no longer critical" in criticals.err


def test_issue_makes_its_own_request_and_is_not_held_to_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own_profile(sipca, "exact", VERBATIM)

    assert sipca("issue", "a.lab", "--profile", "exact", "--out", tmp_path / "p").exit == 0


def test_profile_check_and_show_say_verbatim(sipca: CommandLine) -> None:
    own_profile(sipca, "exact", VERBATIM)
    file = sipca.home / "profiles" / "exact.toml"

    checked = sipca("profile", "check", file)
    shown = sipca("profile", "show", "exact")

    assert checked.out == "exact is a profile; verbatim: it refuses what it would change\n"
    assert sipca("profile", "check", file, "--json").json["verbatim"] is True
    assert "verbatim = true" in shown.out
    assert sipca("profile", "show", "exact", "--json").json["verbatim"] is True
    assert sipca("profile", "show", "sip", "--json").json["verbatim"] is False
    assert sipca("target", "show", "cisco-cucm", "--json").json["verbatim"] is True


def test_a_verbatim_that_is_no_truth_value_or_of_a_ca_is_refused(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own_profile(sipca, "exact", (ROLE, f'{ROLE}verbatim = "yes"\n'))
    (tmp_path / "ca.toml").write_text(
        sipca("profile", "show", "issuing").out.replace("schema = 1", "schema = 1\nverbatim = true")
    )

    word = sipca("profile", "check", sipca.home / "profiles" / "exact.toml")
    authority = sipca("profile", "check", tmp_path / "ca.toml")

    assert word.exit == authority.exit == 3
    assert (
        "verbatim: this is a string in quotation marks, but true or false is expected" in word.err
    )
    assert "verbatim: a profile of role issuing does not sign requests" in authority.err


def test_a_target_that_compares_is_told_from_its_facts(sipca: CommandLine) -> None:
    answer = sipca("sign", CUCM, "--target", "cisco-cucm")

    assert answer.exit == 4
    assert "accepts only what its CSR asks for, but the certificate would differ" in answer.err
    assert "dns:cucm-pub-ms.lab.example is added to the SAN" in answer.err
    assert "--allow device-verbatim overrides this" in answer.err


def test_the_target_s_refusal_can_be_allowed_and_says_its_basis(sipca: CommandLine) -> None:
    answer = sipca("sign", CUCM, "--target", "cisco-cucm", "--allow", "device-verbatim", "--json")

    assert answer.exit == 0
    (finding,) = notes(answer.json, "device-verbatim")
    assert (finding["result"], finding["basis"]) == ("warn", "inferred")


def test_a_target_without_the_fact_says_nothing(sipca: CommandLine) -> None:
    answer = sipca("sign", CUCM, "--target", "generic", "--json")

    assert answer.exit == 0
    assert notes(answer.json, "device-verbatim") == []


def test_keytools_unknown_country_is_refused_with_the_key_that_leaves_it_out(
    sipca: CommandLine,
) -> None:
    own_profile(sipca, "no-country", ('"ST", "C"]', '"ST"]'))

    refused = sipca("sign", KEYTOOL)
    signed = sipca("sign", KEYTOOL, "--profile", "no-country", "--json")

    assert refused.exit == 4
    assert "the subject's C 'Unknown' is not two letters" in refused.err
    assert "whose [subject] take lacks C" in refused.err
    assert signed.exit == 0
    warned = notes(signed.json, "subject-unknown")
    assert len(warned) == 4
    assert any("the subject's L is 'Unknown'" in each["message"] for each in warned)
    assert all("[subject] take lacks" in each["hint"] for each in warned)
