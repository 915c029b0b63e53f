"""What any command that has a CA's key open does on the way: a new OCSP signer where one is due.

Light to import: signing pays for it at every start.
"""

from __future__ import annotations

from ca.authority.home import CA, Home
from ca.encoding.certificates import read_certificate
from ca.store import responders as signers


def rotate_due(home: Home) -> None:
    """New OCSP signers where due, for the CAs whose keys this call has open anyway."""
    for ca in home.cas():
        if home.is_open(ca) and is_due(home, ca):
            from ca.authority.responding import rotate

            rotate(home, ca)


def is_due(home: Home, ca: CA) -> bool:
    """Whether half the signer's life is over, unless its CA ends no later."""
    held = signers.in_force(home.store, ca.issuer.id)
    if held is None:
        return True
    validity = read_certificate(held.der).validity
    half = validity.not_before + (validity.not_after - validity.not_before) / 2
    facts = ca.issuer.facts
    assert facts is not None
    return home.now() >= half and validity.not_after < facts.validity.not_after
