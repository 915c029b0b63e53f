"""Octets gathered before they are written or handed on: put aside, or packed into a zip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ca.files.writing import PUBLIC, translated


class Spool:
    """Octets put aside until they are wanted again: in memory while few, else in a file.

    The file has no name, so nothing of it stays behind, however this process ends.
    """

    def __init__(self, folder: Path) -> None:
        import tempfile

        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by its user
            max_size=1 << 20, dir=str(folder)
        )
        self.size = 0

    def write(self, data: bytes) -> None:
        """Put octets aside.

        Raises:
            StoreError: the disk does not take them.
        """
        with translated(self._folder):
            self._file.write(data)
        self.size += len(data)

    def read(self) -> Iterator[bytes]:
        """All octets, from the first, in pieces."""
        self._file.seek(0)
        while piece := self._file.read(1 << 18):
            yield piece

    def close(self) -> None:
        """Let go of the octets."""
        self._file.close()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of some files; the same files give the same octets (no times, one mode)."""
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
