"""``doctor --all``: every registered address at once, one handshake each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ca.authority.devices.doctor import (
    SIP_TLS_PORT,
    DoctorWishes,
    Observed,
    addresses,
    judge,
    observed,
)
from ca.authority.home import Home
from ca.authority.own_files import refuse_foreign_metrics
from ca.documents.doctor import DoctorDocument, PeerRecord
from ca.documents.verdict import Verdict
from ca.encoding.exposition import Metric, Sample, exposition
from ca.errors import CAError, attempt
from ca.files import write_stream
from ca.keys.client import ClientIdentity
from ca.model.findings import CertificateMarks, about
from ca.store.devices import DeviceRow
from ca.wire.connection import Limits, split_address

AT_ONCE = 24
_LIMITS = Limits(connect=3.0, whole=6.0)
"""So that 200 addresses of which half hang take less than a minute."""
_WORST: tuple[Verdict, ...] = ("ok", "warn", "fail")


def examine_all(
    home: Home,
    client: ClientIdentity | None = None,
    *,
    tell: Callable[[PeerRecord], None] = lambda _: None,
    metrics: Path | None = None,
) -> DoctorDocument:
    """Look at every registered address, some at a time; each is told as soon as it is judged.

    Only sockets are used by several threads; the register is asked by this one.

    Raises:
        ConflictError: at ``metrics`` is another file.
        KeyUnavailableError: the client certificate's files cannot be used.
    """
    if metrics is not None:
        refuse_foreign_metrics(metrics)
    wishes = [_wishes(row, address, client) for row, address in addresses(home)]
    records: list[PeerRecord] = []
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        sights = pool.map(lambda each: attempt(observed, home.environment, each), wishes)
        for wish, sight in zip(wishes, sights, strict=True):
            records.append(_record(home, wish, sight))
            tell(records[-1])
    findings = [finding for each in records for finding in each.findings]
    document = DoctorDocument(
        verdict=max((each.verdict for each in records), key=_WORST.index, default="ok"),
        findings=findings,
        peers=records,
    )
    if metrics is not None:
        write_stream(metrics, exposition(_metrics(home, document)))
    return document


def _wishes(row: DeviceRow, address: str, client: ClientIdentity | None) -> DoctorWishes:
    peer = f"[{address}]" if ":" in address else address
    return DoctorWishes(
        peer=peer,
        device=row.name,
        context=row.context,
        client=client,
        brief=True,
        limits=_LIMITS,
    )


def _record(home: Home, wish: DoctorWishes, sight: Observed | CAError) -> PeerRecord:
    judged = sight if isinstance(sight, CAError) else attempt(judge, home, wish, sight)
    if not isinstance(judged, CAError):
        marks = CertificateMarks(device=judged.device, context=judged.context)
        return msgspec.structs.replace(judged, findings=about(judged.findings, marks))
    home.note(judged)
    host, port = split_address(wish.peer, SIP_TLS_PORT)
    return PeerRecord(
        host=host,
        port=port,
        name=host,
        device=wish.device,
        context=wish.context,
        reached=False,
        verdict="fail",
        message=judged.message,
    )


def _metrics(home: Home, document: DoctorDocument) -> list[Metric]:
    where = str(home.path.absolute())
    reached, verdicts, ends = [], [], []
    for peer in document.peers:
        labels = {"home": where, "device": peer.device, "address": peer.host}
        reached.append(Sample(labels, int(peer.reached)))
        verdicts += [
            Sample({**labels, "verdict": each}, int(each == peer.verdict)) for each in _WORST
        ]
        for leaf in peer.chain[:1]:
            ends.append(Sample(labels, int(leaf.not_after.timestamp())))
    return [
        Metric("sipca_peer_reached", "1 if the address answered sipca doctor.", reached),
        Metric("sipca_peer_verdict", "1 for the verdict of sipca doctor.", verdicts),
        Metric("sipca_peer_not_after_seconds", "End of the certificate that is served.", ends),
    ]
