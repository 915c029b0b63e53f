"""Sorting more lines than memory should hold."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ca.files import sorting
from ca.files.sorting import SortedLines


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
def test_lines_come_back_in_order_and_once_also_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(sorting, "PIECE", 8)
    given = [b"%d" % (n // 2) for n in range(count)]
    mixed = random.Random(1).sample(given, count)

    with SortedLines(tmp_path, mixed) as lines:
        once, again = list(lines), list(lines)

    assert once == again == sorted(set(given))
    assert list(tmp_path.iterdir()) == []
