"""``ca export-root-key`` and ``ca drop-root-key``: the root's key off the machine."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from ca.authority.home import CA, Home, PassphraseSource
from ca.authority.keeping.passphrase import keys, older_copies, replace_key
from ca.authority.status.crl import is_pending
from ca.documents.ca import RootKeyDocument
from ca.errors import ConflictError, KeyUnavailableError, PolicyError
from ca.files import read_bounded, write_private_stream
from ca.keys.protection import from_file, protect, to_file
from ca.keys.soft import open_signer
from ca.keys.token_uri import is_on_token
from ca.store import crls
from ca.store.audit import Event
from ca.store.copies import wipe

CRL_ENOUGH = timedelta(days=365)
"""How long the root's CRL has to hold when the key leaves."""
DROPPED = "root-key-dropped"


def export_root_key(home: Home, path: Path, new: PassphraseSource | None) -> RootKeyDocument:
    """Write the root's key into a new private file, encrypted, and read the file back.

    ``new`` gives the file's own passphrase; without it, it is the home's.

    Raises:
        ConflictError: something of this name is there.
        KeyUnavailableError: the key is away, its passphrase is wrong, or the file has none.
    """
    home.assert_sound()
    ca = home.ca("root")
    if ca.key.is_away:
        raise KeyUnavailableError(
            f"the key of {ca.issuer.name} is away already",
            hint="copy the file that it was exported to",
        )
    if is_on_token(ca.key.pkcs8):
        raise KeyUnavailableError(
            f"the key of {ca.issuer.name} is on a token and never leaves it",
            hint="take the token off the machine; sipca check says when the root is needed",
        )
    home.signer(ca)
    old = home.passphrase_of(ca)
    if new is not None:
        passphrase = new("passphrase for the root's key file", new=True)
    elif old is not None:
        passphrase = old
    else:
        raise KeyUnavailableError(
            "a root key never leaves without a passphrase, and this one has none",
            hint="give --new-passphrase-file FILE",
        )
    data = to_file(protect(ca.key, old, passphrase))
    write_private_stream(path, [data])
    home.step("root-key-written")
    open_signer(from_file(read_bounded(path), ca.key, what=f"'{path}'"), passphrase)
    hashed = sha256(data).hexdigest()
    with home.store.write():
        detail = {"ca": ca.issuer.ca_id, "file": str(path.absolute()), "sha256": hashed}
        home.record(Event("root-key-exported", ca.issuer.name, detail))
    home.step("root-key-exported")
    return _document(home, ca, path, hashed)


def drop_root_key(home: Home, exported: Path) -> RootKeyDocument:
    """Remove the root's key from this home, after its exported file was read back.

    Raises:
        ConflictError: the key is away already.
        KeyUnavailableError: the file's passphrase is wrong, or it holds another key.
        MalformedError: the file is no encrypted key.
        PolicyError: the root's CRL ends too soon, or does not list the latest revocations.
    """
    home.assert_sound()
    data = read_bounded(exported, pipes=True)
    number, ca = _root_of(home, data, exported)
    _check_crl(home, ca)
    home.step("root-key-read-back")
    with home.store.write():
        replace_key(home, number, ca, b"")
        hashed = sha256(data).hexdigest()
        detail = {"ca": ca.issuer.ca_id, "file": str(exported.absolute()), "sha256": hashed}
        home.record(Event(DROPPED, ca.issuer.name, detail))
    home.step("root-key-dropped")
    home.forget_keys()
    wiped = wipe(home.store)
    home.step("root-key-wiped")
    now = next(each for each in home.cas() if each.issuer.id == ca.issuer.id)
    return _document(home, now, exported, hashed, wiped=wiped)


def _root_of(home: Home, data: bytes, path: Path) -> tuple[int, CA]:
    """The root here whose key a file holds, and the number of its key."""
    passphrase = home.environment.passphrase(f"passphrase of '{path}'")
    try:
        return _opened_by(home, data, path, passphrase)
    except KeyUnavailableError as error:
        if not home.environment.again(error):
            raise
    return _root_of(home, data, path)


def _opened_by(home: Home, data: bytes, path: Path, passphrase: bytes) -> tuple[int, CA]:
    """The same with one passphrase."""
    here = {
        n: ca
        for n, ca in keys(home).items()
        if ca.role == "root" and not ca.key.is_away and not is_on_token(ca.key.pkcs8)
    }
    if not here:
        raise ConflictError(
            "the root's key is away already, or on a token",
            hint="sipca status says how each key is kept",
        )
    for position, (number, ca) in enumerate(here.items(), 1):
        try:
            open_signer(from_file(data, ca.key, what=f"'{path}'"), passphrase)
        except KeyUnavailableError:
            if position == len(here):
                raise
        else:
            return number, ca
    raise AssertionError("a loop over something ends inside")


def _check_crl(home: Home, ca: CA) -> None:
    held = crls.newest(home.store, ca.issuer.id)
    assert ca.issuer.facts is not None
    until = min(home.now() + CRL_ENOUGH, ca.issuer.facts.validity.not_after)
    way = "make one that lasts first: sipca crl --ca root --refresh --lifetime 2y"
    if held is None or is_pending(home, ca, held):
        raise PolicyError(
            f"the CRL of {ca.issuer.name} does not list the latest revocations",
            hint=way,
            rule="root-crl-short",
        )
    if held.next_update < until:
        raise PolicyError(
            f"the CRL of {ca.issuer.name} ends on {held.next_update:%Y-%m-%d}, "
            f"less than {CRL_ENOUGH.days} d from now",
            hint=way,
            rule="root-crl-short",
        )


def _document(
    home: Home, ca: CA, path: Path, hashed: str, *, wiped: bool = True
) -> RootKeyDocument:
    held = crls.newest(home.store, ca.issuer.id)
    return RootKeyDocument(
        ca=ca.issuer.name,
        id=ca.issuer.ca_id,
        file=str(path),
        sha256=hashed,
        key="away" if ca.key.is_away else "here",
        crl_until=held.next_update if held else None,
        wiped=wiped,
        older_copies=older_copies(home),
    )
