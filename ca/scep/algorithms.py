"""Which algorithms messages may use: AES and SHA-2, and those of old devices where allowed.

The old ones are never advertised. What a message used of them is noted by name.
"""

from __future__ import annotations

import msgspec

from ca.scep.failures import FailedCheckError

ALLOWED_HASHES = ("SHA256", "SHA384", "SHA512", "SHA224")
OLD_HASHES = {"SHA1": "SHA-1", "MD5": "MD5"}
_REFUSED = "sipca serve --scep --allow scep-legacy takes it, if the device knows nothing better"


class ContentCipher(msgspec.Struct, frozen=True):
    """A cipher for contents: asn1crypto's word for it, and octets of its key and its blocks."""

    word: str
    name: str
    key_octets: int
    block_octets: int = 16
    is_old: bool = False


CIPHERS = {
    each.word: each
    for each in (
        ContentCipher("aes128_cbc", "AES-128", 16),
        ContentCipher("aes192_cbc", "AES-192", 24),
        ContentCipher("aes256_cbc", "AES-256", 32),
        ContentCipher("tripledes_3key", "3DES", 24, 8, is_old=True),
        ContentCipher("des", "DES", 8, 8, is_old=True),
    )
}


class Leniency(msgspec.Struct, frozen=True):
    """Whether the algorithms of old devices are taken (``--allow scep-legacy``)."""

    takes_old: bool = False

    def check_hash(self, name: str | None) -> tuple[str, ...]:
        """The old algorithm, if it is one.

        Raises:
            FailedCheckError: it may not be used.
        """
        if name in ALLOWED_HASHES:
            return ()
        if name not in OLD_HASHES:
            raise FailedCheckError("badAlg", "the message is signed with an unknown hash")
        self._check_old(OLD_HASHES[name], "signed with a digest by")
        return (OLD_HASHES[name],)

    def cipher(self, word: str, *, name: str) -> ContentCipher:
        """The cipher that a message names; ``name`` is what people call it.

        Raises:
            FailedCheckError: it may not be used.
        """
        cipher = CIPHERS.get(word)
        if cipher is None:
            raise FailedCheckError("badAlg", f"the message is encrypted with {name}, not AES-CBC")
        if cipher.is_old:
            self._check_old(cipher.name, "encrypted with")
        return cipher

    def _check_old(self, name: str, how: str) -> None:
        if not self.takes_old:
            raise FailedCheckError(
                "badAlg", f"the message is {how} {name}, which is broken", hint=_REFUSED
            )
