"""The only code that reads and writes files: bounded reads, atomic writes, modes from creation.

It does not know what the files contain. On Windows, POSIX modes and fsync of folders are skipped;
everything else is the same.
"""

from ca.files.buffers import Spool, make_zip
from ca.files.folders import check_folder, make_folder
from ca.files.locks import lock_file, lock_folder
from ca.files.reading import MAX_INPUT, is_device, read_bounded, start_of
from ca.files.writing import (
    PRIVATE,
    PUBLIC,
    NewFile,
    Written,
    conflicts,
    holds,
    link_into_place,
    sync_folder,
    write_atomic,
    write_private_stream,
    write_stream,
    write_together,
)

__all__ = [
    "MAX_INPUT",
    "PRIVATE",
    "PUBLIC",
    "NewFile",
    "Spool",
    "Written",
    "check_folder",
    "conflicts",
    "holds",
    "is_device",
    "link_into_place",
    "lock_file",
    "lock_folder",
    "make_folder",
    "make_zip",
    "read_bounded",
    "start_of",
    "sync_folder",
    "write_atomic",
    "write_private_stream",
    "write_stream",
    "write_together",
]
