"""``env``: the public files of a home where scripts find them, and their paths."""

from __future__ import annotations

from ca.authority import crls
from ca.authority import delivery as delivering
from ca.authority.home import Home
from ca.documents.scripts import EnvDocument
from ca.errors import CAError
from ca.files import make_folder, write_atomic, write_stream

PUBLIC_FOLDER = "public"


def environment(home: Home) -> EnvDocument:
    """Write root, chain and newest CRL below the home where they differ; their paths.

    No key is opened: a CRL that was never made has no variable.

    Raises:
        StoreError: the home cannot be written.
    """
    folder = home.path.absolute() / PUBLIC_FOLDER
    make_folder(folder)
    chain = delivering.chain_of(home)
    variables = {"SIPCA_HOME": str(home.path.absolute())}
    texts = {"SIPCA_ROOT": ("root.pem", chain.root), "SIPCA_CHAIN": ("chain.pem", chain.trusted)}
    for name, (file, text) in texts.items():
        write_atomic(folder / file, text.encode(), overwrite=True)
        variables[name] = str(folder / file)
    try:
        write_stream(folder / "issuing.crl", crls.formatted(home, home.ca("issuing"), "pem"))
    except CAError:
        (folder / "issuing.crl").unlink(missing_ok=True)
    else:
        variables["SIPCA_CRL"] = str(folder / "issuing.crl")
    return EnvDocument(variables=variables)
