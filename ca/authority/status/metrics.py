"""``check --metrics``: what was checked, as a file for a Prometheus textfile collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

from ca.authority.home import CA, Home
from ca.authority.lineage import in_service
from ca.authority.own_files import refuse_foreign_metrics
from ca.authority.status.crl import crl_record
from ca.authority.status.signers import newest_in_force
from ca.documents.verdict import Verdict, verdict_of
from ca.encoding.certificates import read_certificate
from ca.encoding.exposition import Metric, Sample, exposition
from ca.files import write_stream
from ca.model.findings import Finding
from ca.model.status import STATUSES
from ca.store import certificates
from ca.store.certificates import CertificateRow
from ca.store.status_counts import count_by_status

Labels = Mapping[str, object]


def write_metrics(home: Home, path: Path, findings: Sequence[Finding], *, sound: bool) -> None:
    """Write the file, in place of its own predecessor, so that nobody reads half of it.

    Every sample has the home as a label, since several homes may be collected together. Of a
    register that is not ``sound`` only the findings are written: the rest would rely on it.

    Raises:
        ConflictError: there is another file.
        StoreError: it cannot be written.
    """
    refuse_foreign_metrics(path)
    metrics = [*_of_the_check(home, findings)]
    if sound:
        metrics += [_counts(home), *_of_the_cas(home), _ends(home)]
    labelled = [_with_home(home, each) for each in metrics]
    write_stream(path, exposition(labelled))


def _with_home(home: Home, metric: Metric) -> Metric:
    where = str(home.path.absolute())
    samples = (Sample({"home": where, **each.labels}, each.value) for each in metric.samples)
    return Metric(metric.name, metric.help, samples)


def _of_the_check(home: Home, findings: Sequence[Finding]) -> Iterator[Metric]:
    verdict = verdict_of(list(findings))
    yield Metric(
        "sipca_check_timestamp_seconds",
        "When sipca check looked at this CA home.",
        [Sample({}, _seconds(home.now()))],
    )
    yield Metric(
        "sipca_check_verdict",
        "1 for the verdict of the check, 0 for the others.",
        [Sample({"verdict": each}, int(each == verdict)) for each in get_args(Verdict)],
    )
    counts = Counter((each.code, each.severity, each.result) for each in findings)
    yield Metric(
        "sipca_check_findings",
        "Findings of the check, by code, severity and result.",
        [
            Sample({"code": code, "severity": severity, "result": result}, count)
            for (code, severity, result), count in sorted(counts.items())
        ],
    )


def _counts(home: Home) -> Metric:
    counts = count_by_status(home.store, home.now())
    return Metric(
        "sipca_certificates",
        "End-entity certificates and plans, by status.",
        [Sample({"status": each}, counts.get(each, 0)) for each in STATUSES],
    )


def _of_the_cas(home: Home) -> Iterator[Metric]:
    cas = [(ca, _ca_labels(ca)) for ca in in_service(home)]
    yield Metric(
        "sipca_ca_not_after_timestamp_seconds",
        "When the certificate of a CA ends.",
        [
            Sample({**labels, "serial": ca.issuer.facts.serial}, _seconds(_end_of(ca)))
            for ca, labels in cas
            if ca.issuer.facts is not None
        ],
    )
    records = [(crl_record(home, ca), labels) for ca, labels in cas]
    yield _dates(
        "sipca_crl_next_update_timestamp_seconds",
        "The nextUpdate of the newest CRL of a CA.",
        ((labels, record.next_update) for record, labels in records),
    )
    yield Metric(
        "sipca_crl_number",
        "The number of the newest CRL of a CA.",
        [Sample(labels, each.number) for each, labels in records if each.number is not None],
    )
    signers = [(newest_in_force(home, ca), labels) for ca, labels in cas]
    yield _dates(
        "sipca_ocsp_signer_not_after_timestamp_seconds",
        "When the certificate of the OCSP signer of a CA ends.",
        ((labels, signer.not_after if signer else None) for signer, labels in signers),
    )


def _ends(home: Home) -> Metric:
    """The ends of current certificates, and of those that expired and nothing replaced."""
    ids = {ca.issuer.id: ca.issuer.ca_id for ca in home.cas()}
    return Metric(
        "sipca_certificate_not_after_timestamp_seconds",
        "When a certificate in use ends; of one that expired and was not replaced, when it did.",
        (
            Sample(_labels_of(row, ids.get(row.issuer_id)), row.not_after)
            for row in certificates.certificates(home.store, in_use=True)
            if row.not_after is not None
        ),
    )


def _labels_of(row: CertificateRow, issuer: str | None) -> Labels:
    return {
        "issuer": issuer or row.issuer_id,
        "serial": row.serial.hex(),
        "device": row.device,
        "context": row.context,
        "cn": read_certificate(row.der).cn,
        "profile": row.profile,
    }


def _ca_labels(ca: CA) -> Labels:
    return {"ca": ca.issuer.ca_id, "role": ca.role, "name": ca.issuer.name}


def _end_of(ca: CA) -> datetime:
    assert ca.issuer.facts is not None
    return ca.issuer.facts.validity.not_after


def _dates(name: str, text: str, dated: Iterable[tuple[Labels, datetime | None]]) -> Metric:
    samples = [Sample(labels, _seconds(at)) for labels, at in dated if at is not None]
    return Metric(name, text, samples)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
