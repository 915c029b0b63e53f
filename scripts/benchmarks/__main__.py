"""Run the subjects named, print the table, write ``bench.json``."""

from __future__ import annotations

import importlib
import json
import platform
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from scripts.benchmarks.measure import Row
from scripts.benchmarks.reasons import reason

SUBJECTS = ("cold", "bulk", "crl", "ocsp", "scale", "web")


def main(words: list[str]) -> int:
    """Measure; exit 1 if a bound is missed."""
    chosen = SUBJECTS if words in ([], ["all"]) else tuple(words)
    unknown = [word for word in chosen if word not in SUBJECTS]
    if unknown:
        print(f"no such subject: {', '.join(unknown)}; choose of {', '.join(SUBJECTS)}, all")
        return 2
    rows: list[Row] = []
    for subject in chosen:
        with tempfile.TemporaryDirectory(prefix="sipca-bench-") as folder:
            module = importlib.import_module(f"scripts.benchmarks.{subject}")
            for row in module.measure(Path(folder)):
                print(row.text(), flush=True)
                if row.met is False:
                    print(_why(row), flush=True)
                rows.append(row)
    report = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "openssl": subprocess.run(
            ["openssl", "version"], capture_output=True, text=True, check=True
        ).stdout.strip(),
        "rows": [
            row.plain() | ({"why": reason(row.name)} if row.met is False else {}) for row in rows
        ],
    }
    Path("bench.json").write_text(json.dumps(report, indent=1) + "\n")
    missed = [row for row in rows if row.met is False]
    print(f"{len(rows)} ratios, {len(missed)} missed; written to bench.json")
    return 1 if missed else 0


def _why(row: Row) -> str:
    text = reason(row.name) or "nobody knows yet why: it was met before, or the machine is busy"
    return textwrap.fill(text, 120, initial_indent="    ", subsequent_indent="    ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
