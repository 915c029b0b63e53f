"""A device target: what a kind of device accepts and what its pages are called, as data.

Every fact carries its basis: ``vendor`` where the vendor's text says so, ``inferred`` where we
reason. Closed keys.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ca.errors import MalformedError

Basis = Literal["vendor", "inferred"]
Phase = Literal["trust", "device", "save", "check"]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Step(_Closed, frozen=True):
    """One step of an upload, in order; ``text`` may hold {trusted_root}, {device}, {context}."""

    phase: Phase
    text: str
    basis: Basis


class RequestFacts(_Closed, frozen=True):
    """What the device's CSR page makes: factory CN (a regular expression), example subject."""

    factory_cn: str = ""
    placeholder: dict[str, str] = {}
    basis: Basis = "inferred"


class KeyFacts(_Closed, frozen=True):
    """The smallest RSA key to ask of it, and where on its pages a larger one is made."""

    smallest_rsa: int = 2048
    page: str = ""
    basis: Basis = "inferred"


class OCSPFacts(_Closed, frozen=True):
    """Where the device is told of OCSP responders; ``fields`` may hold {address} and {port}."""

    port: int = 2560
    page: str = ""
    fields: dict[str, str] = {}
    basis: Basis = "inferred"


class Target(_Closed, frozen=True):
    """One target. ``text`` is the very TOML."""

    schema: Literal[1]
    description: str
    steps: tuple[Step, ...]
    request: RequestFacts = RequestFacts()
    key: KeyFacts = KeyFacts()
    ocsp: OCSPFacts = OCSPFacts()
    name: str = ""
    text: str = ""


def check_target(target: Target) -> None:
    """What the types cannot say.

    Raises:
        MalformedError: naming the key that is wrong.
    """
    try:
        re.compile(target.request.factory_cn)
    except re.error as error:
        raise MalformedError(f"request.factory_cn: {error}") from None
    for step in target.steps:
        _check_template("steps", step.text, ("trusted_root", "device", "context"))
    for text in target.ocsp.fields.values():
        _check_template("ocsp.fields", text, ("address", "port"))


def _check_template(key: str, text: str, known: tuple[str, ...]) -> None:
    try:
        text.format(**dict.fromkeys(known, ""))
    except (KeyError, IndexError, ValueError):
        raise MalformedError(f"{key}: '{text}' has an unknown place-holder") from None
