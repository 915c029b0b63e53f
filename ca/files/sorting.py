"""More lines than memory should hold, in order: sorted by the piece, pieces put aside on disk."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO

from ca.files.writing import store_errors

PIECE = 50_000
"""Lines that are sorted in memory."""


class SortedLines:
    """Lines without their ends, which are given back in the order of their octets, each once.

    The pieces are files without names in ``folder``.
    """

    def __init__(self, folder: Path, lines: Iterable[bytes] = ()) -> None:
        self._folder = folder
        self._pieces: list[IO[bytes]] = []
        self._newest: list[bytes] = []
        for line in lines:
            self.add(line)

    def __enter__(self) -> SortedLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for piece in self._pieces:
            piece.close()

    def add(self, line: bytes) -> None:
        """One line more.

        Raises:
            StoreError: the disk is full, or cannot be written.
        """
        self._newest.append(line)
        if len(self._newest) >= PIECE:
            self._put_aside()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            piece.seek(0)
        aside = ((line[:-1] for line in piece) for piece in self._pieces)
        last = None
        for line in heapq.merge(*aside, sorted(self._newest)):
            if line != last:
                yield line
            last = line

    def _put_aside(self) -> None:
        with store_errors(self._folder):
            piece = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed at the end
            self._pieces.append(piece)
            piece.writelines(chain.from_iterable((line, b"\n") for line in sorted(self._newest)))
        self._newest.clear()
