"""Where profiles and targets come from: the shipped ones, and the operator's in the CA home."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from ca.errors import CAError, ConflictError, MalformedError, NotFoundError
from ca.files import read_bounded, write_atomic
from ca.names.text import printable
from ca.profiles.consistency import check_consistent
from ca.profiles.fixture import Fixture
from ca.profiles.profile import Profile
from ca.profiles.reader import read_toml, utf8
from ca.profiles.target import Target, check_target

Origin = Literal["shipped", "own"]
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}", re.ASCII)
T = TypeVar("T", Profile, Target)


class Shelf(msgspec.Struct, frozen=True):
    """One kind of data: the shipped package and the operator's folder of the same purpose."""

    what: str
    package: str
    own: Path | None

    def names(self) -> dict[str, Origin]:
        """Every name, shipped ones first, in order."""
        names: dict[str, Origin] = dict.fromkeys(self.shipped(), "shipped")
        for path in self._own_files():
            names.setdefault(path.stem, "own")
        return names

    def shipped(self) -> list[str]:
        """The names that are taken by what sipca ships."""
        files = (entry.name for entry in self._shipped().iterdir())
        return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))

    def check_unshadowed(self, name: str | None = None) -> None:
        """That no own file has a shipped one's name; with ``name``, not this one's.

        Raises:
            ConflictError: it would silently shadow it. Who asks for another name is not hindered.
        """
        shipped = self.shipped()
        for path in self._own_files():
            if path.stem in shipped and name in (None, path.stem):
                raise ConflictError(
                    f"'{path}' has the name of a shipped {self.what}",
                    hint="rename it; a shipped one is never shadowed",
                )

    def _own_files(self) -> list[Path]:
        return sorted(self.own.glob("*.toml")) if self.own and self.own.is_dir() else []

    def _shipped(self) -> Path:
        """The package's folder: importlib.resources would cost every start its zip reader."""
        return Path(str(import_module(self.package).__file__)).parent

    def text(self, name: str) -> str:
        """The TOML of one.

        Raises:
            NotFoundError: there is none of that name.
            ConflictError: there are two, a shipped one and an own one.
            MalformedError: it is not UTF-8.
        """
        self.check_unshadowed(name)
        origin = self.names().get(name) if NAME.fullmatch(name) else None
        if (
            origin is None
            and self.own is not None
            and self.own / f"{name}.toml" in self._own_files()
        ):
            raise MalformedError(
                f"'{printable(name)}.toml' in '{self.own}' is no name for a {self.what}",
                hint="rename the file: lower-case letters, digits, - and .",
            )
        if origin is None:
            import difflib

            near = difflib.get_close_matches(name, self.names(), n=1)
            raise NotFoundError(
                f"there is no {self.what} '{name}'",
                hint=f"did you mean '{near[0]}'?" if near else f"sipca {self.what} list shows them",
            )
        if origin == "shipped":
            return (self._shipped() / f"{name}.toml").read_text("utf-8")
        return utf8(read_bounded(Path(str(self.own)) / f"{name}.toml"), f"{name}.toml")


class Library(msgspec.Struct, frozen=True):
    """Profiles and targets of one CA home, or only the shipped ones without a home."""

    home: Path | None = None

    @property
    def profiles(self) -> Shelf:
        """The shelf of signing profiles."""
        return Shelf("profile", "profiles", self.home / "profiles" if self.home else None)

    @property
    def targets(self) -> Shelf:
        """The shelf of device targets."""
        return Shelf("target", "profiles.targets", self.home / "targets" if self.home else None)

    @property
    def fixtures(self) -> Shelf:
        """The shelf of bad certificates; shipped ones alone."""
        return Shelf("fixture", "profiles.fixtures", None)

    def fixture(self, name: str) -> Fixture:
        """One bad certificate by name.

        Raises:
            NotFoundError: there is none.
        """
        text = self.fixtures.text(name)
        read = read_toml(text, Fixture, file=f"{name}.toml")
        return msgspec.structs.replace(read, name=name, text=text)

    def profile(self, name: str) -> Profile:
        """One profile by name.

        Raises:
            CAError: there is none, or its text is not a profile.
        """
        return read_profile(self.profiles.text(name), file=f"{name}.toml", name=name)

    def target(self, name: str) -> Target:
        """One target by name.

        Raises:
            CAError: there is none, or its text is not a target.
        """
        return read_target(self.targets.text(name), file=f"{name}.toml", name=name)

    def new_profile(self, name: str, *, like: str) -> Path:
        """Copy a profile into the home to edit; the path of the copy.

        Raises:
            MalformedError: the name cannot be a file's and a profile's.
            ConflictError: a profile of that name is there.
            NotFoundError: there is none to copy, or no home.
        """
        text = self.profiles.text(like)
        _check_name(name)
        if name in self.profiles.names():
            raise ConflictError(f"a profile '{name}' is there already", hint="choose another name")
        folder = self.profiles.own
        if folder is None:
            raise NotFoundError("there is no CA home to put it in", hint="sipca init makes one")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.toml"
        write_atomic(path, text.encode())
        return path


@lru_cache(maxsize=64)
def read_profile(text: str, *, file: str, name: str) -> Profile:
    """A profile from its TOML.

    Raises:
        MalformedError: naming the file and the key that is wrong.
    """
    profile = msgspec.structs.replace(read_toml(text, Profile, file=file), name=name, text=text)
    _checked(check_consistent, profile, file)
    return profile


@lru_cache(maxsize=64)
def read_target(text: str, *, file: str, name: str) -> Target:
    """A target from its TOML.

    Raises:
        MalformedError: naming the file and the key that is wrong.
    """
    target = msgspec.structs.replace(read_toml(text, Target, file=file), name=name, text=text)
    _checked(check_target, target, file)
    return target


def readme(path: str) -> str:
    """The text of a README that sipca is shipped with, by its path: ``profiles/README.md``."""
    package, _, name = path.rpartition("/")
    folder = Path(str(import_module(package.replace("/", ".")).__file__)).parent
    return (folder / name).read_text("utf-8")


def check_profile_file(path: Path) -> Profile:
    """A profile from any file, as ``sipca profile check`` reads it.

    Raises:
        CAError: it cannot be read or is not a profile.
    """
    data = read_bounded(path, pipes=True)
    return read_profile(utf8(data, str(path)), file=str(path), name=path.stem)


def check_own_name(name: str) -> None:
    """That an own profile may be called so.

    Raises:
        MalformedError: it is no name for a profile.
        ConflictError: a shipped one has it.
    """
    _check_name(name)
    if name in Library().profiles.shipped():
        raise ConflictError(
            f"'{name}' is the name of a shipped profile", hint="call it by another name"
        )


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise MalformedError(
            f"'{name}' is no name for a profile", hint="lower-case letters, digits, - and ."
        )


def _checked(check: object, read: T, file: str) -> None:
    assert callable(check)
    try:
        check(read)
    except CAError as error:
        raise MalformedError(f"{file}: {error.message}", hint=error.hint) from None
