"""``ca set``: the settings of a home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stand_in.lab import CommandLine

Csr = Callable[..., Path]


def test_ca_set_changes_what_is_issued_from_then_on_and_is_logged(
    lab: CommandLine, csr_file: Csr
) -> None:
    before = lab("show", "proxy.lab.example", "--json").json["account"]

    lab("ca", "set", "--base-url", "http://10.0.0.5:8080/")
    after = lab("sign", csr_file("n", cn="n.lab.example"), "--json").json["signed"][0]["account"]
    unset = lab("ca", "set", "--base-url", "none", "--json").json

    urls = {line["field"]: line["issued"] for line in after}
    ca_id = lab("status", "--json").json["cas"][1]["id"]
    assert not any(line["field"] == "extension.cRLDistributionPoints" for line in before)
    assert urls["extension.cRLDistributionPoints"] == f"http://10.0.0.5:8080/crl/{ca_id}.crl"
    assert urls["extension.authorityInfoAccess"] == (
        f"OCSP http://10.0.0.5:8080/, CA issuers http://10.0.0.5:8080/ca/{ca_id}.cer"
    )
    assert unset == {"schema": 1, "base_url": None, "target": "audiocodes-7.4", "changed": True}
    assert [e["action"] for e in lab("log", "--json").json["events"]].count("set") == 2


def test_ca_set_with_what_is_set_already_changes_nothing(lab: CommandLine) -> None:
    lab("ca", "set", "--target", "generic")
    events = len(lab("log", "--json").json["events"])

    answer = lab("ca", "set", "--target", "generic", "--json")

    assert answer.json["changed"] is False
    assert len(lab("log", "--json").json["events"]) == events


def test_ca_set_refuses_an_unknown_target_and_an_empty_call(lab: CommandLine) -> None:
    unknown = lab("ca", "set", "--target", "audiocode-7.4")
    empty = lab("ca", "set")

    assert unknown.exit == 5
    assert "did you mean 'audiocodes-7.4'?" in unknown.err
    assert empty.exit == 2
