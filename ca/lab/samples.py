"""Sample requests, for trying sipca without a device."""

from __future__ import annotations

from pathlib import Path

from ca.documents.samples import SampleRecord, SamplesDocument
from ca.errors import ConflictError
from ca.files import conflicts, holds, lock_folder, make_folder, write_atomic
from ca.profiles.samples import samples, samples_readme


def write_samples(folder: Path, *, overwrite: bool = False) -> SamplesDocument:
    """Write every sample and a page about them; none if a file is in the way.

    Raises:
        ConflictError: a file has other content and ``overwrite`` is not set. StoreError: the
        folder cannot be written.
    """
    texts = samples()
    files = {folder / each.name: each.data for each in texts}
    readme = folder / "README.md"
    files[readme] = samples_readme()
    make_folder(folder)
    with lock_folder(folder):
        taken = [path for path, data in files.items() if not overwrite and conflicts(path, data)]
        if taken:
            raise ConflictError(
                f"'{taken[0]}' exists with other content",
                hint="choose a new folder; --overwrite replaces it",
            )
        unchanged = [str(path) for path, data in files.items() if holds(path, [data])]
        for path, data in files.items():
            write_atomic(path, data, overwrite=overwrite)
    return SamplesDocument(
        folder=str(folder),
        samples=[SampleRecord(str(folder / each.name), each.shows) for each in texts],
        readme=str(readme),
        unchanged=unchanged,
    )
