"""The document that each command prints with ``--json``, and its JSON Schema."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from ca.documents.apply import ApplyDocument
from ca.documents.backup import BackupDocument
from ca.documents.base import Document
from ca.documents.ca import (
    CAListDocument,
    CARotationDocument,
    PassphraseDocument,
    PlanDocument,
    RetirementDocument,
    RootKeyDocument,
    SettingsDocument,
)
from ca.documents.chain import ChainDocument
from ca.documents.check import CheckDocument
from ca.documents.crl import CRLDocument
from ca.documents.csr import RequestDocument
from ca.documents.device import CribDocument, DeviceDocument, DeviceDoneDocument, DeviceListDocument
from ca.documents.doctor import DoctorDocument
from ca.documents.env import EnvDocument
from ca.documents.error import ErrorDocument
from ca.documents.export import ExportDocument
from ca.documents.fixture import FixtureDocument, FixtureListDocument
from ca.documents.help import HelpDocument
from ca.documents.imports import ImportDocument
from ca.documents.init import InitDocument
from ca.documents.issue import IssueDocument
from ca.documents.list import ListDocument
from ca.documents.log import LogDocument
from ca.documents.ocsp import OCSPAnswerDocument, PresignDocument, SignersDocument
from ca.documents.preflight import PreflightDocument
from ca.documents.profile import ProfileListDocument, TextDocument, WrittenDocument
from ca.documents.pull import PullDocument
from ca.documents.push import PushDocument
from ca.documents.rekey import RekeyDocument
from ca.documents.renew import RenewDocument
from ca.documents.restore import RestoreDocument
from ca.documents.revoke import RevocationDocument
from ca.documents.rule import RuleDocument, RuleShowDocument
from ca.documents.samples import SamplesDocument
from ca.documents.scep import (
    ChallengeDocument,
    EnrolmentDecisionDocument,
    EnrolmentDocument,
    EnrolmentListDocument,
    RADocument,
)
from ca.documents.show import ShowDocument
from ca.documents.sign import SigningDocument
from ca.documents.status import StatusDocument
from ca.documents.target import TargetListDocument
from ca.documents.trust import (
    TrustCheckDocument,
    TrustDiffDocument,
    TrustDocument,
    TrustExportDocument,
)
from ca.documents.version import VersionDocument
from ca.errors import NotFoundError


class SchemaListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``schema`` without a name."""

    names: list[str]


DOCUMENTS: dict[str, type[Document]] = {
    "init": InitDocument,
    "import": ImportDocument,
    "status": StatusDocument,
    "chain": ChainDocument,
    "log": LogDocument,
    "csr show": RequestDocument,
    "rekey": RekeyDocument,
    "renew": RenewDocument,
    "sign": SigningDocument,
    "issue": IssueDocument,
    "list": ListDocument,
    "show": ShowDocument,
    "export": ExportDocument,
    "revoke": RevocationDocument,
    "release": RevocationDocument,
    "crl": CRLDocument,
    "ocsp respond": OCSPAnswerDocument,
    "ocsp presign": PresignDocument,
    "ocsp rotate": SignersDocument,
    "scep list": EnrolmentListDocument,
    "scep show": EnrolmentDocument,
    "scep approve": EnrolmentDecisionDocument,
    "scep deny": EnrolmentDecisionDocument,
    "scep challenge": ChallengeDocument,
    "scep rotate": RADocument,
    "backup": BackupDocument,
    "restore": RestoreDocument,
    "check": CheckDocument,
    "preflight": PreflightDocument,
    "doctor": DoctorDocument,
    "pull": PullDocument,
    "push": PushDocument,
    "trust export": TrustExportDocument,
    "trust check": TrustCheckDocument,
    "trust build": TrustDocument,
    "trust diff": TrustDiffDocument,
    "fixture list": FixtureListDocument,
    "fixture make": FixtureDocument,
    "ca set": SettingsDocument,
    "ca list": CAListDocument,
    "ca rotate": CARotationDocument,
    "ca plan": PlanDocument,
    "ca retire": RetirementDocument,
    "ca passphrase": PassphraseDocument,
    "ca export-root-key": RootKeyDocument,
    "ca drop-root-key": RootKeyDocument,
    "profile list": ProfileListDocument,
    "profile show": TextDocument,
    "profile check": TextDocument,
    "profile new": WrittenDocument,
    "target list": TargetListDocument,
    "target show": TextDocument,
    "device list": DeviceListDocument,
    "device show": DeviceDocument,
    "device set": DeviceDocument,
    "device remove": DeviceDocument,
    "device crib": CribDocument,
    "device done": DeviceDoneDocument,
    "rule list": RuleDocument,
    "rule show": RuleShowDocument,
    "apply": ApplyDocument,
    "env": EnvDocument,
    "samples": SamplesDocument,
    "schema": SchemaListDocument,
    "help": HelpDocument,
    "version": VersionDocument,
    "error": ErrorDocument,
}
"""By the words of the command; "error" is what is printed on stderr if there is no document."""


def names() -> SchemaListDocument:
    """List the names that ``schema_of`` accepts."""
    return SchemaListDocument(names=list(DOCUMENTS))


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a command's document.

    Raises:
        NotFoundError: there is no such command, or it prints no document.
    """
    if name not in DOCUMENTS:
        similar = difflib.get_close_matches(name, DOCUMENTS, n=1)
        raise NotFoundError(
            f"no command '{name}' prints a document",
            hint=f"did you mean '{similar[0]}'?" if similar else "sipca schema lists them",
        )
    schema = msgspec.json.schema(DOCUMENTS[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
