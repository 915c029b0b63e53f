"""The verdict of a document with findings."""

from __future__ import annotations

from typing import Literal

from ca.model.findings import Finding

Verdict = Literal["ok", "warn", "fail"]


def verdict_of(findings: list[Finding]) -> Verdict:
    """The verdict of the worst finding; "ok" if there is none."""
    results = {each.result for each in findings}
    if "fail" in results:
        return "fail"
    return "warn" if "warn" in results else "ok"
