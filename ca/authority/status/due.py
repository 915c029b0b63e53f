"""What is due to be made anew. Light to import: signing pays for it at every start."""

from __future__ import annotations

from ca.authority.home import CA, Home
from ca.store import ocsp_signers


def is_signer_due(home: Home, ca: CA) -> bool:
    """Whether half the life of the signer in force is over, unless its CA ends no later.

    Never of a CA that signs nothing more.
    """
    if home.revocation_of(ca) is not None:
        return False
    held = ocsp_signers.in_force(home.store, ca.issuer.id, home.now())
    if held is None:
        return True
    half = held.not_before + (held.not_after - held.not_before) / 2
    facts = ca.issuer.facts
    assert facts is not None
    return home.now() >= half and held.not_after < facts.validity.not_after
