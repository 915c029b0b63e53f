"""Refusals of verbs, as rules of the catalogue.

They are raised where they are found (``PolicyError(..., rule=CODE)``), with the values that
disagree; here stands what ``sipca rule show`` tells of them. Loaded for the catalogue alone.
"""

from __future__ import annotations

from ca.errors import Kind
from ca.model.findings import Violation, cases, rule


@rule("key-compromised", "error", "RFC 5280 5.3.1")
@cases(
    "A new key, made after the old one was revoked.",
    "The CSR of a device whose key was revoked for key-compromise.",
)
def key_compromised(refusal: Violation) -> Violation:
    """A key that was revoked for key-compromise is never certified again."""
    return refusal


@rule("ca-certificate", "error", "profiles 3")
@cases(
    "sipca renew with the serial of a device's certificate.",
    "sipca renew with the serial of the issuing CA.",
)
def ca_certificate(refusal: Violation) -> Violation:
    """What is renewed, replaced or attached is a device's certificate, not a CA's."""
    return refusal


@rule("profile-role", "error", "profiles 3")
@cases("--profile sip", "--profile root")
def profile_role(refusal: Violation) -> Violation:
    """A request is signed by a profile for end entities, not by one for CAs or OCSP signers."""
    return refusal


@rule("relic-successor", "error", "decision 67")
@cases(
    "--supersedes with the serial of a certificate signed here.",
    "--supersedes with the serial of a relic.",
)
def relic_successor(refusal: Violation) -> Violation:
    """A certificate that was imported without its text has no successor in the register."""
    return refusal


@rule("superseded-already", "error", "decision 57", kind=Kind.CONFLICT)
@cases("--supersedes with the certificate in use.", "--supersedes with one that has a successor.")
def superseded_already(refusal: Violation) -> Violation:
    """A certificate is superseded once."""
    return refusal


@rule("rekey-same-key", "error", "profiles 5")
@cases(
    "A CSR made after the key was generated anew.", "The CSR that the certificate was signed from."
)
def rekey_same_key(refusal: Violation) -> Violation:
    """A rekey has another key than the certificate that it replaces."""
    return refusal


@rule("renew-status", "error", "RFC 5280 3.3")
@cases("A certificate that ends in a week.", "A certificate that was revoked.")
def renew_status(refusal: Violation) -> Violation:
    """What is renewed is good or has ended: neither revoked nor on hold."""
    return refusal


@rule("same-file", "error", "decision 12", kind=Kind.CONFLICT)
@cases("sbc1.csr and sbc2.csr.", "a/sbc1.csr and b/sbc1.csr, into one folder.")
def same_file(refusal: Violation) -> Violation:
    """Of the certificates of one call, each has a file of its own."""
    return refusal


@rule("file-in-the-way", "error", "decision 12", kind=Kind.CONFLICT)
@cases("An empty output folder.", "A file of another certificate under the name to be written.")
def file_in_the_way(refusal: Violation) -> Violation:
    """A file with other content is not replaced."""
    return refusal


@rule("left-behind", "error", "targets 14", kind=Kind.CONFLICT)
@cases(
    "renew kam1 --target kamailio, into the folder that issue --target kamailio wrote.",
    "renew kam1, into that folder: its fullchain.pem would stay as it is.",
)
def left_behind(refusal: Violation) -> Violation:
    """A new certificate replaces the old one in the file that the server reads."""
    return refusal


@rule("target-files", "error", "targets 14")
@cases("issue --target kamailio", "issue --target kamailio --pfx")
def target_files(refusal: Violation) -> Violation:
    """The options about files fit the files that the target names."""
    return refusal


@rule("no-rest", "error", "targets 6")
@cases("pull from an audiocodes-7.4.", "pull from a target without a REST interface.")
def no_rest(refusal: Violation) -> Violation:
    """A device is reached over a REST interface that its target documents."""
    return refusal


@rule("trust-run", "error", "decision 75")
@cases("trust export --for debian --run, as root on Debian.", "trust export --for windows --run")
def trust_run(refusal: Violation) -> Violation:
    """--run changes this Debian machine and this user's NSS store alone."""
    return refusal


@rule("validity-begin", "error", "RFC 5280 4.1.2.5")
@cases("--backdate 36h", "--backdate 90y")
def validity_begin(refusal: Violation) -> Violation:
    """A certificate begins no earlier than 1950."""
    return refusal


@rule("validity-past", "error", "RFC 5280 4.1.2.5")
@cases("--lifetime 2y", "--lifetime with a date of last year.")
def validity_past(refusal: Violation) -> Violation:
    """A certificate ends after it is signed."""
    return refusal


@rule("validity-issuer", "error", "RFC 5280 6.1; profiles 2")
@cases("--lifetime max", "--lifetime 50y")
def validity_issuer(refusal: Violation) -> Violation:
    """A certificate ends no later than its issuer."""
    return refusal


@rule("validity-profile", "error", "profiles 1")
@cases("--lifetime 1y with profile sip.", "--lifetime 9y with profile https.")
def validity_profile(refusal: Violation) -> Violation:
    """A certificate lives no longer than its profile allows."""
    return refusal


@rule("ca-on-hold", "error", "RFC 5280 5.3.1; decision 44")
@cases("An issuing CA in force.", "An issuing CA that is revoked with the reason certificateHold.")
def ca_on_hold(refusal: Violation) -> Violation:
    """A CA on hold signs nothing until it is released."""
    return refusal


@rule("page-form", "error", "decision 75")
@cases("A page that was opened since the start.", "A page that was open before a restart.")
def page_form(refusal: Violation) -> Violation:
    """A form of the page is sent by the page that this process made."""
    return refusal


@rule("ref-unknown", "error", "decision 57", kind=Kind.NOT_FOUND)
@cases("show sbc1, where a certificate is of sbc1.", "show scb1, where none is.")
def ref_unknown(refusal: Violation) -> Violation:
    """A REF names a certificate: by device, CN or SAN, or by a serial's first digits."""
    return refusal


@rule("device-unknown", "error", "decision 57", kind=Kind.NOT_FOUND)
@cases("device show sbc1, which is registered.", "device show scb1, which nothing names.")
def device_unknown(refusal: Violation) -> Violation:
    """A device that is named is registered, or a certificate is of it."""
    return refusal
