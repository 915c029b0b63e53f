"""Messages of devices by SCEP: damaged outside, inside of the envelope, and inside of the request.

Only what is signed and encrypted again after the damage comes so far that its inside is read.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.fuzzing.mutation import damage_der, damage_octets

FINE = (200, 400, 413)
"""The HTTP statuses of what was understood or refused; 503 hides an exception."""
_TYPES = (b"17", b"19", b"20", b"21", b"22", b"3", b"")


class SCEPServer:
    """What ``serve --scep`` makes of a message, without HTTP."""

    def __init__(self, home: Path) -> None:
        import logging

        from ca.scep.algorithms import Leniency
        from ca.service.scep_desk import Desk

        logging.getLogger("sipca.serve").disabled = True
        self._desk = Desk(home, Leniency(takes_old=True))
        self._asked = 0

    def __call__(self, data: bytes) -> tuple[int, str]:
        """The HTTP status of the answer, and its text if it has one."""
        self._asked += 1
        address = f"192.0.{self._asked // 200 % 256}.{self._asked % 200}"
        reply = self._desk.operation(data, address)
        return reply.status, "" if reply.status == 200 else reply.body.decode("utf-8", "replace")


class Messages:
    """A device's messages, whole or damaged."""

    def __init__(self, ra: bytes, requests: list[bytes]) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import Encoding

        self._ra, self._key = ra, rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "phone.lab.example")])
        began = datetime(2026, 1, 1, tzinfo=UTC)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), 1)
        builder = builder.not_valid_before(began).not_valid_after(began + timedelta(days=3650))
        self._certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)
        own = x509.CertificateSigningRequestBuilder(name).sign(self._key, hashes.SHA256())
        self._contents = [own.public_bytes(Encoding.DER), *requests]
        self._contents += [
            _pair(name.public_bytes(), each) for each in (name.public_bytes(), b"\x02\x01\x01")
        ]

    def make(self, dice: random.Random) -> bytes:
        """One message, damaged somewhere."""
        content = dice.choice(self._contents[:1] * 3 + self._contents)
        where = dice.randrange(4)
        if where == 0:
            content = damage_der(content, self._contents, dice)
        sealed = self._sealed(content)
        if where == 1:
            sealed = damage_der(sealed, [content], dice)
        try:
            message = self._signed(sealed, dice, odd=where == 2)
        except ValueError:  # too odd for what makes the message
            message, where = self._signed(sealed, dice, odd=False), 3
        if where == 3:
            damage: Callable[..., bytes] = dice.choice((damage_der, _damage_octets))
            return damage(message, [content], dice)
        return message

    def _sealed(self, content: bytes) -> bytes:
        from ca.scep.algorithms import CIPHERS
        from ca.scep.enveloped_data import make_envelope

        cipher = CIPHERS["aes128_cbc"]
        return make_envelope(content, self._ra, cipher=cipher, dice=bytes)

    def _signed(self, sealed: bytes, dice: random.Random, *, odd: bool) -> bytes:
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
            PublicFormat,
        )

        from ca.encoding import oids
        from ca.encoding.der import OCTET_STRING, PRINTABLE_STRING, tlv
        from ca.keys.messages import open_message_key
        from ca.keys.signer import KeyRef
        from ca.scep.signed_data import make_signed_data

        private = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        attributes = {
            oids.SCEP_MESSAGE_TYPE: tlv(PRINTABLE_STRING, dice.choice(_TYPES[:5])),
            oids.SCEP_TRANSACTION_ID: tlv(PRINTABLE_STRING, b"%d" % dice.randrange(50)),
            oids.SCEP_SENDER_NONCE: tlv(OCTET_STRING, bytes(16)),
        }
        if odd:
            name = dice.choice(list(attributes))
            attributes[name] = damage_der(attributes[name], [sealed], dice) or b"\x05\x00"
        return make_signed_data(
            sealed,
            attributes,
            key=open_message_key(KeyRef(private, public, False, "device's")),
            certificate=self._certificate,
            hashed_by=dice.choice(("SHA256", "SHA512", "SHA1")),
        )


def _pair(first: bytes, second: bytes) -> bytes:
    from ca.encoding.der import sequence

    return sequence(first, second)


def _damage_octets(data: bytes, _others: list[bytes], dice: random.Random) -> bytes:
    return damage_octets(data, dice)
