"""Whether an OCSP signer or RA certificate is due for rotation.

Light to import: every signing needs it.
"""

from __future__ import annotations

from ca.authority.home import CA, Home
from ca.store import ocsp_signers


def is_signer_due(home: Home, ca: CA, role: str = ocsp_signers.OCSP) -> bool:
    """Whether half the lifetime of the signer in force is over, unless its CA expires no later.

    Never for a revoked CA.
    """
    if home.revocation_of(ca) is not None:
        return False
    held = ocsp_signers.in_force(home.store, ca.issuer.id, home.now(), role)
    if held is None:
        return True
    half = held.not_before + (held.not_after - held.not_before) / 2
    facts = ca.issuer.facts
    assert facts is not None
    return home.now() >= half and held.not_after < facts.validity.not_after


def is_ra_due(home: Home, ca: CA) -> bool:
    """Whether the current issuing CA's RA certificate is due, where devices enrol at all."""
    if (
        ca.role != "issuing"
        or not ca.is_current
        or not ocsp_signers.has_any(home.store, ocsp_signers.RA)
    ):
        return False
    return is_signer_due(home, ca, ocsp_signers.RA)
