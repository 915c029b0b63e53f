"""``env``: the public files of a home where scripts find them, and their paths."""

from __future__ import annotations

from pathlib import Path

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.own_files import is_certificates, refuse_foreign
from ca.authority.status.crl import formatted, is_ours
from ca.documents.env import EnvDocument
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
    chain = upload_files.chain_of(home)
    variables = {"SIPCA_HOME": str(home.path.absolute())}
    texts = {"SIPCA_ROOT": ("root.pem", chain.root), "SIPCA_CHAIN": ("chain.pem", chain.trusted)}
    for name, (file, text) in texts.items():
        refuse_foreign(folder / file, is_certificates, hint=ASIDE)
        write_atomic(folder / file, text.encode(), overwrite=True)
        variables[name] = str(folder / file)
    refuse_foreign(folder / "issuing.crl", is_ours(home.ca("issuing")), hint=ASIDE)
    try:
        write_stream(folder / "issuing.crl", formatted(home, home.ca("issuing"), "pem"))
    except CAError:
        (folder / "issuing.crl").unlink(missing_ok=True)
    else:
        variables["SIPCA_CRL"] = str(folder / "issuing.crl")
    return EnvDocument(variables=variables)
