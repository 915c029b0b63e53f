"""Whether an existing certificate can be handed out instead of signing another."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.encoding.certificates import read_certificate
from ca.issuance.order import Prepared
from ca.model.status import CURRENT, is_due
from ca.profiles.profile import Profile
from ca.store.certificates import CertificateRow


class Wanted(msgspec.Struct, frozen=True):
    """What would be signed now; ``lifetime`` is the requested one in the register's form."""

    issuer_id: int
    profile: Profile
    lifetime: str
    prepared: Prepared


def can_be_reused(
    row: CertificateRow, wanted: Wanted, now: datetime, *, renew_before: timedelta | None = None
) -> bool:
    """Whether a certificate is equal to what is wanted and not yet due.

    It is current, and has the same issuing CA, profile text, names and requested lifetime.
    """
    if (
        row.issuer_id != wanted.issuer_id
        or row.profile_sha256 != wanted.profile.text_hash
        or row.lifetime != wanted.lifetime
        or row.status(now) not in CURRENT
    ):
        return False
    facts = read_certificate(row.der)
    same_names = facts.subject == wanted.prepared.subject and facts.san == wanted.prepared.san
    return same_names and not is_due(facts.validity, now, renew_before)
