"""``profile ...``: the signing profiles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ca.documents.profile import NamedRecord, ProfileListDocument, TextDocument, WrittenDocument
from ca.encoding.bundles import first_certificate
from ca.encoding.certificates import extensions_of, read_certificate
from ca.errors import CAError, attempt
from ca.files import read_bounded
from ca.keys.public import read_public_key
from ca.profiles.from_certificate import likeness
from ca.profiles.library import Library, Shelf, check_profile_file, read_profile, read_target
from ca.profiles.profile import Profile
from ca.profiles.target import Target


def profiles(library: Library) -> ProfileListDocument:
    """Every profile; for an own file that is not valid, the reason."""
    return ProfileListDocument(profiles=named_records(library.profiles, library.profile))


def named_records(shelf: Shelf, read: Callable[[str], Profile | Target]) -> list[NamedRecord]:
    records = []
    for name, origin in shelf.names().items():
        named = attempt(read, name)
        if isinstance(named, CAError):
            text = f"cannot be used: {named.message}"
        else:
            text = named.description
        records.append(NamedRecord(name, origin, text))
    return records


def text_of(shelf: Shelf, name: str) -> TextDocument:
    """The TOML of a profile or target.

    Raises:
        NotFoundError: there is none with that name.
    """
    text, file = shelf.text(name), f"{name}.toml"
    verbatim = False
    with suppress(CAError):  # errors of an own file are reported where it is used
        if shelf.what == "profile":
            verbatim = read_profile(text, file=file, name=name).verbatim
        else:
            verbatim = read_target(text, file=file, name=name).request.verbatim
    origin = shelf.names().get(name, "own")
    return TextDocument(name=name, origin=origin, text=text, verbatim=verbatim)


def check_profile(library: Library, path: Path) -> TextDocument:
    """Check a profile file strictly; a name of the library means its profile.

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
        CAError: the name is taken or not valid, or there is none to copy.
    """
    return WrittenDocument(path=str(library.new_profile(name, like=like)))


def profile_from_certificate(library: Library, name: str, path: Path) -> WrittenDocument:
    """Write a profile into the home whose certificates are like a given one.

    Raises:
        CAError: the file has no certificate, or the name is taken or not valid.
    """
    der = first_certificate(read_bounded(path, pipes=True), what=f"'{path}'")
    facts = read_certificate(der)
    made = likeness(facts, extensions_of(der), name=name, key=_kind_of_key(facts.spki))
    read_profile(made.text, file=f"{name}.toml", name=name)
    written = library.add_profile(name, made.text)
    return WrittenDocument(path=str(written), notes=list(made.lines))


def _kind_of_key(spki: bytes) -> str:
    key = attempt(read_public_key, spki)
    if isinstance(key, CAError):
        return "unreadable"
    return f"ec:{key.curve}" if key.algorithm == "ec" else key.algorithm
