"""Every rule of the house, profiles and targets: what there is to choose from."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ca.authority.home import (
    DATABASE,
    DEFAULT_TARGET,
    Surroundings,
    no_passphrase,
    open_home,
)
from ca.documents.reports import (
    CitationRecord,
    NamedRecord,
    ProfileListDocument,
    RuleDocument,
    RuleRecord,
    RuleShowDocument,
    TargetListDocument,
    TextDocument,
    WrittenDocument,
)
from ca.errors import CAError, NotFoundError, attempt
from ca.model.citations import Citation, citations, published, sections
from ca.model.findings import CATALOGUE, Rule
from ca.names.text import printable
from ca.profiles.library import (
    Library,
    Shelf,
    check_profile_file,
    read_profile,
    read_target,
    readme,
)
from ca.profiles.profile import Profile
from ca.profiles.target import Target

RULE_MODULES = (
    "ca.authority.clock",
    "ca.authority.judging",
    "ca.authority.soundness",
    "ca.csr.rules",
    "ca.device.preflight",
    "ca.device.request_rules",
    "ca.device.trust",
    "ca.issuance.prepare",
    "ca.lint.certificates",
    "ca.lint.keys_together",
    "ca.lint.public_keys",
    "ca.names.common_name",
    "ca.names.general",
    "ca.names.mistyped",
    "ca.names.subjects",
    "ca.revocation.health",
    "ca.revocation.served",
)
"""The modules whose import enters rules into the catalogue."""


def rules() -> RuleDocument:
    """Every rule, by code."""
    return RuleDocument(
        rules=[
            RuleRecord(each.code, each.severity, each.allow, each.meaning, each.basis, each.cites)
            for _, each in sorted(_catalogue().items())
        ]
    )


def show_rule(code: str) -> RuleShowDocument:
    """One rule with its cases, and what its citations point at.

    Raises:
        NotFoundError: no rule has this code.
    """
    catalogue = _catalogue()
    if code not in catalogue:
        near = difflib.get_close_matches(code, catalogue, n=1)
        raise NotFoundError(
            f"there is no rule '{printable(code)}'",
            hint=f"did you mean '{near[0]}'?" if near else "sipca rule list shows them",
        )
    found = catalogue[code]
    good, bad = found.cases
    return RuleShowDocument(
        code=code, severity=found.severity, allow=found.allow, meaning=found.meaning,
        basis=found.basis, cites=found.cites, good=good, bad=bad,
        citations=[_resolved(each) for each in citations(found.cites)],
    )  # fmt: skip


def _catalogue() -> dict[str, Rule]:
    for module in RULE_MODULES:
        importlib.import_module(module)
    return CATALOGUE


def _resolved(citation: Citation) -> CitationRecord:
    """What a citation points at; of our own documents the section's title."""
    if citation.own is None:
        return CitationRecord(citation.text, *published(citation))
    titles = sections(citation.document, readme(citation.own))
    return CitationRecord(citation.text, titles[citation.section], citation.own)


def overridable() -> frozenset[str]:
    """The codes that ``--allow`` takes."""
    return frozenset(each.code for each in rules().rules if each.allow)


def profiles(library: Library) -> ProfileListDocument:
    """Every profile; of an own file that is none, why."""
    return ProfileListDocument(profiles=_records(library.profiles, library.profile))


def targets(library: Library) -> TargetListDocument:
    """Every target; of an own file that is none, why."""
    return TargetListDocument(targets=_records(library.targets, library.target))


def _records(shelf: Shelf, read: Callable[[str], Profile | Target]) -> list[NamedRecord]:
    records = []
    for name, origin in shelf.names().items():
        found = attempt(read, name)
        if isinstance(found, CAError):
            text = f"cannot be used: {found.message}"
        else:
            text = found.description
        records.append(NamedRecord(name, origin, text))
    return records


def text_of(shelf: Shelf, name: str) -> TextDocument:
    """The TOML of a profile or target.

    Raises:
        NotFoundError: there is none of that name.
    """
    text, file = shelf.text(name), f"{name}.toml"
    verbatim = False
    with suppress(CAError):  # what is wrong with an own file is said where it is used
        if shelf.what == "profile":
            verbatim = read_profile(text, file=file, name=name).verbatim
        else:
            verbatim = read_target(text, file=file, name=name).request.verbatim
    origin = shelf.names().get(name, "own")
    return TextDocument(name=name, origin=origin, text=text, verbatim=verbatim)


def check_profile(library: Library, path: Path) -> TextDocument:
    """A profile file, read strictly; a name of the library's is taken for its profile.

    Raises:
        CAError: it is not a profile.
    """
    if not path.exists() and str(path) in library.profiles.names():
        text = library.profiles.text(str(path))
        read = read_profile(text, file=f"{path}.toml", name=str(path))
        return TextDocument(name=str(path), origin="own", text=text, verbatim=read.verbatim)
    checked = check_profile_file(path)
    return TextDocument(
        name=checked.name, origin="own", text=checked.text, verbatim=checked.verbatim
    )


def new_profile(library: Library, name: str, *, like: str) -> WrittenDocument:
    """Copy a profile into the home.

    Raises:
        CAError: the name is taken or no name, or there is none to copy.
    """
    return WrittenDocument(path=str(library.new_profile(name, like=like)))


def target_or_default(library: Library, name: str | None) -> Target:
    """A target by name; without one the home's, and without a home the shipped default.

    Raises:
        CAError: there is no such target, or the home cannot be read.
    """
    if name is not None:
        return library.target(name)
    if library.home is None or not (library.home / DATABASE).is_file():
        return library.target(DEFAULT_TARGET)
    with open_home(library.home, Surroundings(passphrase=no_passphrase)) as home:
        return library.target(home.target)
