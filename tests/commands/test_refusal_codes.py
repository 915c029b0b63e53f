"""Each refusal carries the code of its rule, in text and JSON, and ``rule show`` explains it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES, CommandLine

from ca.authority.reports.rule import rules

CSR = SAMPLES / "sbc1.csr"
RAISED_ELSEWHERE = {
    "backup-lacks-key", "ca-key-kind", "import-ca-key", "import-damaged", "import-foreign",
    "import-forged", "import-is-root", "import-no-ca", "import-no-root", "import-path-length",
    "import-same-key", "key-work", "no-rest", "page-form", "relic-successor", "renew-status",
    "root-crl-short", "rotate-key-identifier", "token-key-there", "trust-run", "validity-past",
    "ca-on-hold",
}  # fmt: skip
"""Codes of refusals whose message and exit code the tests of their verbs have."""


def raised() -> Iterator[tuple[str, str | None]]:
    """The place of each refusal in the sources, and the code it carries."""
    for path in (ROOT / "ca").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PolicyError":
                codes = [each.value for each in node.keywords if each.arg == "rule"]
                code = codes[0].value if codes and isinstance(codes[0], ast.Constant) else None
                yield f"{path.name}:{node.lineno}", code if isinstance(code, str) else None


def refused(sipca: CommandLine, code: str, exit_code: int, *words: object) -> None:
    text, machine = sipca(*words), sipca(*words, "--json")

    assert (text.exit, machine.exit) == (exit_code, exit_code), text.err
    assert f"[{code}]" in text.err
    document = json.loads(machine.out or machine.err.splitlines()[-1])
    told = document["error"] if "error" in document else document["refused"][0]
    assert told["rule"] == code


def test_every_refusal_of_the_sources_has_a_code_of_the_catalogue() -> None:
    known = {each.code for each in rules().rules}

    assert [(place, code) for place, code in raised() if code not in known] == []


def test_the_codes_that_other_tests_provoke_are_raised_somewhere() -> None:
    assert RAISED_ELSEWHERE - {code for _, code in raised()} == set()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("subject-empty", ("sign", CSR, "--cn", "")),
        ("profile-role", ("sign", CSR, "--profile", "root")),
        ("validity-issuer", ("sign", CSR, "--lifetime", "2090-01-01")),
        ("validity-profile", ("sign", CSR, "--profile", "https", "--lifetime", "9y")),
        ("validity-begin", ("sign", CSR, "--backdate", "90y")),
        ("san-dns-address", ("sign", CSR, "--san", "dns:10.1.1.3")),
        ("san-kind", ("sign", CSR, "--profile", "https", "--san", "uri:sip:a.lab")),
        ("target-files", ("issue", "a.lab.example", "--target", "kamailio", "--pfx", "--key-passphrase-file", "pass", "--out", "o")),
    ],
)  # fmt: skip
def test_a_refusal_tells_its_code_in_text_and_json(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    code: str, words: tuple[object, ...],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pass").write_text("a passphrase\n")

    refused(sipca, code, 4, *words)
    assert sipca("rule", "show", code).exit == 0


def test_a_ca_is_neither_renewed_nor_superseded_as_a_device(sipca: CommandLine) -> None:
    serial = sipca("ca", "list", "--json").json["cas"][0]["serial"]

    refused(sipca, "ca-certificate", 4, "sign", CSR, "--supersedes", serial)
    refused(sipca, "ca-certificate", 4, "renew", serial, "--out", "o")


def test_a_root_is_not_revoked(sipca: CommandLine) -> None:
    cas = sipca("ca", "list", "--json").json["cas"]
    root = next(each for each in cas if each["role"] == "root")

    refused(sipca, "root-irrevocable", 4, "revoke", root["serial"], "--reason", "superseded")


def test_a_key_that_was_compromised_is_refused_by_its_code(sipca: CommandLine) -> None:
    serial = sipca("sign", CSR, "--json").json["signed"][0]["serial"]
    assert sipca("revoke", serial, "--reason", "key-compromise").exit == 0

    refused(sipca, "key-compromised", 4, "sign", CSR, "--again")


def test_what_a_call_finds_in_its_way_has_a_code(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "there.pem").write_text("something else")

    refused(sipca, "file-in-the-way", 6, "sign", CSR, "-o", tmp_path / "there.pem")


def test_two_files_of_one_name_have_a_code(sipca: CommandLine, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sbc1.csr").write_bytes(CSR.read_bytes())

    refused(sipca, "same-file", 6, "sign", tmp_path / "a/sbc1.csr", tmp_path / "b/sbc1.csr",
            "--out", tmp_path / "out")  # fmt: skip


def test_a_rekey_with_the_old_key_has_a_code(sipca: CommandLine, tmp_path: Path) -> None:
    serial = sipca("sign", CSR, "--json").json["signed"][0]["serial"]

    refused(sipca, "rekey-same-key", 4, "rekey", serial, "--csr", CSR, "--out", tmp_path / "out")


def test_what_was_superseded_has_one_successor(sipca: CommandLine) -> None:
    first = sipca("sign", CSR, "--json").json["signed"][0]["serial"]
    assert sipca("sign", CSR, "--again", "--supersedes", first).exit == 0

    refused(sipca, "superseded-already", 6, "sign", CSR, "--again", "--supersedes", first)
    refused(sipca, "superseded-already", 6, "renew", first, "--out", "o")
