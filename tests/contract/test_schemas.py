"""Every ``--json`` answer validates against ``sipca schema``, by a validator no one here wrote."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from stand_in.enrolment import asks, phone_csr, served
from stand_in.lab import SAMPLES, CommandLine

from ca.documents.schema import DOCUMENTS
from ca.revocation.ocsp import request_for
from cli.command_table import COMMANDS


def test_every_command_that_answers_json_has_a_schema_and_keeps_it(
    sipca: CommandLine, tmp_path: Path, wired: tuple[object, ...]
) -> None:
    csr = SAMPLES / "sbc1.csr"
    (tmp_path / "request").write_bytes(request_for(bytes.fromhex("3000")))
    out = tmp_path / "o"
    lab = tmp_path / "lab.toml"
    secret = tmp_path / "secret"
    secret.write_text("new horse")
    lab.write_text('schema = 1\n[[device]]\nname = "gw1"\n')
    unused = sipca("ca", "rotate", "--json").json["cas"][0]["id"]
    sipca("ca", "rotate")
    calls = [
        ("init",), ("sign", csr, "--device", "sbc1"), ("sign", csr, "--dry-run", "--again"), ("sign", csr),
        ("sign", SAMPLES, "--out", tmp_path / "many"), ("csr show", csr, "--profile", "sip"), ("list", "--all"),
        ("import", "--certificates", tmp_path / "many"),
        ("show", "sbc1"), ("export", "sbc1", "--out", out, "--target", "audiocodes-7.4"), ("chain",), ("status",),
        ("log", "--verify"), ("log",), ("device list",), ("device show", "sbc1"), ("device crib", "sbc1"),
        ("device set", "sbc1", "--context", "2"), ("device remove", "sbc1"),
        ("preflight", out / "sbc1-device.pem", "--peer", "10.9.9.9"), ("trust build", out / "trusted-root.pem"),
        ("doctor", "10.9.9.9", "--offline", out / "sbc1-device.pem"), ("doctor", "--all"),
        ("pull", "gw7", "--context", "1"), ("push", "gw7", "--context", "1"),
        ("trust export",), ("trust check", out / "trusted-root.pem", "--pack", "teams-2026"),
        ("trust diff", out / "trusted-root.pem", out / "trusted-1-root.pem"),
        ("issue", "p.lab.example", "--out", tmp_path / "i"), ("fixture list",),
        ("fixture make", "expired", "--out", tmp_path / "f"), ("samples", tmp_path / "s"), ("renew", "sbc1", "--out", tmp_path / "n"),
        ("rekey", "sbc1", "--csr", SAMPLES / "ec-p256.csr"), ("revoke", "sbc1", "--reason", "hold"),
        ("release", "sbc1"), ("crl",), ("ocsp rotate",), ("ocsp presign", "--out", tmp_path / "p"),
        ("ocsp respond", tmp_path / "request", "-o", tmp_path / "r"), ("check", "--min-severity", "info"),
        ("scep list",), ("scep show", "1"), ("scep approve", "1"), ("scep deny", "2"),
        ("scep challenge", "--device", "phone9"), ("scep rotate",),
        ("ca set", "--target", "generic"), ("ca list",), ("ca rotate", "--root"), ("ca plan",),
        ("ca retire", unused), ("device done", "p.lab.example", "--step", "trust"), ("rule list",), ("rule show", "weak-key"), ("profile list",), ("profile show", "sip"),
        ("profile new", "mine", "--from", "sip"), ("profile check", sipca.home / "profiles" / "mine.toml"),
        ("target list",), ("target show", "generic"), ("env",), ("schema",),
        ("help", "sign"), ("version",),
        ("apply", lab, "--check"), ("apply", lab), ("backup", tmp_path / "b"), ("restore", tmp_path / "b"),
        ("ca export-root-key", tmp_path / "k", "--new-passphrase-file", secret),
        ("crl", "--ca", "root", "--refresh", "--lifetime", "2y"),
        ("ca drop-root-key", "--exported", tmp_path / "k", "--passphrase-file", secret),
        ("ca passphrase", "--new-passphrase-file", secret),
    ]  # fmt: skip
    seen = {"error"}
    sipca("issue", "gw7.lab.example", "--device", "gw7", "--out", tmp_path / "gw7")

    with served(sipca.home) as opened:
        for cn in ("00908f123456", "00908f654321"):
            assert asks(opened, phone_csr(cn)).status == "pending"

    for name, *words in calls:
        run = CommandLine(tmp_path / "new") if name == "restore" else sipca
        answer = run(*name.split(), *words, *(wired if name in ("pull", "push") else ()), "--json")
        schema = json.loads(sipca("schema", *name.split()).out)
        assert answer.out, (name, answer.err)
        jsonschema.Draft202012Validator(schema).validate(json.loads(answer.out))
        seen.add(name)

    assert seen == set(DOCUMENTS)


def test_an_error_keeps_the_schema_of_errors(sipca: CommandLine) -> None:
    schema = json.loads(sipca("schema", "error").out)

    for words in (("show", "nobody"), ("bogus",), ("sign",)):
        jsonschema.Draft202012Validator(schema).validate(json.loads(sipca(*words, "--json").err))


def test_every_command_is_in_the_table_or_answers_no_document() -> None:
    commands = set()
    for name, entry in COMMANDS.items():
        commands |= (
            {f"{name} {inner}" for inner in entry[1]} if isinstance(entry, tuple) else {name}
        )

    assert commands - set(DOCUMENTS) == {"serve", "web", "completion"}
