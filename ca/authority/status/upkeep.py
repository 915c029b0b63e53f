"""Maintenance by any command that has a CA's key open: rotate OCSP signers and RA certificates.

And record that an earlier CA's last certificate has ended. Light to import: every signing needs it.
"""

from __future__ import annotations

from ca.authority.clock import is_doubtful
from ca.authority.home import Home
from ca.authority.lineage import in_service, newly_ended, record_ended
from ca.authority.status.due import is_ra_due, is_signer_due


def rotate_due(home: Home) -> None:
    """Rotate what is due of the CAs whose keys this call has open: OCSP signers, RA certificates.

    Not while the clock looks wrong; ``check`` reports that, and ``ocsp rotate`` remains.
    """
    ended = newly_ended(home) if len(home.cas()) > 2 else []
    if ended and not is_doubtful(home):
        record_ended(home, ended)
    opened = [ca for ca in home.cas() if home.is_open(ca) and is_signer_due(home, ca)]
    due = [ca for ca in opened if ca in in_service(home)]
    if due and not is_doubtful(home):
        from ca.authority.status.signers import rotate

        for ca in due:
            rotate(home, ca)
    registering = [ca for ca in home.cas() if home.is_open(ca) and is_ra_due(home, ca)]
    if registering and not is_doubtful(home):
        from ca.authority.status.registration import rotate_ra

        for ca in registering:
            rotate_ra(home, ca)
