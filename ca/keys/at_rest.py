"""Encrypt and decrypt stored private keys: EncryptedPrivateKeyInfo of PKCS#8, PBES2 (RFC 8018).

The scheme is PBKDF2-HMAC-SHA256 with 600,000 rounds and AES-256-CBC, which ``openssl pkey`` reads.
cryptography's ``BestAvailableEncryption`` cannot be used: for PKCS#8 it always uses 2,048 rounds.
Decrypting takes about 0.1 s.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ca.errors import KeyUnavailableError, PolicyError
from ca.keys.work import check_work

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ROUNDS = 600_000
"""OWASP's recommendation for PBKDF2-HMAC-SHA256 (2023)."""


def encrypt(pkcs8: bytes, passphrase: bytes) -> bytes:
    """Encrypt a PrivateKeyInfo as EncryptedPrivateKeyInfo."""
    from asn1crypto.algos import EncryptionAlgorithm, Pbkdf2Salt
    from asn1crypto.keys import EncryptedPrivateKeyInfo
    from cryptography.hazmat.primitives import hashes, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    salt, iv = os.urandom(16), os.urandom(16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(passphrase)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(pkcs8) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    algorithm = EncryptionAlgorithm(
        {
            "algorithm": "pbes2",
            "parameters": {
                "key_derivation_func": {
                    "algorithm": "pbkdf2",
                    "parameters": {
                        "salt": Pbkdf2Salt(name="specified", value=salt),
                        "iteration_count": ROUNDS,
                        "key_length": 32,
                        "prf": {"algorithm": "sha256"},
                    },
                },
                "encryption_scheme": {"algorithm": "aes256_cbc", "parameters": iv},
            },
        }
    )
    wrapped = EncryptedPrivateKeyInfo(
        {
            "encryption_algorithm": algorithm,
            "encrypted_data": encryptor.update(padded) + encryptor.finalize(),
        }
    )
    return bytes(wrapped.dump())


def load(pkcs8: bytes, passphrase: bytes | None, *, label: str) -> PrivateKeyTypes:
    """Load a key from PKCS#8, which is encrypted if a passphrase is given.

    Raises:
        KeyUnavailableError: the passphrase is wrong, or the key is damaged. For an encrypted key
            every failure is reported as a wrong passphrase, because the two cannot be
            distinguished: 17 of 3,000 wrong passphrases decrypt to data with valid padding.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    if passphrase is not None:
        try:
            check_work(pkcs8, name=f"the {label} key")
        except PolicyError as error:  # sipca itself never writes such a key
            raise KeyUnavailableError(
                f"the register is damaged: {error.message}",
                hint="restore the last copy of the home",
            ) from None
    try:
        # The primality checks of an RSA key take 0.2 s. They protect against signing with a
        # tampered key, but sipca verifies each of its signatures before using it.
        return load_der_private_key(pkcs8, passphrase, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if passphrase is None:
            raise KeyUnavailableError(f"the {label} key in the register is damaged") from None
        raise KeyUnavailableError(
            f"the passphrase does not open the {label} key",
            hint="try again; it is the one of 'sipca init' or, later, of 'sipca ca passphrase'",
        ) from None
