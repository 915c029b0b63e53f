"""``status``: which CA this is and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import NOW, CommandLine

from ca.store import certificates
from ca.store.connection import open_store
from ca.store.status_counts import count_by_status

Csr = Callable[..., Path]


def test_status_says_which_ca_what_it_holds_and_the_head(lab: CommandLine) -> None:
    document = lab("status", "--json").json
    text = lab("status").out

    assert document["ca"] == "Test Lab"
    assert document["certificates"] == {"valid": 3}
    assert document["audit_head"] in text
    assert "certificates: 3 valid" in text


def test_status_counts_what_list_shows(
    two_devices: CommandLine, csr_file: Csr, frozen: Callable[..., None]
) -> None:
    """The count is made in SQL, the list in Python: both must mean the same."""
    frozen(NOW)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(5)]
    for number, key in enumerate(keys):
        words = ("--lifetime", "10d") if number == 0 else ()
        assert (
            two_devices(
                "sign", csr_file(f"n{number}", cn=f"n{number}.lab.example", key=key), *words
            ).exit
            == 0
        )
    two_devices("revoke", "n1.lab.example")
    two_devices("revoke", "n2.lab.example", "--reason", "hold")
    again = csr_file("n3b", "dns:n3.lab.example", cn="n3.lab.example", key=keys[3])
    assert two_devices("sign", again, "--supersedes", "n3.lab.example").exit == 0
    for days in (-400, 0, 30, 4000):
        frozen(NOW + timedelta(days=days))
        listed: dict[str, int] = {}
        for each in two_devices("list", "--all", "--json").json["certificates"]:
            listed[each["status"]] = listed.get(each["status"], 0) + 1
        assert two_devices("status", "--json").json["certificates"] == dict(sorted(listed.items()))
    assert {"revoked", "held"} <= set(listed)


def _row_by_row(path: Path, days: int) -> tuple[dict[str, int], dict[str, int]]:
    """The count, and the count of what each row says of itself."""
    now = NOW + timedelta(days=days)
    with open_store(path) as store:
        rows = [row.status(now) for row in certificates.certificates(store)]
        return dict(count_by_status(store, now)), dict(Counter(rows))


@pytest.mark.parametrize(
    "change",
    [
        "SELECT 1",
        "DELETE FROM certificate WHERE plan_id = (SELECT max(plan_id) FROM certificate)",
        "DELETE FROM open_plan",
        "INSERT OR IGNORE INTO open_plan SELECT id FROM plan",
    ],
)
@pytest.mark.parametrize("days", [-400, 0, 4000])
def test_the_count_is_that_of_the_rows_also_where_a_derived_table_was_altered(
    two_devices: CommandLine, change: str, days: int
) -> None:
    two_devices("revoke", "sbc1")
    path = two_devices.home / "ca.db"
    with open_store(path) as store, store.write() as connection:
        connection.execute(change)

    counted, listed = _row_by_row(path, days)

    assert counted == listed
    assert sum(counted.values()) >= 2


def test_a_plan_without_a_result_and_an_abandoned_one_are_counted(two_devices: CommandLine) -> None:
    path = two_devices.home / "ca.db"
    copy = """INSERT INTO plan (id, issuer_id, serial, profile_sha256, lifetime, source, tbs,
                                account, planned_at)
              SELECT ?, issuer_id, ?, profile_sha256, lifetime, source, tbs, account, planned_at
                FROM plan WHERE device IS NOT NULL OR request_id IS NOT NULL LIMIT 1"""
    with open_store(path) as store, store.write() as connection:
        for number in (901, 902, 903):
            connection.execute(copy, (number, number.to_bytes(16, "big")))
        connection.execute("INSERT INTO open_plan VALUES (901)")
        connection.execute("INSERT INTO abandonment VALUES (902, 'why', '2026-01-01T00:00:00Z')")

    counted, listed = _row_by_row(path, 0)

    assert counted == listed
    assert (counted["planned"], counted["abandoned"]) == (2, 1)
