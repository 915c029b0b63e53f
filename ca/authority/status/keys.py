"""Findings about all RSA keys of a register together, for ``check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ca.authority.home import Home
from ca.authority.status.examined_keys import Examined, keep_examined, read_examined
from ca.encoding import der
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.lint.keys_together import MOST_KEYS, KeyInUse, divisors, examined, judge_together
from ca.model.findings import Finding
from ca.store import rsa_certificates

_SPKI = 6
"""Index of the SubjectPublicKeyInfo among the fields of a TBSCertificate."""
WORTH_KEEPING = 500
"""Plans of which it is worth knowing that their keys are faultless: fewer take less than 0.1 s."""


class _Key(msgspec.Struct, frozen=True):
    """The key of a certificate, with its identity."""

    use: KeyInUse
    identity: bytes


def key_findings(home: Home) -> list[Finding]:
    """Findings about RSA keys that can be factored, alone or together.

    Where all were faultless in an earlier call, only the keys since then are examined, against the
    product of those. As soon as one is not, all are examined at each call until that is mended.
    """
    with home.store.snapshot():
        upto = rsa_certificates.settled(home.store)
        known = read_examined(home)
        product = None if known is None else _product_with_new(home, known)
        if product is None:
            moduli = _moduli(each.use for each in _keys(home))  # who uses them would fill memory
            product = examined(moduli)
            if product is None:
                return judge_together([each.use for each in _keys(home)])
            known = None
            if upto[0] < WORTH_KEEPING:
                return []
    if known is None or known.plan != upto[0]:
        keep_examined(home, Examined(*upto, product))
    return []


def _product_with_new(home: Home, known: Examined) -> Any:
    """The product with that of the keys since; None if one of them needs a look at all."""
    new = list(_keys(home, after=known.plan))
    moduli = _moduli([each.use for each in new])
    if not moduli:
        return known.product
    again = divisors(moduli, known.product)
    certified = {
        each.use.modulus
        for each in new
        if each.use.modulus in again
        and rsa_certificates.certified_before(home.store, each.identity, known.plan)
    }
    return examined([each for each in moduli if each not in certified], known.product)


def _keys(home: Home, *, after: int = 0) -> Iterator[_Key]:
    """The RSA keys of certificates, newest first."""
    for serial, tbs, good in rsa_certificates.rsa_certificates(
        home.store, home.now(), limit=MOST_KEYS, after=after
    ):
        try:
            key = read_public_key(der.fields_of(tbs)[_SPKI])
        except (MalformedError, IndexError):
            continue  # a damaged row is reported by another rule
        if key.modulus is not None:
            yield _Key(KeyInUse(serial.hex(), key.modulus, good), key.identity)


def _moduli(keys: Iterable[KeyInUse]) -> list[int]:
    """Each modulus once; those that are none are judged by the rules of one key."""
    return list(dict.fromkeys(key.modulus for key in keys if key.modulus > 1 and key.modulus & 1))
