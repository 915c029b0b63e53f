"""What has one place in the house stands nowhere else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from stand_in.lab import ROOT

PACKAGES = ("ca", "cli", "profiles", "scripts/package")
TABLE = "ca/encoding/oids.py"
DOTTED = re.compile(r"[0-2](\.\d+){2,}\.?")
ENCODED = re.compile(
    rb"\x2a\x86\x48|\x2b\x06\x01|\x2b\x81\x04|\x2b\x65|\x2b\x0e\x03|\x55\x04|\x55\x1d|\x60\x86\x48"
)
"""How the OIDs of X.509, PKCS, ANSI X9.62, OIW and NIST begin as DER."""
NOT_OIDS = {("ca/__init__.py", "0.1.0"), ("ca/service/compose.py", "0.0.0.0")}
"""The version of sipca, and every address of a container."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def constants(tree: ast.AST) -> Iterator[str | bytes]:
    """Every text and octets literal; of ``bytes.fromhex("...")`` the octets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield node.value
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("fromhex"):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield bytes.fromhex(argument.value)


def is_oid(literal: str | bytes) -> bool:
    if isinstance(literal, bytes):
        return ENCODED.search(literal) is not None
    return DOTTED.fullmatch(literal) is not None


def test_an_oid_is_written_in_the_table_alone() -> None:
    found = {
        (name, literal)
        for name, tree in modules()
        if name != TABLE
        for literal in constants(tree)
        if is_oid(literal)
    }

    assert found == NOT_OIDS


def test_the_search_sees_an_oid_in_each_of_its_spellings() -> None:
    source = """a = "2.5.29.15"; b = f"2.5.29.{n}"; c = bytes.fromhex("550403"); d = b"\\x06\\x03\\x55\\x1d\\x0f" """

    assert sum(is_oid(literal) for literal in constants(ast.parse(source))) == 4


def test_no_oid_stands_in_the_table_twice() -> None:
    tree = ast.parse((ROOT / TABLE).read_text())
    written = [literal for literal in constants(tree) if is_oid(literal)]

    assert {literal for literal in written if written.count(literal) > 1} == set()


def test_a_time_is_written_as_der_in_one_module() -> None:
    writing = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node).startswith(("tlv(", "der.tlv("))
        and ast.unparse(node.args[0]).endswith(("UTC_TIME", "GENERALIZED_TIME"))
    }

    assert writing == {"ca/encoding/times.py"}


@pytest.mark.parametrize(
    ("function", "module"),
    [
        ("cn_of", "ca/model/certificates.py"),
        ("findings_text", "cli/views/findings.py"),
        ("escape_hidden", "ca/model/escaping.py"),
    ],
)
def test_what_is_needed_in_many_places_is_defined_in_one(function: str, module: str) -> None:
    defining = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.strip("_") == function
    }

    assert defining == {module}


def test_the_first_cn_of_a_subject_is_looked_for_in_one_module() -> None:
    looking = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node).startswith("next(")
        and ".type == 'CN'" in ast.unparse(node)
    }

    assert looking == {"ca/model/certificates.py"}


def test_the_choices_of_an_option_come_from_their_type() -> None:
    spelled_out = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "one_of"
        and isinstance(node.args[2], ast.Tuple)
        and len(node.args[2].elts) > 1
    ]

    assert spelled_out == []
