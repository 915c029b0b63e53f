"""Quick check of the register against its history, and rebuilding of derived tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import msgspec

from ca.authority.home import Home
from ca.authority.register import index_of
from ca.authority.status.trail import TrailRead, note_read, read_trail, unread
from ca.errors import CAError, StoreError, attempt
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.store import derived, history_checks
from ca.store.audit import Event

NAMED = 5
"""How many differences a finding names."""


class Differences(msgspec.Struct, frozen=True):
    """Differences between a register and its history: the first few in words, and how many more."""

    named: tuple[str, ...]
    more: int


class Damage(msgspec.Struct, frozen=True):
    """What SQLite says of the file; None if it is whole."""

    text: str | None


@rule("register-altered", "error", "decision 35")
@cases("Only sipca has written to ca.db.", "Somebody changed or deleted a row of ca.db by hand.")
def register_altered(differences: Differences) -> Violation | None:
    """History and state in the register are what the audit trail says."""
    if not differences.named:
        return None
    return Violation(
        _summary(differences),
        "sipca log --verify names every difference; restore the last copy of the folder",
    )


@rule("index-altered", "error", "decision 36")
@cases(
    "A revoked serial is listed as revoked.",
    "The row that lists a revoked serial was deleted by hand.",
)
def index_altered(differences: Differences) -> Violation | None:
    """The tables derived from history (who is revoked, which keys are blocked) agree with it."""
    if not differences.named:
        return None
    return Violation(
        _summary(differences),
        "sipca check --rebuild rebuilds those tables from history, unless that was altered itself: "
        "sipca log --verify says so; then restore the last copy of the folder",
    )


@rule("register-damaged", "error", "decision 4")
@cases("Nobody but SQLite wrote to ca.db.", "A bad disk changed a few octets of ca.db.")
def register_damaged(damage: Damage) -> Violation | None:
    """The file of the register is whole: SQLite finds no fault in its pages."""
    if damage.text is None:
        return None
    return Violation(
        f"ca.db is damaged: {damage.text}",
        "keep a copy of the folder; sipca restore BACKUP --home NEWDIR puts back the last backup",
    )


def soundness(home: Home) -> list[Finding]:
    """Quick check of the file, of history and state, then of the derived tables.

    Of the audit trail only the events since the last look are read, and no certificate; ``log
    --verify`` reads everything.
    """
    with home.store.snapshot():
        damaged = run([register_damaged], Damage(home.store.first_damage()))
        compared = attempt(_compared, home)
    if isinstance(compared, CAError):
        if damaged:  # which is why it cannot be read
            return damaged
        raise compared
    trail, history, derived_differences = compared
    if not damaged and not history.named:
        note_read(home, trail)
    return [
        *damaged,
        *run([register_altered], history),
        *run([index_altered], derived_differences),
        *unread(trail),
    ]


def _compared(home: Home) -> tuple[TrailRead, Differences, Differences]:
    with home.store.translating_errors():
        trail, problems = read_trail(home)
        history = _first(chain(history_checks.quick_history_problems(home.store), problems))
        return trail, history, _first(history_checks.quick_derived_problems(home.store))


def is_reliable(findings: Iterable[Finding]) -> bool:
    """Whether other checks may rely on what the register says."""
    broken = {register_damaged.code, register_altered.code}
    return not any(each.code in broken for each in findings)


def rebuild_derived(home: Home) -> bool:
    """Rebuild every derived table from history if one differs, and record that.

    Returns:
        Whether anything differed.

    Raises:
        StoreError: history was altered itself.
    """
    with home.store.write():
        for problem in history_checks.history_problems(home.store):
            raise StoreError(
                f"nothing can be rebuilt from history that was itself altered: {problem}",
                hint="sipca log --verify names every difference; restore the last copy",
            )
        differences = _first(history_checks.derived_problems(home.store, index_of))
        if not differences.named:
            return False
        derived.rebuild(home.store, index_of)
        home.record(Event("rebuilt", "register", {"found": _summary(differences)}))
    return True


def _first(problems: Iterator[str]) -> Differences:
    return Differences(tuple(islice(problems, NAMED)), sum(1 for _ in problems))


def _summary(differences: Differences) -> str:
    return "; ".join(differences.named) + (
        f"; and {differences.more} more" if differences.more else ""
    )
