"""Find profiles, targets and fixtures: those shipped with sipca, and those in the CA home."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from ca.errors import CAError, ConflictError, MalformedError, NotFoundError
from ca.files import read_bounded, write_atomic
from ca.names.text import printable
from ca.profiles.consistency import check_consistent
from ca.profiles.fixture import Fixture
from ca.profiles.profile import Profile
from ca.profiles.reader import decode_utf8, read_toml
from ca.profiles.target import FORMER_KEYS, Target, check_target

if TYPE_CHECKING:
    from ca.profiles.anchor import Anchor
    from ca.profiles.pack import Pack

Origin = Literal["shipped", "own"]
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}", re.ASCII)
T = TypeVar("T", Profile, Target)


class Shelf(msgspec.Struct, frozen=True):
    """All files of one kind: those in the shipped ``package`` and in the operator's ``own`` folder.

    ``what`` is the kind, for messages: "profile", "target" or "fixture".
    """

    what: str
    package: str
    own: Path | None

    def names(self) -> dict[str, Origin]:
        """All names and their origins: the shipped ones sorted, then the own ones sorted."""
        names: dict[str, Origin] = dict.fromkeys(self.shipped(), "shipped")
        for path in self._own_files():
            names.setdefault(path.stem, "own")
        return names

    def shipped(self) -> list[str]:
        """The names of the shipped files, sorted."""
        files = (entry.name for entry in self._shipped().iterdir())
        return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))

    def check_unshadowed(self, name: str | None = None) -> None:
        """Check that no own file has the name of a shipped one, or only the file called ``name``.

        Raises:
            ConflictError: an own file would silently shadow the shipped one.
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
        """The package's folder; importlib.resources is not used, since its import is slow."""
        return Path(str(import_module(self.package).__file__)).parent

    def text(self, name: str) -> str:
        """The TOML text of the file with this name.

        Raises:
            NotFoundError: there is no file of that name.
            ConflictError: a shipped and an own file have that name.
            MalformedError: the name is not valid, or the text is not UTF-8.
        """
        self.check_unshadowed(name)
        origin = self.names().get(name) if NAME.fullmatch(name) else None
        if (
            origin is None
            and self.own is not None
            and self.own / f"{name}.toml" in self._own_files()
        ):
            raise MalformedError(
                f"'{printable(name)}.toml' in '{self.own}' is not a valid name for a {self.what}",
                hint="rename the file; allowed are lower-case letters, digits, - and .",
            )
        if origin is None:
            import difflib

            near = difflib.get_close_matches(name, self.names(), n=1)
            raise NotFoundError(
                f"there is no {self.what} '{name}'",
                hint=f"did you mean '{near[0]}'?"
                if near
                else f"list them with sipca {self.what} list",
            )
        if origin == "shipped":
            return (self._shipped() / f"{name}.toml").read_text("utf-8")
        return decode_utf8(read_bounded(Path(str(self.own)) / f"{name}.toml"), f"{name}.toml")


class Library(msgspec.Struct, frozen=True):
    """Profiles, targets and fixtures: the shipped ones, and those of ``home`` if it is given."""

    home: Path | None = None

    @property
    def profiles(self) -> Shelf:
        """Signing profiles, shipped and own."""
        return Shelf("profile", "profiles", self.home / "profiles" if self.home else None)

    @property
    def targets(self) -> Shelf:
        """Device targets, shipped and own."""
        return Shelf("target", "profiles.targets", self.home / "targets" if self.home else None)

    @property
    def fixtures(self) -> Shelf:
        """Fixtures; these are only shipped."""
        return Shelf("fixture", "profiles.fixtures", None)

    def fixture(self, name: str) -> Fixture:
        """Read a fixture by name.

        Raises:
            NotFoundError: there is no such fixture.
        """
        text = self.fixtures.text(name)
        fixture = read_toml(text, Fixture, file=f"{name}.toml")
        return msgspec.structs.replace(fixture, name=name, text=text)

    @property
    def anchors(self) -> Shelf:
        """How systems and programs take a root; these are only shipped."""
        return Shelf("kind of trust store", "profiles.anchors", None)

    def anchor(self, name: str) -> Anchor:
        """Read how a system or program takes a root.

        Raises:
            NotFoundError: there is no such kind.
        """
        from ca.profiles.anchor import Anchor, check_anchor

        text = self.anchors.text(name)
        anchor = read_toml(text, Anchor, file=f"{name}.toml")
        _check(check_anchor, anchor, f"{name}.toml")
        return msgspec.structs.replace(anchor, name=name, text=text)

    @property
    def packs(self) -> Shelf:
        """Named lists of roots; these are only shipped."""
        return Shelf("trust pack", "profiles.packs", None)

    def pack(self, name: str) -> Pack:
        """Read a named list of roots.

        Raises:
            NotFoundError: there is no such list.
        """
        from ca.profiles.pack import OURS, Pack, check_pack

        known = self.packs.shipped()
        if name not in known:
            raise NotFoundError(
                f"there is no trust pack '{printable(name)}'",
                hint=f"there are {', '.join((OURS, *known))}",
            )
        pack = read_toml(self.packs.text(name), Pack, file=f"{name}.toml")
        _check(check_pack, pack, f"{name}.toml")
        return msgspec.structs.replace(pack, name=name)

    def profile(self, name: str) -> Profile:
        """Read a profile by name.

        Raises:
            CAError: there is no such profile, or its text is not a valid one.
        """
        return read_profile(self.profiles.text(name), file=f"{name}.toml", name=name)

    def target(self, name: str) -> Target:
        """Read a target by name.

        Raises:
            CAError: there is no such target, or its text is not a valid one.
        """
        return read_target(self.targets.text(name), file=f"{name}.toml", name=name)

    def new_profile(self, name: str, *, like: str) -> Path:
        """Copy the profile ``like`` into the home to be edited, and return the copy's path.

        Raises:
            MalformedError: the name is not valid for a profile.
            ConflictError: a profile of that name exists.
            NotFoundError: there is no profile ``like``, or no home.
        """
        text = self.profiles.text(like)
        return self.add_profile(name, text)

    def add_profile(self, name: str, text: str) -> Path:
        """Write a new profile into the home, and return its path.

        Raises:
            MalformedError: the name is not valid for a profile.
            ConflictError: a profile of that name exists.
            NotFoundError: there is no home.
        """
        _check_name(name)
        if name in self.profiles.names():
            raise ConflictError(f"a profile '{name}' already exists", hint="choose another name")
        folder = self.profiles.own
        if folder is None:
            raise NotFoundError(
                "there is no CA home to put it in", hint="create one with sipca init"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.toml"
        write_atomic(path, text.encode())
        return path


@lru_cache(maxsize=64)
def read_profile(text: str, *, file: str, name: str) -> Profile:
    """Parse and check the TOML text of a profile.

    Raises:
        MalformedError: it is not a valid profile; the message names the file and the key.
    """
    profile = msgspec.structs.replace(read_toml(text, Profile, file=file), name=name, text=text)
    _check(check_consistent, profile, file)
    return profile


@lru_cache(maxsize=64)
def read_target(text: str, *, file: str, name: str) -> Target:
    """Parse and check the TOML text of a target.

    Raises:
        MalformedError: it is not a valid target; the message names the file and the key.
    """
    target = read_toml(text, Target, file=file, former=FORMER_KEYS)
    target = msgspec.structs.replace(target, name=name, text=text)
    _check(check_target, target, file)
    return target


def readme(path: str) -> str:
    """The text of a shipped README, by its path, e.g. ``profiles/README.md``."""
    package, _, name = path.rpartition("/")
    folder = Path(str(import_module(package.replace("/", ".")).__file__)).parent
    return (folder / name).read_text("utf-8")


def check_profile_file(path: Path) -> Profile:
    """Read a profile from a file anywhere, for ``sipca profile check``.

    Raises:
        CAError: it cannot be read or is not a valid profile.
    """
    data = read_bounded(path, pipes=True)
    return read_profile(decode_utf8(data, str(path)), file=str(path), name=path.stem)


def check_own_name(name: str) -> None:
    """Check that an own profile may have this name.

    Raises:
        MalformedError: the name is not valid for a profile.
        ConflictError: a shipped profile has this name.
    """
    _check_name(name)
    if name in Library().profiles.shipped():
        raise ConflictError(
            f"'{name}' is the name of a shipped profile", hint="choose another name"
        )


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise MalformedError(
            f"'{name}' is not a valid name for a profile",
            hint="use lower-case letters, digits, - and .",
        )


def _check(check: object, data: object, file: str) -> None:
    assert callable(check)
    try:
        check(data)
    except CAError as error:
        raise MalformedError(f"{file}: {error.message}", hint=error.hint) from None
