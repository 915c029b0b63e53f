"""How many certificates there are in each status, in one reading of their index."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from ca.model.status import Status
from ca.store.certificates import LATEST, relics
from ca.store.connection import Store

_COUNT = f"""
    SELECT CASE
             WHEN a.plan_id IS NOT NULL THEN 'abandoned'
             WHEN r.plan_id IS NULL OR c.plan_id IS NULL THEN 'planned'
             WHEN s.status IS NOT NULL THEN s.status
             WHEN :now > c.not_after THEN 'expired'
             WHEN EXISTS (SELECT 1 FROM supersession x WHERE x.old_plan_id = p.id)
             THEN 'superseded'
             WHEN :now < c.not_before THEN 'not-yet-valid'
             ELSE 'valid'
           END, count(*)
      FROM plan p
      LEFT JOIN result r ON r.plan_id = p.id
      LEFT JOIN abandonment a ON a.plan_id = p.id
      LEFT JOIN certificate c ON c.plan_id = p.id
      LEFT JOIN status_event s ON {LATEST} AND s.status <> 'released'
     WHERE p.for_issuer_id IS NULL AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
"""  # noqa: S608 - our own constants
"""``CertificateRow.status`` in SQL, plan by plan."""
_EXCEPTIONS = """
    SELECT id FROM plan WHERE for_issuer_id IS NOT NULL
     UNION SELECT plan_id FROM ocsp_signer
     UNION SELECT plan_id FROM open_plan
     UNION SELECT plan_id FROM abandonment
     UNION SELECT old_plan_id FROM supersession
     UNION SELECT q.id FROM (SELECT DISTINCT issuer_id, serial FROM status_event) e
                       CROSS JOIN plan q ON q.issuer_id = e.issuer_id AND q.serial = e.serial
"""
"""Plans whose status may depend on more than their dates, or that do not count."""
_BY_DATES = """
    SELECT count(*) FILTER (WHERE :now > c.not_after),
           count(*) FILTER (WHERE :now <= c.not_after AND :now < c.not_before),
           count(*) FILTER (WHERE :now <= c.not_after AND :now >= c.not_before)
      FROM certificate c
"""
"""How many are expired, not yet valid and valid, by their dates alone; grouping takes thrice the
time."""
_OF_DATES: tuple[Status, ...] = ("expired", "not-yet-valid", "valid")


def count_by_status(store: Store, now: datetime) -> dict[Status, int]:
    """The number of end-entity plans in each status.

    The index of certificates is read once, and only the exceptions are looked at one by one.
    """
    counts: Counter[Status] = Counter()
    values = {"now": now.timestamp()}
    with store.snapshot():
        if _exceptions_are_all(store):
            counts.update(_by_dates(store, _BY_DATES, values))
            exceptions = f"{_BY_DATES} WHERE c.plan_id IN ({_EXCEPTIONS})"
            counts.subtract(_by_dates(store, exceptions, values))
            counts.update(_counted(store, f"{_COUNT} AND p.id IN ({_EXCEPTIONS})", values))
        else:
            counts.update(_counted(store, _COUNT, values))
        counts.update(row.status(now) for row in relics(store))
    return {status: count for status, count in counts.items() if count}


def _exceptions_are_all(store: Store) -> bool:
    """Whether every plan but the exceptions has its result and its row in the index.

    Results and index are of plans (foreign keys), so their numbers tell. Somebody may have altered
    the tables by hand; then each plan is looked at.
    """
    plans, results, indexed = store.connection.execute(
        """SELECT (SELECT count(*) FROM plan), (SELECT count(*) FROM result),
                  (SELECT count(*) FROM certificate)"""
    ).fetchone()
    unsigned, unindexed = store.connection.execute(
        f"""SELECT count(*) FILTER (WHERE r.plan_id IS NULL),
                   count(*) FILTER (WHERE c.plan_id IS NULL)
              FROM plan p
              LEFT JOIN result r ON r.plan_id = p.id
              LEFT JOIN certificate c ON c.plan_id = p.id
             WHERE p.id IN ({_EXCEPTIONS})"""  # noqa: S608 - our own constants
    ).fetchone()
    return (plans - results, plans - indexed) == (unsigned, unindexed)


def _by_dates(store: Store, query: str, values: dict[str, float]) -> dict[Status, int]:
    return dict(zip(_OF_DATES, store.connection.execute(query, values).fetchone(), strict=True))


def _counted(store: Store, query: str, values: dict[str, float]) -> dict[Status, int]:
    """The counts of a query that is grouped by its first column."""
    return dict(store.connection.execute(f"{query} GROUP BY 1", values).fetchall())
