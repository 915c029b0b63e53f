"""``trust export``: the roots for people's own machines, in the form that each system takes."""

from __future__ import annotations

import re
import shlex
import unicodedata
from pathlib import Path

import msgspec

from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.documents.trust import TrustCommand, TrustExportDocument, TrustRoot
from ca.encoding import pem
from ca.encoding.fingerprints import sha1_thumbprint
from ca.errors import ConflictError, NotFoundError
from ca.files import conflicts, holds, write_atomic
from ca.model.certificates import subject_text
from ca.profiles.anchor import PLACES, Anchor
from ca.profiles.patterns import fill

_UNSAFE = re.compile(r"[^a-z0-9]+", re.ASCII)


class TrustFile(msgspec.Struct, frozen=True):
    """A file for a trust store; ``stem`` is also the name of the root in the store."""

    name: str
    stem: str
    thumbprint: str
    data: bytes


def live_roots(home: Home) -> list[CA]:
    """The roots that peers need: the current one first; during a rotation those before as well.

    An issuing CA is never an anchor: who trusts it would go on when the root has revoked it.
    """
    return [ca for ca in trusted(home) if ca.role == "root"]


def root_record(ca: CA) -> TrustRoot:
    """A root with its fingerprints."""
    facts = ca.facts
    return TrustRoot(
        id=ca.issuer.ca_id,
        subject=subject_text(facts.subject),
        not_after=facts.validity.not_after,
        sha256=facts.fingerprint,
        sha1=sha1_thumbprint(facts.der),
    )


def trust_files(home: Home, anchor: Anchor) -> list[TrustFile]:
    """The files for a kind of store: one for each live root, or one with all of them."""
    roots = live_roots(home)
    if anchor.is_bundle:
        stem = f"{_slug(home.name)}-root"
        name = fill(anchor.file, {"stem": stem})
        data = _bundle(home, anchor, roots)
        return [TrustFile(name, stem, sha1_thumbprint(roots[0].facts.der), data)]
    files = []
    for ca in roots:
        stem = f"{_slug(ca.issuer.name)}-{ca.issuer.ca_id}"
        der = ca.facts.der
        data = der if anchor.form == "der" else pem.encode(der).encode()
        files.append(TrustFile(fill(anchor.file, {"stem": stem}), stem, sha1_thumbprint(der), data))
    return files


def roots_pem(home: Home) -> str:
    """The live roots as PEM."""
    return pem.bundle([ca.facts.der for ca in live_roots(home)])


def export_roots(
    home: Home, anchor: Anchor | None, *, path: Path | None, overwrite: bool = False
) -> TrustExportDocument:
    """Write the live roots for a kind of store, or as plain PEM; say how they are trusted.

    Without a kind and a path nothing is written; with a kind, into the current folder.

    Raises:
        ConflictError: another file is in the way, or one file is wished for several roots.
        NotFoundError: there is no such folder.
    """
    if anchor is None:
        placed = [] if path is None else [(path, roots_pem(home).encode())]
        unchanged = _write(placed, overwrite=overwrite)
        document = _document(home, None, [each for each, _ in placed])
        return msgspec.structs.replace(document, unchanged=unchanged)
    files = trust_files(home, anchor)
    paths = _places(files, path)
    unchanged = _write(
        [(place, file.data) for place, file in zip(paths, files, strict=True)], overwrite=overwrite
    )
    document = _document(home, anchor, paths, files)
    return msgspec.structs.replace(document, unchanged=unchanged)


def commands(
    anchor: Anchor, texts: tuple[str, ...], places: list[tuple[TrustFile, Path]]
) -> list[TrustCommand]:
    """Commands of a kind of store, those with a place-holder once for each file."""
    said = []
    for text in texts:
        if any(f"{{{each}}}" in text for each in PLACES):
            said += [fill(text, _values(anchor, *place)) for place in places]
        else:
            said.append(text)
    return [
        TrustCommand(text=each, shell=anchor.shell, as_root=anchor.as_root)
        for each in dict.fromkeys(said)
    ]


def steps(anchor: Anchor, files: list[TrustFile]) -> list[str]:
    """The steps by hand, those with a place-holder with the names of all files."""
    names = ", ".join(each.name for each in files)
    stems = ", ".join(each.stem for each in files)
    values = {"name": names, "file": names, "path": names, "stem": stems, "thumbprint": ""}
    return [fill(each, values) for each in anchor.steps]


def _document(
    home: Home,
    anchor: Anchor | None,
    paths: list[Path],
    files: list[TrustFile] | None = None,
) -> TrustExportDocument:
    said = [
        msgspec.structs.replace(file, name=path.name)
        for file, path in zip(files or [], paths, strict=False)
    ]
    places = list(zip(said, paths, strict=False))
    return TrustExportDocument(
        ca=home.name,
        home=str(home.path),
        store=anchor.name if anchor else None,
        description=anchor.description if anchor else "PEM",
        roots=[root_record(ca) for ca in live_roots(home)],
        pem=roots_pem(home),
        files=[str(each) for each in paths],
        run=commands(anchor, anchor.run, places) if anchor else [],
        undo=commands(anchor, anchor.undo, places) if anchor else [],
        steps=steps(anchor, said) if anchor else [],
        notes=[*_endings(anchor, paths), *anchor.notes] if anchor else [],
        source=anchor.source if anchor else "",
        ran=[],
    )


def _endings(anchor: Anchor, paths: list[Path]) -> list[str]:
    """A note where a file that holds no PEM got an ending of one's own choice."""
    usual = Path(anchor.file).suffix
    if anchor.form.startswith("pem"):
        return []
    return [
        f"'{path}' holds no PEM ({anchor.form}): {anchor.name} expects the ending {usual}"
        for path in paths
        if path.suffix != usual
    ]


def _values(anchor: Anchor, file: TrustFile, path: Path) -> dict[str, str]:
    quote = shlex.quote if anchor.shell == "sh" else _quote_for_cmd
    values = {
        "stem": file.stem,
        "file": str(path),
        "path": str(path.absolute()),
        "name": path.name,
        "thumbprint": file.thumbprint.upper(),
    }
    if values["file"].startswith("-"):
        values["file"] = f"./{path}"
    return {key: quote(value) for key, value in values.items()}


def _quote_for_cmd(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9._:\\-]+", text) else f'"{text}"'


def _places(files: list[TrustFile], path: Path | None) -> list[Path]:
    if path is None or path.is_dir():
        return [Path(path or "") / each.name for each in files]
    if len(files) > 1:
        raise ConflictError(
            f"'{path}' is one file, but {len(files)} roots are to be trusted until the rotation "
            "has ended, each in a file of its own",
            hint="name a folder that exists: -o FOLDER",
        )
    return [path]


def _write(placed: list[tuple[Path, bytes]], *, overwrite: bool) -> list[str]:
    """Write the files; those that were there already."""
    for path, data in placed:
        if not path.parent.is_dir():
            raise NotFoundError(f"there is no folder '{path.parent}'", hint="make it first")
        if path.is_dir():
            raise ConflictError(f"'{path}' is a folder", hint="name a file, or a kind with --for")
        if not overwrite and conflicts(path, data):
            raise ConflictError(
                f"'{path}' exists with other content", hint="--overwrite replaces it"
            )
    unchanged = [str(path) for path, data in placed if holds(path, [data])]
    for path, data in placed:
        write_atomic(path, data, overwrite=overwrite)
    return unchanged


def _bundle(home: Home, anchor: Anchor, roots: list[CA]) -> bytes:
    if anchor.form == "pem-bundle":
        return roots_pem(home).encode()
    from ca.encoding.mobileconfig import root_profile

    return root_profile(home.name, [(ca.issuer.name, ca.facts.der) for ca in roots])


def _slug(name: str) -> str:
    """A name of lower-case ASCII letters, digits and dashes, which every store takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("-", plain.lower()).strip("-")[:60] or "ca"
