"""The RA certificates by which devices enrol: made and rotated like OCSP signers, and their health.

A device encrypts its SCEP request to the RA certificate, so the CA's own key decrypts nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from ca.authority.home import CA, Home
from ca.authority.status.due import is_signer_due
from ca.authority.status.signers import (
    SignerKind,
    delegate,
    delegate_record,
    newest_in_force,
)
from ca.documents.ocsp import SignerRecord
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, KeyUnavailableError
from ca.keys.messages import MessageKey, open_message_key
from ca.keys.signer import KeyRef
from ca.lint.registration import RAHealth, Waiting
from ca.store import challenges, enrolments, ocsp_signers
from ca.store.enrolments import LAPSES_AFTER

RA = SignerKind(
    "scep-ra", ocsp_signers.RA, "RA certificate", "RA", "scep-ra", "scep rotate", "rsa:2048"
)


def rotate_ra(home: Home, ca: CA, *, allow: Collection[str] = ()) -> None:
    """Give an issuing CA a new RA certificate with a new key.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    delegate(home, ca, RA, allow=allow)


def ensure_ra(home: Home, ca: CA | None = None) -> bool:
    """Make an RA certificate for an issuing CA that has none in force; returns whether it did.

    Without a CA for the current one.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    ca = ca or home.ca("issuing")
    if ocsp_signers.in_force(home.store, ca.issuer.id, home.now(), RA.role) is not None:
        return False
    rotate_ra(home, ca)
    return True


def rotate_current(home: Home, *, if_due: bool, allow: Collection[str] = ()) -> SignerRecord | None:
    """Rotate the RA certificate of the current issuing CA; returns the record of the one in force.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    ca = home.ca("issuing")
    made = not if_due or is_signer_due(home, ca, RA.role)
    if made:
        rotate_ra(home, ca, allow=allow)
    return delegate_record(ca, newest_in_force(home, ca, RA.role), made=made)


def open_ra(held: ocsp_signers.SignerRow) -> MessageKey:
    """Open the key of an RA certificate.

    Raises:
        KeyUnavailableError: it does not open, or does not belong to the certificate.
    """
    if read_certificate(held.der).spki != held.public:
        raise KeyUnavailableError(
            "the RA certificate's key does not belong to it", hint="sipca scep rotate"
        )
    return open_message_key(KeyRef(held.pkcs8, held.public, False, "RA certificate's"))


def is_enrolling(home: Home) -> bool:
    """Whether devices enrol by SCEP here: an RA certificate or a challenge was ever made."""
    return ocsp_signers.has_any(home.store, RA.role) or challenges.is_any(home.store)


def waiting_requests(home: Home) -> Waiting:
    """How many requests wait for the operator."""
    rows = enrolments.pending(home.store, home.now() - LAPSES_AFTER)
    return Waiting(len(rows), rows[0].received_at if rows else None)


def ra_health(home: Home, ca: CA) -> RAHealth:
    """When the newest RA certificate of a CA ends, and what is wrong with its key."""
    held = newest_in_force(home, ca, RA.role)
    if held is None:
        return RAHealth(ca.issuer.name, home.now())
    trouble = None
    try:
        open_ra(held)
    except CAError as error:
        trouble = error.message
    serial = read_certificate(held.der).serial
    return RAHealth(ca.issuer.name, home.now(), held.not_before, held.not_after, trouble, serial)
