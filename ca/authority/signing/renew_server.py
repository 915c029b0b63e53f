"""``renew`` into the files of a server: under its target's names, with the key that is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ca.authority import server_files, server_places
from ca.authority.home import Home
from ca.authority.status.crl import bundle_for_servers
from ca.authority.upload_files import stem_of_row
from ca.documents.server import ServerSetup
from ca.documents.sign import Files
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError
from ca.files import lock_folder, make_folder
from ca.keys.files import KeyFileFormat
from ca.keys.public import read_public_key
from ca.profiles.target import Target
from ca.store import certificates
from ca.store.certificates import CertificateRow


class ServerPlace(msgspec.Struct, frozen=True):
    """The folder of one server, whose files a renewal replaces."""

    folder: Path
    target: Target
    form: KeyFileFormat = KeyFileFormat()


def server_place(
    home: Home, rows: Sequence[CertificateRow], place: ServerPlace | None
) -> ServerPlace | None:
    """The server whose files are renewed; None if they are a device's.

    Raises:
        ConflictError: several certificates are to be renewed, but a server's files are one's.
    """
    if place is None or not place.target.server_files or not rows:
        return None
    if len(rows) > 1:
        raise ConflictError(
            f"{len(rows)} certificates are to be renewed, but the files of target "
            f"'{place.target.name}' are those of one",
            hint="name one certificate and its folder: sipca renew REF --target T --out DIR",
        )
    server_files.check_stores(place.target, place.form)
    _check(home, rows[0], place)
    return place


def _check(home: Home, row: CertificateRow, place: ServerPlace) -> server_places.HeldKey | None:
    """Check, before signing, that the folder is this certificate's; its key, if it is there.

    Raises:
        ConflictError: it has another key, or something else.
    """
    key = server_places.held_key(place.folder, place.target, place.form.passphrase)
    facts = read_certificate(row.der)
    if key is not None and read_public_key(facts.spki).identity != key.pair.public.identity:
        raise ConflictError(
            f"the key in '{place.folder}' is not the one of certificate {row.serial.hex()[:12]}",
            hint="choose the --out that the certificate was written to",
        )
    own = server_places.Own(key, stem_of_row(row), place.form.passphrase)
    server_places.refuse_strangers(home, place.folder, place.target, own)
    return key


def renew_files(home: Home, serial: str, place: ServerPlace) -> tuple[Files, ServerSetup]:
    """Write a successor into its server's files.

    Raises:
        CAError: they cannot be written; it is recorded, and the hint says what writes it.
    """
    (row,) = certificates.by_serial_prefix(home.store, serial)
    wanted = server_files.wants(place.target, "crls")
    crls, notes = bundle_for_servers(home) if wanted else (b"", [])
    make_folder(place.folder)
    try:
        with lock_folder(place.folder):
            key = _check(home, row, place)
            given = server_files.material(home, row, key, crls=crls, form=place.form)
            setup = server_files.deliver(place.folder, place.target, given, notes=notes)
    except CAError as error:
        error.hint = f"then sipca export {serial[:12]} --target {place.target.name} --out DIR"
        raise
    return server_files.first_files(place.folder, place.target), setup
