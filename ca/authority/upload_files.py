"""The files to upload to a device, written without replacing other files unasked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ca.authority.home import CA, Home
from ca.authority.lineage import crosses_above, trusted
from ca.device.request_rules import next_steps
from ca.documents.sign import Files, Signed
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, attempt
from ca.files import (
    check_folder,
    conflicts,
    holds,
    make_folder,
    read_bounded,
    sync_folder,
    write_atomic,
)
from ca.model.escaping import escape_undecodable
from ca.names.text import printable
from ca.store import devices, issuers
from ca.store.certificates import CertificateRow
from ca.store.enrolments import SOURCE

TRUSTED_ROOT = "trusted-root.pem"


class Delivery(msgspec.Struct, frozen=True):
    """Where certificates go: a folder, one file, or (neither) only into the document."""

    folder: Path | None = None
    file: Path | None = None
    fullchain: bool = False
    overwrite: bool = False
    yields: Callable[[CertificateRow, str], bool] = lambda _, __: False
    """Which certificates of this home may be replaced, besides superseded ones, by the source of a
    label."""


class Chain(msgspec.Struct, frozen=True):
    """The CA certificates of a home as PEM: those above one issuing CA, and all that peers need.

    ``cross`` is sent after ``issuing``, to peers that only trust an earlier or later root.
    ``trust`` has the name and text of each trust file; ``known`` every CA certificate that this
    home ever had, with LF.
    """

    issuing: str
    root: str
    cross: str
    trust: dict[str, str]
    known: frozenset[str]

    @property
    def trusted(self) -> str:
        """Issuing, then root."""
        return self.issuing + self.root

    @property
    def sent(self) -> str:
        """What a server sends after its own certificate."""
        return self.issuing + self.cross

    def is_ours(self, data: bytes) -> bool:
        """Whether a file holds CA certificates of this home and nothing else."""
        text = data.decode("ascii", "replace").replace("\r\n", "\n")
        blocks = [block + _END for block in text.split(_END)[:-1]]
        return bool(blocks) and text == "".join(blocks) and self.known.issuperset(blocks)


_END = "-----END CERTIFICATE-----\n"


def chain_of(home: Home, newline: str = "\n", *, issuer_id: int | None = None) -> Chain:
    """The chain of an issuing CA, by default the current one, and the trust files of the home."""
    ca = home.ca("issuing") if issuer_id is None else home.ca_of(issuer_id)
    *below, root = (pem.encode(each.facts.der, newline=newline) for each in home.path_of(ca))
    crosses = (each.row.der for each in crosses_above(home, ca))
    return Chain(
        issuing=below[0] if below else "",  # an imported root may have signed the leaf itself
        root=root,
        cross="".join(pem.encode(der, newline=newline) for der in crosses),
        trust=_trust_files(trusted(home), newline),
        known=frozenset(pem.encode(row.der) for row in issuers.ca_certificates(home.store)),
    )


def _trust_files(cas: list[CA], newline: str) -> dict[str, str]:
    """A bundle, and a file per certificate for one-by-one pages: of each chain the root first."""
    texts = [pem.encode(ca.facts.der, newline=newline) for ca in cas]
    files = {TRUSTED_ROOT: "".join(texts)}
    for name, ca in trust_names(cas).items():
        files[f"{name}.pem"] = pem.encode(ca.facts.der, newline=newline)
    return files


def trust_names(cas: list[CA]) -> dict[str, CA]:
    """The trust files that hold one certificate: name without ending, and CA, in upload order."""
    waiting: list[CA] = []
    ordered: list[CA] = []
    for ca in cas:
        waiting.append(ca)
        if ca.role == "root":
            ordered += reversed(waiting)
            waiting = []
    ordered += waiting
    return {f"trusted-{number}-{ca.role}": ca for number, ca in enumerate(ordered, 1)}


def single_files(home: Home) -> list[str]:
    """The names of the trust files that hold one certificate each, in upload order."""
    return [f"{name}.pem" for name in trust_names(trusted(home))]


def device_name(stem: str, context: int | None) -> str:
    """The name of the device file: ``sbc1-device.pem``, ``sbc1-ctx2-device.pem``."""
    return f"{with_context(stem, context)}-device.pem"


def fullchain_name(stem: str, context: int | None) -> str:
    """The name of the leaf-and-issuing file."""
    return f"{with_context(stem, context)}-fullchain.pem"


def with_context(stem: str, context: int | None) -> str:
    """A stem, with the TLS context where there is one: ``sbc1-ctx2``."""
    return stem if context is None else f"{stem}-ctx{context}"


def file_safe(text: str) -> str:
    """Turn a text into the stem of a file name that is valid on every platform."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:100].rstrip("._-") or "device"
    return f"_{plain}" if _WINDOWS.match(plain) else plain


_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
"""Device names of Windows: no file can have one as its name, with any extension."""


MAX_STEM = 200
"""Octets of a stem at most, leaving room for suffixes; file systems allow 255 in all."""


def stem_of(stem: str | None) -> str | None:
    """A source's own stem, made safe as a file name and shortened if needed.

    The same for a path and for its form in the register.
    """
    if stem is None:
        return None
    plain = escape_undecodable(stem)
    odd = plain.startswith("-") or "\\" in plain or "/" in plain or _WINDOWS.match(plain)
    if odd or printable(plain, limit=255) != plain or len(plain.encode()) > MAX_STEM:
        return file_safe(plain)
    return plain


def refuse_foreign_trust_files(delivery: Delivery, chain: Chain) -> None:
    """Check, before signing, that no trust file in the folder is another CA's.

    Raises:
        ConflictError: naming those that differ.
    """
    if delivery.folder is None:
        return
    for name in chain.trust:
        if (delivery.folder / name).is_dir():
            raise ConflictError(f"'{delivery.folder / name}' is a folder", hint="remove it")
    if delivery.overwrite:
        return
    foreign = [
        name
        for name, text in chain.trust.items()
        if is_foreign_trust_file(delivery.folder / name, text, chain)
    ]
    if foreign:
        raise ConflictError(
            f"'{delivery.folder}' holds another {', '.join(foreign)}",
            hint="choose another --out; --overwrite replaces files",
        )


def is_foreign_trust_file(path: Path, text: str, chain: Chain) -> bool:
    """Whether something is there that is neither this trust file nor one of before a rotation."""
    if not conflicts(path, text.encode()):
        return False
    data = attempt(read_bounded, path)
    return path.is_symlink() or isinstance(data, CAError) or not chain.is_ours(data)


def write_trust_files(folder: Path, chain: Chain, *, overwrite: bool = False) -> None:
    """Write the trust files; those of before a rotation are replaced.

    Raises:
        CAError: one cannot be written, or something else appeared meanwhile.
    """
    remove_stale_trust_files(folder, chain)
    for name, text in chain.trust.items():
        path = folder / name
        replace = overwrite or not is_foreign_trust_file(path, text, chain)
        write_atomic(path, text.encode("ascii"), overwrite=replace)


def remove_stale_trust_files(folder: Path, chain: Chain) -> None:
    """Remove the numbered trust files of this home that hold a CA which peers need no more.

    Their pages take one certificate at a time: what lies there is uploaded.
    """
    for path in folder.glob("trusted-[0-9]*-*.pem"):
        if path.name in chain.trust or not _NUMBERED.fullmatch(path.name) or path.is_symlink():
            continue
        data = attempt(read_bounded, path)
        if not isinstance(data, CAError) and chain.is_ours(data):
            path.unlink(missing_ok=True)


_NUMBERED = re.compile(r"trusted-[0-9]+-(?:root|issuing)\.pem")


def taken_paths(delivery: Delivery, stem: str, context: int | None) -> list[str]:
    """The paths that one certificate is written to; a batch asks for thousands."""
    if delivery.file is not None:
        return [str(delivery.file)]
    if delivery.folder is None:
        return []
    names = [device_name(stem, context)]
    if delivery.fullchain:
        names.append(fullchain_name(stem, context))
    folder = str(delivery.folder)
    return names if folder == "." else [os.path.join(folder, name) for name in names]  # noqa: PTH118


def contents(delivery: Delivery, leaf: str, chain: Chain) -> list[str]:
    """The text for each of ``taken_paths``, in the same order."""
    if delivery.file is not None:
        return [leaf + chain.sent if delivery.fullchain else leaf]
    return [leaf, leaf + chain.sent] if delivery.fullchain else [leaf]


class PlannedFiles(msgspec.Struct, frozen=True):
    """One certificate's files with their texts, and their names in the document."""

    texts: tuple[tuple[str, str], ...]
    files: Files


def planned_files(
    delivery: Delivery, stem: str, context: int | None, leaf: str, chain: Chain
) -> PlannedFiles:
    """The files of one certificate; ``deliver_trust`` writes the trust files beside them."""
    paths = taken_paths(delivery, stem, context)
    texts = tuple(zip(paths, contents(delivery, leaf, chain), strict=True))
    trusted = None if delivery.folder is None else str(delivery.folder / TRUSTED_ROOT)
    return PlannedFiles(texts, Files(paths[0], trusted, paths[1] if len(paths) > 1 else None))


def place_of(delivery: Delivery) -> Path | None:
    """The folder that files are written to."""
    return delivery.folder or (delivery.file.parent if delivery.file else None)


def check_place(delivery: Delivery) -> None:
    """Check, before signing, that files can be written to their place.

    Raises:
        StoreError: the folder, or its nearest existing parent, is not a writable folder.
    """
    place = place_of(delivery)
    if place is not None:
        check_folder(place, named="--out")


def make_place(delivery: Delivery) -> None:
    """Make the folder that files are written to.

    Raises:
        StoreError: it cannot be made.
    """
    make_folder(delivery.folder or (delivery.file or Path()).parent)


def settle(delivery: Delivery) -> None:
    """Sync the folder of delivered files to disk."""
    folder = place_of(delivery)
    if folder is not None and folder.is_dir():
        sync_folder(folder)


def trust_is_there(delivery: Delivery, chain: Chain) -> bool:
    """Whether the folder has the trust file of now already."""
    text = chain.trust[TRUSTED_ROOT]
    return delivery.folder is not None and holds(delivery.folder / TRUSTED_ROOT, [text.encode()])


def deliver_trust(delivery: Delivery, chain: Chain) -> None:
    """Write the trust files of a folder.

    Raises:
        CAError: one cannot be written, or a different one appeared meanwhile.
    """
    if delivery.folder is None:
        return
    make_folder(delivery.folder)
    write_trust_files(delivery.folder, chain, overwrite=delivery.overwrite)


def upload_steps(home: Home, signed: Sequence[Signed], target: str | None) -> list[str]:
    """The steps to take on the device's pages with signed certificates, in the order of the pages.

    Two certificates are enough to show that there are several.

        Raises:
            CAError: there is no such target.
    """
    if not signed:
        return []
    files = signed[0].files
    several = len(signed) > 1
    known = (
        None if several or not signed[0].device else devices.device(home.store, signed[0].device)
    )
    folder = Path(files.trusted_root).parent if files.trusted_root else None
    return next_steps(
        home.library.target(target or (known and known.target) or home.target),
        singles=[] if folder is None else [str(folder / each) for each in single_files(home)],
        trusted_root=files.trusted_root or f"{TRUSTED_ROOT} (sipca export writes it)",
        device="each device's own -device.pem"
        if several
        else files.device or "the certificate above",
        context=signed[0].context,
    )


def stem_of_row(row: CertificateRow) -> str:
    """The stem that ``sign --out`` gave its files: the source's, without one the device's or CN."""
    if row.source.startswith("issue "):
        return row.source.removeprefix("issue ")
    if row.source != "-" and not row.source.startswith(SOURCE):
        return stem_of(Path(row.source).stem) or "device"
    return file_safe(row.device or read_certificate(row.der).cn or row.serial.hex())
