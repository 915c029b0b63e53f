"""The only writer of files and the only reader of input: modes from creation, atomic, bounded.

Knows nothing of what is inside them. POSIX modes and directory fsync are skipped where the
platform has none (Windows); everything else is the same there.
"""

from ca.files.gathering import Spool, zipped
from ca.files.holding import held_folder, locked
from ca.files.reading import MAX_INPUT, is_device, read_bounded, start_of
from ca.files.writing import (
    PRIVATE,
    PUBLIC,
    conflicts,
    link_into_place,
    make_folder,
    sync_folder,
    write_atomic,
    write_stream,
)

__all__ = [
    "MAX_INPUT",
    "PRIVATE",
    "PUBLIC",
    "Spool",
    "conflicts",
    "held_folder",
    "is_device",
    "link_into_place",
    "locked",
    "make_folder",
    "read_bounded",
    "start_of",
    "sync_folder",
    "write_atomic",
    "write_stream",
    "zipped",
]
