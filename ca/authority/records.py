"""Turn register rows and CAs into documents."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from ca.authority.home import CA
from ca.documents.ca import CARecord
from ca.documents.certificate import CertificateRecord
from ca.encoding.certificates import read_certificate
from ca.keys.token_uri import is_on_token
from ca.model.certificates import subject_text
from ca.store.certificates import CertificateRow


def ca_record(ca: CA) -> CARecord:
    """A CA of this home, for people and scripts."""
    facts = ca.issuer.facts
    assert facts is not None
    return CARecord(
        role=ca.role,
        id=ca.issuer.ca_id,
        subject=subject_text(facts.subject),
        serial=facts.serial,
        key=ca.issuer.key.label,
        key_protection=key_protection(ca),
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        permitted=[
            *(f"dns:{d}" for d in facts.permitted_dns),
            *(f"ip:{i}" for i in facts.permitted_ip),
        ],
        current=ca.is_current,
    )


def key_protection(ca: CA) -> str:
    """How a CA's key is kept: "away", "token", "passphrase" or "none"."""
    if ca.key.is_away:
        return "away"
    if is_on_token(ca.key.pkcs8):
        return "token"
    return "passphrase" if ca.key.encrypted else "none"


def _fingerprint(row: CertificateRow) -> str | None:
    return None if row.signature is None else sha256(row.der).hexdigest()


def certificate_record(row: CertificateRow, now: datetime) -> CertificateRecord:
    """The record of a plan or certificate; names and dates are read from its octets."""
    facts = read_certificate(row.outline)
    is_issued = row.signature is not None or row.is_relic
    return CertificateRecord(
        serial=row.serial_text,
        subject=subject_text(facts.subject),
        san=[str(name) for name in facts.san],
        profile=row.profile,
        device=row.device,
        context=row.context,
        issuer=subject_text(facts.issuer),
        not_before=facts.validity.not_before if is_issued else None,
        not_after=facts.validity.not_after if is_issued else None,
        status=row.status(now),
        fingerprint=_fingerprint(row),
        supersedes=row.supersedes.hex() if row.supersedes else None,
        superseded_by=row.superseded_by.hex() if row.superseded_by else None,
        days_left=days_left(facts.validity.not_after, now) if is_issued else None,
    )


def days_left(end: datetime, now: datetime) -> int:
    """Whole days until an end, negative from the first day after it."""
    return (end - now) // timedelta(days=1)
