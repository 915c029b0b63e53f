"""What is in the places of a server's files already: a key that is kept, ours, or somebody else's.

Content tells, as everywhere (``own_files``): what this home did not write there is never replaced.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.encoding import pem
from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate
from ca.encoding.pkcs7 import read_certs_only
from ca.errors import CAError, ConflictError, MalformedError, attempt
from ca.files import MAX_INPUT, read_bounded, start_of
from ca.keys.files import KeyFileFormat, KeyPair, encode_key_file, read_key_file
from ca.keys.pfx import certificates_in
from ca.keys.public import read_public_key
from ca.names.text import printable
from ca.profiles.target import Target
from ca.profiles.target_files import TargetFile
from ca.store import certificates, issuers

MAX_FILE = 1 << 26
"""Octets of a file with CRLs that is compared at most."""
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n"
    rb"(?:[A-Za-z0-9+/=\r\n:, ]|-(?!----))*-----END \1-----\r?\n?"
)


class HeldKey(msgspec.Struct, frozen=True):
    """A private key that is there already, and its PEM block as it stands, encrypted or not."""

    pair: KeyPair
    text: str


def as_held(pair: KeyPair, form: KeyFileFormat) -> HeldKey:
    """A key that is not in a file yet."""
    plain = KeyFileFormat(passphrase=form.passphrase)
    return HeldKey(pair, encode_key_file(pair, plain, name="", chain=[]).decode())


def read_key(path: Path, passphrase: bytes | None, *, pipes: bool = False) -> HeldKey:
    """Read the private key of a file, whatever else is in it.

    Raises:
        CAError: it holds none, or the passphrase does not open it.
    """
    limit = MAX_INPUT if pipes else MAX_FILE  # a target may put CRLs beside the key
    data = read_bounded(path, limit=limit, pipes=pipes)
    block = next((each[0] for each in _BLOCK.finditer(data) if b"PRIVATE KEY" in each[1]), None)
    pair = read_key_file(block or data, passphrase, name=str(path))
    if block is None:
        return as_held(pair, KeyFileFormat(passphrase=passphrase))
    return HeldKey(pair, block.decode("ascii").replace("\r\n", "\n").rstrip("\n") + "\n")


def held_key(folder: Path, target: Target, passphrase: bytes | None) -> HeldKey | None:
    """The private key that a target's files in a folder already hold, or None.

    Raises:
        ConflictError: two files hold different keys, or one is a symbolic link.
        CAError: a file holds no key, or the passphrase does not open it.
    """
    held: HeldKey | None = None
    for file in target.server_files:
        path = folder / file.name
        if not file.has_key or not (path.exists() or path.is_symlink()):
            continue
        _refuse_odd(path)
        found = read_key(path, passphrase)
        if held is not None and held.pair.public.identity != found.pair.public.identity:
            raise ConflictError(
                f"'{path}' holds another key than the target's other files in '{folder}'",
                hint="remove the one that is not in use",
            )
        held = held or found
    return held


class Served(msgspec.Struct, frozen=True):
    """A certificate in a file that a server reads, and the targets that have all of its files."""

    path: Path
    targets: tuple[str, ...]

    def left_behind(self, stem: str) -> ConflictError:
        """The refusal of a call that would write the new certificate elsewhere in the folder."""
        return ConflictError(
            f"'{self.path}' is the certificate of {printable(stem)}, and would stay as it is",
            hint=f"--target {' or '.join(self.targets)} writes the new one there; "
            "for a device choose another --out",
            rule="left-behind",
        )


def served(home: Home, folder: Path) -> dict[str, Served]:
    """What servers read in a folder, by the stem of each certificate; stores are not opened."""
    there = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    found: dict[str, Served] = {}
    if all(name.startswith("trusted-") or name.endswith(_DEVICE_FILES) for name in there):
        return found
    for name in home.library.targets.names():
        target = attempt(home.library.target, name)
        if isinstance(target, CAError) or not there.issuperset(f.name for f in target.server_files):
            continue
        for file in target.server_files:
            for stem in _stems_in(home, folder / file.name, file):
                targets = found[stem].targets if stem in found else ()
                found[stem] = Served(folder / file.name, (*targets, name))
    return found


_DEVICE_FILES = ("-device.pem", "-fullchain.pem")


def _stems_in(home: Home, path: Path, file: TargetFile) -> set[str]:
    """The stem of the certificate that was signed here and is in a server's file."""
    is_store = file.format in ("keystore", "truststore")
    if is_store or "certificate" not in file.contents or path.is_symlink() or not path.is_file():
        return set()
    ders = _certificates_in(home, start_of(path, MAX_FILE), file.format) or []
    rows = (certificates.by_der(home.store, der) for der in ders)
    return {upload_files.stem_of_row(row) for row in rows if row is not None}


class Own(msgspec.Struct, frozen=True):
    """Whose files a call may replace: those of a key and a stem, opened with a passphrase."""

    key: HeldKey | None
    stem: str
    passphrase: bytes | None


def refuse_strangers(home: Home, folder: Path, target: Target, own: Own) -> None:
    """Check that what is in the files' places is this home's and of the same key and names.

    Raises:
        ConflictError: one has something else; nothing was written.
        KeyUnavailableError: the passphrase does not open a keystore or truststore.
    """
    for file in target.server_files:
        path = folder / file.name
        if not path.exists() and not path.is_symlink():
            continue
        _refuse_odd(path)
        problem = _stranger(home, path, file, own)
        if problem is not None:
            raise ConflictError(f"'{path}' {problem}", hint="choose another --out")


def _refuse_odd(path: Path) -> None:
    if path.is_symlink():
        raise ConflictError(f"'{path}' is a symbolic link, which is not followed", hint="remove it")
    if not path.is_file():
        raise ConflictError(f"'{path}' is not a regular file", hint="choose another --out")


def _stranger(home: Home, path: Path, file: TargetFile, own: Own) -> str | None:
    """Why a file may not be replaced, or None."""
    if file.contents == ("key",):
        return None  # its key was compared, and it is never written again
    if file.format in ("keystore", "truststore"):
        ders: list[bytes] | None = certificates_in_store(path, own.passphrase)
    else:
        ders = _certificates_in(home, start_of(path, MAX_FILE), file.format)
    if ders is None or (file.format == "truststore" and not ders):
        return "holds something that sipca did not write there"
    return next((why for der in ders if (why := _foreign(home, der, own))), None)


def _certificates_in(home: Home, data: bytes, form: str) -> list[bytes] | None:
    """The certificates of a file; None if there is anything that no target's file has."""
    if form == "p7b":
        read = attempt(read_certs_only, data)
        return None if isinstance(read, CAError) else read
    if form == "der":
        return [data]
    blocks = list(_BLOCK.finditer(data))
    if _BLOCK.sub(b"", data).strip() or not all(_is_expected(home, each) for each in blocks):
        return None
    ders = [attempt(_der, each[0]) for each in blocks if each[1] == b"CERTIFICATE"]
    whole = [der for der in ders if not isinstance(der, CAError)]
    return whole if len(whole) == len(ders) else None


def _is_expected(home: Home, block: re.Match[bytes]) -> bool:
    if block[1] != b"X509 CRL":
        return block[1] == b"CERTIFICATE" or block[1].endswith(b"PRIVATE KEY")
    start = pem.start_of(block[0][:8192], label="X509 CRL")
    return any(ca.facts.subject_der in start for ca in home.cas())


def _der(block: bytes) -> bytes:
    return read_bundle(block, what="it").members[0].der


def _foreign(home: Home, der: bytes, own: Own) -> str | None:
    """Why a certificate is not one that a renewal may replace, or None."""
    if any(der == each.der for each in issuers.ca_certificates(home.store)):
        return None
    row = certificates.by_der(home.store, der)
    if row is None:
        return "holds a certificate that this home did not issue"
    facts = read_certificate(der)
    name = printable(facts.cn or facts.serial)
    if upload_files.stem_of_row(row) != own.stem:
        return f"is the certificate of {name}"
    if row.revocation == "revoked":
        return None  # of no more use, whatever its key
    if own.key is None or read_public_key(facts.spki).identity != own.key.pair.public.identity:
        return f"is a certificate of {name} for another key"
    return None


def certificates_in_store(path: Path, passphrase: bytes | None) -> list[bytes]:
    """The certificates of a PKCS#12, the key's own first; of one that has none yet, none."""
    try:
        return certificates_in(read_bounded(path), passphrase, name=str(path))
    except MalformedError:
        return []
