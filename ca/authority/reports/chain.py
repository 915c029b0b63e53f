"""``chain``: the CA certificates, printed or written."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.authority.records import ca_record
from ca.authority.reports.export import Format
from ca.documents.chain import ChainDocument
from ca.encoding import pem
from ca.encoding.pkcs7 import certs_only
from ca.errors import ConflictError, NotFoundError
from ca.files import holds, write_atomic

Parts = Literal["all", "root", "issuing"]
PARTS = get_args(Parts)


def chain(home: Home, *, parts: Parts = "all", format: Format = "pem") -> bytes:  # noqa: A002 - the option's name
    """The CA certificates, issuing first and root last; then those before that peers still need.

    DER holds one certificate: the current one of its role.

    Raises:
        ConflictError: DER holds one certificate, and several were requested.
    """
    chosen = [ca.facts.der for ca in _chosen(home, parts)]
    if format == "p7b":
        return certs_only(chosen)
    if format == "pem":
        return pem.bundle(chosen).encode("ascii")
    if parts == "all":
        count = "two" if len(chosen) == 2 else str(len(chosen))
        raise ConflictError(
            f"DER holds one certificate, and the chain has {count}",
            hint="--parts root or --parts issuing, or --format p7b",
        )
    return chosen[0]


def chain_document(home: Home, *, parts: Parts = "all") -> ChainDocument:
    """The CA certificates as a document."""
    cas = _chosen(home, parts)
    ders = [each.facts.der for each in cas]
    return ChainDocument(cas=[ca_record(each) for each in cas], pem=pem.bundle(ders))


def _chosen(home: Home, parts: Parts) -> list[CA]:
    return [ca for ca in trusted(home) if parts in ("all", ca.role)]


def write_chain(path: Path, data: bytes, *, overwrite: bool = False) -> bool:
    """Write the output of ``chain``; False if the file was there already with this content.

    Raises:
        CAError: the path has another file, or cannot be written.
    """
    if not path.parent.is_dir():
        raise NotFoundError(f"there is no folder '{path.parent}'", hint="make it first")
    if holds(path, [data]):
        return False
    write_atomic(path, data, overwrite=overwrite)
    return True
