"""What a server currently serves for a CA: its CRL, and the OCSP signer it has loaded."""

from __future__ import annotations

from cryptography import x509

from ca.authority.home import CA, Home
from ca.encoding.certificates import read_certificate
from ca.keys.public import read_public_key
from ca.keys.soft import verify
from ca.revocation.ocsp import Responder
from ca.revocation.served import Served
from ca.store import crls
from ca.verification import issued_by

_PROBE = b"no request: a look at whether the key is the certificate's"


def served(home: Home, ca: CA, crl: bytes, responder: Responder | None) -> Served:
    """What is served for a CA, read as a client reads it, beside what the register says."""
    newest = crls.newest(home.store, ca.issuer.id)
    number, next_update, is_signed = None, None, False
    try:
        read = x509.load_der_x509_crl(crl)
        number = read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        next_update = read.next_update_utc
        is_signed = read.is_signature_valid(_certificate(ca).public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, x509.ExtensionNotFound):
        pass
    return Served(
        name=ca.issuer.name,
        role=ca.word,
        number=newest.number if newest else None,
        next_update=newest.next_update if newest else None,
        served_number=number,
        served_next_update=next_update,
        crl_is_signed=is_signed,
        signer_until=responder.until if responder else None,
        signer_works=responder is not None and _works(ca, responder),
    )


def _certificate(ca: CA) -> x509.Certificate:
    assert ca.issuer.facts is not None
    return x509.load_der_x509_certificate(ca.issuer.facts.der)


def _works(ca: CA, responder: Responder) -> bool:
    """Whether a new signature verifies by the signer's certificate, and that by the CA's."""
    facts, issuer = read_certificate(responder.certificate), ca.issuer.facts
    signature = responder.signer.sign(_PROBE)
    return (
        issuer is not None
        and issued_by(facts, issuer)
        and verify(read_public_key(facts.spki), signature, _PROBE)
    )
