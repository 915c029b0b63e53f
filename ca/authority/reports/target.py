"""``target ...``: the device targets."""

from __future__ import annotations

from ca.authority.home import (
    DATABASE,
    DEFAULT_TARGET,
    Environment,
    no_passphrase,
    open_home,
)
from ca.authority.reports.profile import named_records
from ca.documents.target import TargetListDocument
from ca.profiles.library import Library
from ca.profiles.target import Target


def targets(library: Library) -> TargetListDocument:
    """Every target; for an own file that is not valid, the reason."""
    return TargetListDocument(targets=named_records(library.targets, library.target))


def target_or_default(library: Library, name: str | None) -> Target:
    """A target by name; without one the home's, and without a home the shipped default.

    Raises:
        CAError: there is no such target, or the home cannot be read.
    """
    if name is not None:
        return library.target(name)
    if library.home is None or not (library.home / DATABASE).is_file():
        return library.target(DEFAULT_TARGET)
    with open_home(library.home, Environment(passphrase=no_passphrase)) as home:
        return library.target(home.target)
