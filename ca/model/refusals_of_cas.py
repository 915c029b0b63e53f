"""Refusals about CAs, their keys and imports, as rules of the catalogue.

They are raised where they are found (``PolicyError(..., rule=CODE)``), with the values that
disagree; here stands what ``sipca rule show`` tells of them. Loaded for the catalogue alone.
"""

from __future__ import annotations

from ca.model.findings import Violation, cases, rule


@rule("ca-key-kind", "error", "profiles 5")
@cases("--root-key p384", "A token with an Ed25519 key for the root.")
def ca_key_kind(refusal: Violation) -> Violation:
    """The key of a CA is RSA, or EC on P-256, P-384 or P-521."""
    return refusal


@rule("token-key-there", "error", "decision 66")
@cases("A token without an object of that name.", "sipca-new with the name of a key on the token.")
def token_key_there(refusal: Violation) -> Violation:
    """A key that is made on a token has a name that no other object there has."""
    return refusal


@rule("key-work", "error", "decision 64")
@cases("A PKCS#8 file with 600,000 rounds.", "A PKCS#8 file with 2,000,000,000 rounds.")
def key_work(refusal: Violation) -> Violation:
    """A file with a key can be opened with a bounded amount of work."""
    return refusal


@rule("backup-lacks-key", "error", "decision 64")
@cases(
    "A backup made after the CA.",
    "A backup that is older than the CA whose certificate is at hand.",
)
def backup_lacks_key(refusal: Violation) -> Violation:
    """A backup holds the keys of the CAs that devices know."""
    return refusal


@rule("root-crl-short", "error", "decision 65")
@cases("A CRL of two years.", "A CRL that ends next month.")
def root_crl_short(refusal: Violation) -> Violation:
    """Before the root's key is taken away, its CRL lists all revocations and lasts."""
    return refusal


@rule("root-irrevocable", "error", "RFC 5280 6.1")
@cases("revoke with the serial of a device's certificate.", "revoke root")
def root_irrevocable(refusal: Violation) -> Violation:
    """A root is not revoked: it is taken out of the trust stores."""
    return refusal


@rule("rotate-key-identifier", "error", "RFC 5280 4.2.1.2; decision 8")
@cases("ca rotate", "ca rotate --same-key for an imported CA with an identifier of its own kind.")
def rotate_key_identifier(refusal: Violation) -> Violation:
    """A CA keeps its key only where its key identifier is one that sipca makes."""
    return refusal


@rule("import-forged", "error", "RFC 5280 6.1.3 (a)")
@cases("A certificate and its CA.", "A certificate with one bit changed.")
def import_forged(refusal: Violation) -> Violation:
    """A certificate is imported if the CA that it names signed it."""
    return refusal


@rule("import-foreign", "error", "RFC 5280 6.1.3 (a)")
@cases("Certificates of the imported CA.", "A certificate of another lab.")
def import_foreign(refusal: Violation) -> Violation:
    """A certificate, CRL or index is imported into the home of its CA."""
    return refusal


@rule("import-ca-key", "error", "profiles 5")
@cases("A CA with RSA 4096.", "A CA with Ed25519.")
def import_ca_key(refusal: Violation) -> Violation:
    """A CA that is imported has a key that sipca signs with."""
    return refusal


@rule("import-no-ca", "error", "RFC 5280 4.2.1.9; RFC 5280 4.2.1.3")
@cases("A certificate with CA:TRUE and keyCertSign.", "The certificate of a web server.")
def import_no_ca(refusal: Violation) -> Violation:
    """What is imported as a CA may sign certificates by its extensions."""
    return refusal


@rule("import-no-root", "error", "RFC 5280 3.2")
@cases("import --root root.pem", "import --root issuing.pem")
def import_no_root(refusal: Violation) -> Violation:
    """--root names a self-signed certificate."""
    return refusal


@rule("import-is-root", "error", "RFC 5280 3.2")
@cases("import --issuing issuing.pem", "import --issuing root.pem")
def import_is_root(refusal: Violation) -> Violation:
    """--issuing names a certificate that a root signed."""
    return refusal


@rule("import-damaged", "error", "RFC 5280 6.1.3 (a)")
@cases("A root as it was made.", "A root with one bit changed.")
def import_damaged(refusal: Violation) -> Violation:
    """The signature of an imported root verifies with its own key."""
    return refusal


@rule("import-same-key", "error", "profiles 5")
@cases("Two keys.", "An issuing CA that was made from the key of the root.")
def import_same_key(refusal: Violation) -> Violation:
    """An imported root and its issuing CA have different keys."""
    return refusal


@rule("import-path-length", "error", "RFC 5280 4.2.1.9")
@cases("A root without a path length.", "A root with pathLenConstraint 0.")
def import_path_length(refusal: Violation) -> Violation:
    """An imported root allows a CA below it."""
    return refusal
