"""Put small faults into the code that decides, one at a time, and run the tests that come across.

The faults: a comparison turned or moved by its equal sign, ``and`` for ``or``, a ``not`` left out, a
number one more or less, a ``raise``, a ``yield`` or a violation dropped, a rule that says nothing.
The tests of a fault are those of tests/rooms and tests/commands that run its line. A survivor is a
fault that no test notices: an equivalent program, or a rule that nothing holds.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from queue import Queue

from scripts.mutating.evidence import Coverage, copy_tree, failed_tests, pytest
from scripts.mutating.mutants import Mutant, files, mutants_of, sample

FIRST, FIRST_SECONDS, REST_SECONDS = 25, 120, 600
"""The tests that are run first, and how long they and the others may take."""
MEMORY = 4 << 30
SURVIVED = "SURVIVED"


def main(words: list[str]) -> int:
    """Print a line for each fault; exit 1 if one survived."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("--count", type=int, default=150, help="how many faults (150)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once (1)")
    parser.add_argument("--most", type=int, default=200, help="tests that a fault meets (200)")
    parser.add_argument("--list", action="store_true", help="print the faults and try none")
    parser.add_argument("--only", default="", help="faults whose line of the table holds this")
    parser.add_argument("--paths", nargs="+", default=[], help="put into these files or folders")
    options = parser.parse_args(words)
    root = Path.cwd()
    every = [m for f in files(root, tuple(options.paths)) for m in mutants_of(root, f)]
    every = [each for each in every if options.only in each.name]
    mutants = sample(every, options.count, options.seed)
    print(f"{len(mutants)} of {len(every)} faults, seed {options.seed}")
    if options.list:
        print("\n".join(each.name for each in mutants))
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # a fault may take all there is
    with tempfile.TemporaryDirectory(prefix="sipca-mutate-") as folder:
        trees = [copy_tree(root, Path(folder) / str(n)) for n in range(options.jobs)]
        evidence = Coverage(trees[0])
        survived = Counter[str]()
        for mutant, verdict in _try_all(mutants, evidence, trees, options.most):
            print(f"{mutant.name}\n    {verdict}", flush=True)
            survived[str(Path(mutant.path).parent)] += verdict.startswith(SURVIVED)
    tried = Counter(str(Path(each.path).parent) for each in mutants)
    for room, count in sorted(tried.items()):
        print(f"{room:<20} {count:>5} faults {survived[room]:>5} survived")
    print(f"{len(mutants)} faults, {survived.total()} survived")
    return 1 if survived.total() else 0


def _try_all(
    mutants: list[Mutant], evidence: Coverage, trees: list[Path], most: int
) -> Iterator[tuple[Mutant, str]]:
    free: Queue[Path] = Queue()
    for tree in trees:
        free.put(tree)

    def attempt(work: tuple[Mutant, list[str]]) -> str:
        tree = free.get()
        try:
            return _verdict(*work, tree)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool:
        works = [(each, evidence.of(each)[:most]) for each in mutants]
        yield from zip(mutants, pool.map(attempt, works), strict=True)


def _verdict(mutant: Mutant, tests: list[str], tree: Path) -> str:
    """What killed a fault, or that nothing did."""
    if not tests:
        return f"{SURVIVED}: no test comes across it"
    file = tree / mutant.path
    before = file.read_text()
    try:
        _write(file, mutant.text)
        for part, seconds in ((tests[:FIRST], FIRST_SECONDS), (tests[FIRST:], REST_SECONDS)):
            if not part:
                continue
            code, said = pytest(tree, ["-x", *part], seconds=seconds)
            if code == -1:
                return f"killed by the time: more than {seconds} s"
            if code == 4 and "ERROR collecting" not in said:  # a test is not there: proves nothing
                raise RuntimeError(said)
            if code:
                return f"killed by {next(iter(failed_tests(said)), 'an error at import')}"
    finally:
        _write(file, before)
    return f"{SURVIVED} {len(tests)} tests"


def _write(file: Path, text: str) -> None:
    """Write a module, so that nobody takes its compiled form of before for it."""
    file.write_text(text)
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
