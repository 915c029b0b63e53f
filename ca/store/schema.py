"""Tables, triggers and migrations; the only module that uses ``sqlite_utils``.

Triggers make the tables of history refuse UPDATE, DELETE and replacing INSERT. Derived tables can
be dropped and rebuilt (``ca.store.derived``). Rows of state may change, each change with an event.
``upgrade`` runs inside one BEGIN IMMEDIATE, then creates every trigger again and checks it, since
a migration that rebuilds a table drops the table's triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ca.errors import StoreError
from ca.store.connection import APPLICATION_ID, VERSION, Store, schema_version

HISTORY = {
    "request": "sha256 = NEW.sha256 OR id = NEW.id",
    "profile_text": "sha256 = NEW.sha256",
    "plan": "id = NEW.id OR (issuer_id = NEW.issuer_id AND serial = NEW.serial)",
    "result": "plan_id = NEW.plan_id",
    "abandonment": "plan_id = NEW.plan_id",
    "status_event": "id = NEW.id",
    "supersession": "old_plan_id = NEW.old_plan_id AND new_plan_id = NEW.new_plan_id",
    "relic": "id = NEW.id",
    "attachment": "id = NEW.id OR plan_id = NEW.plan_id",
    "crl_number": "id = NEW.id OR (issuer_id = NEW.issuer_id AND number = NEW.number)",
    "challenge": "id = NEW.id OR sha256 = NEW.sha256",
    "enrolment": "id = NEW.id",
    "enrolment_end": "enrolment_id = NEW.enrolment_id",
    "audit": "id = NEW.id OR hash = NEW.hash",
}
"""Append-only tables, each with the condition for rows that an INSERT would replace."""

STATE = ("key", "issuer", "setting", "ocsp_signer", "crl", "crl_piece", "device")
PASSING = ("refusal",)
"""Bounded logs of what was refused before a decision: no evidence, and the oldest rows go."""

_TABLES = (
    # --- history
    """CREATE TABLE request (
        id INTEGER PRIMARY KEY,
        sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
        der BLOB NOT NULL,
        key_identity BLOB NOT NULL CHECK (length(key_identity) = 32),
        received_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE profile_text (
        sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
        name TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE plan (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        serial BLOB NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),
        request_id INTEGER REFERENCES request (id),
        profile_sha256 BLOB NOT NULL REFERENCES profile_text (sha256),
        for_issuer_id INTEGER REFERENCES issuer (id),
        device TEXT COLLATE NOCASE,
        context INTEGER,
        lifetime TEXT NOT NULL,
        source TEXT NOT NULL,
        tbs BLOB NOT NULL,
        account BLOB NOT NULL,
        planned_at TEXT NOT NULL,
        UNIQUE (issuer_id, serial)
    ) STRICT""",
    """CREATE TABLE result (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        signature BLOB NOT NULL,
        signed_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE abandonment (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        reason TEXT NOT NULL,
        abandoned_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE status_event (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        serial BLOB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('revoked', 'held', 'released')),
        reason TEXT NOT NULL,
        happened_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE supersession (
        old_plan_id INTEGER NOT NULL REFERENCES plan (id),
        new_plan_id INTEGER NOT NULL REFERENCES plan (id),
        superseded_at TEXT NOT NULL,
        PRIMARY KEY (old_plan_id, new_plan_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        row_table TEXT NOT NULL,
        row_id INTEGER,
        row_hash BLOB NOT NULL,
        os_user TEXT NOT NULL,
        host TEXT NOT NULL,
        version TEXT NOT NULL,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL UNIQUE
    ) STRICT""",
    # --- state
    """CREATE TABLE key (
        id INTEGER PRIMARY KEY,
        label TEXT NOT NULL,
        public BLOB NOT NULL UNIQUE,
        pkcs8 BLOB NOT NULL,
        encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
        made_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE issuer (
        id INTEGER PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('root', 'issuing')),
        ca_id TEXT NOT NULL UNIQUE CHECK (length(ca_id) = 8),
        key_id INTEGER NOT NULL REFERENCES key (id),
        parent_id INTEGER REFERENCES issuer (id),
        is_current INTEGER NOT NULL CHECK (is_current IN (0, 1))
    ) STRICT""",
    """CREATE TABLE setting (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_TABLES_2 = (
    "ALTER TABLE status_event ADD COLUMN invalid_since TEXT",
    """CREATE TABLE crl_number (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        number BLOB NOT NULL CHECK (length(number) = 20),
        this_update TEXT NOT NULL,
        next_update TEXT NOT NULL,
        UNIQUE (issuer_id, number)
    ) STRICT""",
    """CREATE TABLE ocsp_signer (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        key_id INTEGER REFERENCES key (id)
    ) STRICT""",
    """CREATE TABLE crl (
        issuer_id INTEGER PRIMARY KEY REFERENCES issuer (id),
        number BLOB NOT NULL CHECK (length(number) = 20),
        this_update TEXT NOT NULL,
        next_update TEXT NOT NULL,
        entries INTEGER NOT NULL,
        last_event INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE crl_piece (
        issuer_id INTEGER NOT NULL,
        piece INTEGER NOT NULL,
        octets BLOB NOT NULL,
        PRIMARY KEY (issuer_id, piece)
    ) STRICT""",
    "DROP TABLE status",  # was empty: nothing could be revoked before
)

_TABLES_3 = (
    """CREATE TABLE device (
        name TEXT PRIMARY KEY COLLATE NOCASE,
        target TEXT,
        context INTEGER,
        addresses TEXT NOT NULL,
        proxy_sets TEXT NOT NULL,
        changed_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

FILL_OPEN_PLANS = """INSERT INTO open_plan (plan_id)
    SELECT id FROM plan WHERE id NOT IN (SELECT plan_id FROM result)
                          AND id NOT IN (SELECT plan_id FROM abandonment)"""
"""Plans with neither result nor abandonment, by reading all plans."""

DERIVED = {
    "certificate": """CREATE TABLE certificate (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        not_before INTEGER NOT NULL,
        not_after INTEGER NOT NULL,
        key_identity BLOB NOT NULL
    ) STRICT""",
    "san": """CREATE TABLE san (
        folded TEXT NOT NULL,
        plan_id INTEGER NOT NULL REFERENCES plan (id),
        kind TEXT NOT NULL,
        PRIMARY KEY (folded, plan_id, kind)
    ) STRICT, WITHOUT ROWID""",
    "status": """CREATE TABLE status (
        issuer_id INTEGER NOT NULL,
        serial BLOB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('revoked', 'held')),
        reason TEXT NOT NULL,
        happened_at TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        not_after INTEGER,
        crl_entry BLOB NOT NULL,
        PRIMARY KEY (issuer_id, serial)
    ) STRICT, WITHOUT ROWID""",
    "open_plan": """CREATE TABLE open_plan (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id)
    ) STRICT""",
    "blocked_key": """CREATE TABLE blocked_key (
        key_identity BLOB PRIMARY KEY,
        event_id INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
}
"""Tables that can be rebuilt from history, each with its CREATE statement."""

_INDEXES = (
    "CREATE INDEX IF NOT EXISTS plan_by_request ON plan (request_id) WHERE request_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS plan_by_device ON plan (device) WHERE device IS NOT NULL",
    """CREATE INDEX IF NOT EXISTS plan_for_issuer ON plan (for_issuer_id)
        WHERE for_issuer_id IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS supersession_by_new ON supersession (new_plan_id)",
)
_INDEXES_2 = (
    "CREATE INDEX IF NOT EXISTS ocsp_signer_by_issuer ON ocsp_signer (issuer_id)",
    "CREATE INDEX IF NOT EXISTS status_event_by_issuer ON status_event (issuer_id)",
)
_INDEXES_6 = (
    "CREATE INDEX IF NOT EXISTS status_event_by_serial ON status_event (issuer_id, serial)",
    """CREATE INDEX IF NOT EXISTS status_event_by_key ON status_event (key_identity)
        WHERE key_identity IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS audit_of_state ON audit (id) WHERE state IS NOT NULL",
)
_TABLES_6 = (
    "ALTER TABLE status_event ADD COLUMN key_identity BLOB",  # the key that the event blocks
    "ALTER TABLE crl ADD COLUMN listed INTEGER",
    "ALTER TABLE crl ADD COLUMN sha256 BLOB",
    "ALTER TABLE audit ADD COLUMN state TEXT",  # the rows of state that the event changed
)
_TABLES_7 = (
    """CREATE TABLE relic (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        serial BLOB NOT NULL CHECK (length(serial) >= 1),
        tbs BLOB NOT NULL,
        signature BLOB,
        der BLOB,
        not_before INTEGER NOT NULL,
        not_after INTEGER NOT NULL,
        names TEXT NOT NULL,
        source TEXT NOT NULL,
        imported_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS relic_by_serial ON relic (issuer_id, serial)",
)
"""Imported certificates that cannot be plan and result: a serial twice, or longer than 20 octets;
no signature where an index names a serial without its certificate, ``der`` where TBSCertificate
and signature do not give it back."""
_TABLES_8 = (
    """CREATE TABLE attachment (
        id INTEGER PRIMARY KEY,
        plan_id INTEGER NOT NULL UNIQUE REFERENCES plan (id),
        device TEXT NOT NULL COLLATE NOCASE,
        context INTEGER,
        attached_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS attachment_by_device ON attachment (device)",
)
"""Which device a certificate is on that was signed for none."""
_TABLES_9 = (
    "ALTER TABLE ocsp_signer ADD COLUMN role TEXT NOT NULL DEFAULT 'ocsp-responder'",
    """CREATE TABLE challenge (
        id INTEGER PRIMARY KEY,
        sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
        device TEXT COLLATE NOCASE,
        names TEXT NOT NULL,
        profile TEXT,
        uses INTEGER NOT NULL CHECK (uses >= 1),
        made_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE enrolment (
        id INTEGER PRIMARY KEY,
        transaction_id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('new', 'renewal')),
        csr BLOB NOT NULL,
        csr_sha256 BLOB NOT NULL CHECK (length(csr_sha256) = 32),
        key_identity BLOB NOT NULL CHECK (length(key_identity) = 32),
        old_plan_id INTEGER REFERENCES plan (id),
        challenge_id INTEGER REFERENCES challenge (id),
        address TEXT NOT NULL,
        legacy TEXT NOT NULL,
        received_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE enrolment_end (
        enrolment_id INTEGER PRIMARY KEY REFERENCES enrolment (id),
        outcome TEXT NOT NULL CHECK (outcome IN ('issued', 'denied')),
        plan_id INTEGER REFERENCES plan (id),
        reason TEXT NOT NULL,
        ended_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE refusal (
        id INTEGER PRIMARY KEY,
        address TEXT NOT NULL,
        sentence TEXT NOT NULL,
        guess INTEGER NOT NULL CHECK (guess IN (0, 1)),
        count INTEGER NOT NULL,
        first_at TEXT NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS enrolment_by_transaction ON enrolment (transaction_id)",
    "CREATE INDEX IF NOT EXISTS enrolment_by_octets ON enrolment (csr_sha256)",
    "CREATE INDEX IF NOT EXISTS enrolment_by_time ON enrolment (received_at)",
    """CREATE INDEX IF NOT EXISTS enrolment_by_challenge ON enrolment (challenge_id)
        WHERE challenge_id IS NOT NULL""",
    """CREATE INDEX IF NOT EXISTS enrolment_by_old ON enrolment (old_plan_id)
        WHERE old_plan_id IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS challenge_by_end ON challenge (expires_at)",
)
"""Enrolment by SCEP: challenges (their hashes), requests, how each ended. ``ocsp_signer`` holds
the RA certificates, too: keys that work for a CA, which no list of certificates names."""
_DERIVED_INDEXES = (
    "CREATE INDEX IF NOT EXISTS certificate_by_end ON certificate (not_after)",
    """CREATE INDEX IF NOT EXISTS certificate_by_key_start
        ON certificate (substr(key_identity, 1, 8))""",  # the whole takes 24 octets more
)


_MIGRATIONS: dict[str, tuple[str, ...]] = {
    "0001_the_register": (
        *_TABLES,
        *(DERIVED[name] for name in ("certificate", "san", "status")),
        *_INDEXES,
        *_DERIVED_INDEXES,
    ),
    "0002_revocation": (
        *_TABLES_2,
        *(DERIVED[name] for name in ("status", "blocked_key")),
        *_INDEXES_2,
    ),
    "0003_devices": _TABLES_3,
    "0004_open_plans": (DERIVED["open_plan"], FILL_OPEN_PLANS),
    "0005_keys_by_their_start": ("DROP INDEX IF EXISTS certificate_by_key", *_DERIVED_INDEXES),
    "0006_held_against_history": (*_TABLES_6, *_INDEXES_6),
    "0007_relics": _TABLES_7,
    "0008_attachments": _TABLES_8,
    "0009_enrolment": _TABLES_9,
}
"""In order; each raises ``VERSION`` by one."""


def _triggers() -> dict[str, str]:
    triggers: dict[str, str] = {}
    for table, replaced in HISTORY.items():
        for verb in ("UPDATE", "DELETE"):
            triggers[f"{table}_no_{verb.lower()}"] = (
                f"BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        triggers[f"{table}_no_replace"] = (
            f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {replaced}) BEGIN"  # noqa: S608 - our own constants
            f" SELECT RAISE(ABORT, '{table} is append-only: constraint, such a row exists'); END"
        )
    for one, other in (("result", "abandonment"), ("abandonment", "result")):
        triggers[f"{one}_excludes_{other}"] = (
            f"BEFORE INSERT ON {one}"  # noqa: S608 - our own constants
            f" WHEN EXISTS (SELECT 1 FROM {other} WHERE plan_id = NEW.plan_id) BEGIN"
            f" SELECT RAISE(ABORT, 'constraint: this plan has {other} already'); END"
        )
    return triggers


TRIGGERS = _triggers()


def upgrade(store: Store, pin: Callable[[int], None] | None = None) -> bool:
    """Migrate a register to this program's schema; returns whether there was anything to do.

    Two programs may call this at once: the second waits and finds nothing left to do. ``pin`` is
    called with the old version, inside the transaction, if a register of an older schema was
    migrated.

    Raises:
        StoreError: a trigger that guards history is missing afterwards.
    """
    if not store.needs_upgrade():
        return False
    import sqlite_utils
    from sqlite_utils import Migrations

    migrations = Migrations("sipca")
    for name, statements in _MIGRATIONS.items():
        migrations(name=name)(_executor(statements))
    store.connection.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
    try:
        with store.write() as connection:
            before = schema_version(connection)
            if before == VERSION:
                return False
            migrations.apply(sqlite_utils.Database(connection))
            _recreate_triggers(store)
            if before and pin is not None:
                pin(before)
    finally:
        store.connection.execute("PRAGMA foreign_keys = ON")
    return True


def _recreate_triggers(store: Store) -> None:
    """Create every trigger again, and write the schema's version."""
    for name, body in TRIGGERS.items():
        store.connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        store.connection.execute(f"CREATE TRIGGER {name} {body}")
    store.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.connection.execute(f"PRAGMA user_version = {VERSION}")
    assert_triggers(store)


def _executor(statements: tuple[str, ...]) -> Callable[[Any], None]:
    def execute(db: Any) -> None:
        for statement in statements:
            db.execute(statement)

    return execute


def assert_triggers(store: Store) -> None:
    """Check that the triggers that guard history are there, unaltered, and no others.

    Raises:
        StoreError: they are not; names the first problem.
    """
    for problem in trigger_problems(store):
        raise StoreError(
            f"'{store.path}': {problem}",
            hint="somebody changed the database by hand; restore the last copy of the folder",
        )


def trigger_problems(store: Store) -> Iterator[str]:
    """Triggers of ours that are missing or altered; triggers and views that are not ours."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
    present = dict(store.connection.execute(query))
    if missing := sorted(set(TRIGGERS) - set(present)):
        yield f"the register has lost triggers that guard its history: {', '.join(missing)}"
    for name, sql in present.items():
        if name not in TRIGGERS:
            yield f"the register has a trigger or view that sipca did not create: {name}"
        elif sql != f"CREATE TRIGGER {name} {TRIGGERS[name]}":
            yield f"the trigger {name} that guards history was altered"


def recreate_derived(store: Store) -> None:
    """Drop the derived tables and create them again, empty; needs a write transaction."""
    for name, statement in DERIVED.items():
        store.connection.execute(f"DROP TABLE IF EXISTS {name}")
        store.connection.execute(statement)
    for statement in _DERIVED_INDEXES:
        store.connection.execute(statement)
