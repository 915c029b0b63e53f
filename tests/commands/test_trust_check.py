"""``trust check``: which roots of a named list are in a device's exported store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import certifi
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import ROOT, CommandLine

from ca.encoding.pkcs7 import certs_only
from ca.errors import MalformedError
from ca.profiles.library import Library
from ca.profiles.pack import check_pack

PACKS = Library().packs.shipped()
STORED = ROOT / "tests" / "vectors" / "roots"


def public_roots() -> list[x509.Certificate]:
    """The roots of the pack, as Debian's store has them."""
    texts = (STORED / f"{name}.crt" for name in (
        "DigiCert_Global_Root_CA", "DigiCert_Global_Root_G2", "DigiCert_Global_Root_G3",
        "DigiCert_TLS_ECC_P384_Root_G5", "DigiCert_TLS_RSA4096_Root_G5",
        "Microsoft_ECC_Root_Certificate_Authority_2017",
        "Microsoft_RSA_Root_Certificate_Authority_2017",
    ))  # fmt: skip
    return [x509.load_pem_x509_certificate(each.read_bytes()) for each in texts]


ROOTS = public_roots()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def states(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["state"] for each in document["members"]]


def test_each_fingerprint_of_the_pack_is_that_of_a_certificate_in_debian_s_store() -> None:
    pack = Library().pack("teams-2026")

    assert [(each.sha256, each.sha1) for each in pack.root] == [
        (root.fingerprint(hashes.SHA256()).hex(), root.fingerprint(hashes.SHA1()).hex())
        for root in ROOTS
    ]


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_what_certifi_has_of_the_pack_is_the_same_certificate() -> None:
    held = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
    known = {each.fingerprint(hashes.SHA1()).hex(): each for each in held}

    found = [each for each in Library().pack("teams-2026").root if each.sha1 in known]

    assert len(found) >= 6
    for each in found:
        assert known[each.sha1].fingerprint(hashes.SHA256()).hex() == each.sha256


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_says_its_source_its_date_and_what_was_checked(name: str) -> None:
    pack = Library().pack(name)

    assert pack.source
    assert datetime.fromisoformat(pack.date).year >= 2025
    assert all(each.checked for each in pack.root)


def test_a_store_with_all_of_a_pack_passes(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "store.pem").write_bytes(pem(*ROOTS))

    answer = bare("trust", "check", tmp_path / "store.pem", "--pack", "teams-2026")

    assert answer.exit == 0, answer.err
    assert "ok: 7 of 7 there, 0 foreign" in answer.out
    assert "maxime.hiez.ca" in answer.out


def test_what_is_missing_there_and_foreign_is_named_and_exit_9_has_the_document(
    sipca: CommandLine, tmp_path: Path
) -> None:
    store = tmp_path / "store.pem"
    store.write_bytes(pem(*ROOTS[1:]) + sipca("chain").out.encode())

    answer = sipca("trust", "check", store, "--pack", "teams-2026", "--json")
    text = sipca("trust", "check", store, "--pack", "teams-2026").out

    assert answer.exit == 9
    document = answer.json
    assert document["verdict"] == "fail"
    assert states(document) == ["missing", *["there"] * 6]
    assert [each["subject"] for each in document["foreign"]] == [
        "CN=Test Lab Issuing",
        "CN=Test Lab Root",
    ]
    assert "missing  DigiCert Global Root CA" in text
    assert "foreign  CN=Test Lab Issuing" in text
    assert "fail: 6 of 7 there, 2 foreign" in text


def test_stores_of_every_form_and_several_of_them_are_read(
    bare: CommandLine, tmp_path: Path
) -> None:
    ders = [each.public_bytes(Encoding.DER) for each in ROOTS]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.cer").write_bytes(ders[0])
    (folder / "b.pem").write_bytes(pem(ROOTS[1]))
    (tmp_path / "c.p7b").write_bytes(certs_only(ders[2:]))

    answer = bare(
        "trust",
        "check",
        folder,
        tmp_path / "c.p7b",
        folder / "a.cer",
        "--pack",
        "teams-2026",
        "--json",
    )

    assert answer.exit == 0, answer.err
    assert set(states(answer.json)) == {"there"}


def test_an_expired_member_fails_as_a_missing_one_does(
    bare: CommandLine, tmp_path: Path, frozen: object
) -> None:
    (tmp_path / "store.pem").write_bytes(pem(*ROOTS))
    frozen(datetime(2032, 1, 1, tzinfo=UTC))  # type: ignore[operator]

    answer = bare("trust", "check", tmp_path / "store.pem", "--pack", "teams-2026", "--json")

    assert answer.exit == 9
    assert states(answer.json) == ["expired", *["there"] * 6]


def test_ours_is_what_the_register_says_that_devices_need(
    sipca: CommandLine, tmp_path: Path
) -> None:
    before = tmp_path / "before.pem"
    assert sipca("issue", "peer.lab.example", "--out", tmp_path / "i").exit == 0
    before.write_text(sipca("chain").out)
    whole = sipca("trust", "check", before, "--pack", "ours")
    assert sipca("ca", "rotate").exit == 0

    half = sipca("trust", "check", before, "--pack", "ours", "--json")
    after = tmp_path / "after.pem"
    after.write_text(sipca("chain").out)

    assert whole.exit == 0
    assert half.exit == 9
    assert {each["name"]: each["state"] for each in half.json["members"]} == {
        "Test Lab Issuing 2": "missing",
        "Test Lab Root": "there",
        "Test Lab Issuing": "there",
    }
    assert sipca("trust", "check", after, "--pack", "ours").exit == 0


def test_a_namesake_of_a_missing_root_is_told_apart(sipca: CommandLine, tmp_path: Path) -> None:
    other = CommandLine(tmp_path / "other")
    assert other(
        "init", "--name", "Test Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--no-passphrase",
    ).exit == 0  # fmt: skip
    (tmp_path / "store.pem").write_text(other("chain").out)

    answer = sipca("trust", "check", tmp_path / "store.pem", "--pack", "ours")

    assert answer.exit == 9
    assert "has another certificate of the name 'Test Lab Root', which does not do" in answer.out


def test_a_part_that_cannot_be_read_is_exit_4_where_nothing_is_missing(
    bare: CommandLine, tmp_path: Path
) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    (tmp_path / "store.pem").write_bytes(pem(*ROOTS) + broken)

    answer = bare("trust", "check", tmp_path / "store.pem", "--pack", "teams-2026")

    assert answer.exit == 4
    assert "refused:" in answer.out


@pytest.mark.parametrize(
    ("content", "pack", "code", "said"),
    [
        (None, "teams-2026", 5, "store.pem"),
        (b"", "teams-2026", 3, "store.pem"),
        (b"no certificate", "teams-2026", 3, "store.pem"),
        (b"x", "zoom", 5, "there is no trust pack 'zoom'"),
        (b"x", "../sip", 5, "there is no trust pack '../sip'"),
        (b"x", "ours", 5, "there is no CA in"),
    ],
)
def test_what_cannot_be_checked_is_named(
    bare: CommandLine, tmp_path: Path, content: bytes | None, pack: str, code: int, said: str
) -> None:
    if content is not None:
        (tmp_path / "store.pem").write_bytes(content)

    answer = bare("trust", "check", tmp_path / "store.pem", "--pack", pack)

    assert answer.exit == code
    assert said in answer.err


def test_an_unknown_pack_names_those_that_there_are(bare: CommandLine) -> None:
    assert "there are ours, teams-2026" in bare("trust", "check", "x", "--pack", "zoom").err


def test_without_a_pack_it_is_wrong_usage(bare: CommandLine) -> None:
    assert bare("trust", "check", "x").exit == 2


def test_a_pack_with_a_wrong_or_doubled_fingerprint_is_refused() -> None:
    pack = Library().pack("teams-2026")
    first = pack.root[0]
    for root in (
        (msgspec.structs.replace(first, sha1="AB"),),
        (msgspec.structs.replace(first, sha256="ab"),),
        (first, first),
    ):
        with pytest.raises(MalformedError, match="DigiCert Global Root CA"):
            check_pack(msgspec.structs.replace(pack, root=root))


def test_a_pack_is_found_in_any_case_and_completed(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "store.pem").write_bytes(pem(*ROOTS))

    answer = bare("trust", "check", tmp_path / "store.pem", "--pack", "Teams-2026")
    completed = bare("__complete", "trust", "check", "x", "--pack", "", home=False)

    assert answer.exit == 0, answer.err
    assert set(completed.out.split()) == {"ours", *PACKS}
