"""A client's certificate with its key, and loading both into a TLS context."""

from __future__ import annotations

from typing import Any

import msgspec

from ca.errors import KeyUnavailableError
from ca.keys import at_rest
from ca.keys.files import KeyPair


class ClientIdentity(msgspec.Struct, frozen=True):
    """A certificate chain, the leaf first, and the leaf's key."""

    chain: tuple[bytes, ...]
    key: KeyPair


def present(identity: ClientIdentity, context: Any) -> None:
    """Load an identity into an ``OpenSSL.SSL.Context``.

    Raises:
        KeyUnavailableError: OpenSSL does not take the key or the certificate.
    """
    from cryptography import x509
    from OpenSSL import SSL

    try:
        leaf, *above = (x509.load_der_x509_certificate(der) for der in identity.chain)
        context.use_certificate(leaf)
        for each in above:
            context.add_extra_chain_cert(each)
        context.use_privatekey(at_rest.load(identity.key.pkcs8, None, label="client"))
        context.check_privatekey()
    except (SSL.Error, ValueError, TypeError):
        raise KeyUnavailableError(
            "OpenSSL takes no client certificate of this form for a handshake",
            hint="sipca issue NAME --profile sip-client --out DIR makes a pair that works",
        ) from None
