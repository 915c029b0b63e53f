"""What any command that has a CA's key open does on the way: a new OCSP signer where one is due.

Light to import: signing pays for it at every start.
"""

from __future__ import annotations

from ca.authority.clock import is_doubtful
from ca.authority.home import CA, Home
from ca.store import ocsp_signers


def rotate_due(home: Home) -> None:
    """New OCSP signers where due, for the CAs whose keys this call has open anyway.

    Not while the clock looks wrong: ``check`` says so, and ``ocsp rotate`` is there.
    """
    due = [ca for ca in home.cas() if home.is_open(ca) and is_due(home, ca)]
    if due and not is_doubtful(home):
        from ca.authority.status.signers import rotate

        for ca in due:
            rotate(home, ca)


def is_due(home: Home, ca: CA) -> bool:
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
