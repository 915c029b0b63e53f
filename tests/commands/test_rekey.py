"""``rekey``: another key for what a certificate is used for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stand_in.lab import EC_KEY, CommandLine
from stand_in.revocations import crl_reasons

Csr = Callable[..., Path]


def first(sipca: CommandLine, request: Path) -> str:
    words = ("--device", "s", "--context", "2", "--profile", "https")
    return sipca("sign", request, *words, "--json").json["signed"][0]["serial"]


def test_another_key_takes_device_context_and_profile_of_the_old_one(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    serial = first(sipca, csr_file("a", cn="s.lab.example"))
    request = csr_file("b", cn="s.lab.example", key=EC_KEY)

    answer = sipca("rekey", "s", "--csr", request, "--out", tmp_path / "out", "--revoke-old", "--json")  # fmt: skip

    (entry,) = answer.json["signed"]
    assert (entry["device"], entry["context"], entry["profile"]) == ("s", 2, "https")
    assert entry["supersedes"] == serial
    assert (tmp_path / "out" / "b-ctx2-device.pem").exists()
    assert crl_reasons(sipca) == {serial: "superseded"}
    assert not [each for each in entry["findings"] if each["code"] == "rekey-names"]


def test_in_the_folder_of_the_old_certificate_its_files_are_replaced_under_their_names(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "kit"
    sipca("sign", csr_file("sbc2", cn="s.lab"), "--device", "s", "--out", out, "--fullchain")
    assert sipca("export", "s", "--target", "audiocodes-7.4", "--out", out).exit == 0
    before = sorted(each.name for each in out.iterdir())
    request = csr_file("sbc2-new", cn="s.lab", key=EC_KEY)

    answer = sipca("rekey", "s", "--csr", request, "--out", out)

    assert answer.exit == 0, answer.err
    told = "sbc2-device.pem keeps the name of the older certificate, which it replaces"
    assert told in answer.err
    assert "has the sheet of an older certificate" in answer.err
    new = sipca("show", "s", "--pem").out
    for step in ((), ("renew",), ("export", "--target", "audiocodes-7.4")):
        if step:
            assert sipca(step[0], "s", *step[1:], "--out", out).exit == 0
            new = sipca("show", "s", "--pem").out
        assert sorted(each.name for each in out.iterdir()) == before
        assert (out / "sbc2-device.pem").read_text() == new
        assert (out / "sbc2-fullchain.pem").read_text().startswith(new)


def test_an_old_file_that_was_edited_keeps_its_place_and_the_new_one_has_the_requests_name(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "kit"
    sipca("sign", csr_file("sbc2", cn="s.lab"), "--device", "s", "--out", out)
    edited = out / "sbc2-device.pem"
    edited.write_text("mine\n")

    answer = sipca("rekey", "s", "--csr", csr_file("n", cn="s.lab", key=EC_KEY), "--out", out, "--json")  # fmt: skip

    assert answer.json["signed"][0]["files"]["device"] == str(out / "n-device.pem")
    assert edited.read_text() == "mine\n"


def test_the_same_key_is_a_renewal(sipca: CommandLine, csr_file: Csr) -> None:
    request = csr_file("a", cn="s.lab.example")
    serial = first(sipca, request)

    answer = sipca("rekey", "s", "--csr", request)

    assert answer.exit == 4
    assert f"has the key of {serial[:12]}" in answer.err
    assert f"sipca renew {serial[:12]} --out DIR" in answer.err


def test_names_that_differ_are_warned_of(sipca: CommandLine, csr_file: Csr) -> None:
    first(sipca, csr_file("a", "ip:10.0.0.1", cn="s.lab.example"))
    request = csr_file("b", "dns:new.lab.example", cn="s.lab.example", key=EC_KEY)

    answer = sipca("rekey", "s", "--csr", request)

    assert answer.exit == 0, answer.err
    assert answer.out.startswith("-----BEGIN CERTIFICATE-----")
    assert "without ip:10.0.0.1; with dns:new.lab.example (rekey-names)" in answer.err


def test_both_stay_current_beside_each_other(sipca: CommandLine, csr_file: Csr) -> None:
    first(sipca, csr_file("a", cn="s.lab.example"))
    request = csr_file("b", cn="s.lab.example", key=EC_KEY)

    assert sipca("rekey", "s", "--csr", request, "--beside", "--json").json["signed"][0]["supersedes"] is None  # fmt: skip
    assert len(sipca("list", "--json").json["certificates"]) == 2
    assert sipca("rekey", "s", "--csr", request, "--beside", "--revoke-old").exit == 2


def test_the_key_of_a_ca_is_not_changed_here(sipca: CommandLine, csr_file: Csr) -> None:
    (ca,) = sipca("list", "--profile", "issuing", "--json").json["certificates"]

    answer = sipca("rekey", ca["serial"], "--csr", csr_file("a"))

    assert answer.exit == 4
    assert "is the certificate of a CA" in answer.err
