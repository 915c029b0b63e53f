"""What is said where a CA home is looked for and none is there: where one may be instead."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ca.errors import CAError, NotFoundError, attempt
from ca.files import start_of
from ca.names.text import printable

LOOKED_AT = 100
"""Sub-folders that are looked into at most."""
_SHOWN = 3
_PLACES = (
    "a home is looked for at --home, else SIPCA_HOME, else in the user's own folder "
    "(~/.config/sipca on Linux): name it, or sipca restore a backup of it; only a new CA is made "
    "by sipca init"
)
_BACKUP, _REGISTER = b"manifest.json\0", b"SQLite format 3\0"


def no_home(path: Path, database: str) -> CAError:
    """The error for a place without the file ``database``."""
    if path.is_file():
        return _a_file(path)
    near = next((each for each in _folders_near(path) if (each / database).is_file()), None)
    hint = _PLACES
    if near is not None:
        hint = (
            f"there is one in '{near}': --home {shlex.quote(str(near))}; sipca init makes a new one"
        )
    held = "" if near is not None else _held(path)
    return NotFoundError(f"there is no CA in '{path}'{held}", hint=hint)


def _a_file(path: Path) -> CAError:
    """The error for a file in the place of a folder: a backup, a register, or any other."""
    start = attempt(start_of, path, 512)
    octets = b"" if isinstance(start, CAError) else start
    what, hint = "a file, and a home is a folder", _PLACES
    if octets.startswith(_BACKUP):
        what = "a backup"
        hint = f"sipca restore {shlex.quote(str(path))} --home NEW-FOLDER makes a home of it"
    elif octets.startswith(_REGISTER):
        what = "a register, and a home is the folder that holds it"
        hint = f"--home {shlex.quote(str(path.absolute().parent))}"
    return NotFoundError(f"there is no CA in '{path}': it is {what}", hint=hint)


_OURS = frozenset(("apply.lock",))
"""What a command that made no CA leaves, and nobody put there."""


def _held(path: Path) -> str:
    """What a folder holds instead."""
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = sorted(each.name for each in islice(path.iterdir(), LOOKED_AT))
    names = [name for name in names if name not in _OURS]
    if not names:
        return ""
    shown = ", ".join(printable(name, 40) for name in names[:_SHOWN])
    return f", which holds {shown}{' and more' if len(names) > _SHOWN else ''}"


def _folders_near(path: Path) -> Iterator[Path]:
    """The folders above, and those directly below."""
    yield from islice(path.absolute().parents, 2)
    with contextlib.suppress(OSError):
        yield from islice((each for each in path.iterdir() if each.is_dir()), LOOKED_AT)
