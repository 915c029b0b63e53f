"""Files are written whole or not at all, never over another one unasked, with their mode from the start."""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path

import pytest

from ca.errors import ConflictError, MalformedError, NotFoundError, StoreError
from ca.files import (
    PRIVATE,
    PUBLIC,
    NewFile,
    link_into_place,
    make_folder,
    read_bounded,
    write_atomic,
    write_together,
    writing,
)


@pytest.mark.parametrize(("mode", "umask"), [(PRIVATE, 0), (PUBLIC, 0o077)])
def test_the_mode_holds_whatever_the_umask(tmp_path: Path, mode: int, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "f", b"x", mode=mode)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_the_same_content_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    before = path.stat().st_ino

    write_atomic(path, b"x")

    assert path.stat().st_ino == before


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "x" + "ü" * 127])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_may_be_as_long_as_the_file_system_takes(
    tmp_path: Path, name: str, overwrite: bool
) -> None:
    write_atomic(tmp_path / name, b"x", overwrite=overwrite)
    write_atomic(tmp_path / name, b"y", overwrite=True)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"y"


def test_another_content_is_a_conflict_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"mine")

    with pytest.raises(ConflictError, match="exists with other content") as refusal:
        write_atomic(path, b"theirs")
    assert refusal.value.hint == "--overwrite replaces it"
    write_atomic(path, b"theirs", overwrite=True)

    assert path.read_bytes() == b"theirs"


def test_a_private_file_is_never_written_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConflictError, match="is a symbolic link"):
        write_atomic(tmp_path / "link", b"secret", mode=PRIVATE, overwrite=True)

    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture(params=["nameless", "named", "no /proc"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a new file comes to its name: the second is for systems that lack the first."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    if request.param == "no /proc":
        real = os.link

        def link(source: str, target: str, **rest: object) -> None:
            if source.startswith("/proc"):
                raise FileNotFoundError
            real(source, target, **rest)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "link", link)


def another_writes_meanwhile(monkeypatch: pytest.MonkeyPatch, path: Path, data: bytes) -> None:
    real = writing._write_all

    def meanwhile(file: FileIO, ours: list[bytes], mode: int, *, durable: bool) -> None:
        real(file, ours, mode, durable=durable)
        path.write_bytes(data)

    monkeypatch.setattr(writing, "_write_all", meanwhile)


@pytest.mark.usefixtures("way")
def test_a_new_file_is_whole_has_its_mode_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "f", b"x" * 100_000, mode=PRIVATE)

    assert (tmp_path / "f").read_bytes() == b"x" * 100_000
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


@pytest.mark.usefixtures("way")
def test_a_twin_that_writes_the_same_meanwhile_is_no_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trusted-root.pem"
    another_writes_meanwhile(monkeypatch, path, b"the chain")

    write_atomic(path, b"the chain")

    assert path.read_bytes() == b"the chain"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("way")
def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    another_writes_meanwhile(monkeypatch, path, b"another's")

    with pytest.raises(ConflictError, match="was created meanwhile"):
        write_atomic(path, b"mine")

    assert path.read_bytes() == b"another's"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


@pytest.mark.usefixtures("way")
def test_a_write_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        write_atomic(tmp_path / "f", b"x" * 1000)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()

    with pytest.raises(ConflictError):
        write_atomic(tmp_path / "f", b"x")


def test_reading_is_bounded_and_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 11)

    with pytest.raises(MalformedError, match="has more than 10 octets"):
        read_bounded(tmp_path / "big", limit=10)
    with pytest.raises(NotFoundError, match="there is no file"):
        read_bounded(tmp_path / "none")
    with pytest.raises(MalformedError, match="is a folder, not a regular file"):
        read_bounded(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MalformedError, match="is a pipe or a device, not a regular file"):
        read_bounded(tmp_path / "pipe")
    with pytest.raises(StoreError, match="cannot be read"):
        read_bounded(tmp_path / ("x" * 300))


def test_a_file_system_without_hard_links_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_source: Path, _target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    (tmp_path / "t").write_bytes(b"x")
    monkeypatch.setattr(os, "link", no_links)

    with pytest.raises(StoreError, match="without hard links"):
        link_into_place(tmp_path / "t", tmp_path / "f")


def test_where_rename_refuses_to_replace_it_stands_in_for_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows without hard links: ``rename`` raises where the name is taken."""

    def no_links(_source: Path, _target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    def rename(self: Path, target: Path) -> None:
        if target.exists():
            raise FileExistsError
        os.replace(self, target)

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(writing.sys, "platform", "win32")
    for name in ("t", "u"):
        (tmp_path / name).write_bytes(name.encode())

    assert link_into_place(tmp_path / "t", tmp_path / "f") is True
    assert link_into_place(tmp_path / "u", tmp_path / "f") is False
    assert (tmp_path / "f").read_bytes() == b"t"


def test_without_posix_modes_and_folder_fsync_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NotPosix:
        name = "nt"

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(writing, "os", NotPosix())

    assert make_folder(tmp_path / "d", mode=0o700) is True
    write_atomic(tmp_path / "d" / "f", b"x")

    assert (tmp_path / "d" / "f").read_bytes() == b"x"
    assert make_folder(tmp_path / "d") is False


def test_a_link_to_nothing_in_the_way_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to(tmp_path / "nothing")

    with pytest.raises(ConflictError, match="is a dangling symbolic link"):
        write_atomic(tmp_path / "f", b"x")

    assert not (tmp_path / "nothing").exists()


def test_files_that_belong_together_are_all_on_the_disk_before_the_first_is_replaced(
    tmp_path: Path,
) -> None:
    import resource

    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"old")
    files = [NewFile(tmp_path / "a", b"new", 0o644), NewFile(tmp_path / "b", b"n" * 9000, 0o644)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # as a full disk does
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            write_together(files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old", "b": b"old"}  # fmt: skip

    assert [each.path.name for each in write_together(files)] == ["a", "b"]
    assert write_together(files) == []


def test_files_that_belong_together_are_not_written_through_a_link_or_over_a_folder(
    tmp_path: Path,
) -> None:
    (tmp_path / "aim").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "aim")
    (tmp_path / "folder").mkdir()

    for name in ("link", "folder"):
        files = [NewFile(tmp_path / "new", b"x", 0o600), NewFile(tmp_path / name, b"x", 0o600)]
        with pytest.raises(ConflictError):
            write_together(files)

    assert (tmp_path / "aim").read_bytes() == b"old"
    assert not (tmp_path / "new").exists()
