"""The files that a server's target names: put together, judged against what is there, written.

Key and certificate of a renewal have the same key, so a server that is reloaded between two of
its files still sees a pair that fits; trust files and CRLs are renamed into place before both.
"""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from ca.authority import upload_files
from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.authority.server_places import HeldKey, certificates_in_store, read_key
from ca.authority.upload_files import Chain
from ca.documents.server import ServerFile, ServerSetup
from ca.documents.sign import Files
from ca.encoding import pem
from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, KeyUnavailableError, PolicyError, attempt
from ca.files import NewFile, write_together
from ca.keys.files import KeyFileFormat, encode_key_file, encode_trust_store
from ca.names.text import printable
from ca.profiles.patterns import fill
from ca.profiles.target import Target
from ca.profiles.target_files import TargetFile
from ca.store import devices
from ca.store.certificates import CertificateRow

_PLAIN = re.compile(r"[A-Za-z0-9/._+@-]*", re.ASCII)


class Material(msgspec.Struct, frozen=True):
    """What the files of a target are put together from; ``key`` is None if nobody gave it."""

    row: CertificateRow
    chain: Chain
    cas: list[CA]
    crls: bytes
    key: HeldKey | None
    form: KeyFileFormat

    @property
    def name(self) -> str:
        """The alias of the key in a keystore."""
        facts = read_certificate(self.row.der)
        return facts.san[0].value if facts.san else facts.cn or facts.serial


def target_for(home: Home, target: str | None, device: str | None) -> Target:
    """The target that is named, else the device's, else the home's.

    Raises:
        NotFoundError: there is no such target.
    """
    known = None if target is not None or device is None else devices.device(home.store, device)
    return home.library.target(target or (known and known.target) or home.target)


def material(
    home: Home, row: CertificateRow, key: HeldKey | None, *, crls: bytes, form: KeyFileFormat
) -> Material:
    """What the files for a certificate are put together from."""
    chain = upload_files.chain_of(home, issuer_id=row.issuer_id)
    return Material(row, chain, trusted(home), crls, key, form)


def key_file(target: Target) -> TargetFile | None:
    """The first file that holds the private key."""
    return next((file for file in target.server_files if file.has_key), None)


def first_files(folder: Path, target: Target) -> Files:
    """Of each kind the first file that holds it."""

    def first(*contents: str) -> str | None:
        found = (file for file in target.server_files if {*contents} <= {*file.contents})
        return next((str(folder / file.name) for file in found), None)

    return Files(
        device=first("certificate"),
        trusted_root=first("root"),
        fullchain=first("certificate", "chain"),
    )


def wants(target: Target, *contents: str) -> bool:
    """Whether a file of a target holds one of these."""
    return any(each in file.contents for file in target.server_files for each in contents)


def stores(target: Target) -> list[str]:
    """The names of the files that are a PKCS#12, which has a passphrase."""
    kinds = ("keystore", "truststore")
    return [file.name for file in target.server_files if file.format in kinds]


def check_stores(target: Target, form: KeyFileFormat) -> None:
    """Check that there is a passphrase for a PKCS#12, and that a PFX's form is asked of one.

    Raises:
        KeyUnavailableError: it is missing.
        PolicyError: the target has no PKCS#12.
    """
    if stores(target) and form.passphrase is None:
        raise KeyUnavailableError(
            f"the stores of target '{target.name}' need a passphrase",
            hint="--key-passphrase-file FILE",
        )
    if form.legacy and not stores(target):
        raise PolicyError(
            f"--legacy-pfx is for a PFX, and target '{target.name}' has none",
            hint="leave it out",
            rule="target-files",
        )


def deliver(
    folder: Path,
    target: Target,
    given: Material,
    *,
    notes: Sequence[str] = (),
    made: frozenset[Path] = frozenset(),
) -> ServerSetup:
    """Write the files of a target; those that hold the key are left out if nobody gave it.

    ``made`` are files that this call wrote already.

    Raises:
        CAError: one cannot be written; nothing was replaced.
    """
    new: list[NewFile] = []
    for file in sorted(target.server_files, key=_rank):
        path = folder / file.name
        if (file.has_key and given.key is None) or _is_current(path, file, given):
            continue
        new.append(NewFile(path, content(file, given), file.permissions))
    written = write_together(new)
    changed = made | {each.path for each in written}
    lost = [each.path.name for each in written if not each.same_owner]
    told = [*notes, *_about_crls(folder, target, given), *_about_key(target, given)]
    if lost:
        told.append(f"{', '.join(lost)} had another owner or group, which root alone may give")
    told += _about_readers(folder, target)
    return setup(folder, target, given, changed=changed, notes=told)


def _about_crls(folder: Path, target: Target, given: Material) -> list[str]:
    """How the CRLs of a server are kept up to date: nothing here does that by itself."""
    file = next((file for file in target.server_files if "crls" in file.contents), None)
    if file is None:
        return []
    place = folder.absolute()
    command = f"sipca crl --ca all --if-within 30d -o {shlex.quote(str(place / file.name))}"
    if file.contents != ("crls",):
        name = read_certificate(given.row.der).serial[:12]
        command = f"sipca export {name} --target {target.name} --out {shlex.quote(str(place))}"
    return [f"{file.name} has the CRLs of now: after a revocation, and monthly: {command}; reload"]


def _about_key(target: Target, given: Material) -> list[str]:
    if given.key is None or "ENCRYPTED" not in given.key.text or not _has_pem_key(target):
        return []
    return ["the key has a passphrase: the server asks for it at each start, or is told it"]


def _about_readers(folder: Path, target: Target) -> list[str]:
    """Files with the key that everybody may read: one that was there before is left as it is."""
    open_files = [
        str(folder / file.name)
        for file in target.server_files
        if file.has_key and _mode(folder / file.name, file) & 0o004
    ]
    return [f"{path} holds the key and everybody may read it: chmod o-r it" for path in open_files]


def _has_pem_key(target: Target) -> bool:
    return any(file.has_key and file.format == "pem" for file in target.server_files)


def _rank(file: TargetFile) -> int:
    """What peers are judged by first, then the key, the certificate last."""
    if "certificate" in file.contents:
        return 2
    return int(file.has_key)


def _is_current(path: Path, file: TargetFile, given: Material) -> bool:
    """Whether a file holds already what it should; encryption differs each time it is written."""
    if not path.is_file():
        return False
    if file.contents == ("key",) and file.format == "pem":
        return _has_key(path, given)
    if file.format not in ("keystore", "truststore"):
        return False
    wanted = [der for each in file.contents for der in _certificates(each, given)]
    held = certificates_in_store(path, given.form.passphrase)
    return held[:1] == wanted[:1] and sorted(held) == sorted(wanted)


def _has_key(path: Path, given: Material) -> bool:
    """Whether a file holds the key already, however it is written there."""
    held = attempt(read_key, path, given.form.passphrase)
    if given.key is None or isinstance(held, CAError):
        return False
    return held.pair.public.identity == given.key.pair.public.identity


def content(file: TargetFile, given: Material) -> bytes:
    """The octets of one file."""
    if file.format == "pem":
        return b"".join(_pem_part(each, given) for each in file.contents)
    ders = [der for each in file.contents for der in _certificates(each, given)]
    if file.format == "der":
        return ders[0]
    if file.format == "p7b":
        return certs_only(ders)
    if file.format == "truststore":
        return encode_trust_store(_aliases(ders), given.form)
    assert given.key is not None
    form = msgspec.structs.replace(given.form, pfx=True)
    return encode_key_file(given.key.pair, form, name=given.name, chain=ders)


def _aliases(ders: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """The CAs of a truststore, each with its name, which Java tells apart by case-folding."""
    named: dict[str, bytes] = {}
    for der in ders:
        facts = read_certificate(der)
        name = printable(facts.cn or facts.serial).casefold()
        named[name if name not in named else f"{name} {sha256(der).hexdigest()[:8]}"] = der
    return list(named.items())


def _pem_part(each: str, given: Material) -> bytes:
    if each == "crls":
        return given.crls
    if each == "key":
        assert given.key is not None
        return given.key.text.encode("ascii")
    return b"".join(pem.encode(der).encode("ascii") for der in _certificates(each, given))


def _certificates(each: str, given: Material) -> Iterator[bytes]:
    if each == "certificate":
        yield given.row.der
    elif each == "chain":
        sent = given.chain.sent.encode()  # empty where an imported root signed it itself
        yield from (each.der for each in (read_bundle(sent, what="it").members if sent else ()))
    elif each in ("issuing", "root"):
        yield from (ca.facts.der for ca in given.cas if ca.role == each)


def setup(
    folder: Path, target: Target, given: Material, *, changed: frozenset[Path], notes: list[str]
) -> ServerSetup:
    """How the server is told of the files."""
    server, place = target.server, str(folder.absolute())
    left_out = [file for file in target.server_files if file.has_key and given.key is None]
    records = [
        ServerFile(
            name=file.name,
            path=str(folder / file.name),
            mode=f"{_mode(folder / file.name, file):04o}",
            format=file.format,
            contents=list(file.contents),
            state="not-written"
            if file in left_out
            else "written"
            if folder / file.name in changed
            else "unchanged",
        )
        for file in target.server_files
    ]
    if not _PLAIN.fullmatch(place):
        notes = [*notes, "the folder's name has characters that the configuration may want quoted"]
    filled = {key: fill(getattr(server, key), {"folder": place}) for key in _FILLED}
    return ServerSetup(
        target=target.name,
        folder=str(folder),
        files=records,
        owner=server.owner,
        basis=server.basis,
        reload_basis=server.reload_basis,
        tried=server.tried,
        notes=[*notes, *(fill(note, {"folder": place}) for note in server.notes)],
        missing=[
            f"{file.name} holds the private key, which sipca does not have: --key FILE gives it"
            for file in left_out
        ],
        place=filled["place"],
        snippet=filled["snippet"].strip("\n"),
        reload=filled["reload"],
    )


def _mode(path: Path, file: TargetFile) -> int:
    """The mode of a file as it is, or as it would be written."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return file.permissions


_FILLED = ("place", "snippet", "reload")
