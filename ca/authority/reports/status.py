"""``status``: the name, counts and audit head of a CA."""

from __future__ import annotations

from ca.authority.home import Home
from ca.authority.records import ca_record
from ca.documents.status import StatusDocument
from ca.store import audit
from ca.store.status_counts import count_by_status


def status(home: Home) -> StatusDocument:
    """The name of the CA, its counts, and the head of the audit trail."""
    counts = count_by_status(home.store, home.now())
    return StatusDocument(
        ca=home.name,
        home=str(home.path),
        cas=[ca_record(each) for each in home.cas()],
        base_url=home.base_url,
        target=home.target,
        certificates=dict(sorted(counts.items())),
        audit_events=audit.count(home.store),
        audit_head=audit.head(home.store).hex(),
    )
