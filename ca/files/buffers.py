"""Data collected before it is written: a spool in memory or in a file, and zip archives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ca.files.writing import PUBLIC, store_errors


class Spool:
    """Stores octets until they are read again: up to 1 MiB in memory, more in a temporary file.

    The file has no name, so it vanishes with this process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        import tempfile

        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by its user
            max_size=1 << 20, dir=str(folder)
        )
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append octets.

        Raises:
            StoreError: the disk is full, or cannot be written.
        """
        with store_errors(self._folder):
            self._file.write(data)
        self.size += len(data)

    def read(self) -> Iterator[bytes]:
        """Yield all octets from the beginning, in pieces of up to 256 KiB."""
        self._file.seek(0)
        while piece := self._file.read(1 << 18):
            yield piece

    def close(self) -> None:
        """Discard the octets."""
        self._file.close()


def make_zip(files: dict[str, bytes]) -> bytes:
    """Zip files by name; the same files give the same octets (no times, one mode)."""
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = PUBLIC << 16
            archive.writestr(entry, data)
    return target.getvalue()
