"""Other people's certificates: read with a finding, or refused by name; never a bug, never alone."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import certifi
import pytest
from stand_in import odd
from stand_in.lab import VECTORS, CommandLine
from stand_in.odd import NOT_ITS_KEY, ODD, REFUSED, as_pem, certificate

import ca.authority.devices.trust_sources
import ca.device.trust
from ca.encoding import pem
from ca.model.certificates import CertificateFacts

GOOD = certificate("Good Root")
INTERNALS = re.compile(r"ParseError|asn1|ASN\.1|Error\b|Traceback|0x7f|octet \d+|<[a-z_.]+ object")
"""What no message may hold: the words of libraries and of our own DER reader."""
FOUND, HOSTILE = VECTORS / "found", VECTORS / "hostile"
SYSTEM = Path("/etc/ssl/certs")


def test_the_words_of_libraries_are_told_from_ours() -> None:
    assert INTERNALS.search("error parsing asn1 value: ParseError { kind: InvalidValue }")
    assert not INTERNALS.search("its serial number is negative; openssl reads it all the same")


@pytest.mark.parametrize("kind", sorted(ODD))
def test_an_odd_root_is_taken_with_a_sentence_and_the_good_one_beside_it(
    bare: CommandLine, tmp_path: Path, kind: str
) -> None:
    der, said = ODD[kind]
    (tmp_path / "x.pem").write_bytes(as_pem(der, GOOD))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem", "--json")

    assert answer.exit == 0, answer.err
    assert len(answer.json["members"]) == 2
    assert any(said in finding["message"] for finding in answer.json["findings"]), answer.out
    assert pem.encode(der) in (tmp_path / "out.pem").read_text()
    assert not INTERNALS.search(answer.out)


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_damaged_root_is_refused_by_name_and_the_good_one_beside_it_taken(
    bare: CommandLine, tmp_path: Path, kind: str
) -> None:
    der, said = REFUSED[kind]
    (tmp_path / "x.pem").write_bytes(as_pem(der, GOOD))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem", "--json")

    (dropped,) = answer.json["dropped"]
    assert answer.exit == 4
    assert (dropped["kind"], dropped["source"]) == ("refused", f"{tmp_path / 'x.pem'}:1")
    assert said in dropped["reason"]
    assert (tmp_path / "out.pem").read_bytes() == as_pem(GOOD)
    assert not INTERNALS.search(answer.out)


@pytest.mark.parametrize(
    "kind",
    sorted(set(ODD) - {"unknown key kind", "unknown algorithm", "version 1 with extensions"}),
)
def test_openssl_reads_what_is_taken_for_odd(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.pem").write_bytes(as_pem(ODD[kind][0]))

    done = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "x.pem", "-noout", "-fingerprint"],
        capture_output=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", sorted({**ODD, **REFUSED}))
def test_preflight_tells_of_an_odd_certificate_and_its_chain(
    bare: CommandLine, tmp_path: Path, kind: str
) -> None:
    der, said = {**ODD, **REFUSED}[kind]
    said = said.partition(", and no verifier")[0]
    (tmp_path / "good.pem").write_bytes(as_pem(GOOD))
    (tmp_path / "x.pem").write_bytes(as_pem(der))

    alone = bare("preflight", tmp_path / "x.pem", "--json")
    beside = bare("preflight", tmp_path / "good.pem", "--chain", tmp_path / "x.pem", "--json")

    assert alone.exit in (3, 9)
    assert alone.exit == 9 or said in alone.err
    assert beside.exit == 9
    messages = [each["message"] for each in beside.json["findings"]]
    signature = any(each in said for each in ("signature does not", "cannot verify", NOT_ITS_KEY))
    assert signature or any(said in each for each in messages), messages
    assert not INTERNALS.search(alone.out + alone.err + beside.out)


@pytest.mark.parametrize(
    ("folder", "code", "taken", "said"),
    [
        (
            "found/cert-unreadable",
            4,
            4,
            ["Good Lab Root", "BER True Root", "it is not a CA certificate"],
        ),
        ("found/cert-bug", 4, 3, ["Good Lab Root", "Neg Serial Root", "keyUsage occurs twice"]),
        ("found/v1-root", 0, 3, ["V1 SHA1 Root", "a root of X.509 version 1", "not part of path"]),
        ("hostile/hostile-certs", 4, 4, ["Good Lab Root", "p7-empty.p7b", "x400Address"]),
        ("found/pfx", 4, 2, ["Bughunt Lab Root", "truststore.p12' is a PKCS#12 file", "UTF-16"]),
    ],
)
def test_the_samples_give_what_is_said_of_them(
    bare: CommandLine, tmp_path: Path, folder: str, code: int, taken: int, said: list[str]
) -> None:
    good = FOUND / "cert-unreadable" / "good-root.pem"
    files = sorted(set((VECTORS / folder).iterdir()) - {good})

    answer = bare("trust", "build", good, *files, "-o", tmp_path / "out.pem")

    assert answer.exit == code, answer.err
    assert (tmp_path / "out.pem").read_text().count("BEGIN CERTIFICATE") == taken
    assert good.read_text() in (tmp_path / "out.pem").read_text()
    for each in said:
        assert each in answer.err
    assert not INTERNALS.search(answer.err)


@pytest.mark.parametrize("folder", ["cert-unreadable", "cert-bug", "v1-root"])
def test_preflight_of_the_samples_ends_with_a_verdict(bare: CommandLine, folder: str) -> None:
    good = FOUND / "cert-unreadable" / "good-root.pem"
    for path in sorted((FOUND / folder).glob("*.pem")):
        answer = bare("preflight", path, "--chain", good, "--json")

        assert answer.exit == (0 if path.stem.startswith("leaf") else 9), (path, answer)
        assert not INTERNALS.search(answer.out + answer.err)


@pytest.mark.parametrize(("source", "least"), [(certifi.where(), 100), (SYSTEM, 100)])
def test_the_roots_of_this_machine_are_taken_or_refused_by_name(
    bare: CommandLine, tmp_path: Path, source: Path, least: int
) -> None:
    out = tmp_path / "out.pem"

    answer = bare("trust", "build", source, "--target", "generic", "-o", out, "--json")

    document = answer.json
    assert answer.exit == (4 if any(d["kind"] == "refused" for d in document["dropped"]) else 0)
    assert {each["kind"] for each in document["dropped"]} <= {"duplicate", "refused"}
    for each in document["dropped"]:
        assert each["subject"]
        assert each["reason"]
    assert len(document["members"]) >= least
    assert not INTERNALS.search(answer.out)
    loaded = ssl.create_default_context(cafile=str(out))
    assert loaded.cert_store_stats()["x509"] == len(document["members"])


@pytest.mark.skipif(not shutil.which("keytool"), reason="no Java here")
def test_javas_own_key_store_is_named(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(as_pem(GOOD))
    for kind in ("JKS", "PKCS12"):
        store = tmp_path / f"{kind}.store"
        words = ["-importcert", "-noprompt", "-alias", "x", "-file", tmp_path / "root.pem"]
        subprocess.run(
            ["keytool", *words, "-keystore", store, "-storetype", kind, "-storepass", "changeit"],
            check=True, capture_output=True,
        )  # fmt: skip

    jks = bare("trust", "build", tmp_path / "JKS.store")
    pfx = bare("trust", "build", tmp_path / "PKCS12.store")

    assert (jks.exit, pfx.exit) == (3, 3)
    assert "is a Java keystore (JKS), not a certificate" in jks.err
    assert "keytool -exportcert" in jks.err
    assert "is a PKCS#12 file, not a certificate" in pfx.err
    assert "openssl pkcs12" in pfx.err


def test_a_bug_of_ours_costs_the_member_it_met(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ca.authority.devices.trust_sources.read_certificate

    def broken(der: bytes) -> object:
        if der == GOOD:
            return read(der)
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(ca.authority.devices.trust_sources, "read_certificate", broken)
    (tmp_path / "x.pem").write_bytes(as_pem(certificate("Other"), GOOD))
    words = ("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem")

    answer = bare(*words, "--json")
    told = bare(*words, "--debug")

    assert answer.exit == 1
    assert [(each["kind"], each["source"]) for each in answer.json["dropped"]] == [
        ("bug", f"{tmp_path / 'x.pem'}:1")
    ]
    assert "this is a bug of sipca's: ZeroDivisionError" in answer.json["dropped"][0]["reason"]
    assert (tmp_path / "out.pem").read_bytes() == as_pem(GOOD)
    assert "Traceback" not in answer.err
    assert "in broken" in told.err


def test_a_bug_of_ours_in_judging_costs_the_member_or_the_rule_that_it_met(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = ca.device.trust.is_self_signed

    def broken(facts: CertificateFacts) -> bool:
        if facts.der == GOOD:
            return judged(facts)
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("ca.device.trust.is_self_signed", broken)
    monkeypatch.setattr("ca.device.trust.oddities", lambda _: 1 / 0)
    (tmp_path / "x.pem").write_bytes(as_pem(certificate("v1", version=odd.V1), GOOD))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem", "--json")

    assert answer.exit == 1
    assert [each["kind"] for each in answer.json["dropped"]] == ["bug"]
    assert [each["code"] for each in answer.json["findings"]] == ["trust-encoding"]
    assert [each["result"] for each in answer.json["findings"]] == ["unknown"]
    assert (tmp_path / "out.pem").read_bytes() == as_pem(GOOD)


def test_a_rule_of_preflight_that_breaks_stops_no_other(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("of ours")

    (tmp_path / "x.pem").write_bytes(as_pem(GOOD))
    before = bare("preflight", tmp_path / "x.pem", "--json").json["findings"]
    monkeypatch.setattr("ca.device.preflight_reading.oddities", broken)

    answer = bare("preflight", tmp_path / "x.pem", "--json")

    unknown = [each for each in answer.json["findings"] if each["result"] == "unknown"]
    assert answer.exit == 1
    assert {each["code"] for each in unknown} == {"preflight-unreadable", "preflight-encoding"}
    assert [each for each in answer.json["findings"] if each not in unknown] == before


@pytest.mark.parametrize(
    ("word", "name"), [("--csr", "x.csr"), ("--chain", "x.pem"), ("--key", "x.key")]
)
def test_a_file_beside_that_cannot_be_read_is_a_finding(
    bare: CommandLine, tmp_path: Path, word: str, name: str
) -> None:
    (tmp_path / "good.pem").write_bytes(as_pem(GOOD))
    (tmp_path / name).write_bytes(b"<html><body>log in first</body></html>")

    answer = bare("preflight", tmp_path / "good.pem", word, tmp_path / name, "--json")

    first = answer.json["findings"][0]
    assert answer.exit == 9
    assert (first["code"], first["result"]) == ("preflight-unreadable", "fail")
    assert str(tmp_path / name) in first["message"]
    assert "HTML page" in first["message"]
    assert len(answer.json["findings"]) > 1


def test_diff_tells_what_it_cannot_read_and_compares_the_rest(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.pem").write_bytes(as_pem(GOOD, REFUSED["no time"][0]))
    (tmp_path / "b.pem").write_bytes(as_pem(GOOD, ODD["version 4"][0]))

    answer = bare("trust", "diff", tmp_path / "a.pem", tmp_path / "b.pem", "--json")
    text = bare("trust", "diff", tmp_path / "a.pem", tmp_path / "b.pem")

    assert answer.exit == 4
    assert answer.json["same"] == 1
    assert len(answer.json["only_b"]) == 1
    line = as_pem(GOOD).count(b"\n") + 1
    assert [each["source"] for each in answer.json["unread"]] == [f"{tmp_path / 'a.pem'}:{line}"]
    assert "the certificate's notAfter is not a time" in text.out


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: odd.certificate("v1", version=odd.V1), "trust-v1-root"),
        (lambda: ODD["unknown algorithm"][0], "trust-root-signature"),
        (lambda: odd.certificate(signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"), "trust-self-signature"),
        (lambda: ODD["version 4"][0], "trust-encoding"),
    ],
)  # fmt: skip
def test_each_rule_of_roots_finds_its_case_and_no_good_root(
    bare: CommandLine, tmp_path: Path, made: Callable[[], bytes], code: str
) -> None:
    (tmp_path / "good.pem").write_bytes(as_pem(GOOD))
    (tmp_path / "bad.pem").write_bytes(as_pem(made()))

    good = bare("trust", "build", tmp_path / "good.pem", "--json").json
    bad = bare("trust", "build", tmp_path / "bad.pem", "--json")

    assert good["findings"] == []
    assert code in [each["code"] for each in bad.json["findings"]]
    assert bad.exit == 0
    assert len(bad.json["members"]) == 1


def test_a_weak_hash_of_a_root_is_a_note_and_of_an_intermediate_a_failure_of_preflight(
    bare: CommandLine, tmp_path: Path
) -> None:
    root = FOUND / "v1-root" / "v1-sha1-root.pem"
    sha1 = der_sequence_of("1.2.840.113549.1.1.5")
    intermediate = certificate("Issuing", issuer=odd.name("Other"), algorithm=sha1)
    (tmp_path / "chain.pem").write_bytes(as_pem(intermediate))

    built = bare("trust", "build", root, "--json")
    judged = bare("preflight", root, "--chain", tmp_path / "chain.pem", "--json")

    notes = [each for each in built.json["findings"] if each["code"] == "trust-root-signature"]
    weak = [each for each in judged.json["findings"] if each["code"] == "preflight-weak-hash"]
    assert built.exit == 0
    assert [each["severity"] for each in notes] == ["info"]
    assert any("'Issuing' is signed with sha1" in each["message"] for each in weak)


def test_an_issuer_whose_signature_nobody_here_can_judge_is_told_as_such(
    bare: CommandLine, tmp_path: Path
) -> None:
    unknown = ODD["unknown algorithm"][0]
    (tmp_path / "x.pem").write_bytes(as_pem(unknown))

    answer = bare("preflight", tmp_path / "x.pem", "--chain", tmp_path / "x.pem", "--json")

    (chain,) = [each for each in answer.json["findings"] if each["code"] == "preflight-chain"]
    assert chain["message"].startswith(
        "sipca cannot verify whether 'Odd Root' signed the certificate"
    )


def der_sequence_of(oid: str) -> bytes:
    from ca.encoding import der

    return der.sequence(der.encode_oid(oid), b"\x05\x00")
