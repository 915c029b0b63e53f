"""What devices are handed without a decision: certificates, CRLs, RA and CA certificates."""

from __future__ import annotations

import msgspec

from ca.authority.home import Home
from ca.authority.lineage import unfinished
from ca.authority.status.crl import crl_octets
from ca.authority.status.registration import RA, open_ra
from ca.encoding.der import serial_octets
from ca.errors import CAError, KeyUnavailableError, NotFoundError, attempt
from ca.keys.messages import MessageKey
from ca.store import certificates, ocsp_signers


class RACredential(msgspec.Struct, frozen=True):
    """An RA certificate in force, its key, and the issuing CA (DER) that it works for."""

    issuer_id: int
    ca: bytes
    certificate: bytes
    key: MessageKey


def ra_credentials(home: Home) -> list[RACredential]:
    """The RA certificates in force, that of the current issuing CA first.

    Those of earlier issuing CAs are there while they last: a device may have fetched one before.

    Raises:
        KeyUnavailableError: the current issuing CA has none whose key can be opened.
    """
    current = home.ca("issuing")
    others = [ca for ca in reversed(home.cas()) if ca.role == "issuing" and ca is not current]
    found: list[RACredential] = []
    for ca in (current, *others):
        for held in ocsp_signers.signers(home.store, ca.issuer.id, RA.role):
            key = attempt(open_ra, held) if held.is_in_force(home.now()) else None
            if isinstance(key, MessageKey):
                found.append(RACredential(ca.issuer.id, ca.facts.der, held.der, key))
            elif isinstance(key, CAError):
                home.note(key)
        if ca is current and not found:
            raise KeyUnavailableError(
                f"{ca.issuer.name} has no RA certificate in force whose key can be used",
                hint="sipca scep rotate",
            )
    return found


def ca_chain(home: Home) -> list[bytes]:
    """The current CA certificates, issuing first and root last."""
    return home.chain()


def next_ca(home: Home) -> bytes | None:
    """The certificate of an issuing CA that a rotation has made, but not put into use, or None."""
    begun = unfinished(home, "issuing")
    if begun is None or begun.signature is None:
        return None
    return home.ca_of(begun.id).facts.der


def certificate_by(home: Home, issuer: bytes, serial: int) -> bytes | None:
    """A certificate by its issuer's Name (DER) and serial, whatever its status, or None."""
    ids = {ca.issuer.id for ca in home.cas() if ca.facts.subject_der == issuer}
    if serial <= 0 or serial.bit_length() > 160:
        return None
    for row in certificates.by_serial_prefix(home.store, serial_octets(serial).hex()):
        is_it = row.issuer_id in ids and row.serial == serial_octets(serial)
        if is_it and row.signature is not None:
            return row.der
    return None


def crl_for(home: Home, issuer: bytes, serial: int) -> bytes | None:
    """The newest CRL (DER) of the CA that issued a certificate, or None."""
    del serial  # each CA has one CRL for all its certificates
    for ca in reversed(home.cas()):
        if ca.facts.subject_der == issuer:
            try:
                return b"".join(crl_octets(home, ca))
            except NotFoundError:
                return None
    return None
