"""What only one place may reach for: the clock and the dice, SQL, the inside of libraries.

Read from the syntax trees of the library and the terminal face, whatever an import calls a thing.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import ROOT

CLOCK = (
    "time.time", "time.time_ns", "time.clock_gettime", "time.clock_gettime_ns", "time.gmtime", "time.localtime",
    "time.ctime", "time.asctime", "time.strftime", "email.utils.formatdate", "email.utils.localtime",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
)  # fmt: skip
"""The wall clock; ``time.monotonic`` and ``time.sleep`` measure spans and tell no date."""
DICE = (
    "random", "secrets", "os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4", "ssl.RAND_bytes",
    "tempfile.mktemp", "cryptography.x509.random_serial_number",
)  # fmt: skip
ALLOWED = {
    "ca/authority/home.py": "clock and dice of every opened home, from which they are handed on",
    "ca/keys/at_rest.py": "salt and initial vector of an encrypted key",
    "ca/files/writing.py": "the name of a file until it is whole",
}
_SQL_TIME_OR_DICE = re.compile(r"CURRENT_(TIME|DATE)|'now'|\brandom(blob)?\(", re.IGNORECASE)
_SQL = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|REPLACE|PRAGMA|CREATE|DROP|ALTER|BEGIN IMMEDIATE|VACUUM|ATTACH) ")  # fmt: skip
_RUNS_SQL = {"connection", "execute", "executemany", "executescript", "cursor"}
MODULES = [path for package in ("ca", "cli") for path in sorted((ROOT / package).rglob("*.py"))]


def reached(tree: ast.AST) -> Iterator[str]:
    """Dotted names that a module imports or uses, by the names that their own modules give them."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                known[each.asname or top] = each.name if each.asname else top
                yield each.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for each in node.names:
                known[each.asname or each.name] = f"{node.module}.{each.name}"
                yield f"{node.module}.{each.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := _dotted(node, known)):
            yield dotted


def _dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value, known)):
        return f"{before}.{node.attr}"
    return None


def is_of(name: str, watched: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of these, something of it, or everything beside it."""
    module, _, last = name.rpartition(".")
    everything = last == "*" and any(each.startswith(f"{module}.") for each in watched)
    return everything or any(name == each or name.startswith(f"{each}.") for each in watched)


def clock_or_dice(text: str) -> set[str]:
    """What of the clock and the dice a module reaches for, SQLite's among it."""
    tree = ast.parse(text)
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    return {name for name in reached(tree) if is_of(name, CLOCK + DICE)} | {
        each for each in strings if isinstance(each, str) and _SQL_TIME_OR_DICE.search(each)
    }


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_clock_and_dice_are_handed_in() -> None:
    found = {name_of(path): clock_or_dice(path.read_text()) for path in MODULES}

    assert {name for name, reaches in found.items() if reaches} == set(ALLOWED), found


@pytest.mark.parametrize(
    "text",
    [
        "from time import time",
        "from time import time as tick\ntick()",
        "import time as t\nt.time()",
        "from time import *",
        "import datetime as dt\nx = dt.datetime.now(dt.UTC)",
        "from datetime import datetime as moment\ncall(default=moment.now)",
        "from datetime import date\ndate.today()",
        "def f():\n    import os as system\n    return system.urandom(4)",
        "import random",
        "from secrets import token_bytes as more",
        "from cryptography import x509\nx509.random_serial_number()",
        "import cryptography.x509\ncryptography.x509.random_serial_number()",
        "from cryptography.x509 import random_serial_number",
        "query = \"SELECT strftime('%s', 'now')\"",
    ],
)
def test_the_clock_and_the_dice_are_seen_by_every_name(text: str) -> None:
    assert clock_or_dice(text)


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(time.monotonic())",
        "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)",
        "home.now()\nself.time()\nenvironment.clock()",
        "import os\nos.environ",
    ],
)
def test_spans_and_what_is_handed_in_are_no_clock(text: str) -> None:
    assert not clock_or_dice(text)


def test_only_the_store_speaks_sql_or_touches_its_connection() -> None:
    for path in MODULES:
        if name_of(path).startswith("ca/store/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{name_of(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in _RUNS_SQL, where
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not _SQL.match(node.value.lstrip()), where
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                called = node.context_expr.func if isinstance(node.context_expr, ast.Call) else None
                taken = getattr(called, "attr", "")  # `with store.write() as connection`
                assert taken not in ("write", "snapshot"), where


def test_nothing_private_of_a_library_is_used() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for name in reached(tree):
            library, *parts = name.split(".")
            ours = library in ("ca", "cli", "profiles", "__future__", "sipca")
            inside = [each for each in parts if each.startswith("_") and not each.endswith("__")]
            assert ours or not inside or name == "os._exit", f"{name_of(path)}: {name}"
        for node in ast.walk(tree):  # `oid._name`, wherever the object came from
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
                own = _is_own(node, tree) or ast.unparse(node) == "os._exit"
                assert own, f"{name_of(path)}:{node.lineno}: {ast.unparse(node)}"


def _is_own(node: ast.Attribute, tree: ast.AST) -> bool:
    """Whether a private attribute is one that this module itself gives: set on self, or a method."""
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        return True
    given = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}  # fmt: skip
    given |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    return node.attr in given


def test_no_name_is_put_into_a_labels_by_python_s_own_codec() -> None:
    """It is of IDNA 2003, which makes ``strasse`` of ``straße`` and takes no label with an ß."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                said = [each.value for each in node.args if isinstance(each, ast.Constant)]
                assert "idna" not in said, f"{name_of(path)}:{node.lineno}"
                assert "punycode" not in said, f"{name_of(path)}:{node.lineno}"


def test_a_library_whose_inside_is_overridden_has_a_last_version() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    serve = settings["project"]["optional-dependencies"]["serve"]
    (uvicorn,) = [each for each in serve if each.startswith("uvicorn")]

    assert "<" in uvicorn
