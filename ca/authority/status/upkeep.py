"""What any command that has a CA's key open does on the way: a new OCSP signer where one is due.

Light to import: signing pays for it at every start.
"""

from __future__ import annotations

from ca.authority.clock import is_doubtful
from ca.authority.home import Home
from ca.authority.status.due import is_signer_due


def rotate_due(home: Home) -> None:
    """New OCSP signers where due, for the CAs whose keys this call has open anyway.

    Not while the clock looks wrong: ``check`` says so, and ``ocsp rotate`` is there.
    """
    due = [ca for ca in home.cas() if home.is_open(ca) and is_signer_due(home, ca)]
    if due and not is_doubtful(home):
        from ca.authority.status.signers import rotate

        for ca in due:
            rotate(home, ca)
