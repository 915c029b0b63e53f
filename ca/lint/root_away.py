"""Rules about a root whose key is away: what needs it next, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.model.findings import Finding, Violation, cases, rule, run

IN_TIME = timedelta(days=90)
"""How long before the key is needed a warning is given: it has to be fetched from somewhere."""


class Need(msgspec.Struct, frozen=True):
    """Something that only the root's key can do: what ends then, and the command that mends it."""

    what: str
    by: datetime
    command: str


class AwayRoot(msgspec.Struct, frozen=True):
    """A root whose key is away, with its needs."""

    name: str
    now: datetime
    needs: tuple[Need, ...]


@rule("root-key-away", "info", "decision 58")
@cases("The root's key is in the home.", "(Never a fault: root-key-needed warns in time.)")
def root_key_away(root: AwayRoot) -> Violation | None:
    """The root's key is in the home; if not, this finding says what needs it next."""
    first = min(root.needs, key=lambda each: each.by, default=None)
    text = f", needed by {first.by:%Y-%m-%d}: {first.what}" if first else ""
    return Violation(f"{root.name}: its key is away{text}")


@rule("root-key-needed", "warning", "decision 58")
@cases(
    "Its CRL holds for two years, and so does its OCSP signer.",
    "The key is in a safe, and the root's CRL ends in two months.",
)
def root_key_needed(root: AwayRoot) -> list[Violation]:
    """What needs a root key that is away has 90 days or more."""
    return [
        Violation(
            f"{root.name}: its key, which is away, is needed by {need.by:%Y-%m-%d}: {need.what}",
            f"{need.command} --root-key-file FILE",
        )
        for need in root.needs
        if need.by - root.now < IN_TIME
    ]


def judge_away_root(root: AwayRoot) -> list[Finding]:
    """The findings about a root whose key is away."""
    return run([root_key_away, root_key_needed], root)
