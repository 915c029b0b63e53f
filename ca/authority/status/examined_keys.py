"""The RSA keys that ``check`` has found faultless: their product, and up to which plan they go.

It is kept in a file of the home, so that the next call examines only the keys since then, against
the product. A file that is missing, damaged, or of another register means that all are examined.
"""

from __future__ import annotations

import contextlib
import re
from hashlib import sha256
from typing import Any

import msgspec

from ca.authority.home import Home
from ca.errors import CAError
from ca.files import PRIVATE, read_bounded, write_atomic
from ca.store import rsa_certificates

EXAMINED_KEYS = "rsa-keys.examined"
LARGEST = 32 << 20
"""Octets of a product that is kept, that of some 125,000 keys; then all are examined anew."""
_HEAD = re.compile(
    rb"sipca: RSA keys examined up to plan (\d{1,18}) ([0-9a-f]{64}) ([0-9a-f]{64})\n"
)


class Examined(msgspec.Struct, frozen=True):
    """Faultless keys: the product of their moduli, and the last plan among them, with its hash."""

    plan: int
    plan_hash: bytes
    product: Any


def read_examined(home: Home) -> Examined | None:
    """What is known from the last call, or None."""
    import gmpy2

    with contextlib.suppress(CAError):
        data = read_bounded(home.path / EXAMINED_KEYS, limit=LARGEST + 256)
        head = _HEAD.match(data)
        if head is None or sha256(data[head.end() :]).hexdigest().encode() != head[3]:
            return None
        plan, plan_hash = int(head[1]), bytes.fromhex(head[2].decode())
        if rsa_certificates.is_settled(home.store, plan, plan_hash):
            return Examined(plan, plan_hash, gmpy2.mpz.from_bytes(data[head.end() :], "big"))
    return None


def keep_examined(home: Home, known: Examined) -> None:
    """Keep what is known for the next call, where this user may write to the home."""
    import gmpy2

    product = gmpy2.mpz(known.product).to_bytes((known.product.bit_length() + 7) // 8, "big")
    if len(product) > LARGEST or home.store.mode != "rw":
        return
    digest = sha256(product).hexdigest()
    head = f"sipca: RSA keys examined up to plan {known.plan} {known.plan_hash.hex()} {digest}\n"
    with contextlib.suppress(CAError):
        write_atomic(
            home.path / EXAMINED_KEYS,
            head.encode() + product,
            mode=PRIVATE,
            overwrite=True,
            durable=False,
        )
