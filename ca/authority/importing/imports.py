"""``import``: a home from a CA that exists, and certificates that a CA of the home issued."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from ca.authority import register
from ca.authority.founding.init import ca_id_of, own_folder, remove_leftovers, sign_ca
from ca.authority.founding.wishes import DEFAULTS, FoundingWishes, Protection, encode
from ca.authority.home import CA, DATABASE, Environment, Home, open_home
from ca.authority.importing.cas import (
    CAFiles,
    ImportedCA,
    check_chain,
    check_path_length,
    files_of,
    key_inside,
    notes_on,
    read_ca,
)
from ca.authority.importing.judging import Candidate, Judged, Known, judge
from ca.authority.importing.records import judge_and_record, known_to, write_plans
from ca.authority.importing.sources import (
    Sources,
    Tree,
    ca_certificate,
    read_certificates,
    read_trees,
    tree_at,
)
from ca.authority.records import ca_record
from ca.authority.status.crl import make_crl
from ca.authority.status.signers import rotate
from ca.documents.imports import ImportDocument
from ca.encoding.der import serial_of
from ca.errors import (
    ConflictError,
    KeyUnavailableError,
    NotFoundError,
    PolicyError,
)
from ca.files import link_into_place
from ca.issuance.order import Issuer
from ca.keys import at_rest
from ca.keys.signer import KeyRef
from ca.keys.soft import NewKey, generate_key, open_signer
from ca.store import issuers, settings
from ca.store.audit import Event
from ca.store.connection import open_store
from ca.store.schema import upgrade

MAX_NAME = 56


class ImportWishes(msgspec.Struct, frozen=True):
    """What to import from where; ``key_passphrase`` opens the keys and PFX that are read."""

    name: str | None = None
    root: Path | None = None
    root_key: Path | None = None
    issuing: Path | None = None
    issuing_key: Path | None = None
    key_passphrase: bytes | None = None
    openssl: tuple[Path, ...] = ()
    easy_rsa: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    protect: Protection = "both"
    dry_run: bool = False


class Founding(msgspec.Struct, frozen=True):
    """The CAs to make a home of; without ``issuing`` one is made under the root."""

    name: str
    root: ImportedCA
    issuing: ImportedCA | None

    @property
    def members(self) -> list[ImportedCA]:
        """Root first."""
        return [self.root] if self.issuing is None else [self.root, self.issuing]


def import_ca(path: Path, wishes: ImportWishes, environment: Environment) -> ImportDocument:
    """Make a home from an existing CA, or add certificates to the home that is there.

    Raises:
        ConflictError: a CA would be imported into a home that has one.
        CAError: a CA certificate or key cannot be used; nothing was made.
    """
    sources, trees = _read(wishes)
    if (path / DATABASE).exists():
        with open_home(path, environment) as home:
            _check_same(home, wishes)
            return _add(home, sources, wishes)
    founding = _founding(wishes, trees)
    notes = [note for each in founding.members for note in notes_on(each, environment.now())]
    if wishes.dry_run:
        return _dry(path, founding, sources, notes, environment)
    return _make(path, founding, sources, notes, wishes, environment)


def _check_same(home: Home, wishes: ImportWishes) -> None:
    """Check that the CAs that are named, if any, are those of the home.

    Raises:
        ConflictError: they are not, or the name is not the home's.
    """
    ours = {ca.issuer.facts.der for ca in home.cas() if ca.issuer.facts is not None}
    secret = wishes.key_passphrase
    named = [
        ca_certificate(path, secret, root=is_root)
        for path, is_root in ((wishes.root, True), (wishes.issuing, False))
        if path is not None
    ]
    if not ours.issuperset(named) or wishes.name not in (None, home.name):
        raise ConflictError(
            f"there is another CA in '{home.path}' already",
            hint="import this one into another --home; --certificates, --openssl and --easy-rsa "
            "add what the CA that is there issued",
        )


def _read(wishes: ImportWishes) -> tuple[Sources, list[Tree]]:
    sources = Sources()
    trees = [tree_at(each) for each in (*wishes.openssl, *wishes.easy_rsa)]
    read_trees(trees, sources, wishes.key_passphrase)
    read_certificates(wishes.certificates, sources, wishes.key_passphrase)
    return sources, trees


def _founding(wishes: ImportWishes, trees: list[Tree]) -> Founding:
    """Read the CAs, and check that they belong together.

    Raises:
        CAError: they do not, or one of them cannot be used.
    """
    secret = wishes.key_passphrase
    root_files, issuing_files = files_of(
        trees,
        _named(wishes.root, wishes.root_key),
        _named(wishes.issuing, wishes.issuing_key),
        secret,
    )
    if root_files is None:
        raise NotFoundError(
            "no root certificate was given, and none was found",
            hint="--root CERT names the self-signed certificate at the top",
        )
    root = read_ca(_with_key(root_files, wishes.root_key), "root", secret)
    issuing = None
    if issuing_files is not None:
        issuing = read_ca(_with_key(issuing_files, wishes.issuing_key), "issuing", secret)
        check_chain(root, issuing)
    else:
        check_path_length(root)
        if root.pair is None:
            raise KeyUnavailableError(
                f"the root '{root.facts.cn}' has no key here, which an issuing CA under it needs",
                hint="give --root-key KEY, or the issuing CA that exists: --issuing CERT",
            )
    name = wishes.name or root.facts.cn or "Imported CA"
    return Founding(name.strip()[:MAX_NAME], root, issuing)


def _named(certificate: Path | None, key: Path | None) -> CAFiles | None:
    if certificate is None:
        return None
    return CAFiles(certificate, key or key_inside(certificate))


def _with_key(files: CAFiles, key: Path | None) -> CAFiles:
    return files if key is None else CAFiles(files.certificate, key)


# --- into an empty home


def _dry(
    path: Path, founding: Founding, sources: Sources, notes: list[str], environment: Environment
) -> ImportDocument:
    cas = [
        CA(_issuer(number, each), each.role, _key_ref(each, None), number - 1 or None)
        for number, each in enumerate(founding.members, 1)
    ]
    judged = judge(sources, cas, Known(), environment.now())
    if founding.issuing is None:
        notes = [*notes, "an issuing CA would be made under the root"]
    outcome = Outcome(judged, sources, notes, dry_run=True, created=True)
    return _document(path, founding.name, cas, outcome)


def _issuer(number: int, member: ImportedCA) -> Issuer:
    return Issuer(number, member.ca_id, member.public, member.facts)


def _key_ref(member: ImportedCA, passphrase: bytes | None) -> KeyRef:
    label = f"{member.role} CA"
    if member.pair is None:
        return KeyRef(b"", member.public.spki, False, label)
    stored = member.pair.pkcs8
    if passphrase is not None:
        stored = at_rest.encrypt(stored, passphrase)
    return KeyRef(stored, member.pair.public.spki, passphrase is not None, label)


def _make(
    path: Path,
    founding: Founding,
    sources: Sources,
    notes: list[str],
    wishes: ImportWishes,
    environment: Environment,
) -> ImportDocument:
    """Build the register under another name and link it into place, as ``init`` does."""
    passphrase = None
    if wishes.protect != "none" and (founding.issuing is None or _any_key(founding, wishes)):
        passphrase = environment.passphrase("passphrase for the imported CA", new=True)
    notes = [*notes, *own_folder(path)]
    remove_leftovers(path, environment.clock())
    temporary = path / f".init-{environment.random_bits(64):016x}.db"
    try:
        with open_store(temporary, create=True) as store:
            upgrade(store)
            home = Home(path, store, environment)
            _found(home, founding, wishes.protect, passphrase)
            home.step("import-cas")
            judged = judge_and_record(home, sources)
            notes += _status_services(home)
            outcome = Outcome(judged, sources, notes, created=True)
            document = _document(path, founding.name, home.cas(), outcome)
            store.checkpoint()
        environment.step("import-built")
        if not link_into_place(temporary, path / DATABASE):
            raise ConflictError(
                f"there is a CA in '{path}' already", hint="import into another --home"
            )
        environment.step("import-linked")
    finally:
        for leftover in path.glob(f"{temporary.name}*"):
            leftover.unlink(missing_ok=True)
    return document


def _any_key(founding: Founding, wishes: ImportWishes) -> bool:
    """Whether a key is stored that gets the passphrase."""
    covered = founding.members if wishes.protect == "both" else [founding.root]
    return any(each.pair is not None for each in covered)


def _found(home: Home, founding: Founding, protect: Protection, passphrase: bytes | None) -> None:
    with home.store.write():
        settings.write(home.store, "name", founding.name)
        settings.write(home.store, "founding_wishes", encode(FoundingWishes(name=founding.name)))
        home.record(Event("import", founding.name, {"cas": str(len(founding.members))}))
    root_id: int | None = None
    for member in founding.members:
        covered = protect == "both" or member.role == "root"
        number = _keep_ca(home, member, root_id, passphrase if covered else None)
        root_id = root_id or number
    if founding.issuing is None:
        assert root_id is not None
        _make_issuing(home, founding, root_id, passphrase if protect == "both" else None)


def _keep_ca(home: Home, member: ImportedCA, root_id: int | None, passphrase: bytes | None) -> int:
    """Store a CA with its key and its certificate; returns its number."""
    ref = _key_ref(member, passphrase)
    number = _keep_issuer(home, ref, member.ca_id, member.role, root_id)
    candidate = Candidate(
        root_id or number, serial_of(member.facts.der), member.tbs, member.signature, member.facts,
        "import", fits=True,
    )  # fmt: skip
    with home.store.write():
        write_plans(home, [candidate], for_issuer_id=number)
    if member.pair is not None:
        plain = KeyRef(member.pair.pkcs8, member.pair.public.spki, False, ref.label)
        home.use_signer(number, open_signer(plain, None))
    return number


def _keep_issuer(home: Home, ref: KeyRef, ca_id: str, role: str, parent_id: int | None) -> int:
    with home.store.write():
        number = issuers.add_issuer(
            home.store,
            role=role,
            ca_id=ca_id,
            key_id=register.keep_key(home, ref),
            parent_id=parent_id,
        )
        home.record(Event("ca-key", ca_id, {"ca": ca_id, "role": role}))
    return number


def _make_issuing(home: Home, founding: Founding, root_id: int, passphrase: bytes | None) -> None:
    """Make an issuing CA under a root that signed devices itself until now."""
    root = founding.root
    assert root.pair is not None
    spec = f"ec:{root.public.curve}" if root.public.algorithm == "ec" else DEFAULTS.issuing_key
    key = generate_key(spec or "", passphrase, label="issuing CA")
    plain = KeyRef(root.pair.pkcs8, root.pair.public.spki, False, "root CA")
    signing = NewKey(plain, open_signer(plain, None), root.public)
    ca_id = ca_id_of(key)
    number = _keep_issuer(home, key.ref, ca_id, "issuing", root_id)
    wishes = msgspec.structs.replace(DEFAULTS, name=founding.name)
    sign_ca(home, wishes, _issuer(root_id, root), signing, key, number)
    home.use_signer(number, key.signer)


def _status_services(home: Home) -> Iterator[str]:
    """Give each CA whose key is here an OCSP signer and a CRL; notes where that is impossible."""
    for ca in home.cas():
        if not home.is_open(ca):
            continue
        try:
            rotate(home, ca)
            make_crl(home, ca)
        except (PolicyError, KeyUnavailableError) as error:
            yield f"{ca.issuer.name} has no new CRL or OCSP signer: {error.message}"


# --- into a home that exists


def _add(home: Home, sources: Sources, wishes: ImportWishes) -> ImportDocument:
    home.assert_sound()
    notes: list[str] = list(sources.notes)
    if wishes.dry_run:
        judged = judge(sources, home.cas(), known_to(home), home.now())
    else:
        judged = judge_and_record(home, sources)
        touched = {each.event.issuer_id for each in judged.events}
        for ca in [ca for ca in home.cas() if ca.issuer.id in touched]:
            try:
                make_crl(home, ca)
            except (PolicyError, KeyUnavailableError) as error:
                notes.append(
                    f"the CRL of {ca.issuer.name} is pending ({error.message}): "
                    f"sipca crl --ca {ca.issuer.ca_id} --refresh"
                )
    outcome = Outcome(judged, sources, notes, dry_run=wishes.dry_run)
    return _document(home.path, home.name, home.cas(), outcome)


class Outcome(msgspec.Struct, frozen=True):
    """What a call found out; ``created``: it made the home, or would."""

    judged: Judged
    sources: Sources
    notes: list[str]
    dry_run: bool = False
    created: bool = False


def _document(path: Path, name: str, cas: list[CA], outcome: Outcome) -> ImportDocument:
    sources = outcome.sources
    return ImportDocument(
        ca=name,
        home=str(path),
        dry_run=outcome.dry_run,
        created=outcome.created,
        cas=[ca_record(each) for each in cas],
        imported=outcome.judged.imported,
        refused=sources.refused,
        known=outcome.judged.known,
        notes=list(dict.fromkeys([*outcome.notes, *sources.notes])),
    )
