"""The answers of ``fixture list`` and ``fixture make``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document
from ca.documents.sign import Refused


class FixtureFiles(msgspec.Struct, frozen=True):
    """The files of one fixture: key, certificate, the rest of the chain, and the full chain.

    ``ocsp``: its CA's OCSP answer, for the control and for what is revoked.
    """

    key: str
    device: str
    chain: str
    fullchain: str
    ocsp: str | None = None


class FixtureRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A bad certificate: what is wrong with it, and what a correct peer does.

    ``openssl`` are the words of an openssl command, ``openssl_says`` is part of its output.
    """

    name: str
    description: str
    peer: str
    openssl: list[str]
    openssl_says: str
    files: FixtureFiles | None
    present: str = ""
    refused_by: list[str] = []
    taken_by: list[str] = []


class FixtureListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``fixture list``."""

    fixtures: list[FixtureRecord]


class FixtureDocument(Document, frozen=True, kw_only=True):
    """The answer of ``fixture make``; ``table`` is a file for notes on what a device did.

    ``crls``: the CRLs of root and issuing CAs in one PEM.
    """

    folder: str
    ca: str
    trusted_root: str
    table: str
    fixtures: list[FixtureRecord]
    refused: list[Refused]
    crls: str = ""
