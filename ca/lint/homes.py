"""Rules for the health of a home: its folder, its CA keys, what its certificates lack."""

from __future__ import annotations

import shlex

import msgspec

from ca.keys.public import PublicKey
from ca.lint.lifetimes import rotation
from ca.lint.public_keys import ANY_KEY, check_public_key
from ca.model.findings import Finding, Rule, Violation, cases, rule, run

_OTHERS, _GROUP_OR_OTHERS = 0o007, 0o077
_NAMED = 5


class Folder(msgspec.Struct, frozen=True):
    """The folder of a home: its mode, those of the register's files, and what is not sipca's.

    ``modes`` are empty where the platform has none.
    """

    path: str
    mode: int | None = None
    modes: tuple[tuple[str, int], ...] = ()
    strays: tuple[str, ...] = ()
    more: int = 0


class CAKey(msgspec.Struct, frozen=True):
    """A CA's key and certificate: whether it is kept encrypted, whether its hash is a weak one.

    ``beside_encrypted``: another key of the home has a passphrase.
    """

    name: str
    role: str
    public: PublicKey
    encrypted: bool
    weak_hash: bool = False
    beside_encrypted: bool = False


class WithoutAddresses(msgspec.Struct, frozen=True):
    """Current certificates that name nothing below the base URL that the home has now."""

    base_url: str
    count: int


@rule("home-open", "warning", "decision 11")
@cases("Mode 0700.", "Mode 0755: other users of the machine can list the folder.")
def home_open(folder: Folder) -> Violation | None:
    """Only the owner can enter the home's folder and read the register."""
    if folder.mode is not None and folder.mode & _GROUP_OR_OTHERS:
        where, mode, wanted = folder.path, folder.mode, "700"
    else:
        readable = [each for each in folder.modes if each[1] & _GROUP_OR_OTHERS]
        if not readable:
            return None
        where, mode, wanted = f"{folder.path}/{readable[0][0]}", readable[0][1], "600"
    return Violation(
        f"'{where}' is open to other users: its mode is {mode:04o}",
        f"chmod {wanted} {shlex.quote(where)}",
    )


@rule("register-open", "error", "decision 11")
@cases("Mode 0600 in a folder of mode 0700.", "Both are readable by all users of the machine.")
def register_open(folder: Folder) -> Violation | None:
    """Other users of the machine cannot read the register, which holds the keys."""
    if folder.mode is None or not folder.mode & 0o001:
        return None
    readable = [name for name, mode in folder.modes if mode & _OTHERS]
    if not readable:
        return None
    files = shlex.quote(f"{folder.path}/{readable[0]}")
    return Violation(
        f"every user of this machine can read {readable[0]}, where the keys are",
        f"chmod 600 {files}*; if somebody may have read it and a key has no passphrase, make a new "
        "CA",
    )


@rule("stray-file", "warning", "decision 60")
@cases("ca.db, profiles/, targets/, public/.", "A copy of ca.db, a device's key, sip.toml~.")
def stray_file(folder: Folder) -> Violation | None:
    """The home holds nothing that sipca did not put or look for there.

    Copies of the register hold its keys, and are easily taken for it.
    """
    if not folder.strays:
        return None
    shown = ", ".join(folder.strays[:_NAMED])
    more = len(folder.strays) - _NAMED + folder.more
    files = " ".join(shlex.quote(f"{folder.path}/{name}") for name in folder.strays[:_NAMED])
    return Violation(
        f"the home holds what is not sipca's: {shown}" + (f" and {more} more" if more > 0 else ""),
        f"mv {files} ELSEWHERE",
    )


@rule("ca-key-unprotected", "info", "RFC 5280 8")
@cases("init --protect both, the default.", "init --protect root: the issuing key has none.")
def key_unprotected(key: CAKey) -> Violation | None:
    """The CA's key is stored with a passphrase. Without one is a choice, which is named here."""
    if key.encrypted:
        return None
    message = f"{key.name}: its key has no passphrase: whoever reads ca.db can sign with it"
    if key.beside_encrypted:
        return Violation(f"{message}, as init --protect root wished")
    return Violation(
        message, "sipca ca passphrase --new-passphrase-file FILE, unless it is meant so"
    )


@rule("ca-weak-key", "warning", "NIST SP 800-57 part 1; RFC 5280 8")
@cases("RSA 4096", "RSA 1024, as a CA of 2009 that was imported has it")
def weak_ca_key(key: CAKey) -> Violation | None:
    """The CA's key is one that a certificate could be issued for today."""
    failed = [
        f for f in check_public_key(key.public, ANY_KEY, thorough=False) if f.result == "fail"
    ]
    if not failed:
        return None
    return Violation(f"{key.name}: {failed[0].message} ({failed[0].code})", rotation(key.role))


@rule("ca-weak-hash", "warning", "RFC 9155 2; RFC 6194 3")
@cases("SHA-256", "An issuing CA that its root signed with SHA-1; a root's own is not looked at.")
def weak_ca_hash(key: CAKey) -> Violation | None:
    """The CA's certificate is not signed with MD5 or SHA-1, which peers refuse."""
    if not key.weak_hash or key.role == "root":
        return None
    return Violation(
        f"{key.name}: its certificate is signed with a hash that peers refuse", rotation(key.role)
    )


@rule("status-address-missing", "info", "RFC 5280 4.2.1.13; RFC 5280 4.2.2.1")
@cases(
    "The base URL was given to init, and stayed.",
    "Certificates were issued first, and sipca ca set --base-url came later.",
)
def address_missing(without: WithoutAddresses) -> Violation | None:
    """Every current certificate names a CRL and an OCSP responder at the base URL of today."""
    if not without.count:
        return None
    were = "certificate was" if without.count == 1 else "certificates were"
    return Violation(
        f"{without.count} current {were} issued before {without.base_url} was the base URL: peers "
        "look for the CRL elsewhere or nowhere",
        "sipca renew REF --out DIR makes one that names it, where a peer checks revocation",
    )


Fact = Folder | CAKey | WithoutAddresses
_RULES: dict[type, tuple[Rule, ...]] = {
    Folder: (register_open, home_open, stray_file),
    CAKey: (weak_ca_key, weak_ca_hash, key_unprotected),
    WithoutAddresses: (address_missing,),
}


def judge_home(fact: Fact) -> list[Finding]:
    """Judge a fact by the rules for its type."""
    return run(_RULES[type(fact)], fact)
