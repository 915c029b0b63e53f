"""Rules for ``/healthz``: does the server serve what the register records?"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.model.findings import Finding, Violation, cases, rule, run


class Served(msgspec.Struct, frozen=True):
    """What the server has for a CA, and what the register records.

    ``number`` and ``next_update`` are the register's, None if it has no CRL. ``served_number`` and
    ``served_next_update`` are those of the served CRL, None if it cannot be read. ``signer_until``
    is the notAfter of the OCSP signer in use, None if there is none; ``signer_works``: its
    signatures verify with its certificate.
    """

    name: str
    role: str
    number: int | None
    next_update: datetime | None
    served_number: int | None
    served_next_update: datetime | None
    crl_is_signed: bool
    signer_until: datetime | None
    signer_works: bool


class ServedNow(msgspec.Struct, frozen=True):
    """What the server has at a point in time."""

    served: Served
    now: datetime


@rule("crl-not-served", "error", "RFC 5280 5")
@cases("Number and nextUpdate are those of the register.", "An older CRL is handed out.")
def crl_not_served(fact: ServedNow) -> Violation | None:
    """The CRL that is handed out is signed by the CA and is the newest one of the register."""
    crl = fact.served
    if crl.number is None:
        return None  # crl-missing says so
    if crl.served_number is None:
        text = "its CRL cannot be read"
    elif (crl.served_number, crl.served_next_update) != (crl.number, crl.next_update):
        text = (
            f"the served CRL is number {crl.served_number} until {crl.served_next_update}, but the "
            f"register has number {crl.number} until {crl.next_update}"
        )
    elif not crl.crl_is_signed:
        text = "the served CRL is not signed by this CA"
    else:
        return None
    return Violation(f"{crl.name}: {text}", f"sipca crl --ca {crl.role} --refresh")


@rule("ocsp-signer-not-served", "error", "RFC 6960 4.2.2.2")
@cases(
    "The signer's key belongs to its certificate, which has not expired.",
    "The server started before any signer was made.",
)
def signer_not_served(fact: ServedNow) -> Violation | None:
    """The server has an OCSP signer in force for each CA."""
    signer = fact.served
    if signer.signer_until is None:
        text = "no OCSP signer is loaded"
    elif signer.signer_until <= fact.now:
        text = f"the OCSP signer in use expired on {signer.signer_until:%Y-%m-%d}"
    elif not signer.signer_works:
        text = "the OCSP signer's key is not that of its certificate"
    else:
        return None
    return Violation(f"{signer.name}: {text}", f"sipca ocsp rotate --ca {signer.role}")


def judge_served(served: Served, now: datetime) -> list[Finding]:
    """Findings about what the server has at a point in time."""
    return run([crl_not_served, signer_not_served], ServedNow(served, now))
