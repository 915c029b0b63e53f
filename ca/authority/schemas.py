"""Which document each command answers with ``--json``, and its JSON Schema."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from ca.documents import (
    certificates,
    devices,
    handing,
    home,
    lab,
    reports,
    revocation,
    samples,
    trust,
)
from ca.documents.base import Document
from ca.documents.scripts import EnvDocument, ErrorDocument, SchemaListDocument
from ca.documents.signing import SigningDocument
from ca.errors import NotFoundError

DOCUMENTS: dict[str, type[Document]] = {
    "init": home.InitDocument,
    "status": home.StatusDocument,
    "chain": certificates.ChainDocument,
    "log": home.LogDocument,
    "csr show": reports.RequestDocument,
    "sign": SigningDocument,
    "issue": handing.IssueDocument,
    "list": certificates.ListDocument,
    "show": certificates.ShowDocument,
    "export": certificates.ExportDocument,
    "revoke": revocation.RevocationDocument,
    "release": revocation.RevocationDocument,
    "crl": revocation.CRLDocument,
    "ocsp respond": revocation.OCSPAnswerDocument,
    "ocsp presign": revocation.PresignDocument,
    "ocsp rotate": revocation.SignersDocument,
    "check": revocation.CheckDocument,
    "preflight": revocation.CheckDocument,
    "trust build": trust.TrustDocument,
    "trust diff": trust.TrustDiffDocument,
    "fixture list": lab.FixtureListDocument,
    "fixture make": lab.FixtureDocument,
    "samples": samples.SamplesDocument,
    "ca set": home.SettingsDocument,
    "profile list": reports.ProfileListDocument,
    "profile show": reports.TextDocument,
    "profile check": reports.TextDocument,
    "profile new": reports.WrittenDocument,
    "target list": reports.TargetListDocument,
    "target show": reports.TextDocument,
    "device list": devices.DeviceListDocument,
    "device show": devices.DeviceDocument,
    "device set": devices.DeviceDocument,
    "device remove": devices.DeviceDocument,
    "rule list": reports.RuleDocument,
    "rule show": reports.RuleShowDocument,
    "apply": lab.ApplyDocument,
    "env": EnvDocument,
    "schema": SchemaListDocument,
    "error": ErrorDocument,
}
"""By the words of the command; "error" is what stands on stderr before there is a document."""


def names() -> SchemaListDocument:
    """Every name that ``schema_of`` takes."""
    return SchemaListDocument(names=list(DOCUMENTS))


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a command's document.

    Raises:
        NotFoundError: no command of that name answers one.
    """
    if name not in DOCUMENTS:
        near = difflib.get_close_matches(name, DOCUMENTS, n=1)
        raise NotFoundError(
            f"no command '{name}' answers a document",
            hint=f"did you mean '{near[0]}'?" if near else "sipca schema lists them",
        )
    schema = msgspec.json.schema(DOCUMENTS[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
