"""The names that certificates of the register were made for."""

from __future__ import annotations

from ca.store.connection import Store


def device_names(store: Store) -> list[str]:
    """The names of devices that certificates were planned for."""
    query = """SELECT device FROM plan WHERE device IS NOT NULL
                UNION SELECT device FROM attachment"""
    return [row[0] for row in store.connection.execute(query)]


def folded_names(store: Store, *, limit: int) -> list[str]:
    """The case-folded names in certificates, CNs included."""
    query = "SELECT DISTINCT folded FROM san LIMIT ?"
    return [row[0] for row in store.connection.execute(query, (limit,))]


def names_expiring_after(store: Store, moment: int, prefix: str, *, limit: int) -> list[str]:
    """Case-folded CNs and SANs with a prefix, of end-entity certificates that expire later.

    ``moment``: seconds since 1970.
    """
    rows = store.connection.execute(
        """SELECT s.folded FROM san s
             JOIN certificate c ON c.plan_id = s.plan_id
             JOIN plan p ON p.id = s.plan_id
            WHERE s.folded >= ? AND s.folded < ? AND c.not_after > ?
              AND p.for_issuer_id IS NULL
              AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
            LIMIT ?""",
        (prefix, prefix + "\U0010ffff", moment, limit),
    )
    return [row[0] for row in rows]
