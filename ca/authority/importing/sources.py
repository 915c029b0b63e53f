"""What ``import`` reads: files and folders of certificates, and the trees of other CA programs.

Nothing is judged here but whether a file can be read; one that cannot never stops the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ca.documents.exits import EXIT_CODES
from ca.documents.sign import Refused
from ca.encoding.bundles import first_certificate, read_bundle
from ca.encoding.certificates import read_certificate
from ca.encoding.crl import CRLFacts, read_crl
from ca.encoding.openssl_index import IndexLine, read_index_line
from ca.encoding.pem import start_of
from ca.encoding.recognition import PKCS12, form_of_file
from ca.errors import CAError, MalformedError, NotFoundError, attempt
from ca.files import read_bounded
from ca.keys.pfx import certificates_in
from ca.verification import is_self_issued

MAX_INDEX = 64 << 20
MAX_FILE = 4 << 20
_SUFFIXES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p12", ".pfx")
_CA_FILES = ("cacert.pem", "ca.crt", "ca.pem", "certs/ca.cert.pem", "certs/cacert.pem")
_KEY_FILES = ("private/cakey.pem", "private/ca.key", "private/ca.key.pem", "cakey.pem", "ca.key")
_BELOW = ("pki", "demoCA")
_FOLDERS = ("newcerts", "certs", "issued", "certs_by_serial", "revoked", "renewed", "expired")
_OTHER_LABELS = (b"PRIVATE KEY-----", b"CERTIFICATE REQUEST-----", b"X509 CRL-----")


class SourcedCertificate(msgspec.Struct, frozen=True):
    """A certificate, and the file in which it is."""

    der: bytes
    source: str


class Entry(msgspec.Struct, frozen=True):
    """A line of an index, and the certificate of the CA whose index it is."""

    line: IndexLine
    source: str
    ca_der: bytes | None


class FoundCRL(msgspec.Struct, frozen=True):
    """A CRL, and the file in which it is."""

    crl: CRLFacts
    source: str


class Tree(msgspec.Struct, frozen=True):
    """The folder of another CA program: its CA certificate and key, where they are."""

    path: Path
    certificate: Path | None
    key: Path | None


class Sources(msgspec.Struct):
    """Everything that was read."""

    certificates: list[SourcedCertificate] = []
    entries: list[Entry] = []
    crls: list[FoundCRL] = []
    last_numbers: list[tuple[bytes, int]] = []
    """CA certificate and the newest CRL number that its program used."""
    refused: list[Refused] = []
    notes: list[str] = []


def tree_at(path: Path) -> Tree:
    """The tree in a folder; it may be in ``pki`` (easy-rsa) or ``demoCA`` (openssl) below.

    Raises:
        NotFoundError: there is no such folder.
    """
    if not (path / "index.txt").exists():
        path = next((path / name for name in _BELOW if (path / name).is_dir()), path)
    if not path.is_dir():
        raise NotFoundError(f"there is no folder '{path}'", hint="check the path")
    return Tree(path, _first_file(path, _CA_FILES), _first_file(path, _KEY_FILES))


def _first_file(path: Path, names: Sequence[str]) -> Path | None:
    return next((path / name for name in names if (path / name).is_file()), None)


def read_trees(trees: Sequence[Tree], sources: Sources, passphrase: bytes | None) -> None:
    """Read the certificates, index, CRL and CRL number of each tree."""
    for tree in trees:
        ca_der = None
        if tree.certificate is not None:
            ca_der = ca_certificate(tree.certificate, passphrase, root=None)
        for name in _FOLDERS:
            read_certificates([tree.path / name], sources, passphrase, is_tree=True)
        _read_index(tree.path / "index.txt", ca_der, sources)
        _read_number(tree.path / "crlnumber", ca_der, sources)


def read_certificates(
    paths: Sequence[Path], sources: Sources, passphrase: bytes | None, *, is_tree: bool = False
) -> None:
    """Read files, and folders with all below them."""
    for path in paths:
        if not path.exists():
            if not is_tree:
                error = NotFoundError(f"there is no file '{path}'", hint="check the path")
                sources.refused.append(refusal(str(path), error))
            continue
        for file in sorted(_files(path)):
            outcome = attempt(_read_file, file, sources, passphrase)
            if isinstance(outcome, CAError) and (file == path or _claims(file)):
                sources.refused.append(refusal(str(file), outcome))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (each for each in path.rglob("*") if each.is_file())
    else:
        yield path


def _claims(file: Path) -> bool:
    """Whether a file that could not be read should hold certificates, by its name and labels."""
    if file.suffix.lower() not in _SUFFIXES:
        return False
    data = attempt(read_bounded, file, limit=MAX_FILE)
    return isinstance(data, CAError) or not any(label in data for label in _OTHER_LABELS)


def _read_file(file: Path, sources: Sources, passphrase: bytes | None) -> None:
    data = read_bounded(file, limit=MAX_FILE)
    if not data and not file.suffix:
        return
    if b"X509 CRL-----" in data or file.suffix.lower() == ".crl":
        sources.crls.append(FoundCRL(read_crl(_crl_der(data)), str(file)))
        return
    for der in _ders(file, data, passphrase, sources):
        sources.certificates.append(SourcedCertificate(der, str(file)))


def _ders(file: Path, data: bytes, passphrase: bytes | None, sources: Sources) -> list[bytes]:
    if form_of_file(data) == PKCS12:
        return certificates_in(data, passphrase, name=str(file))
    bundle = read_bundle(data, what=f"'{file}'")
    for damage in bundle.damaged:
        error = MalformedError(f"line {damage.line}: {damage.reason}", hint="copy it again")
        sources.refused.append(refusal(str(file), error))
    if not bundle.members and not bundle.damaged:
        raise MalformedError(f"'{file}' holds no certificate", hint="PEM, DER, PKCS#7 or PKCS#12")
    return [member.der for member in bundle.members]


def _read_index(file: Path, ca_der: bytes | None, sources: Sources) -> None:
    data = attempt(read_bounded, file, limit=MAX_INDEX)
    if isinstance(data, CAError):
        sources.notes.append(
            f"'{file.parent}' has no index.txt that can be read: what was revoked there is known "
            "from its CRL alone"
        )
        return
    for number, text in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        source = f"{file}:{number}"
        line = attempt(read_index_line, text)
        if isinstance(line, CAError):
            sources.refused.append(refusal(source, line))
        else:
            sources.entries.append(Entry(line, source, ca_der))


def _read_number(file: Path, ca_der: bytes | None, sources: Sources) -> None:
    """The file holds the number of the next CRL, in hex."""
    crl = file.with_name("crl.pem")
    if crl.is_file():
        outcome = attempt(_read_file, crl, sources, None)
        if isinstance(outcome, CAError):
            sources.refused.append(refusal(str(crl), outcome))
    data = attempt(read_bounded, file, limit=1024)
    if isinstance(data, CAError) or ca_der is None:
        return
    try:
        number = int(data.strip() or b"0", 16)
    except ValueError:
        sources.notes.append(f"'{file}' is not a number in hex, so it was left out")
        return
    if 0 < number < 1 << 158:
        sources.last_numbers.append((ca_der, number))


def ca_certificate(path: Path, passphrase: bytes | None, *, root: bool | None) -> bytes:
    """The CA certificate of a file; of several the self-issued one, or the first that is not.

    Raises:
        CAError: the file cannot be read, or holds none.
    """
    data = read_bounded(path, limit=MAX_FILE, pipes=True)
    if form_of_file(data) == PKCS12:
        ders = certificates_in(data, passphrase, name=str(path))
    else:
        first_certificate(data, what=f"'{path}'")
        ders = [member.der for member in read_bundle(data, what=f"'{path}'").members]
    for der in ders if root is not None else ():
        facts = read_certificate(der)
        if facts.is_ca and is_self_issued(facts) == root:
            return der
    return ders[0]


def refusal(source: str, error: CAError) -> Refused:
    """The entry of a document for what was refused."""
    return Refused(
        source, error.kind, error.message, error.hint, EXIT_CODES[error.kind], error.rule
    )


def _crl_der(data: bytes) -> bytes:
    return start_of(data[max(0, data.find(b"-----BEGIN X509 CRL")) :], label="X509 CRL")
