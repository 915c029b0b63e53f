"""``show``: one certificate with its account."""

from __future__ import annotations

from ca.authority.home import Home
from ca.authority.records import certificate_record
from ca.authority.refs import Match, find
from ca.documents.show import ShowDocument
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.keys.public import read_public_key


def show_certificate(home: Home, ref: str) -> ShowDocument:
    """One certificate with its account.

    Raises:
        CAError: the REF matches none, or several.
    """
    match = find(home, ref)
    facts = read_certificate(match.row.der)
    return ShowDocument(
        certificate=certificate_record(match.row, home.now()),
        key=read_public_key(facts.spki).label,
        key_usage=list(facts.key_usage),
        extended_key_usage=list(facts.extended_key_usage),
        signature_algorithm=facts.signature_algorithm,
        source=match.row.source,
        status_reason=match.row.revocation_reason,
        status_since=match.row.revoked_at,
        certificate_pem=pem.encode(match.row.der),
        account=unpack_account(match.row.account),
        others=others(match),
    )


def others(match: Match) -> list[str]:
    return [row.serial.hex() for row in match.others]
