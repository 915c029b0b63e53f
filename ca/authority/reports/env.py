"""``env``: the public files of a home where scripts find them, and their paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.authority.own_files import is_certificates, refuse_foreign
from ca.authority.status.crl import crl_record, formatted, formatted_all, is_ours
from ca.documents.env import EnvDocument
from ca.encoding import pem
from ca.errors import CAError, ConflictError
from ca.files import holds, lock_folder, make_folder, write_atomic, write_stream

PUBLIC_FOLDER = "public"
ASIDE = "move it aside: this folder is sipca's"


def write_env(home: Home) -> EnvDocument:
    """Write root, chain and newest CRLs below the home if they differ; returns their paths.

    No key is opened; without a CRL there is no variable for it. SIPCA_CRL has what issuing CAs
    revoked, SIPCA_CRLS the roots' CRLs, too: servers that check the whole chain need both.

    Raises:
        ConflictError: one of the paths has something that sipca did not write.
        StoreError: the home cannot be written.
    """
    folder = home.path.absolute() / PUBLIC_FOLDER
    if folder.is_symlink():
        raise ConflictError(f"'{folder}' is a symbolic link, which is not followed", hint=ASIDE)
    make_folder(folder)
    with lock_folder(folder):
        return _written(home, folder)


def _written(home: Home, folder: Path) -> EnvDocument:
    variables = {"SIPCA_HOME": str(home.path.absolute())}
    cas = trusted(home)
    roots = pem.bundle([ca.facts.der for ca in cas if ca.role == "root"])
    bundle = upload_files.chain_of(home).trust[upload_files.TRUSTED_ROOT]
    texts = {"SIPCA_ROOT": ("root.pem", roots), "SIPCA_CHAIN": ("chain.pem", bundle)}
    for name, (file, text) in texts.items():
        refuse_foreign(folder / file, is_certificates, hint=ASIDE)
        write_atomic(folder / file, text.encode(), overwrite=True)
        variables[name] = str(folder / file)
    needed = [ca for ca in cas if ca.role == "issuing"]
    needed = [ca for ca in needed if ca.is_current or crl_record(home, ca).number is not None]

    def issuing() -> Iterable[bytes]:
        return chain.from_iterable(formatted(home, ca, "pem") for ca in needed)

    everything = partial(formatted_all, home)
    crls: dict[str, tuple[str, Callable[[], Iterable[bytes]]]]
    crls = {"SIPCA_CRL": ("issuing.crl", issuing), "SIPCA_CRLS": ("crls.pem", everything)}
    for name, (file, pieces) in crls.items():
        if _write_crls(home, folder / file, pieces):
            variables[name] = str(folder / file)
    return EnvDocument(variables=variables)


def _write_crls(home: Home, path: Path, pieces: Callable[[], Iterable[bytes]]) -> bool:
    """Write CRLs if each of them exists; otherwise no file is left, which would be a half one."""
    ours = [is_ours(ca) for ca in home.cas()]
    refuse_foreign(path, lambda start: any(each(start) for each in ours), hint=ASIDE)
    try:
        if not holds(path, pieces()):
            write_stream(path, pieces())
    except CAError:
        path.unlink(missing_ok=True)
        return False
    return True
