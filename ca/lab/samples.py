"""Sample requests in a folder: something to try sipca with, where no device is at hand."""

from __future__ import annotations

from pathlib import Path

from ca.documents.samples import SampleRecord, SamplesDocument
from ca.errors import ConflictError
from ca.files import conflicts, lock_folder, make_folder, write_atomic
from ca.profiles.samples import samples, samples_readme


def write_samples(folder: Path, *, overwrite: bool = False) -> SamplesDocument:
    """Write every sample and the page about them; all or, where a file is in the way, none.

    Raises:
        ConflictError: a file of other content is there and ``overwrite`` is not set.
        StoreError: the folder does not take them.
    """
    found = samples()
    files = {folder / each.name: each.data for each in found}
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
        for path, data in files.items():
            write_atomic(path, data, overwrite=overwrite)
    return SamplesDocument(
        folder=str(folder),
        samples=[SampleRecord(str(folder / each.name), each.shows) for each in found],
        readme=str(readme),
    )
