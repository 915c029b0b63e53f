"""A register that somebody edited: what is answered, what is refused, what mends it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from stand_in.lab import EC_KEY, ROOT, SAMPLES, CommandLine
from stand_in.registers import edit

from ca.authority.status.soundness import Differences, index_altered, register_altered
from ca.model.findings import run
from ca.store import audit, settings
from ca.store.audit import Actor, Event
from ca.store.connection import open_store
from ca.store.schema import upgrade

Csr = Callable[..., Path]
OLD = ROOT / "tests" / "vectors" / "registers" / "schema-1.sql"


@pytest.fixture
def revoked(sipca: CommandLine, csr_file: Csr) -> CommandLine:
    """A home with a certificate revoked for key-compromise."""
    assert sipca("sign", csr_file("a"), "--quiet").exit == 0
    answer = sipca("revoke", "sbc9.lab.example", "--reason", "key-compromise")
    assert answer.exit == 0, answer.err
    return sipca


def undo_revocation(sipca: CommandLine) -> None:
    edit(sipca.home, "DELETE FROM status", "DELETE FROM blocked_key")


def problems(sipca: CommandLine) -> list[str]:
    answer = sipca("log", "--verify", "--json")
    assert answer.exit == (9 if answer.json["problems"] else 0)
    found: list[str] = answer.json["problems"]
    return found


def test_a_lost_status_row_makes_no_revoked_certificate_good(
    revoked: CommandLine, tmp_path: Path
) -> None:
    (listed,) = revoked("list", "--all", "--json").json["certificates"]
    pem = revoked("show", "sbc9.lab.example", "--pem").out
    leaf = x509.load_pem_x509_certificate(pem.encode())
    issuing = x509.load_pem_x509_certificate(revoked("chain", "--parts", "issuing").out.encode())
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, hashes.SHA1()).build()
    (tmp_path / "request").write_bytes(asked.public_bytes(Encoding.DER))

    undo_revocation(revoked)

    answer = revoked("ocsp", "respond", tmp_path / "request", "-o", tmp_path / "response")
    assert answer.exit == 0, answer.err
    response = ocsp.load_der_ocsp_response((tmp_path / "response").read_bytes())
    assert response.certificate_status == ocsp.OCSPCertStatus.REVOKED
    assert listed["status"] == "revoked"
    assert revoked("list", "--all", "--json").json["certificates"] == [listed]


def test_a_lost_row_unblocks_no_key(revoked: CommandLine, csr_file: Csr) -> None:
    undo_revocation(revoked)

    answer = revoked("sign", csr_file("b", cn="other.lab.example"))

    assert answer.exit == 4
    assert "revoked for key-compromise" in answer.err


def test_a_lost_status_row_is_named_by_verify_and_check_and_made_anew(
    revoked: CommandLine, tmp_path: Path
) -> None:
    serial = revoked("list", "--all", "--json").json["certificates"][0]["serial"]
    undo_revocation(revoked)

    lost = problems(revoked)
    (finding,) = revoked("check", "--json").json["findings"]
    refused = revoked("crl", "--refresh")
    mended = revoked("check", "--rebuild")

    assert lost[0].startswith(f"the status row {serial} of issuer 2 is gone: it is revoked")
    assert lost[1].startswith("the blocked_key row ")
    assert finding["code"] == "index-altered"
    assert finding["hint"].startswith("sipca check --rebuild rebuilds those tables from history")
    assert refused.exit == 8
    assert "it has 0 serials, history has 1" in refused.err
    assert "sipca check --rebuild" in refused.err
    assert mended.exit == 0, mended.out
    assert "rebuilt from history" in mended.err
    assert problems(revoked) == []
    assert revoked("crl", "--refresh", "-o", tmp_path / "crl").exit == 0
    crl = x509.load_pem_x509_crl((tmp_path / "crl").read_bytes())
    assert [f"{each.serial_number:x}" for each in crl] == [serial]
    assert revoked("log", "--json").json["events"][-3]["action"] == "rebuilt"


def test_rebuilding_what_is_whole_changes_nothing(revoked: CommandLine) -> None:
    before = revoked("status", "--json").json["audit_head"]

    assert revoked("check", "--rebuild").exit == 0

    assert revoked("status", "--json").json["audit_head"] == before


def test_nothing_is_made_anew_from_history_that_was_altered_itself(revoked: CommandLine) -> None:
    edit(revoked.home, "UPDATE status_event SET reason = 'because'", "DELETE FROM status")

    answer = revoked("check", "--rebuild")

    assert answer.exit == 8
    assert "the status_event row 1 that event" in answer.err


def test_a_certificate_said_to_have_ended_stays_in_the_crl(revoked: CommandLine) -> None:
    edit(revoked.home, "UPDATE status SET not_after = 0")

    answer = revoked("crl", "--refresh")

    assert answer.exit == 8
    assert "has not expired" in answer.err
    assert revoked("check").exit == 9


def test_a_released_certificate_is_no_difference(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("a"), "--quiet")
    sipca("revoke", "sbc9.lab.example", "--reason", "hold")
    sipca("release", "sbc9.lab.example")

    assert sipca("crl", "--refresh").exit == 0
    assert sipca("check").exit == 0
    assert problems(sipca) == []


def test_a_crl_that_is_not_the_one_signed_is_not_handed_out(
    revoked: CommandLine, tmp_path: Path
) -> None:
    edit(revoked.home, "UPDATE crl_piece SET octets = x'3000' WHERE issuer_id = 2")

    answer = revoked("crl", "-o", tmp_path / "crl")

    assert answer.exit == 8
    assert "is not the one that was signed" in answer.err
    assert not (tmp_path / "crl").exists()
    assert revoked("crl", "--refresh", "-o", tmp_path / "crl").exit == 0
    assert problems(revoked) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE setting SET value = 'http://evil.example' WHERE name = 'base_url'",
        "DELETE FROM setting WHERE name = 'base_url'",
        "INSERT INTO setting VALUES ('target', 'generic')",
        "UPDATE key SET encrypted = 1",
        "UPDATE issuer SET ca_id = 'deadbeef' WHERE role = 'issuing'",
        "DELETE FROM ocsp_signer",
        "UPDATE crl SET next_update = '2099-01-01T00:00:00Z'",
        "UPDATE audit SET state = NULL",
        "UPDATE audit SET state = '[]'",
    ],
)
@pytest.mark.parametrize(
    "words", [("sign", "CSR"), ("revoke", "sbc9.lab.example"), ("crl", "--refresh"),
              ("ocsp", "rotate"), ("ocsp", "presign", "--out", "OUT"), ("issue", "x.lab.example", "--out", "OUT")],
    ids=" ".join,
)  # fmt: skip
def test_whoever_signs_or_answers_first_looks_at_state(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, statement: str, words: tuple[str, ...]
) -> None:
    sipca("ca", "set", "--base-url", "http://10.0.0.5:8080")
    sipca("sign", csr_file("a"), "--quiet")
    edit(sipca.home, statement)
    places = {"CSR": csr_file("b", cn="b.lab.example", key=EC_KEY), "OUT": tmp_path / "out"}

    answer = sipca(*(places.get(word, word) for word in words))

    assert answer.exit == 8, answer
    assert "differ from its history" in answer.err
    assert "sipca log --verify" in answer.err
    assert not (tmp_path / "out").exists()


def test_a_missing_guard_stops_signing_and_is_a_problem(sipca: CommandLine, csr_file: Csr) -> None:
    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as connection:
        connection.execute("DROP TRIGGER plan_no_delete")

    answer = sipca("sign", csr_file("a"))

    assert answer.exit == 8
    assert "has lost triggers that guard its history: plan_no_delete" in answer.err
    problem = "the register has lost triggers that guard its history: plan_no_delete"
    assert problems(sipca) == [problem]
    assert sipca("check").exit == 9


def test_a_trigger_of_somebody_else_s_is_a_problem(sipca: CommandLine, csr_file: Csr) -> None:
    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as connection:
        connection.execute(
            "CREATE TRIGGER sly AFTER INSERT ON status BEGIN DELETE FROM status; END"
        )

    assert problems(sipca) == ["the register has a trigger or view that sipca did not create: sly"]
    assert sipca("sign", csr_file("a")).exit == 8


def test_a_guard_that_guards_nothing_is_a_problem(sipca: CommandLine) -> None:
    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as connection:
        connection.execute("DROP TRIGGER plan_no_delete")
        connection.execute(
            "CREATE TRIGGER plan_no_delete BEFORE DELETE ON plan BEGIN SELECT 1; END"
        )

    assert problems(sipca) == ["the trigger plan_no_delete that guards history was altered"]


def test_a_request_replaced_together_with_its_hash_is_named(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("a"), "--quiet")
    sipca("sign", csr_file("b", cn="b.lab.example"), "--allow", "reused-key", "--quiet")
    edit(
        sipca.home,
        "UPDATE request SET sha256 = x'" + "00" * 32 + "' WHERE id = 1",
        """UPDATE request SET der = (SELECT der FROM request WHERE id = 2),
                  sha256 = (SELECT sha256 FROM request WHERE id = 2) WHERE id = 1 AND 0""",
    )
    from hashlib import sha256

    with contextlib.closing(sqlite3.connect(sipca.home / "ca.db")) as connection:
        other = b"0\x03\x02\x01\x00"
        edit(
            sipca.home,
            f"UPDATE request SET der = x'{other.hex()}', sha256 = x'{sha256(other).hexdigest()}' "
            "WHERE id = 1",
        )
        assert connection.execute("SELECT der FROM request WHERE id = 1").fetchone()[0] == other

    found = problems(sipca)

    assert any("its request row 1" in each for each in found), found


@pytest.fixture
def upgraded(bare: CommandLine) -> CommandLine:
    """A home of the first schema, brought up to date."""
    bare.home.mkdir(mode=0o700)
    (bare.home / "ca.db").touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(bare.home / "ca.db")) as connection:
        connection.executescript(OLD.read_text())
    assert bare("list").exit == 0
    return bare


def test_an_upgraded_home_has_one_event_that_pins_what_was_found(upgraded: CommandLine) -> None:
    pinned = [e for e in upgraded("log", "--json").json["events"] if e["action"] == "upgraded"]

    assert len(pinned) == 1
    assert pinned[0]["detail"]["from"] == "1"
    assert problems(upgraded) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE key SET pkcs8 = x'00' WHERE id = 1", "the key row 1 was altered"),
        ("DELETE FROM setting WHERE name = 'name'", "the setting row name that event"),
        ("UPDATE profile_text SET name = 'other' WHERE name = 'sip'", "the profile_text row 937F"),
        ("UPDATE request SET received_at = '2020-01-01T00:00:00Z'", "the request row 1 was not"),
        ("UPDATE request SET key_identity = zeroblob(32)", "the request row 1 has another key"),
        ("UPDATE request SET sha256 = zeroblob(32)", "the request rows 1 to 1 are not those"),
        ("UPDATE plan SET source = 'x' WHERE id = 3", "the result row 3 that event"),
        ("INSERT INTO plan SELECT 4, issuer_id, x'07', request_id, profile_sha256, for_issuer_id,"
         " device, context, lifetime, source, tbs, account, planned_at FROM plan WHERE id = 3",
         "the plan row 4 has no event"),
        ("DELETE FROM san", "the san row 3 "),
        ("INSERT INTO san (folded, plan_id, kind) VALUES ('x.lab', 3, 'dns')", "the san row 3 dns:x.lab was added"),
        ("INSERT INTO san (folded, plan_id, kind) VALUES ('x.lab', 99, 'dns')", "the san row 99 dns:x.lab was added"),
        ("UPDATE certificate SET not_after = 1", "the certificate row 3 was altered"),
    ],
)  # fmt: skip
def test_an_upgraded_home_is_held_against_what_was_pinned(
    upgraded: CommandLine, statement: str, named: str
) -> None:
    edit(upgraded.home, statement)

    found = problems(upgraded)

    assert any(named in each for each in found), found


@pytest.fixture
def revoked_before_6(bare: CommandLine, frozen: Callable[..., None]) -> CommandLine:
    """A home of schema 5 with a certificate revoked for key-compromise and one held and released."""
    frozen(datetime(2026, 12, 1, tzinfo=UTC))
    bare.home.mkdir(mode=0o700)
    (bare.home / "ca.db").touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(bare.home / "ca.db")) as connection:
        connection.executescript(OLD.with_name("schema-5.sql").read_text())
    return bare


def test_revocations_of_an_older_register_stay_whole_and_in_force(
    revoked_before_6: CommandLine,
) -> None:
    blocked = revoked_before_6("sign", SAMPLES / "ec-p256.csr")

    assert blocked.exit == 4
    assert "revoked for key-compromise" in blocked.err
    assert problems(revoked_before_6) == []
    assert revoked_before_6("crl", "--refresh").exit == 0
    assert revoked_before_6("check", "--json").json["findings"] == []
    assert problems(revoked_before_6) == []


@pytest.mark.parametrize("table", ["status", "blocked_key", "crl_piece", "device", "ocsp_signer"])
def test_an_older_register_is_held_against_its_history_too(
    revoked_before_6: CommandLine, table: str
) -> None:
    revoked_before_6("list")
    edit(revoked_before_6.home, f"DELETE FROM {table}")

    found = problems(revoked_before_6)

    assert any(f"the {table} row" in each for each in found), found
    assert revoked_before_6("check").exit == 9


def test_state_is_not_changed_without_an_event(tmp_path: Path) -> None:
    with open_store(tmp_path / "ca.db", create=True) as store:
        upgrade(store)

        with pytest.raises(AssertionError, match="no event records"), store.write():
            settings.write(store, "name", "x")

        assert settings.read(store, "name") is None


def test_an_event_tells_the_state_that_was_changed_before_it(
    tmp_path: Path, frozen: Callable[..., None]
) -> None:
    from stand_in.lab import NOW

    with open_store(tmp_path / "ca.db", create=True) as store:
        upgrade(store)
        with store.write():
            settings.write(store, "name", "x")
            events = [Event("set", "name"), Event("other", "event")]
            audit.record(store, events, at=NOW, actor=Actor("op", "lab", "0"))

        told = store.connection.execute("SELECT state FROM audit ORDER BY id").fetchall()

    assert '["setting","name","' in told[0][0]
    assert told[1][0] is None


def test_an_event_that_cannot_be_read_is_a_problem_and_no_bug(sipca: CommandLine) -> None:
    edit(sipca.home, "UPDATE audit SET at = 'once', detail = 'x' WHERE id = 2")

    found = problems(sipca)

    assert found == ["event 2 was altered"]
    listed = sipca("log", "--verify", "--json").json["events"]
    assert 2 not in {each["id"] for each in listed}
    assert sipca("log").exit == 8


def test_an_index_that_does_not_agree_with_its_table_is_a_problem(revoked: CommandLine) -> None:
    with contextlib.closing(
        sqlite3.connect(revoked.home / "ca.db", isolation_level=None)
    ) as connection:
        for statement in (
            "PRAGMA writable_schema = ON",
            """UPDATE sqlite_master SET sql = replace(sql, ' (issuer_id)', ' (id + 7)')
                WHERE name = 'status_event_by_issuer'""",
            "PRAGMA writable_schema = RESET",
        ):
            connection.execute(statement)

    found = problems(revoked)

    assert any(each.startswith("SQLite reports: ") for each in found), found


def test_rules_of_soundness_name_five_and_count_the_others() -> None:
    good = [Differences((), 0), Differences((), 0)]
    bad = [Differences(("a is gone", "b is gone"), 3), Differences(("c was added",), 0)]

    assert run([register_altered], good[0]) == run([index_altered], good[1]) == []
    (history,) = run([register_altered], bad[0])
    (derived,) = run([index_altered], bad[1])
    assert history.message == "a is gone; b is gone; and 3 more"
    assert derived.message == "c was added"


@pytest.mark.parametrize(("rows", "more"), [(5, ""), (6, "; and 1 more"), (8, "; and 3 more")])
def test_check_names_five_differences_and_counts_the_others(
    sipca: CommandLine, rows: int, more: str
) -> None:
    added = (
        f"INSERT INTO status VALUES (1, x'{number:032x}', 'revoked', 'superseded',"
        f" '2026-11-23T00:00:00Z', {number}, NULL, x'')"
        for number in range(1, rows + 1)
    )
    edit(sipca.home, *added)

    (finding,) = [
        f for f in sipca("check", "--json").json["findings"] if f["code"] == "index-altered"
    ]

    assert finding["message"].count("has no event: it was added") == 5
    assert ("; and " in finding["message"], finding["message"].endswith(more)) == (bool(more), True)


def test_a_name_that_the_index_gives_to_another_certificate_revokes_nothing(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("a", cn="a.lab.example"), "--quiet")
    sipca("sign", csr_file("b", cn="b.lab.example", key=EC_KEY), "--quiet")
    edit(
        sipca.home,
        "DELETE FROM san WHERE folded = 'a.lab.example'",
        "UPDATE san SET folded = 'a.lab.example' WHERE folded = 'b.lab.example'",
    )

    answer = sipca("revoke", "a.lab.example")

    assert answer.exit == 8
    assert "as 'a.lab.example', which its certificate lacks" in answer.err
    assert {c["status"] for c in sipca("list", "--json").json["certificates"]} == {"valid"}
    assert any("the san row" in each for each in problems(sipca))
    assert sipca("check", "--rebuild").exit == 0
    assert problems(sipca) == []
    assert sipca("revoke", "a.lab.example").exit == 0


def test_a_copy_that_is_whole_verifies(revoked: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(revoked.home, tmp_path / "copy")

    assert problems(CommandLine(tmp_path / "copy")) == []
