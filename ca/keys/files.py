"""Private keys in files that leave the house: PEM and PFX, with and without a passphrase."""

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
"""A bound that old firmware takes; what the devices' own limit is, is not known."""


class KeyFile(msgspec.Struct, frozen=True):
    """How a key file is written: ``pfx`` with the certificates in it, ``legacy`` 3DES and SHA-1."""

    pfx: bool = False
    legacy: bool = False
    passphrase: bytes | None = None


class HandedOut(msgspec.Struct, frozen=True):
    """A key made for somebody else: as PKCS#8 while it is on its way, and its public half."""

    pkcs8: bytes
    public: PublicKey


def check_ascii(passphrase: bytes | None) -> None:
    """That a passphrase can be typed into a device's page.

    Raises:
        MalformedError: it is not 1 to 63 printable ASCII characters.
    """
    if passphrase is None:
        return
    printable = all(0x20 <= octet < 0x7F for octet in passphrase)
    if not printable or not 1 <= len(passphrase) <= MAX_ASCII_PASSPHRASE:
        raise MalformedError(
            "the key's passphrase is not 1 to 63 printable ASCII characters",
            hint="device pages take no others for certain",
        )


def written(key: HandedOut, form: KeyFile, *, name: str, chain: list[bytes]) -> bytes:
    """The key file's octets; ``chain`` is leaf first or empty, and goes into a PFX."""
    from cryptography.hazmat.primitives import serialization

    private = at_rest.load(key.pkcs8, None, label="new")
    if not form.pfx:
        if form.passphrase is not None:
            from ca.encoding.pem import encode

            wrapped = at_rest.encrypt(key.pkcs8, form.passphrase)
            return encode(wrapped, "ENCRYPTED PRIVATE KEY").encode()
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


def leaf_in_pfx(data: bytes, passphrase: bytes | None) -> bytes | None:
    """The certificate of the key in a PFX that its passphrase opens, if it holds one."""
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        found = pkcs12.load_key_and_certificates(data, passphrase)[1]
    except ValueError:
        return None
    return None if found is None else found.public_bytes(Encoding.DER)


def _encryption(form: KeyFile) -> KeySerializationEncryption:
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


def read_key_file(data: bytes, passphrase: bytes | None, *, name: str) -> HandedOut:
    """The private key in a PEM, DER or PFX file.

    Raises:
        KeyUnavailableError: its passphrase is missing or wrong.
        MalformedError: it is not a private key.
        PolicyError: opening it would take minutes or gigabytes.
    """
    from cryptography.hazmat.primitives import serialization

    check_work(data, name=name)
    key = _loaded(data, passphrase, name)
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return HandedOut(pkcs8, read_public_key(spki))


def _loaded(data: bytes, passphrase: bytes | None, name: str) -> PrivateKeyTypes:
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
            f"the key in '{name}', or what encrypts it, is of a kind that is not read here",
            hint="openssl pkey -in FILE -out key.pem writes it anew, if openssl reads it",
        ) from None
    except (ValueError, TypeError):
        if locked:
            missing = "needs its passphrase" if passphrase is None else "is not opened by it"
            raise KeyUnavailableError(
                f"the key in '{name}' {missing}", hint="--key-passphrase-file FILE"
            ) from None
        form = _form(data)
        what = f": it is {with_article(form)}" if form else ""
        raise MalformedError(
            f"'{name}' holds no private key{what}", hint="PEM, DER or PFX"
        ) from None


def _form(data: bytes) -> str | None:
    """What a file is, by its tags or its first label."""
    label = _LABEL.search(data)
    return form_of_label(label[1].decode()) if label else form_of_file(data)


def _from_pfx(data: bytes, passphrase: bytes | None, name: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        key = pkcs12.load_key_and_certificates(data, passphrase)[0]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise pfx.trouble(data, passphrase, name=name) from None
    if key is None:
        raise pfx.no_key(name)
    return key


def _from_der(data: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(data, None)
    except TypeError:
        return load_der_private_key(data, passphrase)
