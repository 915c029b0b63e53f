"""Findings about all RSA keys of a register together, for ``check``."""

from __future__ import annotations

from ca.authority.home import Home
from ca.encoding import der
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.lint.keys_together import MOST_KEYS, KeyInUse, judge_together
from ca.model.findings import Finding
from ca.store.rsa_certificates import rsa_certificates

_SPKI = 6
"""Index of the SubjectPublicKeyInfo among the fields of a TBSCertificate."""


def key_findings(home: Home) -> list[Finding]:
    """Findings about RSA keys that can be factored, alone or together."""
    keys = []
    for serial, tbs, good in rsa_certificates(home.store, home.now(), limit=MOST_KEYS):
        try:
            modulus = read_public_key(der.fields_of(tbs)[_SPKI]).modulus
        except (MalformedError, IndexError):
            continue  # a damaged row is reported by another rule
        if modulus is not None:
            keys.append(KeyInUse(serial.hex(), modulus, good))
    return judge_together(keys) if keys else []
