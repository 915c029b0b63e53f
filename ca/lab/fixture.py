"""Bad certificates in a folder, for testing how a device reacts.

They are issued by a throw-away CA of that folder; no home is opened.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from ca.authority.home import Environment
from ca.documents.exits import EXIT_CODES
from ca.documents.fixture import FixtureDocument, FixtureFiles, FixtureListDocument, FixtureRecord
from ca.documents.sign import Refused
from ca.encoding import pem
from ca.errors import BugError, ConflictError, attempt
from ca.files import PRIVATE, PUBLIC, lock_folder, make_folder, write_atomic
from ca.keys.throwaway import ThrowawayPair, generate_throwaway, generate_throwaway_ec
from ca.lab.throwaway import (
    MARK,
    Limits,
    ThrowawayCA,
    make_ca,
    make_crl,
    make_leaf,
    ocsp_answer,
)
from ca.profiles.fixture import Change, Fixture
from ca.profiles.library import Library

TABLE = "what-a-correct-peer-answers.md"
CRLS = "crls.pem"
HOST, ADDRESS = "peer.lab.example", "10.0.0.9"
KEYS = ("rsa", "ec")
ANSWERED = ("good", "revoked")
"""Fixtures beside which their CA's OCSP answer lies."""


def list_fixtures() -> FixtureListDocument:
    """Every available fixture."""
    library = Library()
    return FixtureListDocument(
        fixtures=[_record(library.fixture(name)) for name in library.fixtures.names()]
    )


class FixtureWishes(msgspec.Struct, frozen=True):
    """Other names and keys than the usual: those of the machine that presents the certificates."""

    host: str = HOST
    address: str = ADDRESS
    key: str = "rsa"


def make_fixtures(
    name: str, folder: Path, environment: Environment, wishes: FixtureWishes
) -> FixtureDocument:
    """Make one fixture, or all with "all", and the table of a correct peer's answers.

    An error of one, even a bug of ours, is its refusal.

        Raises:
            NotFoundError: there is no such fixture.
            ConflictError: the folder holds something already.
    """
    library = Library()
    names = list(library.fixtures.names()) if name == "all" else [name]
    fixtures = [_renamed(library.fixture(each), wishes) for each in names]
    _check_empty(folder)
    now = environment.now()
    permitted = wishes.host.partition(".")[2] or wishes.host
    cas = _cas({each.change.issuer for each in fixtures}, environment, now, permitted)
    make_folder(folder)
    with lock_folder(folder):
        _check_empty(folder)
        return _made(fixtures, cas, folder, environment, now)


def _renamed(fixture: Fixture, wishes: FixtureWishes) -> Fixture:
    """A fixture for the wished names and key, also in what openssl is asked."""

    def of(text: str) -> str:
        return text.replace(HOST, wishes.host).replace(ADDRESS, wishes.address)

    change, words = fixture.change, fixture.openssl.words
    key = "ec:p256" if wishes.key == "ec" and change.key == "rsa:2048" else change.key
    return msgspec.structs.replace(
        fixture,
        present=fixture.present.replace("{name}", wishes.host),
        change=msgspec.structs.replace(
            change, cn=of(change.cn), names=tuple(map(of, change.names)), key=key
        ),
        openssl=msgspec.structs.replace(fixture.openssl, words=tuple(map(of, words))),
    )


def _check_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            f"'{folder}' is not {'empty' if folder.is_dir() else 'a folder'}",
            hint="a new folder for each throw-away CA: its key is thrown away",
        )


def _made(
    fixtures: list[Fixture],
    cas: dict[str, ThrowawayCA],
    folder: Path,
    environment: Environment,
    now: datetime,
) -> FixtureDocument:
    root, issuing = cas["root"], cas["issuing"]
    shared = {
        "root.pem": pem.encode(root.certificate),
        "issuing.pem": pem.encode(issuing.certificate),
        "trusted-root.pem": pem.bundle([issuing.certificate, root.certificate]),
    }
    for path, text in shared.items():
        write_atomic(folder / path, text.encode())
    revoked: list[bytes] = []
    records: list[FixtureRecord] = []
    refused: list[Refused] = []
    for fixture in fixtures:
        serial = environment.new_serial()
        outcome = attempt(_make, fixture, cas[fixture.change.issuer], folder, now, serial)
        if isinstance(outcome, FixtureRecord):
            records.append(outcome)
            if fixture.change.revoked:
                revoked.append(serial.to_bytes(16, "big"))
            continue
        if isinstance(outcome, BugError):
            environment.bug(outcome.trace)
        code = EXIT_CODES[outcome.kind]
        refused.append(
            Refused(fixture.name, outcome.kind, outcome.message, outcome.hint, code, outcome.rule)
        )
    _write_crls(folder, cas, revoked, now)
    write_atomic(folder / TABLE, _table(fixtures).encode())
    return FixtureDocument(
        folder=str(folder), ca=MARK, trusted_root=str(folder / "trusted-root.pem"),
        fixtures=records,
        table=str(folder / TABLE), refused=refused, crls=str(folder / CRLS),
    )  # fmt: skip


def _write_crls(
    folder: Path, cas: dict[str, ThrowawayCA], revoked: list[bytes], now: datetime
) -> None:
    """The issuing CA's CRL, and those of all CAs below the root: a peer asks for one of each.

    Their keys are thrown away, so what is missing here could never be made.
    """
    listed = {"issuing": revoked}
    crls = {
        name: pem.encode(make_crl(ca, listed.get(name, []), now=now), "X509 CRL")
        for name, ca in cas.items()
        if name != "unknown"
    }
    write_atomic(folder / "issuing.crl", crls["issuing"].encode())
    write_atomic(folder / "root.crl", crls["root"].encode())
    write_atomic(folder / CRLS, "".join(reversed(crls.values())).encode())


def _cas(
    wanted: set[str], environment: Environment, now: datetime, permitted: str
) -> dict[str, ThrowawayCA]:
    def ca(cn: str, parent: ThrowawayCA | None, limits: Limits) -> ThrowawayCA:
        return make_ca(cn, parent, limits, now=now, serial=environment.new_serial())

    root = ca("Fixture Root", None, Limits())
    cas = {"root": root, "issuing": ca("Fixture Issuing", root, Limits(0))}
    if "unknown" in wanted:
        cas["unknown"] = ca("Unknown Issuing", ca("Unknown Root", None, Limits()), Limits(0))
    if "below-issuing" in wanted:
        cas["below-issuing"] = ca("Below Issuing", cas["issuing"], Limits(0))
    if "constrained" in wanted:
        cas["constrained"] = ca("Constrained", root, Limits(0, permitted))
    return cas


def _make(
    fixture: Fixture, issuer: ThrowawayCA, folder: Path, now: datetime, serial: int
) -> FixtureRecord:
    change: Change = fixture.change
    key = _leaf_key(change.key)
    leaf = make_leaf(change, issuer, key, now=now, serial=serial)
    above = [issuer.certificate, *issuer.above[:-1]] if change.send_chain else []
    place = folder / fixture.name
    make_folder(place)
    files = {
        f"{fixture.name}.key": (key.pem, PRIVATE),
        f"{fixture.name}-device.pem": (pem.encode(leaf).encode(), PUBLIC),
        f"{fixture.name}-chain.pem": (pem.bundle(above).encode(), PUBLIC),
        f"{fixture.name}-fullchain.pem": (pem.bundle([leaf, *above]).encode(), PUBLIC),
    }
    if fixture.name in ANSWERED:
        answer = ocsp_answer(issuer, serial.to_bytes(16, "big"), revoked=change.revoked, now=now)
        files["ocsp.der"] = (answer, PUBLIC)
    for path, (data, mode) in files.items():
        write_atomic(place / path, data, mode=mode)
    written = [str(place / path) for path in files]
    return _record(fixture, FixtureFiles(*written))


def _leaf_key(kind: str) -> ThrowawayPair:
    if kind == "ec:p256":
        return generate_throwaway_ec()
    return generate_throwaway(int(kind.removeprefix("rsa:")))


def _record(fixture: Fixture, files: FixtureFiles | None = None) -> FixtureRecord:
    return FixtureRecord(
        name=fixture.name,
        description=fixture.description,
        peer=fixture.peer,
        openssl=list(fixture.openssl.words),
        openssl_says=fixture.openssl.says,
        files=files,
        present=fixture.present,
        refused_by=list(fixture.refused_by),
        taken_by=list(fixture.taken_by),
    )


def _table(fixtures: list[Fixture]) -> str:
    """The table of predictions, with a column to note what the device did."""
    lines = [
        "# What a correct peer answers",
        "",
        f"Made from a throw-away CA ({MARK}). Load `trusted-root.pem` into the peer that is",
        "tested, present `NAME-fullchain.pem` with `NAME.key` to it, and note what it did.",
        "A peer that checks CRLs gets `crls.pem`, those of issuing and root: with the issuing CA's",
        "alone it refuses every certificate, good ones too.",
        "",
        "openssl is asked in this folder by: `openssl verify -x509_strict -CAfile root.pem",
        "-CRLfile crls.pem -untrusted NAME/NAME-chain.pem WORDS NAME/NAME-device.pem`",
        "",
        "device: ____________________  firmware: ____________  TLS context: ____  date: __________",
        "",
        "| fixture | the certificate | a correct peer | WORDS | openssl says | the device did |",
        "|---|---|---|---|---|---|",
    ]
    for fixture in fixtures:
        words = " ".join(fixture.openssl.words)
        cells = (
            fixture.name,
            fixture.description,
            fixture.peer,
            f"`{words}`",
            fixture.openssl.says,
            " ",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += _peers(fixtures)
    return "\n".join(lines) + "\n"


def _peers(fixtures: list[Fixture]) -> list[str]:
    """How each is presented where that is not as usual, and what programs were seen to do."""
    lines = ["", "## How they are presented", ""]
    lines += [f"* `{each.name}`: {each.present}" for each in fixtures if each.present]
    lines.append(
        "* `good` and `revoked` have an OCSP answer of their CA beside them, `ocsp.der`: for "
        "stapling, or `openssl ocsp -respin ocsp.der`."
    )
    peers = sorted({name for each in fixtures for name in (*each.refused_by, *each.taken_by)})
    if not peers:
        return lines
    lines += [
        "",
        "## What programs were seen to do",
        "",
        "R: refused it, T: took it, as Debian 12 has them and as they were configured to verify.",
        "",
        f"| fixture | {' | '.join(peers)} |",
        f"|---|{'---|' * len(peers)}",
    ]
    for each in fixtures:
        seen = dict.fromkeys(each.refused_by, "R") | dict.fromkeys(each.taken_by, "T")
        if seen:
            lines.append(f"| {each.name} | {' | '.join(seen.get(peer, ' ') for peer in peers)} |")
    return lines
