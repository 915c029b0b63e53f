"""``env``: the public files of a home where scripts find them, and their paths."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.authority.own_files import is_certificates, refuse_foreign
from ca.authority.status.crl import crl_record, formatted, is_ours
from ca.documents.env import EnvDocument
from ca.encoding import pem
from ca.errors import CAError, ConflictError
from ca.files import lock_folder, make_folder, write_atomic, write_stream

PUBLIC_FOLDER = "public"
ASIDE = "move it aside: this folder is sipca's"


def write_env(home: Home) -> EnvDocument:
    """Write root, chain and newest CRL below the home if they differ; returns their paths.

    No key is opened; without a CRL there is no variable for it.

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
    issuing = [ca for ca in home.cas() if ca.role == "issuing"]
    refuse_foreign(
        folder / "issuing.crl", lambda start: any(is_ours(ca)(start) for ca in issuing), hint=ASIDE
    )
    needed = [ca for ca in cas if ca.role == "issuing"]
    needed = [ca for ca in needed if ca.is_current or crl_record(home, ca).number is not None]
    try:
        pieces = chain.from_iterable(formatted(home, ca, "pem") for ca in needed)
        write_stream(folder / "issuing.crl", pieces)
    except CAError:
        (folder / "issuing.crl").unlink(missing_ok=True)
    else:
        variables["SIPCA_CRL"] = str(folder / "issuing.crl")
    return EnvDocument(variables=variables)
