"""``import``: a home from a CA that exists, and certificates that a CA of the home issued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from ca.authority import register
from ca.authority.founding.import_cas import (
    CAFiles,
    ImportedCA,
    check_chain,
    check_path_length,
    files_of,
    key_inside,
    notes_on,
    read_ca,
)
from ca.authority.founding.import_judging import Candidate, Judged, Known, judge
from ca.authority.founding.import_sources import (
    Sources,
    Tree,
    read_certificates,
    read_trees,
    tree_at,
)
from ca.authority.founding.init import ca_id_of, own_folder, remove_leftovers, sign_ca
from ca.authority.founding.wishes import DEFAULTS, FoundingWishes, Protection, encode
from ca.authority.home import CA, DATABASE, Environment, Home, open_home
from ca.authority.records import ca_record
from ca.authority.status.crl import make_crl
from ca.authority.status.signers import rotate
from ca.documents.imports import ImportDocument
from ca.errors import (
    ConflictError,
    KeyUnavailableError,
    NotFoundError,
    PolicyError,
)
from ca.files import link_into_place
from ca.issuance.order import Issuer, Prepared
from ca.keys import at_rest
from ca.keys.public import read_public_key
from ca.keys.signer import KeyRef
from ca.keys.soft import NewKey, generate_key, open_signer
from ca.profiles.library import Library
from ca.profiles.profile import Profile
from ca.store import certificates, crls, issuers, relics, revocations, settings
from ca.store.audit import Event
from ca.store.certificates import IMPORTED
from ca.store.connection import open_store
from ca.store.relics import NewRelic
from ca.store.schema import upgrade
from ca.encoding.der import serial_of

CHUNK = 500
MAX_NAME = 56
_TEXT = "# imported: no profile of sipca decided about this certificate\n"


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
        if wishes.root or wishes.issuing or wishes.name:
            raise ConflictError(
                f"there is a CA in '{path}' already",
                hint="import another CA into another --home; --certificates, --openssl and "
                "--easy-rsa add what this one issued",
            )
        with open_home(path, environment) as home:
            return _add(home, sources, wishes)
    founding = _founding(wishes, trees)
    notes = [note for each in founding.members for note in notes_on(each, environment.now())]
    if wishes.dry_run:
        return _dry(path, founding, sources, notes, environment)
    return _make(path, founding, sources, notes, wishes, environment)


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
    return _document(path, founding.name, cas, judged, sources, notes, dry_run=True, created=True)


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
            judged = _judge_and_record(home, sources)
            notes += _status_services(home)
            document = _document(
                path, founding.name, home.cas(), judged, sources, notes, created=True
            )
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


def _found(
    home: Home, founding: Founding, protect: Protection, passphrase: bytes | None
) -> None:
    with home.store.write():
        settings.write(home.store, "name", founding.name)
        settings.write(
            home.store, "founding_wishes", encode(FoundingWishes(name=founding.name))
        )
        home.record(Event("import", founding.name, {"cas": str(len(founding.members))}))
    root_id: int | None = None
    for member in founding.members:
        covered = protect == "both" or member.role == "root"
        number = _keep_ca(home, member, root_id, passphrase if covered else None)
        root_id = root_id or number
    if founding.issuing is None:
        assert root_id is not None
        _make_issuing(home, founding, root_id, passphrase if protect == "both" else None)


def _keep_ca(
    home: Home, member: ImportedCA, root_id: int | None, passphrase: bytes | None
) -> int:
    """Store a CA with its key and its certificate; returns its number."""
    ref = _key_ref(member, passphrase)
    number = _keep_issuer(home, ref, member.ca_id, member.role, root_id)
    candidate = Candidate(
        root_id or number, serial_of(member.facts.der), member.tbs, member.signature, member.facts,
        "import", fits=True,
    )  # fmt: skip
    with home.store.write():
        _write_plans(home, [candidate], for_issuer_id=number)
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
        judged = judge(sources, home.cas(), _known(home), home.now())
    else:
        judged = _judge_and_record(home, sources)
        touched = {each.event.issuer_id for each in judged.events}
        for ca in [ca for ca in home.cas() if ca.issuer.id in touched]:
            try:
                make_crl(home, ca)
            except (PolicyError, KeyUnavailableError) as error:
                notes.append(
                    f"the CRL of {ca.issuer.name} is pending ({error.message}): "
                    f"sipca crl --ca {ca.issuer.ca_id} --refresh"
                )
    return _document(
        home.path, home.name, home.cas(), judged, sources, notes, dry_run=wishes.dry_run
    )


def _known(home: Home) -> Known:
    fingerprints = {
        sha256(row.der).digest()
        for row in certificates.certificates(home.store)
        if row.signature is not None
    }
    return Known(
        fingerprints,
        relics.used_serials(home.store),
        revocations.serials_with_events(home.store),
        relics.entry_serials(home.store),
    )


def _judge_and_record(home: Home, sources: Sources) -> Judged:
    """Record certificates, revocations and CRL numbers in one transaction."""
    with home.store.write():
        judged = judge(sources, home.cas(), _known(home), home.now())
        _write(home, judged)
        _write_numbers(home, sources)
        home.step("import-recorded")
    home.step("import-committed")
    return judged


def _write(home: Home, judged: Judged) -> None:
    fitting = [each for each in judged.candidates if each.fits]
    for start in range(0, len(fitting), CHUNK):
        _write_plans(home, fitting[start : start + CHUNK])
    for each in judged.candidates:
        if not each.fits:
            _write_relic(home, each)
    for dated in sorted(judged.events, key=lambda each: each.at):
        event = dated.event
        number = revocations.add_event(home.store, event, at=dated.at)
        serial = event.serial.hex()
        detail = {"serial": serial, "reason": event.reason, "imported": "yes"}
        home.record(Event(event.status, serial, detail, "status_event", number))


def _write_plans(
    home: Home, candidates: Sequence[Candidate], *, for_issuer_id: int | None = None
) -> None:
    profile = _profile()
    drafts = [
        register.Draft(
            _prepared(each), profile, each.issuer_id, IMPORTED, each.source,
            for_issuer_id=for_issuer_id, action="imported",
        )
        for each in candidates
    ]  # fmt: skip
    numbers = register.write_plans(home, drafts)
    signatures = [each.signature or b"" for each in candidates]
    register.write_results(home, numbers, drafts, signatures)


def _profile() -> Profile:
    return msgspec.structs.replace(Library().profile("sip"), name=IMPORTED, text=_TEXT)


def _prepared(each: Candidate) -> Prepared:
    facts = each.facts
    return Prepared(
        tbs=each.tbs,
        serial=each.serial,
        subject=facts.subject,
        san=facts.san,
        validity=facts.validity,
        key_identity=read_public_key(facts.spki).identity,
        account=(),
        findings=(),
    )


def _write_relic(home: Home, each: Candidate) -> None:
    facts = each.facts
    names = [name.value.casefold() for name in facts.san]
    if facts.cn:
        names.append(facts.cn.casefold())
    relic = NewRelic(
        issuer_id=each.issuer_id,
        serial=each.serial,
        tbs=each.tbs,
        signature=each.signature,
        der=facts.der if each.signature is not None else None,
        not_before=int(facts.validity.not_before.timestamp()),
        not_after=int(facts.validity.not_after.timestamp()),
        names=tuple(dict.fromkeys(names)),
        source=each.source,
    )
    number = relics.add_relic(home.store, relic, at=home.now())
    serial = each.serial.hex()
    home.record(Event("imported", serial, {"serial": serial}, "relic", number))


def _write_numbers(home: Home, sources: Sources) -> None:
    """Record the newest CRL number of each CA, so that ours go on above it."""
    for ca in home.cas():
        facts = ca.issuer.facts
        numbers = [n for der, n in sources.last_numbers if facts is not None and der == facts.der]
        if not numbers or crls.is_used_from(home.store, ca.issuer.id, max(numbers)):
            continue
        number, now = max(numbers), home.now()
        row = crls.add_number(home.store, ca.issuer.id, number, this_update=now, next_update=now)
        detail = {"ca": ca.issuer.ca_id, "number": str(number), "imported": "yes"}
        home.record(Event("crl-numbered", ca.issuer.name, detail, "crl_number", row))


def _document(
    path: Path,
    name: str,
    cas: list[CA],
    judged: Judged,
    sources: Sources,
    notes: list[str],
    *,
    dry_run: bool = False,
    created: bool = False,
) -> ImportDocument:
    return ImportDocument(
        ca=name,
        home=str(path),
        dry_run=dry_run,
        created=created,
        cas=[ca_record(each) for each in cas],
        imported=judged.imported,
        refused=sources.refused,
        known=judged.known,
        notes=list(dict.fromkeys([*notes, *sources.notes])),
    )
