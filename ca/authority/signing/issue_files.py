"""Where ``issue`` puts its files: under names made of the certificate's, or those of a target.

Both kinds of place answer the same questions: which key is there, may the rest be replaced, and
how is a certificate handed out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ca.authority import server_files, server_places, upload_files
from ca.authority.home import Home
from ca.authority.status.crl import bundle_for_servers
from ca.documents.issue import IssuedFiles
from ca.documents.server import ServerSetup
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, PolicyError
from ca.files import PRIVATE, read_bounded, write_atomic
from ca.keys.files import (
    KeyFileFormat,
    KeyPair,
    certificate_in_pfx,
    encode_key_file,
    read_key_file,
)
from ca.model.certificates import CertificateFacts
from ca.profiles.target import Target
from ca.store import certificates
from ca.store.certificates import CertificateRow


class Place(Protocol):
    """The files of one certificate in a folder."""

    stem: str

    def kept_key(self) -> KeyPair | None:
        """The private key that is there, or None."""

    def check(self, home: Home) -> None:
        """Check that nothing else is in the way."""

    def write_key(self, key: KeyPair, name: str) -> None:
        """Write a new key, before its certificate is recorded."""

    def hand_out(self, home: Home, row: CertificateRow, key: KeyPair) -> None:
        """Write the certificates beside the key, or into its file."""

    def files(self) -> IssuedFiles:
        """The paths, for the document."""

    @property
    def server(self) -> ServerSetup | None:
        """How a server is told of the files that were handed out, if they are a target's."""


def place_of(folder: Path, stem: str, form: KeyFileFormat, target: Target) -> Place:
    """The place of a certificate's files.

    Raises:
        PolicyError: the target has no file for the key that ``issue`` makes.
    """
    if not target.server_files:
        return UsualPlace(folder, stem, form)
    return TargetPlace(folder, stem, form, target)


class UsualPlace:
    """Files named after the certificate: STEM.key, STEM-device.pem and so on."""

    server: ServerSetup | None = None

    def __init__(self, folder: Path, stem: str, form: KeyFileFormat) -> None:
        self.folder, self.stem, self.form = folder, stem, form
        self.key = folder / f"{stem}.{'pfx' if form.pfx else 'key'}"
        self.device = folder / upload_files.device_name(stem, None)
        self.fullchain = folder / upload_files.fullchain_name(stem, None)

    def kept_key(self) -> KeyPair | None:
        """The existing key of the folder, or None.

        Raises:
            CAError: the file is not a key, or the passphrase does not open it.
        """
        if not self.key.exists():
            if self.key.is_symlink():
                raise ConflictError(f"'{self.key}' is a dangling symbolic link", hint="remove it")
            return None
        return read_key_file(read_bounded(self.key), self.form.passphrase, name=str(self.key))

    def check(self, home: Home) -> None:
        """Check that no other CA's trust file and no other key's certificate is in the way.

        Raises:
            ConflictError: one is.
        """
        delivery = upload_files.Delivery(folder=self.folder)
        upload_files.refuse_foreign_trust_files(delivery, upload_files.chain_of(home))
        kept = self.kept_key()
        _check_certificate_in(home, self.device, kept)
        _check_certificate_in(home, self.fullchain, kept)

    def write_key(self, key: KeyPair, name: str) -> None:
        """Write the key; a PFX has no certificate at first: none is handed out unrecorded."""
        data = encode_key_file(key, self.form, name=name, chain=[])
        write_atomic(self.key, data, mode=PRIVATE)

    def hand_out(self, home: Home, row: CertificateRow, key: KeyPair) -> None:
        """Write the certificates, replacing older ones of the same key.

        Files with the same content are not written again.
        """
        chain = upload_files.chain_of(home)
        leaf = pem.encode(row.der)
        if not self._is_in_pfx(row):
            facts = read_certificate(row.der)
            name = facts.san[0].value if facts.san else facts.cn or facts.serial
            data = encode_key_file(key, self.form, name=name, chain=[row.der, *home.chain()])
            write_atomic(self.key, data, mode=PRIVATE, overwrite=True)
        home.step("pfx-written")
        write_atomic(self.device, leaf.encode(), overwrite=True)
        write_atomic(self.fullchain, (leaf + chain.sent).encode(), overwrite=True)
        upload_files.write_trust_files(self.folder, chain)

    def _is_in_pfx(self, row: CertificateRow) -> bool:
        """Whether the key file contains its certificate, if it is a PFX."""
        if not self.form.pfx:
            return True
        return certificate_in_pfx(read_bounded(self.key), self.form.passphrase) == row.der

    def files(self) -> IssuedFiles:
        """The paths, for the document."""
        return IssuedFiles(
            key=str(self.key),
            device=str(self.device),
            fullchain=str(self.fullchain),
            trusted_root=str(self.folder / upload_files.TRUSTED_ROOT),
        )


class TargetPlace:
    """The files that a target names, the same ones at every renewal."""

    def __init__(self, folder: Path, stem: str, form: KeyFileFormat, target: Target) -> None:
        key = server_files.key_file(target)
        if key is None:
            raise PolicyError(
                f"target '{target.name}' has no file for the key, which issue makes",
                hint=f"sipca export REF --target {target.name} writes its files",
                rule="target-files",
            )
        if form.pfx and not server_files.stores(target):
            raise PolicyError(
                f"target '{target.name}' names its files, and none is a PFX",
                hint="leave out --pfx, or leave out --target",
                rule="target-files",
            )
        server_files.check_stores(target, form)
        self.folder, self.stem, self.target, self._key = folder, stem, target, key
        self.form = KeyFileFormat(False, form.legacy, form.passphrase)
        self.server: ServerSetup | None = None
        self._made: frozenset[Path] = frozenset()

    def kept_key(self) -> KeyPair | None:
        """The key that one of the target's files holds, or None.

        Raises:
            CAError: a file is not a key, two hold different ones, or the passphrase opens none.
        """
        held = server_places.held_key(self.folder, self.target, self.form.passphrase)
        return None if held is None else held.pair

    def check(self, home: Home) -> None:
        """Check that what is in the files' places is of the same key and names.

        Raises:
            ConflictError: something else is.
        """
        held = server_places.held_key(self.folder, self.target, self.form.passphrase)
        own = server_places.Own(held, self.stem, self.form.passphrase)
        server_places.refuse_strangers(home, self.folder, self.target, own)

    def write_key(self, key: KeyPair, name: str) -> None:
        """Write the key alone into its file: no certificate is handed out unrecorded."""
        pfx = self._key.format == "keystore"
        form = KeyFileFormat(pfx, self.form.legacy, self.form.passphrase)
        data = encode_key_file(key, form, name=name, chain=[])
        path = self.folder / self._key.name
        write_atomic(path, data, mode=self._key.permissions)
        self._made = frozenset({path})

    def hand_out(self, home: Home, row: CertificateRow, key: KeyPair) -> None:
        """Write the target's files; what is unchanged is not written again."""
        held = server_places.held_key(self.folder, self.target, self.form.passphrase)
        held = held or server_places.as_held(key, self.form)
        wanted = server_files.wants(self.target, "crls")
        crls, notes = bundle_for_servers(home) if wanted else (b"", [])
        given = server_files.material(home, row, held, crls=crls, form=self.form)
        home.step("pfx-written")
        self.server = server_files.deliver(
            self.folder, self.target, given, notes=notes, made=self._made
        )

    def files(self) -> IssuedFiles:
        """The paths, for the document: of each kind the first file that holds it."""
        found = server_files.first_files(self.folder, self.target)
        return IssuedFiles(
            key=str(self.folder / self._key.name),
            device=found.device,
            fullchain=found.fullchain,
            trusted_root=found.trusted_root,
        )


def _check_certificate_in(home: Home, path: Path, key: KeyPair | None) -> None:
    """Check that a certificate's place is free or has an earlier one of the same key.

    One that was revoked is of no more use, whatever its key: it is replaced.

    Raises:
        ConflictError: it has a certificate of another key or CA, or is a link.
    """
    if not os.path.lexists(path):
        return
    facts = None if path.is_symlink() else _facts_in(path)
    row = None if facts is None else certificates.by_der(home.store, facts.der)
    if row is not None and row.revocation == "revoked":
        return
    if (
        key is not None
        and facts is not None
        and _key_of(facts) == key.public.identity
        and certificates.is_recorded(home.store, facts.der)
    ):
        return
    if key is None and facts is not None and certificates.is_recorded(home.store, facts.der):
        raise ConflictError(
            f"'{path}' is there, but the key file beside it is gone",
            hint="remove it, and a new key and certificate are made; or put the key file back",
        )
    raise ConflictError(
        f"'{path}' is in the way: it is not a certificate of the key beside it",
        hint="choose another --out",
    )


def _facts_in(path: Path) -> CertificateFacts | None:
    from ca.encoding.bundles import first_certificate

    try:
        return read_certificate(first_certificate(read_bounded(path), what=str(path)))
    except CAError:
        return None


def _key_of(facts: CertificateFacts) -> bytes:
    """The identity of a certificate's key."""
    from ca.keys.public import read_public_key

    return read_public_key(facts.spki).identity
