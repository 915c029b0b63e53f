"""Which tests come across a line: the suite run once under coverage, and again where it changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from coverage import CoverageData

from scripts.mutating.mutants import Mutant

SUITE = ("tests/rooms", "tests/commands")
CACHE = Path(".mutate")
"""Where it is kept which test comes across which line."""
_RUN = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header")


def copy_tree(root: Path, to: Path) -> Path:
    """A copy of what git knows or would add; the real tree is never changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
    return to


def pytest(tree: Path, words: Sequence[str], *, seconds: float) -> tuple[int, str]:
    """Exit code and output of pytest in a copy of the tree; -1 where it took too long."""
    packages = f"{tree}:{tree / 'scripts/package'}"
    environment = os.environ | {"PYTHONPATH": packages, "COLUMNS": "400"}
    started = subprocess.Popen(
        [sys.executable, *_RUN, *words], cwd=tree, env=environment, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = started.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        return -1, ""
    return started.returncode, said


def failed_tests(said: str) -> list[str]:
    """The tests that pytest's summary names as failed, without their parameters."""
    lines = [line.split(" - ")[0] for line in said.splitlines()]
    return [each.partition(" ")[2] for each in lines if each.startswith(("FAILED ", "ERROR "))]


class Coverage:
    """Tests by the lines that they come across; those that fail by themselves left out."""

    def __init__(self, tree: Path) -> None:
        CACHE.mkdir(exist_ok=True)
        self._file = CACHE.resolve() / "coverage"
        self._known = CACHE / "known.json"
        self._broken: set[str] = set()
        self._bring_up_to_date(tree)
        self._data = CoverageData(str(self._file))
        self._data.read()
        self._tree = tree
        self._by_line: dict[str, dict[int, list[str]]] = {}

    def of(self, mutant: Mutant) -> list[str]:
        """The tests to run, those first that are likeliest to notice and quickest."""
        by_line = self._contexts(mutant.path)
        lines = mutant.lines or tuple(by_line)
        contexts = {context for line in lines for context in by_line.get(line, ())}
        tests = {each.partition("|")[0].partition("[")[0] for each in contexts if "|run" in each}
        setups = sorted(each.partition("|")[0].partition("[")[0] for each in contexts)
        tests.update(setups[:3])
        module = mutant.path.removesuffix(".py").replace("/", ".")

        def rank(test: str) -> tuple[bool, bool, bool, bool, str]:
            text = self._text(test)
            named = bool(mutant.code) and mutant.code in text
            in_rooms = test.startswith("tests/rooms")
            return not named, not in_rooms, "subprocess" in text, module not in text, test

        there = {t for t in tests if f"def {t.rpartition('::')[2]}(" in self._text(t)}
        return sorted(there - self._broken, key=rank) or self._mentioning(module)

    def _mentioning(self, module: str) -> list[str]:
        """The files of tests that import a module: for what no single test comes across."""
        files = [file for each in SUITE for file in (self._tree / each).rglob("test_*.py")]
        found = [each for each in files if module in each.read_text()]
        return sorted(str(each.relative_to(self._tree)) for each in found)

    def _text(self, test: str) -> str:
        file = self._tree / test.partition("::")[0]
        return file.read_text() if test and file.exists() else ""

    def _contexts(self, path: str) -> dict[int, list[str]]:
        if path not in self._by_line:
            found = self._by_line[path] = {}
            for file in self._data.measured_files():  # one of each copy that was looked at
                if file.endswith(f"/{path}"):
                    for line, contexts in self._data.contexts_by_lineno(file).items():
                        found.setdefault(line, []).extend(contexts)
        return self._by_line[path]

    def _bring_up_to_date(self, tree: Path) -> None:
        known = json.loads(self._known.read_text()) if self._known.exists() else {}
        now = {
            str(file.relative_to(tree)): hashlib.sha256(file.read_bytes()).hexdigest()
            for folder in ("ca", "cli", "profiles", *SUITE)
            for file in sorted((tree / folder).rglob("*.[pt][yo]*"))
            if "__pycache__" not in file.parts
        }
        changed = [each for each, digest in now.items() if known.get(each) != digest]
        changed += [each for each in known if each not in now and each != "broken"]
        whole = any(not each.startswith("tests/") for each in changed)
        tests = [each for each in changed if each in now and Path(each).name.startswith("test_")]
        chosen = list(SUITE) if whole else tests
        broken = () if whole else known.get("broken", ())
        self._broken = {each for each in broken if each.partition("::")[0] not in changed}
        if chosen:
            if whole:
                self._file.unlink(missing_ok=True)
            print(f"looking at which lines the tests come across: {' '.join(chosen)}", flush=True)
            os.environ["COVERAGE_FILE"] = str(self._file)
            words = ["--cov=ca", "--cov-context=test", "--cov-report=", "--cov-append"]
            _, said = pytest(tree, [*words, *chosen], seconds=3600)
            del os.environ["COVERAGE_FILE"]
            self._broken |= {each.partition("[")[0] for each in failed_tests(said)}
        for each in sorted(self._broken):
            print(f"left out, since it fails by itself: {each}")
        self._known.write_text(json.dumps({**now, "broken": sorted(self._broken)}))
