"""JSON documents may only grow: each keeps every key and type of its golden JSON Schema.

After a wanted addition: ``SIPCA_UPDATE_GOLDEN=1 python -m pytest tests/contract``.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from stand_in.lab import ROOT, SAMPLES, CommandLine

import ca.documents
from ca.documents.base import Document
from ca.revocation.ocsp import request_for

GOLDEN = ROOT / "tests" / "golden"
UPDATE = "SIPCA_UPDATE_GOLDEN"
_update = bool(os.environ.get(UPDATE))


def documents() -> dict[str, type[Document]]:
    """Every document of the house by name."""
    found: dict[str, type[Document]] = {}
    for module in pkgutil.iter_modules(ca.documents.__path__):
        for value in vars(importlib.import_module(f"ca.documents.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Document) and value is not Document:
                found[value.__name__] = value
    return found


def lost(old: Any, new: Any, path: str = "") -> list[str]:
    """What of a golden schema a newer one has not kept."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [f"{path}: {old} became {new}"]
    gone = []
    for key, value in old.items():
        if key in ("description", "title", "required"):
            continue
        if key not in new:
            gone.append(f"{path}/{key}")
        elif isinstance(value, list):
            gone += [f"{path}/{key}: {each}" for each in value if each not in new[key]]
        else:
            gone += lost(value, new[key], f"{path}/{key}")
    return gone


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_document_keeps_every_key_and_type(name: str) -> None:
    schema = json.loads(json.dumps(msgspec.json.schema(documents()[name])))
    golden = GOLDEN / f"{name}.json"
    if _update:
        golden.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")

    assert lost(json.loads(golden.read_text()), schema) == []
    assert json.loads(golden.read_text()) == schema, (
        f"an addition: {UPDATE}=1 updates the golden file"
    )


def test_a_lost_key_and_a_changed_type_are_noticed() -> None:
    old = {"$defs": {"D": {"properties": {"a": {"type": "string"}, "b": {"enum": [1, 2]}}}}}

    assert lost(old, {"$defs": {"D": {"properties": {"b": {"enum": [1, 2]}}}}}) == [
        "/$defs/D/properties/a"
    ]
    assert lost(
        old, {"$defs": {"D": {"properties": {"a": {"type": "null"}, "b": {"enum": [1]}}}}}
    ) == [
        "/$defs/D/properties/a/type: string became null",
        "/$defs/D/properties/b/enum: 2",
    ]


def test_every_json_answer_is_of_its_documents_type(
    sipca: CommandLine, tmp_path: Path, wired: tuple[object, ...]
) -> None:
    csr = SAMPLES / "sbc1.csr"
    request = tmp_path / "request.der"
    request.write_bytes(request_for(bytes.fromhex("3000")))
    trusted = tmp_path / "o" / "trusted-root.pem"
    lab = tmp_path / "lab.toml"
    lab.write_text("schema = 1\n")
    other = SAMPLES / "ec-p256.csr"
    secret = tmp_path / "secret"
    secret.write_text("new horse")
    calls = {
        "InitDocument": ("init",),
        "SigningDocument": ("sign", csr),
        "RequestDocument": ("csr", "show", csr, "--profile", "sip"),
        "ListDocument": ("list",),
        "ShowDocument": ("show", "sbc1.lab.example"),
        "ExportDocument": ("export", "sbc1.lab.example", "--out", tmp_path / "o"),
        "ChainDocument": ("chain",),
        "RenewDocument": ("renew", "sbc1.lab.example", "--out", tmp_path / "n"),
        "ImportDocument": ("import", "--certificates", tmp_path / "o"),
        "CRLDocument": ("crl",),
        "SignersDocument": ("ocsp", "rotate"),
        "PresignDocument": ("ocsp", "presign", "--out", tmp_path / "p"),
        "OCSPAnswerDocument": ("ocsp", "respond", request, "-o", tmp_path / "r"),
        "CheckDocument": ("check",),
        "PreflightDocument": ("preflight", tmp_path / "o" / "sbc1-device.pem"),
        "DoctorDocument": ("doctor", "--all"),
        "EnvDocument": ("env",),
        "ApplyDocument": ("apply", lab),
        "SchemaListDocument": ("schema",),
        "HelpDocument": ("help", "sign"),
        "VersionDocument": ("version",),
        "IssueDocument": ("issue", "peer.lab.example", "--out", tmp_path / "i"),
        "RekeyDocument": ("rekey", "sbc1.lab.example", "--csr", other, "--out", tmp_path / "k2"),
        "DeviceDocument": ("device", "set", "sbc1", "--context", "2"),
        "DeviceListDocument": ("device", "list"),
        "CribDocument": ("device", "crib", "sbc1"),
        "PullDocument": ("pull", "sbc1", *wired),
        "PushDocument": ("push", "--all", "--expiring", "1d", *wired[2:]),
        "TrustExportDocument": ("trust", "export"),
        "TrustCheckDocument": ("trust", "check", trusted, "--pack", "ours"),
        "TrustDocument": ("trust", "build", trusted),
        "TrustDiffDocument": ("trust", "diff", trusted, trusted),
        "FixtureListDocument": ("fixture", "list"),
        "SamplesDocument": ("samples", tmp_path / "s"),
        "FixtureDocument": ("fixture", "make", "expired", "--out", tmp_path / "f"),
        "StatusDocument": ("status",),
        "LogDocument": ("log", "--verify"),
        "SettingsDocument": ("ca", "set", "--target", "generic"),
        "CAListDocument": ("ca", "list"),
        "CARotationDocument": ("ca", "rotate", "--json"),
        "PlanDocument": ("ca", "plan"),
        "DeviceDoneDocument": ("device", "done", "peer.lab.example", "--step", "trust"),
        "RuleDocument": ("rule", "list"),
        "RuleShowDocument": ("rule", "show", "san-dns-address"),
        "ProfileListDocument": ("profile", "list"),
        "TargetListDocument": ("target", "list"),
        "TextDocument": ("profile", "show", "sip"),
        "WrittenDocument": ("profile", "new", "mine", "--from", "sip"),
        "RevocationDocument": ("revoke", "peer.lab.example"),
        "BackupDocument": ("backup", tmp_path / "b"),
        "RestoreDocument": ("restore", tmp_path / "b"),
        "RootKeyDocument": (
            "ca",
            "export-root-key",
            tmp_path / "k",
            "--new-passphrase-file",
            secret,
        ),
        "PassphraseDocument": ("ca", "passphrase", "--new-passphrase-file", secret),
    }

    spare = sipca("ca", "rotate", "--json").json["cas"][0]["id"]
    sipca("ca", "rotate")
    calls["RetirementDocument"] = ("ca", "retire", spare)

    for name, words in calls.items():
        run = CommandLine(tmp_path / "new") if words[0] == "restore" else sipca
        answer = run(*words, "--json")
        assert answer.exit == (3 if name == "OCSPAnswerDocument" else 0), answer
        decoded = msgspec.json.decode(answer.out, type=documents()[name])
        assert decoded.schema == 1

    assert set(calls) == set(documents()) - {"ErrorDocument"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "nothing"), 5),
        (("sign",), 2),
        (("bogus",), 2),
        (("sign", "x", "--lifetime", "never"), 2),
    ],
)
def test_an_error_before_there_is_a_document_is_json_on_stderr(
    sipca: CommandLine, words: tuple[str, ...], code: int
) -> None:
    answer = sipca(*words, "--json")

    body = json.loads(answer.err)
    assert answer.exit == code
    assert answer.out == ""
    assert body["schema"] == 1
    rule = {"rule"} if words == ("show", "nothing") else set()
    assert set(body["error"]) == {"kind", "message", "hint", "exit"} | rule
    assert msgspec.json.decode(answer.err, type=documents()["ErrorDocument"]).error.exit == code
