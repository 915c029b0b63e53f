"""The rule about a home that came from a backup: what cannot be known of the time after it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.model.findings import Violation, cases, rule


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The backup of a restored home: when it last recorded something, its newest certificate."""

    backup: str
    known_until: datetime
    newest: str | None


@rule("restored-gap", "error", "RFC 5280 5.3; decision 57")
@cases(
    "A home that was never restored, or one whose gap was acknowledged.",
    "It was restored from last week's backup: what was signed since is not known.",
)
def restored_gap(gap: Gap) -> Violation | None:
    """What was signed and revoked after the backup was made is known, or acknowledged as lost."""
    newest = f"; the newest certificate then was {gap.newest}" if gap.newest else ""
    return Violation(
        f"this home was restored from '{gap.backup}', which knows nothing after "
        f"{gap.known_until:%Y-%m-%d %H:%M} UTC: certificates signed later are not listed, OCSP "
        f"does not know them, and revocations made later may be missing{newest}",
        "revoke what must not be trusted, by sipca revoke --serial HEX also without its "
        "certificate; then sipca check --acknowledge restored-gap",
    )
