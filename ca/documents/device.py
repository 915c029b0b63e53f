"""The answers of ``device ...``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.ca import PlanEntry
from ca.model.findings import Finding


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A registered device; ``target`` and ``context`` are null if the home's default applies."""

    name: str
    target: str | None
    context: int | None
    addresses: list[str]
    proxy_sets: list[str]


class CertificateOnIt(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that a device is to serve, or served until it ended."""

    serial: str
    context: int | None
    profile: str
    subject: str
    status: str
    not_after: datetime
    days_left: int


class ListedDevice(DeviceRecord, frozen=True, kw_only=True):
    """A device, and what is on it: its current and lapsed certificates, by context and end."""

    certificates: list[CertificateOnIt]


class OnDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of a device: its context, names and key, the CSR, and the files written."""

    serial: str
    status: str
    context: int | None
    subject: str
    san: list[str]
    not_after: datetime
    key: str
    key_identity: str
    source: str
    request_sha256: str | None
    files: list[str]
    days_left: int = 0


class DeviceListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``device list``."""

    devices: list[ListedDevice]


class DeviceDocument(Document, frozen=True, kw_only=True):
    """The answer of ``device show|set|remove``; ``changed`` is false if there was nothing to do.

    ``findings``: what is odd about what was set.
    """

    device: DeviceRecord
    changed: bool
    certificates: list[OnDevice]
    findings: list[Finding] = msgspec.field(default_factory=list)


class DeviceDoneDocument(Document, frozen=True, kw_only=True):
    """The answer of ``device done``: what the device needs next, in each of its contexts."""

    device: str
    step: str
    changed: bool
    devices: list[PlanEntry]


class UploadStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an upload on the device's pages; ``done`` is what the operator ticked."""

    id: str
    text: str
    done: bool


class CribLine(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the device's page: its label, what its selector must show, and what to type."""

    field: str
    selector: str | None
    value: str
    note: str | None
    basis: str


class CribDocument(Document, frozen=True, kw_only=True):
    """The answer of ``device crib``: what to type before a CSR exists.

    ``key`` comes first, on its own page. ``lines`` is empty where nobody types anything: ``notes``
    says what is to be done instead.
    """

    device: str
    context: int | None
    target: str
    description: str
    page: str
    basis: str
    key: str | None
    key_page: str | None
    lines: list[CribLine]
    leave: list[str]
    notes: list[str]
