"""``profile``: data that is read strictly and never shadowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import ROOT, CommandLine, make_csr

SHIPPED = {
    "sip", "sip-server", "sip-client", "sip-domain", "https", "server", "client", "phone",
    "root", "issuing", "ocsp-responder", "scep-ra",
}  # fmt: skip


def test_the_shipped_profiles_are_those_of_the_contract(bare: CommandLine) -> None:
    records = bare("profile", "list", "--json").json["profiles"]

    assert {each["name"] for each in records} == SHIPPED
    assert {each["origin"] for each in records} == {"shipped"}


def test_show_prints_the_very_toml(bare: CommandLine) -> None:
    assert bare("profile", "show", "sip").out == (ROOT / "profiles" / "sip.toml").read_text()


def test_a_stranger_folder_called_profiles_is_never_read(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "evil.toml").write_text((ROOT / "profiles" / "sip.toml").read_text())
    monkeypatch.chdir(tmp_path)

    names = {each["name"] for each in bare("profile", "list", "--json").json["profiles"]}

    assert names == SHIPPED


def test_new_copies_a_profile_into_the_home_and_it_signs(
    sipca: CommandLine, tmp_path: Path
) -> None:
    answer = sipca("profile", "new", "my-sip", "--from", "sip")
    path = sipca.home / "profiles" / "my-sip.toml"
    path.write_text(path.read_text().replace('"825d"', '"30d"'))
    csr = tmp_path / "x.csr"
    csr.write_bytes(make_csr())

    signed = sipca("sign", csr, "--profile", "my-sip", "--json").json["signed"][0]

    assert answer.exit == 0
    assert signed["profile"] == "my-sip"
    assert sipca("profile", "check", path).out == "my-sip is a profile\n"


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("sip", 6, "a profile 'sip' already exists"),
        ("../x", 3, "'../x' is not a valid name for a profile"),
        ("My", 3, "'My' is not a valid name for a profile"),
    ],
)
def test_new_refuses_bad_names(sipca: CommandLine, name: str, code: int, message: str) -> None:
    answer = sipca("profile", "new", name, "--from", "sip")

    assert answer.exit == code
    assert message in answer.err


def test_an_own_profile_never_shadows_a_shipped_one(sipca: CommandLine) -> None:
    (sipca.home / "profiles").mkdir()
    (sipca.home / "profiles" / "sip.toml").write_text("")

    listed = sipca("profile", "list", "--json").json["profiles"]
    used = sipca("profile", "show", "sip")

    (said,) = [each["description"] for each in listed if each["name"] == "sip"]
    assert said.startswith("cannot be used: ")
    assert "has the name of a shipped profile" in said
    assert used.exit == 6
    assert "has the name of a shipped profile" in used.err


def test_an_unknown_profile_gets_the_nearest_name(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x.csr").write_bytes(make_csr())

    answer = sipca("sign", tmp_path / "x.csr", "--profile", "htps")

    assert answer.exit == 5
    assert "there is no profile 'htps'" in answer.err
    assert "did you mean 'https'?" in answer.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("take =", "tke =", "unknown key 'subject.tke'"),
        ('role = "end-entity"', 'role = "ca"', "role: 'ca' is not an allowed value"),
        ("schema = 1", "schema = 2", "schema: 2 is not an allowed value"),
        ('"825d"', '"soon"', "lifetime: 'soon' is not a duration"),
        (
            'max_lifetime = "10y"',
            'max_lifetime = "1y"',
            "lifetime 825d is longer than max_lifetime 1y",
        ),
        (
            'issuer = "issuing"',
            'issuer = "root"',
            "issuer: role end-entity needs 'issuing', not 'root'",
        ),
        ('"digital_signature", ', "", "key_usage lacks digital_signature"),
        (
            '"digital_signature"',
            '"digital_signature", "key_cert_sign"',
            "key_cert_sign is only for a CA",
        ),
        ('require = ["CN"]', "require = []", "CN must be in take and require"),
        ("critical = false", "critical = true", "san.critical"),
        ('description = "', 'name = "x"\ndescription = "', "unknown key 'name'"),
        ('"client_auth"]', '"ocsp_signing"]', "ocsp_signing is only for role ocsp-responder"),
        ("schema = 1", "schema 1", "is not TOML"),
        ("[extensions]", "[extensions]\npath_length = 0", "path_length is only for a CA"),
    ],
)
def test_a_bad_profile_is_refused_by_file_and_key(
    bare: CommandLine, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((ROOT / "profiles" / "sip.toml").read_text().replace(old, new, 1))

    answer = bare("profile", "check", path)

    assert answer.exit == 3
    assert "mine.toml" in answer.err
    assert message in answer.err


def test_a_profile_that_is_not_utf_8_is_refused(bare: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"# \xff\xfe")

    answer = bare("profile", "check", path)

    assert answer.exit == 3
    assert "is not UTF-8 at octet 2" in answer.err
