"""Key files for devices: private keys as PEM and PFX, with and without a passphrase."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import msgspec

from ca.encoding.recognition import (
    ENCRYPTED_KEY,
    PKCS12,
    form_of_file,
    form_of_label,
    with_article,
)
from ca.errors import KeyUnavailableError, MalformedError
from ca.keys import at_rest, pfx
from ca.keys.public import PublicKey, read_public_key
from ca.keys.work import check_work

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12PrivateKeyTypes

_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----")
MAX_ASCII_PASSPHRASE = 63
"""A length that old firmware accepts; the limit of the devices is not known."""


class KeyFileFormat(msgspec.Struct, frozen=True):
    """How to write a key file: ``pfx`` with its certificates, ``legacy`` with 3DES and SHA-1."""

    pfx: bool = False
    legacy: bool = False
    passphrase: bytes | None = None


class KeyPair(msgspec.Struct, frozen=True):
    """The private key for a device as unencrypted PKCS#8, and its public key."""

    pkcs8: bytes
    public: PublicKey


def check_passphrase(passphrase: bytes | None) -> None:
    """Check that a passphrase can be typed into a device's page.

    Raises:
        MalformedError: it is not 1 to 63 printable ASCII characters.
    """
    if passphrase is None:
        return
    printable = all(0x20 <= octet < 0x7F for octet in passphrase)
    if not printable or not 1 <= len(passphrase) <= MAX_ASCII_PASSPHRASE:
        raise MalformedError(
            "the key's passphrase is not 1 to 63 printable ASCII characters",
            hint="only such a passphrase is certain to work on a device's page",
        )


def encode_key_file(key: KeyPair, form: KeyFileFormat, *, name: str, chain: list[bytes]) -> bytes:
    """Encode a key file. ``chain``, leaf first or empty, is put into a PFX."""
    from cryptography.hazmat.primitives import serialization

    private = at_rest.load(key.pkcs8, None, label="new")
    if not form.pfx:
        if form.passphrase is not None:
            from ca.encoding.pem import encode

            encrypted = at_rest.encrypt(key.pkcs8, form.passphrase)
            return encode(encrypted, "ENCRYPTED PRIVATE KEY").encode()
        return private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs12

    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        cast("PKCS12PrivateKeyTypes", private),
        certificates[0] if certificates else None,
        certificates[1:] or None,
        _encryption(form),
    )


def encode_trust_store(members: list[tuple[str, bytes]], form: KeyFileFormat) -> bytes:
    """Encode CA certificates, each with its name, as a PKCS#12 that Java takes as a truststore.

    Java trusts only members with an attribute of its own (trustedKeyUsage).
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs12

    certificates = [
        pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), name.encode())
        for name, der in members
    ]
    return pkcs12.serialize_java_truststore(certificates, _encryption(form))


def certificate_in_pfx(data: bytes, passphrase: bytes | None) -> bytes | None:
    """The certificate of the key in a PFX; None if there is none, or the passphrase is wrong."""
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        certificate = pkcs12.load_key_and_certificates(data, passphrase)[1]
    except ValueError:
        return None
    return None if certificate is None else certificate.public_bytes(Encoding.DER)


def _encryption(form: KeyFileFormat) -> KeySerializationEncryption:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

    builder = PrivateFormat.PKCS12.encryption_builder()
    if form.legacy:
        builder = (
            builder.kdf_rounds(2048)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 - what OpenSSL 1.0 reads
        )
    else:
        builder = (
            builder.kdf_rounds(100_000)
            .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
            .hmac_hash(hashes.SHA256())
        )
    return builder.build(form.passphrase or b"")


def read_key_file(data: bytes, passphrase: bytes | None, *, name: str) -> KeyPair:
    """Read the private key of a PEM, DER or PFX file.

    Raises:
        KeyUnavailableError: the passphrase is missing or wrong.
        MalformedError: the file has no private key, or one of an unsupported type.
        PolicyError: opening it would take minutes or gigabytes.
    """
    from cryptography.hazmat.primitives import serialization

    check_work(data, name=name)
    key = _load(data, passphrase, name)
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(pkcs8, read_public_key(spki))


def _load(data: bytes, passphrase: bytes | None, name: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if _form(data) == PKCS12:
        return _from_pfx(data, passphrase, name)
    armoured = b"-----BEGIN" in data
    locked = b"ENCRYPTED" in data or (not armoured and _form(data) == ENCRYPTED_KEY)
    try:
        if armoured:
            return load_pem_private_key(data, passphrase if locked else None)
        return _from_der(data, passphrase)
    except UnsupportedAlgorithm:
        raise MalformedError(
            f"the key in '{name}', or its encryption, is of an unsupported type",
            hint="openssl pkey -in FILE -out key.pem converts it, if openssl supports it",
        ) from None
    except (ValueError, TypeError):
        if locked:
            raise KeyUnavailableError(
                pfx.passphrase_problem(passphrase, name), hint="--key-passphrase-file FILE"
            ) from None
        form = _form(data)
        what = f": it is {with_article(form)}" if form else ""
        raise MalformedError(
            f"'{name}' holds no private key{what}", hint="PEM, DER or PFX"
        ) from None


def _form(data: bytes) -> str | None:
    """What a file is, by its first PEM label or its ASN.1 tags."""
    label = _LABEL.search(data)
    return form_of_label(label[1].decode()) if label else form_of_file(data)


def _from_pfx(data: bytes, passphrase: bytes | None, name: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key = pkcs12.load_key_and_certificates(data, passphrase)[0]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise pfx.opening_error(data, passphrase, name=name) from None
    if key is None:
        raise pfx.no_key(name)
    return key


def _from_der(data: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(data, None)
    except TypeError:
        return load_der_private_key(data, passphrase)
