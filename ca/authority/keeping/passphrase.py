"""``ca passphrase``: another passphrase for the CA's keys."""

from __future__ import annotations

from ca.authority.home import CA, Home, PassphraseSource
from ca.authority.keeping.backup import BACKED_UP
from ca.documents.ca import OlderCopy, PassphraseDocument
from ca.errors import ConflictError, KeyUnavailableError
from ca.keys.at_rest import ROUNDS
from ca.keys.protection import protect
from ca.keys.signer import KeyRef
from ca.keys.token_uri import is_on_token
from ca.store import audit, issuers
from ca.store.audit import Event
from ca.store.copies import wipe


def change_passphrase(home: Home, new: PassphraseSource) -> PassphraseDocument:
    """Encrypt the CA's keys anew, all in one transaction.

    A key without a passphrase beside one that has one stays as it is (``--protect root``); if none
    has one, all get the new one.

    Raises:
        KeyUnavailableError: the old passphrase is missing or wrong, or no new one was given; or
            no key is here.
        ConflictError: another process changed the keys meanwhile.
    """
    home.assert_sound()
    on_token = [ca for ca in keys(home).values() if is_on_token(ca.key.pkcs8)]
    here = {
        number: ca
        for number, ca in keys(home).items()
        if not ca.key.is_away and not is_on_token(ca.key.pkcs8)
    }
    locked = {number: ca for number, ca in here.items() if ca.key.encrypted}
    chosen = locked or here
    if not chosen and on_token:
        raise KeyUnavailableError(
            "the CA's keys are on a token, which keeps its PIN itself",
            hint="change the PIN with the token's own tool, and give the new one from then on",
        )
    if not chosen:
        raise KeyUnavailableError(
            "no key of a CA is here", hint="the file of the key that is away has its own passphrase"
        )
    first = next(iter(chosen.values()))
    home.signer(first)  # a wrong passphrase ends here, before a new one is asked for
    old = home.passphrase_of(first)
    passphrase = new(f"new passphrase of {home.name}", new=True)
    changed: dict[int, KeyRef] = {n: protect(ca.key, old, passphrase) for n, ca in chosen.items()}
    home.step("passphrase-derived")
    with home.store.write():
        for number, ref in changed.items():
            replace_key(home, number, chosen[number], ref.pkcs8)
        names = ", ".join(ca.issuer.ca_id for ca in chosen.values())
        home.record(Event("passphrase", "changed", {"cas": names, "rounds": str(ROUNDS)}))
    home.step("passphrase-recorded")
    home.forget_keys()
    wiped = wipe(home.store)
    home.step("passphrase-wiped")
    return PassphraseDocument(
        changed=[ca.issuer.name for ca in chosen.values()],
        unprotected=[ca.issuer.name for n, ca in here.items() if n not in chosen],
        away=[ca.issuer.name for ca in keys(home).values() if ca.key.is_away],
        on_token=[ca.issuer.name for ca in on_token],
        rounds=ROUNDS,
        wiped=wiped,
        older_copies=older_copies(home),
    )


def keys(home: Home) -> dict[int, CA]:
    """The keys of the CAs by their numbers, each with the newest CA that has it."""
    by_issuer = {row.id: row.key_id for row in issuers.issuers(home.store)}
    return {by_issuer[ca.issuer.id]: ca for ca in home.cas()}


def replace_key(home: Home, number: int, ca: CA, pkcs8: bytes) -> None:
    """Store a CA's key in another form, inside a write transaction; empty if it leaves.

    Raises:
        ConflictError: another process changed it meanwhile.
    """
    encrypted = bool(pkcs8) or ca.key.encrypted
    if not issuers.replace_key(home.store, number, ca.key.pkcs8, pkcs8, encrypted=encrypted):
        raise ConflictError(
            f"the key of {ca.issuer.name} was changed by another process meanwhile",
            hint="run the command again",
        )


def older_copies(home: Home) -> list[OlderCopy]:
    """The backups that the trail tells of; each holds the keys as they were then."""
    return [
        OlderCopy(file=detail.get("file", subject), made_at=at)
        for at, subject, detail in audit.details(home.store, BACKED_UP)
    ]
