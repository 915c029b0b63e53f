"""Queries for certificates: by name, serial, key or request, and as a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter

import msgspec

from ca.encoding.account import pack_account
from ca.encoding.certificates import serial_text
from ca.encoding.der import certificate, serial_number, serial_of
from ca.errors import NotFoundError
from ca.model.certificates import Validity
from ca.model.status import Status
from ca.store.connection import Store, placeholders

IMPORTED = "imported"
"""The name that stands for a profile with imported certificates."""


class CertificateRow(msgspec.Struct, frozen=True):
    """A plan, its result and its status; ``signature`` is None while there is no certificate."""

    plan_id: int
    issuer_id: int
    serial: bytes
    tbs: bytes
    account: bytes
    profile: str
    profile_sha256: bytes
    device: str | None
    context: int | None
    for_issuer_id: int | None
    lifetime: str
    source: str
    request_id: int | None
    signature: bytes | None
    abandoned: str | None
    not_before: int | None
    not_after: int | None
    revocation: str | None
    revocation_reason: str | None
    revoked_at: str | None
    supersedes: bytes | None
    superseded_by: bytes | None
    kept_der: bytes | None = None
    """The DER as it came, where ``tbs`` and ``signature`` do not give it back."""
    is_relic: bool = False
    """Imported, and no plan: ``plan_id`` is then a negative number."""

    @property
    def der(self) -> bytes:
        """The certificate's DER; only for rows with a signature.

        Raises:
            NotFoundError: there is none, only an entry of an imported index.
        """
        if self.signature is None:
            raise NotFoundError(
                f"of serial {self.serial.hex()} there is no certificate here, only its index entry",
                hint="sipca revoke --serial revokes it; sipca import --certificates adds its file",
            )
        return self.kept_der or certificate(self.tbs, self.signature)

    @property
    def serial_text(self) -> str:
        """The serial for people and JSON."""
        return serial_text(serial_number(self.serial))

    @property
    def outline(self) -> bytes:
        """The DER, with an empty signature where there is none yet, or none is here."""
        return self.kept_der or certificate(self.tbs, self.signature or b"\x00")

    def status(self, now: datetime) -> Status:
        """The status at a moment."""
        if self.abandoned is not None:
            return "abandoned"
        if self.signature is None and not self.is_relic:
            return "planned"
        if self.not_before is None or self.not_after is None:
            return "planned"
        if self.revocation is not None:
            return "held" if self.revocation == "held" else "revoked"
        if now.timestamp() > self.not_after:
            return "expired"
        if self.superseded_by is not None:
            return "superseded"
        return "not-yet-valid" if now.timestamp() < self.not_before else "valid"

    @property
    def is_imported(self) -> bool:
        """Whether another tool issued it, so that there is no request and no profile."""
        return self.profile == IMPORTED

    @property
    def validity(self) -> Validity:
        """From the index: of an imported index entry there is no certificate to read."""
        assert self.not_before is not None
        assert self.not_after is not None
        return Validity(
            datetime.fromtimestamp(self.not_before, UTC),
            datetime.fromtimestamp(self.not_after, UTC),
        )

    @property
    def is_in_use(self) -> bool:
        """Whether it is neither superseded nor revoked nor held; it may have expired."""
        return self.signature is not None and self.superseded_by is None and self.revocation is None

    def is_lapsed(self, now: datetime) -> bool:
        """Whether it expired without being superseded or revoked: its device needs another."""
        return self.status(now) == "expired" and self.superseded_by is None


LATEST = """s.id = (SELECT max(e.id) FROM status_event e
                WHERE e.issuer_id = p.issuer_id AND e.serial = p.serial)"""
"""A serial's last status event, read from history: rows of ``status`` might be missing."""
_SINCE = """(SELECT min(f.happened_at) FROM status_event f
              WHERE f.issuer_id = s.issuer_id AND f.serial = s.serial AND f.id > coalesce(
                    (SELECT max(g.id) FROM status_event g WHERE g.issuer_id = s.issuer_id
                        AND g.serial = s.serial AND g.status = 'released'), 0))"""
"""The start of the current status: a hold that became a revocation keeps its date."""

_SELECT = f"""
    SELECT p.id, p.issuer_id, p.serial, p.tbs, p.account, t.name, p.profile_sha256,
           coalesce(p.device, d.device),
           CASE WHEN p.device IS NULL AND d.id IS NOT NULL THEN d.context ELSE p.context END,
           p.for_issuer_id, p.lifetime, p.source, p.request_id, r.signature, a.reason,
           c.not_before, c.not_after, s.status, s.reason,
           CASE WHEN s.id IS NOT NULL THEN {_SINCE} END,
           (SELECT o.serial FROM supersession x JOIN plan o ON o.id = x.old_plan_id
             WHERE x.new_plan_id = p.id ORDER BY x.old_plan_id DESC LIMIT 1),
           (SELECT n.serial FROM supersession x JOIN plan n ON n.id = x.new_plan_id
             WHERE x.old_plan_id = p.id ORDER BY x.new_plan_id DESC LIMIT 1)
      FROM plan p
      JOIN profile_text t ON t.sha256 = p.profile_sha256
      LEFT JOIN result r ON r.plan_id = p.id
      LEFT JOIN abandonment a ON a.plan_id = p.id
      LEFT JOIN certificate c ON c.plan_id = p.id
      LEFT JOIN attachment d ON d.plan_id = p.id
      LEFT JOIN status_event s ON {LATEST} AND s.status <> 'released'
"""  # noqa: S608 - our own constants
IN_USE = """NOT EXISTS (SELECT 1 FROM supersession x WHERE x.old_plan_id = p.id)
    AND s.id IS NULL AND r.plan_id IS NOT NULL
    AND (t.name <> 'imported' OR c.not_after >= CAST(strftime('%s', p.planned_at) AS INTEGER))"""
"""Certificates that are neither superseded nor revoked nor held.

They may have expired, but not before they were imported: other tools' past asks for nothing.
"""
OF_DEVICE = "(p.device = ? OR p.id IN (SELECT plan_id FROM attachment WHERE device = ?))"
"""Certificates that were signed for a device, or attached to it later."""
_RELIC_IN_USE = "s.id IS NULL AND p.not_after >= CAST(strftime('%s', p.imported_at) AS INTEGER)"
"""The same for relics, which nothing supersedes."""


def certificates(
    store: Store,
    *,
    device: str | None = None,
    profile: str | None = None,
    since: int = 0,
    until: int | None = None,
    in_use: bool = False,
) -> Iterator[CertificateRow]:
    """End-entity plans, oldest first; with ``profile``, CA and OCSP signer certificates as well.

    ``since``, ``until``: only those whose notAfter (seconds since 1970) is in this range, which
    needs ``until``. ``in_use``: only
    certificates that are neither superseded nor revoked nor held, expired ones included.
    """
    where, values = filter_of(device=device, profile=profile, in_use=in_use)
    older, bounds = ["p.not_after >= ?"], [since]
    if until is not None:
        where.append("p.id IN (SELECT plan_id FROM certificate WHERE not_after BETWEEN ? AND ?)")
        values += [since, until]
        older.append("p.not_after <= ?")
        bounds.append(until)
    yield from select(store, f"WHERE {' AND '.join(where)} ORDER BY p.id", values)
    if device is None and profile in (None, IMPORTED):
        yield from relics(store, older, bounds, in_use=in_use)


def filter_of(
    *, device: str | None, profile: str | None, in_use: bool
) -> tuple[list[str], list[str | bytes | int]]:
    """The conditions of ``certificates`` on anything but the end, and their values."""
    where = ["p.for_issuer_id IS NULL", "p.id NOT IN (SELECT plan_id FROM ocsp_signer)"]
    values: list[str | bytes | int] = []
    if profile is not None:
        where, values = ["t.name = ?"], [profile]
    if device is not None:
        where.append(OF_DEVICE)
        values += [device, device]
    if in_use:
        where.append(IN_USE)
    return where, values


def by_name(store: Store, folded: str) -> list[CertificateRow]:
    """Certificates with this case-folded device, CN or SAN, newest first."""
    return list(
        select(
            store,
            """WHERE p.id IN (SELECT plan_id FROM san WHERE folded = ?
                              UNION SELECT id FROM plan WHERE device = ?
                              UNION SELECT plan_id FROM attachment WHERE device = ?)
               ORDER BY p.id DESC""",
            [folded, folded, folded],
        )
    ) + list(relics(store, ["instr(p.names, ?) > 0"], (f"\n{folded}\n",)))


def by_source(store: Store, part: str) -> Iterator[CertificateRow]:
    """Certificates whose source has this text in it, newest first; every plan is looked at."""
    where = """WHERE instr(lower(p.source), lower(?)) > 0 AND r.plan_id IS NOT NULL
                 AND p.for_issuer_id IS NULL ORDER BY p.id DESC LIMIT 100"""
    return select(store, where, [part])


def by_serial_prefix(store: Store, prefix: str) -> list[CertificateRow]:
    """Plans of any issuer whose serial begins with these hex digits, newest first."""
    low = bytes.fromhex(prefix + "0" * (len(prefix) % 2))
    high = bytes.fromhex(prefix + "f" * (len(prefix) % 2)) + b"\xff" * 20
    return list(
        select(
            store,
            """WHERE p.issuer_id IN (SELECT id FROM issuer) AND p.serial BETWEEN ? AND ?
               ORDER BY p.id DESC""",
            [low, high],
        )
    ) + list(relics(store, ["p.serial BETWEEN ? AND ?"], (low, high)))


def by_request(store: Store, request_sha256: bytes) -> list[CertificateRow]:
    """Every plan for one request, newest first."""
    return list(
        select(
            store,
            """WHERE p.request_id = (SELECT id FROM request WHERE sha256 = ?)
               ORDER BY p.id DESC""",
            [request_sha256],
        )
    )


def by_key(store: Store, key_identity: bytes) -> list[CertificateRow]:
    """Every certificate for one key, newest first."""
    return list(
        select(
            store,
            """WHERE p.id IN (SELECT plan_id FROM certificate
                               WHERE substr(key_identity, 1, 8) = ? AND key_identity = ?)
               ORDER BY p.id DESC""",
            [key_identity[:8], key_identity],
        )
    )


def current_by_keys(
    store: Store,
    key_identities: Sequence[bytes],
    now: datetime,
    *,
    limit: int,
    except_cn: str = "",
) -> dict[bytes, list[bytes]]:
    """The TBSCertificates of current certificates for each of these keys, oldest first.

    At most ``limit`` altogether; certificates with the CN ``except_cn`` are left out.
    """
    other = """AND NOT EXISTS (SELECT 1 FROM san n
                                WHERE n.folded = ? AND n.plan_id = p.id AND n.kind = 'cn')"""
    rows = store.connection.execute(
        f"""SELECT c.key_identity, p.id, p.tbs
              FROM certificate c CROSS JOIN plan p ON p.id = c.plan_id
             WHERE substr(c.key_identity, 1, 8) IN ({placeholders(key_identities)})
               AND c.key_identity IN ({placeholders(key_identities)}) AND c.not_after >= ?
               AND NOT EXISTS (SELECT 1 FROM supersession x WHERE x.old_plan_id = p.id)
               AND NOT EXISTS (SELECT 1 FROM status_event s
                                WHERE {LATEST} AND s.status <> 'released')
               {other if except_cn else ""}
             LIMIT ?""",  # noqa: S608 - marks
        (
            *(each[:8] for each in key_identities),
            *key_identities,
            now.timestamp(),
            *([except_cn.casefold()] if except_cn else []),
            limit,
        ),
    )
    by_identity: dict[bytes, list[bytes]] = {}
    for identity, _, tbs in sorted(rows, key=itemgetter(1)):
        by_identity.setdefault(identity, []).append(tbs)
    return by_identity


def known_requests(store: Store, hashes: Sequence[bytes]) -> set[bytes]:
    """Which of these requests (by SHA-256) the register holds."""
    query = f"SELECT sha256 FROM request WHERE sha256 IN ({placeholders(hashes)})"  # noqa: S608 - marks
    return {row[0] for row in store.connection.execute(query, hashes)}


def with_same_key(store: Store, plan_id: int) -> list[CertificateRow]:
    """Every certificate for the key of a plan's certificate or request, newest first."""
    return list(
        select(
            store,
            """WHERE p.id IN (
                   SELECT c.plan_id
                     FROM (SELECT key_identity FROM certificate WHERE plan_id = ?
                           UNION SELECT q.key_identity FROM request q
                                 JOIN plan o ON o.request_id = q.id WHERE o.id = ?) k
                     CROSS JOIN certificate c
                       ON substr(c.key_identity, 1, 8) = substr(k.key_identity, 1, 8)
                      AND c.key_identity = k.key_identity)
               ORDER BY p.id DESC""",
            [plan_id, plan_id],
        )
    )


def is_delegate(store: Store, row: CertificateRow) -> bool:
    """Whether a certificate is that of an OCSP signer or an RA."""
    query = "SELECT 1 FROM ocsp_signer WHERE plan_id = ?"
    return store.connection.execute(query, (row.plan_id,)).fetchone() is not None


def by_plan(store: Store, plan_id: int) -> CertificateRow:
    """A plan by its number."""
    return next(select(store, "WHERE p.id = ?", [plan_id]))


_RELICS = f"""
    SELECT p.id, p.issuer_id, p.serial, p.tbs, p.source, p.signature, p.not_before, p.not_after,
           s.status, s.reason, CASE WHEN s.id IS NOT NULL THEN {_SINCE} END, p.der
      FROM (SELECT * FROM relic
             WHERE signature IS NOT NULL
                OR NOT EXISTS (SELECT 1 FROM plan q WHERE q.issuer_id = relic.issuer_id
                                                      AND q.serial = relic.serial)) p
      LEFT JOIN status_event s ON {LATEST} AND s.status <> 'released'
"""  # noqa: S608 - our own constants


def relics(
    store: Store,
    where: Sequence[str] = (),
    values: Sequence[object] = (),
    *,
    in_use: bool = False,
    by_end: bool = False,
) -> Iterator[CertificateRow]:
    """Imported certificates that are no plans, under conditions on ``p``; newest first, or by end.

    ``in_use`` as for certificates.
    """
    conditions = " AND ".join([*where, *([_RELIC_IN_USE] if in_use else [])]) or "TRUE"
    order = "p.not_after, -p.id" if by_end else "p.id DESC"
    for row in store.connection.execute(f"{_RELICS} WHERE {conditions} ORDER BY {order}", values):
        number, issuer_id, serial, tbs, source, signature, start, end, *status, der = row
        yield CertificateRow(
            plan_id=-number,
            issuer_id=issuer_id,
            serial=serial,
            tbs=tbs,
            account=pack_account(()),
            profile=IMPORTED,
            profile_sha256=b"",
            device=None,
            context=None,
            for_issuer_id=None,
            lifetime=IMPORTED,
            source=source,
            request_id=None,
            signature=signature,
            abandoned=None,
            not_before=start,
            not_after=end,
            revocation=status[0],
            revocation_reason=status[1],
            revoked_at=status[2],
            supersedes=None,
            superseded_by=None,
            kept_der=der,
            is_relic=True,
        )


def select(
    store: Store, where: str, values: Sequence[str | bytes | int]
) -> Iterator[CertificateRow]:
    """Plans with their results and statuses; ``where`` names the tables as ``_SELECT`` does."""
    for row in store.connection.execute(_SELECT + where, values):
        yield CertificateRow(*row)


def serials_expiring_after(store: Store, issuer_id: int, moment: int) -> Iterator[bytes]:
    """Serials of an issuer's certificates that expire after a moment, in order; seconds since 1970.

    They are read a thousand at a time: the register is not held in between, however long that is.
    """
    last = b""
    while True:
        rows = store.connection.execute(
            """SELECT serial FROM (
                   SELECT p.serial FROM plan p CROSS JOIN certificate c ON c.plan_id = p.id
                    WHERE p.issuer_id = ?1 AND p.serial > ?3 AND c.not_after > ?2
                      AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
                    ORDER BY p.serial LIMIT 1000)
                UNION
               SELECT serial FROM (
                   SELECT serial FROM relic
                    WHERE issuer_id = ?1 AND serial > ?3 AND not_after > ?2
                    ORDER BY serial LIMIT 1000)
                ORDER BY serial LIMIT 1000""",
            (issuer_id, moment, last),
        ).fetchall()
        if not rows:
            return
        for (last,) in rows:
            yield last


def is_recorded(store: Store, der: bytes) -> bool:
    """Whether the register holds a certificate with this DER."""
    return by_der(store, der) is not None


def by_der(store: Store, der: bytes) -> CertificateRow | None:
    """The certificate with this DER, or None if the register holds none."""
    rows = select(store, "WHERE p.serial = ?", [serial_of(der)])
    return next((row for row in rows if row.signature is not None and row.der == der), None)


def recorded_ders(store: Store) -> Iterator[bytes]:
    """The DER of every certificate in the register, CAs' and OCSP signers' included."""
    for tbs, signature in store.connection.execute(
        "SELECT p.tbs, r.signature FROM plan p JOIN result r ON r.plan_id = p.id"
    ):
        yield certificate(tbs, signature)
    for row in relics(store, ["p.signature IS NOT NULL"]):
        yield row.der
