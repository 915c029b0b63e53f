"""The CA certificates and keys that ``import`` makes a home from: read, and held together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from ca.authority.importing.sources import Tree, ca_certificate
from ca.encoding.certificates import read_certificate
from ca.encoding.der import certificate, read, signed_parts
from ca.encoding.extensions import read_extension
from ca.encoding.oids import BASIC_CONSTRAINTS
from ca.encoding.recognition import PKCS12, form_of_file
from ca.errors import (
    CAError,
    KeyUnavailableError,
    MalformedError,
    PolicyError,
    VerificationError,
    attempt,
)
from ca.files import read_bounded
from ca.issuance.extensions import key_identifier
from ca.keys.files import KeyPair, read_key_file
from ca.keys.public import PublicKey, read_public_key
from ca.keys.signer import signature_name
from ca.lint.public_keys import check_public_key
from ca.model.certificates import CertificateFacts, cn_of
from ca.verification import has_weak_hash, is_self_issued, signed_by_key, verify_issued

Role = Literal["root", "issuing"]
_EXTENSIONS = 0xA3
_KEYS = ("rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521")


class CAFiles(msgspec.Struct, frozen=True):
    """Where a CA's certificate and key are; the key may be missing."""

    certificate: Path
    key: Path | None


class ImportedCA(msgspec.Struct, frozen=True):
    """A CA to import: its certificate, its public key, and its private key if it is there."""

    role: Role
    facts: CertificateFacts
    public: PublicKey
    pair: KeyPair | None

    @property
    def ca_id(self) -> str:
        """The first 8 hex digits of its key identifier, its own if it has one."""
        own = self.facts.key_identifier
        identifier = own if own and len(own) >= 4 else key_identifier(self.public.bits)
        return identifier.hex()[:8]

    @property
    def signature(self) -> bytes:
        """The signature of its certificate."""
        return signed_parts(self.facts.der, what="the certificate")[2]

    @property
    def tbs(self) -> bytes:
        """The TBSCertificate of its certificate."""
        return signed_parts(self.facts.der, what="the certificate")[0].raw


def files_of(
    trees: list[Tree], root: CAFiles | None, issuing: CAFiles | None, passphrase: bytes | None
) -> tuple[CAFiles | None, CAFiles | None]:
    """Root and issuing CA: as named, else as the trees have them."""
    for tree in trees:
        if tree.certificate is None:
            continue
        facts = read_certificate(ca_certificate(tree.certificate, passphrase, root=None))
        files = CAFiles(tree.certificate, tree.key)
        if is_self_issued(facts):
            root = root or files
        else:
            issuing = issuing or files
    return root, issuing


def read_ca(files: CAFiles, role: Role, passphrase: bytes | None) -> ImportedCA:
    """Read a CA's certificate and key, and check that it may be one of this role.

    Raises:
        MalformedError: a file is not what it should be.
        PolicyError: the certificate is no CA's, no root, or of a key that sipca cannot sign with.
        KeyUnavailableError: the key does not open, or is another certificate's.
    """
    facts = read_certificate(ca_certificate(files.certificate, passphrase, root=role == "root"))
    name = f"'{files.certificate}'"
    _check_role(facts, role, name)
    public = read_public_key(facts.spki)
    _check_key_type(public)
    pair = None
    if files.key is not None:
        pair = _read_key(files.key, passphrase)
        if pair.public.identity != public.identity:
            raise KeyUnavailableError(
                f"the key in '{files.key}' ({pair.public.label}) is not that of {name} "
                f"({public.label})",
                hint=f"--{role}-key names the file with the key of this certificate",
            )
    member = ImportedCA(role, facts, public, pair)
    if certificate(member.tbs, member.signature) != facts.der:
        raise MalformedError(
            f"{name} names two signature algorithms, so no verifier accepts it",
            hint="import another certificate of this CA",
        )
    return member


def _check_key_type(public: PublicKey) -> None:
    try:
        signature_name(public)
    except PolicyError as error:
        raise PolicyError(
            error.message,
            hint="a CA here has an RSA key or one of p256, p384, p521: make a new CA with sipca "
            "init, and leave this one where it is until what it issued has ended",
            rule="import-ca-key",
        ) from None


def _read_key(path: Path, passphrase: bytes | None) -> KeyPair:
    return read_key_file(read_bounded(path, pipes=True), passphrase, name=str(path))


def key_inside(path: Path) -> Path | None:
    """The path again if its file is a PFX or has a private key beside the certificate."""
    data = read_bounded(path)
    return path if form_of_file(data) == PKCS12 or b"PRIVATE KEY-----" in data else None


def _check_role(facts: CertificateFacts, role: Role, name: str) -> None:
    if not facts.is_ca:
        raise PolicyError(
            f"{name} is no CA certificate: its basicConstraints do not say CA",
            hint=f"--{role} names the certificate of the CA, not one that it issued",
            rule="import-no-ca",
        )
    if facts.key_usage and "keyCertSign" not in facts.key_usage:
        raise PolicyError(
            f"{name} may not sign certificates: its keyUsage lacks keyCertSign",
            hint="take another certificate of this CA, or make a new CA with sipca init",
            rule="import-no-ca",
        )
    if role == "root" and not is_self_issued(facts):
        raise PolicyError(
            f"{name} is not a root: it was issued by '{cn_of(facts.issuer)}'",
            hint="--root names the self-signed certificate above it; this one goes to --issuing",
            rule="import-no-root",
        )
    if role == "root" and signed_by_key(facts, facts.spki) is False:
        raise PolicyError(
            f"{name} is damaged or altered: its own signature does not verify",
            hint="take another copy of the certificate",
            rule="import-damaged",
        )
    if role == "issuing" and is_self_issued(facts):
        raise PolicyError(
            f"{name} is a root, not an issuing CA", hint="it goes to --root", rule="import-is-root"
        )


def check_chain(root: ImportedCA, issuing: ImportedCA) -> None:
    """Check that the root signed the issuing CA, and with another key.

    Raises:
        VerificationError: it did not.
        PolicyError: both have one key, or the root allows no CA below it.
    """
    if root.public.identity == issuing.public.identity:
        raise PolicyError(
            "root and issuing CA have the same key",
            hint="import the root alone: an issuing CA with a key of its own is made under it",
            rule="import-same-key",
        )
    try:
        verify_issued(issuing.facts, root.facts)
    except VerificationError as error:
        raise VerificationError(
            f"the issuing CA is not the root's: {error.message}",
            hint="--root names the certificate that signed it",
        ) from None
    check_path_length(root)


def check_path_length(root: ImportedCA) -> None:
    """Check that a root may sign an issuing CA.

    Raises:
        PolicyError: its pathLenConstraint is 0.
    """
    if root.facts.path_length == 0:
        raise PolicyError(
            f"the root '{root.facts.cn}' may sign no CA: its pathLenConstraint is 0",
            hint="make a new CA with sipca init in another --home, and replace what this one "
            "issued before it ends",
            rule="import-path-length",
        )


def remarks_on(facts: CertificateFacts) -> list[str]:
    """What is weak or odd about a certificate, a sentence each."""
    remarks = list(facts.odd) + [str(fault) for fault in facts.faults]
    if has_weak_hash(facts):
        remarks.append(f"it is signed with {facts.signature_algorithm}, which can be forged")
    try:
        key = read_public_key(facts.spki)
    except MalformedError as error:
        return [*remarks, error.message]
    findings = check_public_key(key, _KEYS, thorough=False)
    return remarks + [each.message for each in findings if each.result == "fail"]


def notes_on(member: ImportedCA, now: datetime) -> Iterator[str]:
    """What to know about a CA that is imported, a sentence each."""
    name = f"{member.role} CA '{member.facts.cn}'"
    if member.pair is None:
        yield f"the {name} has no key here: it verifies and is exported, but signs nothing"
    if now > member.facts.validity.not_after:
        yield f"the {name} expired on {member.facts.validity.not_after:%Y-%m-%d}"
    if not _has_critical_constraints(member.tbs):
        yield (
            f"the {name}: its basicConstraints are not critical, so verifiers that hold to RFC "
            "5280 (openssl verify -x509_strict) refuse it"
        )
    for remark in remarks_on(member.facts):
        yield f"the {name}: {remark}"


def _has_critical_constraints(tbs: bytes) -> bool:
    """Whether basicConstraints are marked critical (RFC 5280, 4.2.1.9)."""
    wrapped = [field for field in read(tbs).children() if field.tag == _EXTENSIONS]
    extensions = [each.raw for outer in wrapped for each in read(outer.contents).children()]
    decoded = [attempt(read_extension, raw) for raw in extensions]
    return any(
        each[0] == BASIC_CONSTRAINTS and each[1]
        for each in decoded
        if not isinstance(each, CAError)
    )
