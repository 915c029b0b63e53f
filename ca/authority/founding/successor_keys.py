"""The key of a CA's successor: like the key before, or of a type or on a token as wished for."""

from __future__ import annotations

import msgspec

from ca.authority.home import CA, Home
from ca.errors import ConflictError, MalformedError
from ca.keys.public import PublicKey, read_public_key
from ca.keys.signer import DigestSigner, KeyRef
from ca.keys.soft import NewKey, generate_key, open_signer
from ca.keys.specs import SPECS
from ca.keys.token_uri import is_on_token, is_token_uri, read_token_uri
from ca.store import issuers
from ca.store.issuers import IssuerRow


def check_spec(spec: str) -> None:
    """Check the type of key, or the URI of one on a token, that was wished for.

    Raises:
        MalformedError: it is neither a type nor such a URI.
    """
    if is_token_uri(spec):
        read_token_uri(spec)
    elif spec not in SPECS:
        raise MalformedError(
            f"'{spec}' is not a supported key type",
            hint=f"choose one of {', '.join(SPECS)}",
        )


def new_key(home: Home, like: CA, spec: str | None, *, cn: str) -> NewKey:
    """A new key; without ``spec`` of the type and in the place that the key before has.

    On a token it is called like its CA and the id of the CA before, so that a rotation that was
    killed finds it again, and another home of the same name does not. It has the protection of
    the key before.

    Raises:
        ConflictError: a CA of this home has the key that was found on a token.
        KeyUnavailableError: the passphrase or the token is missing.
    """
    if spec is None:
        spec = _on_the_same_token(like, cn) if is_on_token(like.key.pkcs8) else spec_of(like)
    locked = like.key.encrypted or is_token_uri(spec) or _is_unlike_the_others(home, like)
    passphrase = _passphrase(home, like, spec) if locked else None
    key = generate_key(spec, passphrase, label=f"{like.role} CA")
    for ca in home.cas():
        if ca.issuer.key.identity == key.public.identity:
            raise ConflictError(
                f"{ca.issuer.name} has that key already",
                hint="name another object; --same-key keeps name and key",
            )
    return key


def _is_unlike_the_others(home: Home, like: CA) -> bool:
    """Whether a CA has no key here, and another's is encrypted: then its successor's is as well."""
    return like.key.is_away and any(ca.key.encrypted for ca in home.cas())


def kept_key(home: Home, begun: IssuerRow, like: CA, spec: str | None) -> DigestSigner | None:
    """The key of a CA that was begun, opened; None if another key is wished for."""
    kept = issuers.key(home.store, begun.key_id)
    if spec is not None and not is_wished(spec, kept.pkcs8, read_public_key(kept.public)):
        return None
    ref = KeyRef(kept.pkcs8, kept.public, kept.encrypted, f"{begun.role} CA")
    place = ref.pkcs8.decode() if is_on_token(ref.pkcs8) else ""
    signer = open_signer(ref, _passphrase(home, like, place) if kept.encrypted else None)
    home.use_signer(begun.id, signer)
    return signer


def throwaway_key(like: CA, spec: str | None) -> PublicKey:
    """The public key of one that nothing keeps, for a dry run; nothing is made on a token."""
    if spec is not None and is_token_uri(spec):
        spec = read_token_uri(spec).new
    return generate_key(spec or spec_of(like), None, label="none").public


def spec_of(like: CA) -> str:
    """The type of a CA's key as it is spelled at the command line, or the nearest that is made."""
    return _spelled(like.issuer.key)


def _spelled(key: PublicKey) -> str:
    spec = f"rsa:{key.size}" if key.algorithm == "rsa" else f"ec:{key.curve}"
    return spec if spec in SPECS else "rsa:3072"


def _on_the_same_token(like: CA, cn: str) -> str:
    before = read_token_uri(like.key.pkcs8.decode())
    uri = msgspec.structs.replace(before, label=f"{cn} after {like.issuer.ca_id}", id=None)
    return f"{uri.text()}{'&' if uri.module else '?'}sipca-new={spec_of(like)}"


def is_wished(spec: str, stored: bytes, public: PublicKey) -> bool:
    """Whether a stored key is what is wished for: of that type, or the one with that URI."""
    if not is_token_uri(spec):
        return not is_on_token(stored) and _spelled(public) == spec
    return is_on_token(stored) and read_token_uri(spec).names(read_token_uri(stored.decode()))


def _passphrase(home: Home, like: CA, spec: str) -> bytes | None:
    """What a new key is opened with: the home's passphrase, which is the PIN of its tokens too.

    Beside keys without a passphrase, that of a token is asked for. It is tried on a key that is
    here: a root's that is away has the passphrase of its own file, which is another.
    """
    if is_token_uri(spec) and not like.key.encrypted:
        return home.environment.passphrase(f"PIN of the token {read_token_uri(spec).name}")
    here = [ca for ca in (home.ca("root"), like, *home.cas()) if not ca.key.is_away]
    opener = next((ca for ca in here if ca.key.encrypted), None)
    if opener is None:
        return home.environment.passphrase(f"passphrase of {home.name}", new=True)
    home.signer(opener)
    return home.passphrase_of(opener)
