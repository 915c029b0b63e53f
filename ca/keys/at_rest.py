"""Private keys at rest: PKCS#8 EncryptedPrivateKeyInfo with PBES2 (RFC 8018).

PBKDF2-HMAC-SHA256 with 600,000 rounds and AES-256-CBC: cryptography's own
``BestAvailableEncryption`` writes 2,048 rounds and takes no other number for PKCS#8. One
opening costs about 0.1 s; ``openssl pkey`` opens the form.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ca.errors import KeyUnavailableError, PolicyError
from ca.keys.work import check_work

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ROUNDS = 600_000
"""OWASP's figure for PBKDF2-HMAC-SHA256 (2023)."""


def encrypt(pkcs8: bytes, passphrase: bytes) -> bytes:
    """A PrivateKeyInfo wrapped as EncryptedPrivateKeyInfo."""
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
    """The key inside a PKCS#8 structure, encrypted if a passphrase is given.

    Raises:
        KeyUnavailableError: the passphrase does not open it, or it is damaged. A wrong
            passphrase cannot be told from damage: 17 of 3,000 decrypt to rubbish that
            looks padded, so any failure on an encrypted key is called the first.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    if passphrase is not None:
        try:
            check_work(pkcs8, name=f"the {label} key")
        except PolicyError as error:  # sipca never wrote it so
            raise KeyUnavailableError(
                f"the register is damaged: {error.message}",
                hint="restore the last copy of the home",
            ) from None
    try:
        # The primality checks of an RSA key cost 0.2 s a run. They guard against signatures made
        # with a tampered key, and here every signature is verified before it is handed out.
        return load_der_private_key(pkcs8, passphrase, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if passphrase is None:
            raise KeyUnavailableError(f"the {label} key in the register is damaged") from None
        raise KeyUnavailableError(
            f"the passphrase does not open the {label} key",
            hint="try again; the passphrase is the one given to 'sipca init'",
        ) from None
