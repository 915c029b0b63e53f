"""``export`` for a server: the files that its target names, with the operator's own key."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ca.authority import server_files, server_places
from ca.authority.home import Home
from ca.authority.server_places import HeldKey, Own
from ca.authority.status.crl import bundle_for_servers
from ca.authority.upload_files import stem_of_row
from ca.documents.server import ServerSetup
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, KeyUnavailableError, attempt
from ca.files import lock_folder, make_folder
from ca.keys.files import KeyFileFormat, check_passphrase
from ca.keys.public import read_public_key
from ca.profiles.target import Target
from ca.store.certificates import CertificateRow


class ServerWishes(msgspec.Struct, frozen=True):
    """Where a server's files go, and the key that belongs to the certificate."""

    folder: Path
    target: Target
    key: Path | None = None
    form: KeyFileFormat = KeyFileFormat()
    overwrite: bool = False


def export_for_server(home: Home, row: CertificateRow, wishes: ServerWishes) -> ServerSetup:
    """Write a server's files; those with the private key if it is given, or there already.

    Raises:
        KeyUnavailableError: the key is another certificate's, or a passphrase is missing.
        ConflictError: a place has something else, or another key; nothing was written.
    """
    target, passphrase = wishes.target, wishes.form.passphrase
    check_passphrase(passphrase)
    server_files.check_stores(target, wishes.form)
    given = None if wishes.key is None else _given_key(row, wishes.key, passphrase)
    wanted = server_files.wants(target, "crls")
    crls, notes = bundle_for_servers(home) if wanted else (b"", [])
    make_folder(wishes.folder)
    with lock_folder(wishes.folder):
        key = _key(row, wishes, given)
        if not wishes.overwrite:
            own = Own(key, stem_of_row(row), passphrase)
            server_places.refuse_strangers(home, wishes.folder, target, own)
        material = server_files.material(home, row, key, crls=crls, form=wishes.form)
        return server_files.deliver(wishes.folder, target, material, notes=notes)


def _given_key(row: CertificateRow, path: Path, passphrase: bytes | None) -> HeldKey:
    """Read the operator's key, which has to be the certificate's."""
    key = server_places.read_key(path, passphrase, pipes=True)
    if not _fits(row, key):
        raise KeyUnavailableError(
            f"the key in '{path}' is not the one of certificate {row.serial.hex()[:12]}",
            hint="sipca preflight CERT --key FILE compares a certificate and a key",
        )
    return key


def _key(row: CertificateRow, wishes: ServerWishes, given: HeldKey | None) -> HeldKey | None:
    """The key for the files: the operator's, or the one that is in the folder already.

    Raises:
        ConflictError: the folder has the key of another certificate.
    """
    folder, target = wishes.folder, wishes.target
    found = attempt(server_places.held_key, folder, target, wishes.form.passphrase)
    if given is not None and wishes.overwrite:
        return given
    if isinstance(found, CAError):
        raise found
    if found is None or _fits(row, found):
        return given or found
    raise ConflictError(
        f"the key in '{folder}' is not the one of certificate {row.serial.hex()[:12]}",
        hint="choose another --out; --key FILE with --overwrite replaces key and certificate",
    )


def _fits(row: CertificateRow, key: HeldKey) -> bool:
    facts = read_certificate(row.der)
    return read_public_key(facts.spki).identity == key.pair.public.identity
