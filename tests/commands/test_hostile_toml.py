"""TOML of the operator's: deep, huge, beyond the bounds; templates and patterns that are bombs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, ROOT, VECTORS, CommandLine, make_csr

from ca.errors import MalformedError
from ca.profiles.library import Library
from ca.profiles.patterns import check_pattern, check_template, fill, matches

Csr = Callable[..., Path]
SIP = (ROOT / "profiles" / "sip.toml").read_text()
TARGET = (ROOT / "profiles" / "targets" / "audiocodes-7.4.toml").read_text()
LAB = 'schema = 1\n[[device]]\nname = "g2"\n'
BAD = {
    "lists": ("x = " + "[" * 20_000 + "]" * 20_000, "nested deeper than 32"),
    "fewer lists": ("x = " + "[" * 40 + "]" * 40, "nested deeper than 32"),
    "tables": ("x = " + "{a = " * 20_000 + "1" + "}" * 20_000, "nested deeper than 32"),
    "dots": (".".join("a" * 60_000) + " = 1", "nested deeper than 32"),
    "dots in a table": ("x = {" + ".".join("a" * 60_000) + " = 1}", "nested deeper than 32"),
    "header": ("[" + " . ".join(["'a'", '"b"'] * 20_000) + "]", "nested deeper than 32"),
    "digits": ("x = 1" + "0" * 5_000, "a number is beyond"),
    "hex": ("x = 0x" + "f" * 100_000, "the number is beyond"),
    "text": (f'x = "{"a" * 20_000}"', "20000 characters, but 16384 is the maximum"),
    "key": (f"{'a' * 300} = 1", "300 characters, but 200 is the maximum"),
    "values": (f"x = [{'1,' * 60_000}]", "more than 50000 values"),
    "nul": ('x = "a\\u0000b"', r"'a\x00b' holds control or invisible characters"),
    "escape": ('x = "\\u001b[2J"', r"'\x1b[2J' holds control or invisible characters"),
    "direction": ('"a\\u202eb" = 1', "holds control or invisible characters"),
    "size": ("#" * 300_000, "more than 262144 octets"),
    "date": ("x = 9999-12-31T23:59:59-23:59", "unknown key 'x'"),
    "no date": ("x = 2026-02-30", "is not TOML"),
    "infinite": ("x = inf", "unknown key 'x'"),
    "repeated": ("x = 1\nx = 2", "is not TOML"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("what", ["profile check", "apply", "sign", "sign target"])
def test_toml_beyond_the_bounds_is_refused_at_once_and_named(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, name: str, what: str
) -> None:
    text, said = BAD[name]
    shelf = {"sign": sipca.home / "profiles", "sign target": sipca.home / "targets"}.get(what)
    file = (shelf or tmp_path) / "mine.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    words = {
        "profile check": ["profile", "check", file],
        "apply": ["apply", file],
        "sign": ["sign", csr_file("a"), "--profile", "mine"],
        "sign target": ["sign", csr_file("a"), "--target", "mine"],
    }
    started = time.monotonic()

    answer = sipca(*words[what])

    assert answer.exit == 3, answer.err
    assert "mine.toml" in answer.err
    assert said in answer.err
    assert len(answer.err) < 2_000
    assert "\x1b" not in answer.err
    assert time.monotonic() - started < 10
    assert not sipca("list", "--all", "--json").json["certificates"]


def test_octets_that_are_no_text_are_refused_in_a_lab_file(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").write_bytes(LAB.encode() + b'target = "g\xff"\n')

    answer = bare("apply", tmp_path / "lab.toml")

    assert answer.exit == 3
    assert "lab.toml is not UTF-8 at octet" in answer.err


@pytest.mark.parametrize("sample", ["deep.toml"])
def test_the_sample_is_refused_with_its_file(bare: CommandLine, sample: str) -> None:
    path = VECTORS / "hostile" / "toml" / sample

    for words in (["profile", "check", path], ["apply", path]):
        answer = bare(*words)

        assert answer.exit == 3
        assert f"{sample} is nested deeper than 32 tables and lists" in answer.err


@pytest.mark.parametrize("number", ["-7", "-1", "100", "4294967296", "9223372036854775808", "1.5"])
@pytest.mark.parametrize("table", ["device", "certificate"])
def test_a_context_out_of_range_is_refused_with_file_and_key_and_spoils_no_home(
    bare: CommandLine, tmp_path: Path, number: str, table: str
) -> None:
    lab = {
        "device": f'[[device]]\nname = "g2"\ncontext = {number}\n',
        "certificate": f'[[certificate]]\nissue = ["a.lab"]\nout = "a"\ncontext = {number}\n',
    }
    (tmp_path / "lab.toml").write_text("schema = 1\n" + lab[table])

    answer = bare("apply", tmp_path / "lab.toml")

    assert answer.exit == 3, answer.err
    assert f"lab.toml: {table}[0].context: " in answer.err
    assert not bare.home.exists()


def test_the_sample_of_a_negative_context_is_refused(bare: CommandLine) -> None:
    answer = bare("apply", VECTORS / "hostile" / "lab" / "ctx-neg.toml")

    assert answer.exit == 3
    assert "ctx-neg.toml: device[0].context: expected 'int' >= 0" in answer.err
    assert not bare.home.exists()


@pytest.mark.parametrize("number", ["-1", "100", "1e3"])
def test_a_context_out_of_range_is_refused_on_the_command_line_and_in_a_csv(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, number: str
) -> None:
    source = csr_file("a")
    (tmp_path / "names.csv").write_text(f"source,context\n{source},{number}\n")

    signed = sipca("sign", source, "--context", number)
    listed = sipca("sign", source, "--names", tmp_path / "names.csv")
    entered = sipca("device", "set", "g2", "--context", number)

    assert (signed.exit, entered.exit, listed.exit) == (2, 2, 3), listed.err
    assert "0 to 99" in listed.err


TEMPLATES = [
    "{device:>999999999}",
    "{device.__class__}",
    "{device.__class__.__mro__[1].__subclasses__}",
    "{device!r:>99999999}",
    "{0}",
    "{}",
    "{other}",
    "{device",
    "device}",
    "{{device}}",
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("place", ["steps", "fields", "rest"])
def test_a_template_that_is_more_than_a_place_holder_is_refused(
    sipca: CommandLine, csr_file: Csr, template: str, place: str
) -> None:
    shipped = {
        "steps": "Trusted Root Certificates > Import: {trusted_root}",
        "fields": "{address}",
        "rest": "/api/v1/files/tls/{context}/trustedRoot",
    }
    assert shipped[place] in TARGET
    (sipca.home / "targets").mkdir()
    text = TARGET.replace(shipped[place], template)
    (sipca.home / "targets" / "mine.toml").write_text(text)

    answer = sipca("sign", csr_file("a"), "--target", "mine")

    assert answer.exit == 3, answer.err
    assert "has an unknown place-holder" in answer.err
    assert "hint: use only {" in answer.err


def test_what_is_put_in_is_not_looked_at_again() -> None:
    text = fill("{a} and {b}", {"a": "{b}", "b": "{a:>9}"})

    assert text == "{b} and {a:>9}"
    with pytest.raises(MalformedError):
        check_template("x", "{A}", ("a",))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a|aa)+", "(.*)*b", "a|b", "(?P<x>a)", "a{1,100}", "a{1000}", "a" * 101,
        "a*b*c*", "[a-z", "[z-a]", "a{2}{3}", "a++", "\\1", "(?=a)", "a{5,2}", "[a-z]*?[a-z]+?x",
    ],
)  # fmt: skip
def test_a_pattern_that_could_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(MalformedError, match="is not a name pattern"):
        check_pattern("request.factory_cn", pattern)


def test_a_pattern_of_the_little_language_matches_at_once() -> None:
    worst = "[a-z]*[a-z]+" + "[a-z]{9}" * 8 + "!"
    started = time.monotonic()
    with pytest.raises(MalformedError):
        check_pattern("x", worst)
    check_pattern("x", worst.removesuffix("!"))

    assert not matches(worst.removesuffix("!"), "a" * 63 + "0")
    assert not matches(".*.*", "a" * 1_000_000)
    assert time.monotonic() - started < 1
    for pattern, name in (("ACL_[0-9]{6,7}", "ACL_482913"), ("[0-9A-Fa-f]{12}", "00908f123456"),
                          ("gw-?[0-9]+", "gw-12"), ("", "")):  # fmt: skip
        check_pattern("x", pattern)
        assert matches(pattern, name)
    assert not matches("ACL_[0-9]{6,7}", "ACL_48291")
    assert not matches("[0-9]{2}", "\u0663\u0664")


def test_every_shipped_target_fills_its_templates() -> None:
    library = Library(None)

    for name in library.targets.names():
        target = library.target(name)
        for step in target.steps:
            assert "{" not in fill(
                step.text, {"trusted_root": "r", "device": "d", "context": "1", "slot": "0"}
            )


@pytest.mark.parametrize(
    ("key", "value"),
    [("start_days", "999999999999"), ("start_days", "2000000000"), ("limit", "-1"),
     ("port", "0"), ("port", "70000"), ("slots", "-5"), ("smallest_rsa", "-1")],
)  # fmt: skip
def test_a_number_of_a_target_beyond_reason_is_refused(
    sipca: CommandLine, csr_file: Csr, key: str, value: str
) -> None:
    import re

    (sipca.home / "targets").mkdir()
    text = re.sub(rf"^{key} = [0-9]+", f"{key} = {value}", TARGET, flags=re.MULTILINE)
    assert text != TARGET
    (sipca.home / "targets" / "mine.toml").write_text(text)

    answer = sipca("sign", csr_file("a"), "--target", "mine")

    assert answer.exit == 3, answer.err
    assert key in answer.err


def test_an_own_target_and_profile_that_are_good_go_on_working(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (sipca.home / "targets").mkdir()
    (sipca.home / "targets" / "mine.toml").write_text(TARGET)
    assert sipca("profile", "new", "my-sip", "--from", "sip").exit == 0
    (tmp_path / "a.csr").write_bytes(make_csr(cn="a.lab.example", key=EC_KEY))

    answer = sipca("sign", tmp_path / "a.csr", "--target", "mine", "--profile", "my-sip")

    assert answer.exit == 0, answer.err
    assert "Trusted Root Certificates > Import: " in answer.err
