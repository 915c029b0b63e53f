"""Create the root and issuing CA."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from ca.authority import register
from ca.authority.founding.wishes import DEFAULTS, FoundingWishes, compare, encode, normal
from ca.authority.home import (
    DATABASE,
    Environment,
    Home,
    no_passphrase,
    open_home,
    refuse_unfinished_restore,
)
from ca.authority.records import ca_record
from ca.authority.status.crl import make_crl
from ca.authority.status.signers import rotate
from ca.documents.init import InitDocument
from ca.encoding.certificates import read_certificate
from ca.errors import ConflictError
from ca.files import link_into_place, lock_folder, make_folder
from ca.issuance.extensions import key_identifier
from ca.issuance.order import Issuer, Order, Permitted, own_request
from ca.issuance.prepare import prepare
from ca.keys.soft import NewKey, generate_key
from ca.keys.token_uri import is_token_uri, read_token_uri
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library
from ca.store import issuers, settings
from ca.store.audit import Event
from ca.store.connection import open_store
from ca.store.schema import upgrade

LEFTOVER_AFTER = timedelta(hours=1)


def create_ca(path: Path, requested: FoundingWishes, environment: Environment) -> InitDocument:
    """Create a root and an issuing CA in a folder, unless they exist already.

    The register is built under another name and linked into place: of several simultaneous calls
    one wins, and the others find its CA.

    Raises:
        ConflictError: a CA exists that was created with other options.
        CAError: an option is not well formed, or the folder cannot be written.
    """
    requested = normal(requested)
    database = path / DATABASE
    if database.exists():
        return _already(path, requested, environment)
    refuse_unfinished_restore(path)
    wishes = _chosen(requested, environment)
    secrets = _secrets(wishes, environment)
    notes = own_folder(path)
    remove_leftovers(path, environment.clock())
    with contextlib.ExitStack() as stack:
        if any(map(is_token_uri, (wishes.root_key or "", wishes.issuing_key or ""))):
            stack.enter_context(lock_folder(path))  # or each would leave its keys on the token
            if database.exists():
                return _already(path, requested, environment)
        if not _founded(path, wishes, environment, secrets):
            return _already(path, requested, environment)
    return _document(path, environment, created=True, notes=notes)


def _founded(
    path: Path, wishes: FoundingWishes, environment: Environment, secrets: list[bytes | None]
) -> bool:
    """Build the register and link it into place; whether no other call was first."""
    temporary = path / f".init-{environment.random_bits(64):016x}.db"
    try:
        with open_store(temporary, create=True) as store:
            upgrade(store)
            _make(Home(path, store, environment), wishes, *secrets)
            store.checkpoint()
        return link_into_place(temporary, path / DATABASE)
    finally:
        for leftover in path.glob(f"{temporary.name}*"):
            leftover.unlink(missing_ok=True)


def unique_name(environment: Environment) -> str:
    """A name for a CA that nobody named, unlike that of any other in the lab."""
    return f"Lab CA {environment.random_bits(16):04x}"


def _chosen(requested: FoundingWishes, environment: Environment) -> FoundingWishes:
    filled = {
        field: getattr(requested, field) or getattr(DEFAULTS, field)
        for field in FoundingWishes.__struct_fields__
    }
    filled["name"] = requested.name or unique_name(environment)
    return FoundingWishes(**filled)


def own_folder(path: Path) -> list[str]:
    """Make the folder, with mode 0700 if it is ours alone; a note if its mode was open."""
    if make_folder(path, mode=0o700) or os.name != "posix":
        return []
    if path.stat().st_mode & 0o077 == 0:
        return []
    if any(entry.name not in ("profiles", "targets") for entry in path.iterdir()):
        return [f"'{path}' holds other files, so its mode was kept: other users may read it"]
    path.chmod(0o700)
    return [f"'{path}' was open to other users; its mode is now 0700"]


def remove_leftovers(path: Path, now: datetime) -> None:
    """Remove half-built registers of an ``init`` that was killed; nobody uses them."""
    for leftover in path.glob(".init-*.db*"):
        with contextlib.suppress(FileNotFoundError):  # another init removed it just now
            if now.timestamp() - leftover.stat().st_mtime > LEFTOVER_AFTER.total_seconds():
                leftover.unlink()


def _already(path: Path, requested: FoundingWishes, environment: Environment) -> InitDocument:
    quiet = msgspec.structs.replace(environment, passphrase=no_passphrase)
    with open_home(path, quiet) as home:
        compare(requested, settings.read(home.store, "founding_wishes") or "{}")
    return _document(path, environment, created=False, notes=[])


def _document(
    path: Path, environment: Environment, *, created: bool, notes: list[str]
) -> InitDocument:
    with open_home(path, environment) as home:
        return InitDocument(
            ca=home.name,
            home=str(path),
            created=created,
            cas=[ca_record(ca) for ca in home.cas()],
            base_url=home.base_url,
            notes=notes,
        )


def _secrets(wishes: FoundingWishes, environment: Environment) -> list[bytes | None]:
    """What the keys of root and issuing CA are opened with: passphrase, PIN of a token, or None.

    A key on a token is never without its PIN, whatever ``protect`` says.
    """
    secrets: list[bytes | None] = []
    protected = {"root": wishes.protect != "none", "issuing": wishes.protect == "both"}
    for role, spec in (("root", wishes.root_key or ""), ("issuing", wishes.issuing_key or "")):
        if is_token_uri(spec):
            name = read_token_uri(spec).name
            secrets.append(environment.passphrase(f"PIN of the token {name}"))
        elif protected[role]:
            secrets.append(environment.passphrase("passphrase for the new CA", new=True))
        else:
            secrets.append(None)
    return secrets


def _make(
    home: Home, wishes: FoundingWishes, root_secret: bytes | None, secret: bytes | None
) -> None:
    root_key = generate_key(wishes.root_key or "", root_secret, label="root CA")
    issuing_key = generate_key(wishes.issuing_key or "", secret, label="issuing CA")
    if root_key.public.spki == issuing_key.public.spki:
        raise ConflictError(
            "root and issuing CA would have one key", hint="name two objects on the token"
        )
    with home.store.write():
        settings.write(home.store, "name", wishes.name)
        settings.write(home.store, "base_url", wishes.base_url)
        settings.write(home.store, "founding_wishes", encode(wishes))
        home.record(Event("init", wishes.name or "", {"wishes": encode(wishes)}))
    root_id = _keep(home, root_key, "root", None)
    root = Issuer(root_id, ca_id_of(root_key), root_key.public, None)
    der = sign_ca(home, wishes, root, root_key, root_key, root_id)
    issuing_id = _keep(home, issuing_key, "issuing", root_id)
    issuer = Issuer(root_id, root.ca_id, root_key.public, read_certificate(der), wishes.base_url)
    sign_ca(home, wishes, issuer, root_key, issuing_key, issuing_id)
    home.use_signer(root_id, root_key.signer)
    home.use_signer(issuing_id, issuing_key.signer)
    for ca in home.cas():
        rotate(home, ca)
        make_crl(home, ca)


def _keep(home: Home, key: NewKey, role: str, parent_id: int | None) -> int:
    with home.store.write():
        key_id = register.keep_key(home, key.ref)
        number = issuers.add_issuer(
            home.store, role=role, ca_id=ca_id_of(key), key_id=key_id, parent_id=parent_id
        )
        home.record(Event("ca-key", ca_id_of(key), {"ca": ca_id_of(key), "role": role}))
    return number


def ca_id_of(key: NewKey) -> str:
    """The first 8 hex digits of the key identifier, which name the CA in URLs."""
    return key_identifier(key.public.bits).hex()[:8]


def sign_ca(
    home: Home,
    wishes: FoundingWishes,
    issuer: Issuer,
    signing_key: NewKey,
    subject_key: NewKey,
    for_issuer_id: int,
) -> bytes:
    role = "root" if issuer.facts is None else "issuing"
    profile = Library().profile(role)
    lifetime = wishes.root_lifetime if role == "root" else wishes.issuing_lifetime
    assert lifetime is not None
    order = Order(
        request=own_request(subject_key.public.spki, _subject(wishes, role)),
        profile=msgspec.structs.replace(profile, lifetime=f"{lifetime // timedelta(hours=1)}h"),
        issuer=issuer,
        wishes=SigningWishes(profile=role),
        now=home.now(),
        serial=home.new_serial(),
        permit=Permitted(wishes.permit_dns, wishes.permit_ip) if role == "issuing" else None,
    )
    draft = register.Draft(
        prepare(order), profile, issuer.id, "founding", "init", for_issuer_id=for_issuer_id
    )
    certified = register.certify(
        home, draft, signer=signing_key.signer, issuer_key=signing_key.public
    )
    return certified.der


def _subject(wishes: FoundingWishes, role: str) -> tuple[SubjectAttribute, ...]:
    named = (
        ("CN", f"{wishes.name} {role.capitalize()}"),
        ("O", wishes.org),
        ("C", wishes.country),
    )
    return tuple(SubjectAttribute(kind, value) for kind, value in named if value)
