"""Maintenance by any command that has a CA's key open:

rotate OCSP signers that are due. Light to import: every signing needs it.
"""

from __future__ import annotations

from ca.authority.clock import is_doubtful
from ca.authority.home import Home
from ca.authority.lineage import in_service
from ca.authority.status.due import is_signer_due


def rotate_due(home: Home) -> None:
    """Rotate due OCSP signers of the CAs whose keys this call has open.

    Not while the clock looks wrong; ``check`` reports that, and ``ocsp rotate`` remains.
    """
    opened = [ca for ca in home.cas() if home.is_open(ca) and is_signer_due(home, ca)]
    due = [ca for ca in opened if ca in in_service(home)]
    if due and not is_doubtful(home):
        from ca.authority.status.signers import rotate

        for ca in due:
            rotate(home, ca)
