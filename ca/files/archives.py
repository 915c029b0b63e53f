"""Write and read archives of a few named files: tar with regular files alone.

The reader is ours and strict: whatever is not a regular file of a name that the caller expects is
refused before anything is written. Member sizes are bounded by the archive, since nothing is
compressed.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from io import FileIO
from pathlib import Path

import msgspec

from ca.errors import MalformedError, NotFoundError, StoreError
from ca.files.writing import PRIVATE

_BLOCK = 512
_PIECE = 1 << 18
_END = bytes(2 * _BLOCK)
_MOST_PADDING = 1 << 16
"""Octets of zero that other programs may add at the end."""


class Packed(msgspec.Struct, frozen=True):
    """A file for an archive: its name there, and its octets or the path where they are."""

    name: str
    content: bytes | Path

    def pieces(self) -> Iterator[bytes]:
        """Its octets, in pieces."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    @property
    def size(self) -> int:
        """The number of its octets."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.stat().st_size


class Entry(msgspec.Struct, frozen=True):
    """A member of an archive that is being read; ``pieces`` yields its octets once."""

    name: str
    size: int
    pieces: Iterator[bytes]


def digest_of(pieces: Iterator[bytes]) -> str:
    """The SHA-256 of octets that come in pieces, in hex digits."""
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def pack(files: Sequence[Packed]) -> Iterator[bytes]:
    """A tar archive of these files in pieces: mode 0600, no times, no owners."""
    for file in files:
        entry = tarfile.TarInfo(file.name)
        entry.size, entry.mode = file.size, PRIVATE
        yield entry.tobuf(tarfile.GNU_FORMAT)
        count = 0
        for piece in file.pieces():
            count += len(piece)
            yield piece
        if count != entry.size:
            raise StoreError(f"'{file.name}' changed while it was packed", hint="run it again")
        yield bytes(-count % _BLOCK)
    yield _END


def unpack(path: Path, limit_of: Callable[[str], int | None]) -> Iterator[Entry]:
    """The members of an archive in order; each has to be used before the next is asked for.

    ``limit_of`` gives the most octets that a member of this name may have, None for a name that
    is not expected.

    Raises:
        NotFoundError: there is no such file.
        MalformedError: it is not such an archive, ends early, or holds something else: a link, a
            folder, an unexpected or repeated name, more octets than expected.
        StoreError: it cannot be read.
    """
    names: set[str] = set()
    try:
        with path.open("rb", buffering=0) as file:
            whole = path.stat().st_size
            while (header := _exactly(file, _BLOCK, path)) != bytes(_BLOCK):
                name, size = _member(header, path)
                limit = limit_of(name)
                if limit is None or name in names:
                    raise _not_ours(path, f"a member '{name[:80]}'" if limit is None else "a twin")
                if size > limit:
                    raise _not_ours(path, f"'{name}' of {size} octets")
                if size > whole:
                    raise _cut_off(path)
                names.add(name)
                entry = Entry(name, size, _contents(file, size, path))
                yield entry
                for _ in entry.pieces:  # what its user left
                    pass
                if any(_exactly(file, -size % _BLOCK, path)):
                    raise _damaged(path)
            rest = _exactly(file, _BLOCK, path) + file.read(_MOST_PADDING + 1)
            if any(rest) or len(rest) > _MOST_PADDING:
                raise _damaged(path)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file '{path}'", hint="check the path") from None
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read: {error.strerror}") from None


def _contents(file: FileIO, size: int, path: Path) -> Iterator[bytes]:
    left = size
    while left:
        piece = _exactly(file, min(left, _PIECE), path)
        left -= len(piece)
        yield piece


def _exactly(file: FileIO, count: int, path: Path) -> bytes:
    data = b""
    while len(data) < count:
        piece = file.read(count - len(data))
        if not piece:
            raise _cut_off(path)
        data += piece
    return data


def _member(header: bytes, path: Path) -> tuple[str, int]:
    """Name and size of a regular file from its header, whose checksum holds."""
    try:
        summed = sum(header[:148]) + 8 * 0x20 + sum(header[156:])
        if int(header[148:156].strip(b"\0 "), 8) != summed:
            raise _damaged(path)
        name = header[:100].rstrip(b"\0").decode("ascii")
        field = header[124:136]
        size = int.from_bytes(field[1:], "big") if field[0] == 0x80 else int(field.strip(b"\0 "), 8)
    except ValueError:
        raise _damaged(path) from None
    if header[156:157] != b"0":
        raise _not_ours(path, f"'{name}', which is not a regular file")
    return name, size


def _cut_off(path: Path) -> MalformedError:
    return MalformedError(f"'{path}' is cut off or not a backup", hint="use another copy of it")


def _damaged(path: Path) -> MalformedError:
    return MalformedError(f"'{path}' is damaged or not a backup", hint="use another copy of it")


def _not_ours(path: Path, what: str) -> MalformedError:
    return MalformedError(
        f"'{path}' is not a backup that sipca wrote: it holds {what}",
        hint="nothing was written; use a file that sipca backup wrote",
    )
