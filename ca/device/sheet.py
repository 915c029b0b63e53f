"""The upload sheet: which file goes where, in which order, and what to compare."""

from __future__ import annotations

from datetime import datetime
from hashlib import md5, sha1, sha256

import msgspec

from ca.device import sheet_steps
from ca.device.sheet_steps import Place, SheetStep
from ca.model.certificates import CertificateFacts
from ca.model.findings import Finding
from ca.names.text import printable

_HASHES = {
    "sha256": lambda der: sha256(der).hexdigest(),
    "sha1": lambda der: sha1(der, usedforsecurity=False).hexdigest(),
    "md5": lambda der: md5(der, usedforsecurity=False).hexdigest(),
}


class SheetRow(msgspec.Struct, frozen=True):
    """One file: its purpose, its certificates, and the SHA-256 of the file in hex."""

    name: str
    purpose: str
    certificates: tuple[CertificateFacts, ...]
    sha256: str


class Sheet(msgspec.Struct, frozen=True):
    """Everything that a sheet shows; ``host`` is the name that the certificate is for."""

    ca: str
    device: str
    host: str
    place: Place
    made_at: datetime
    rows: tuple[SheetRow, ...]
    findings: tuple[Finding, ...]

    @property
    def title(self) -> str:
        return f"Upload sheet for {self.device or self.host}"

    @property
    def address(self) -> str:
        """The address to open, or how to make it known."""
        return self.place.address or "address not known"


class Part(msgspec.Struct, frozen=True):
    """A part of the sheet: its heading, and what is to be done in order."""

    heading: str
    steps: tuple[SheetStep, ...]


def parts(sheet: Sheet) -> list[Part]:
    """What is to be done, part by part; a target that says nothing of a part has none."""
    told = (
        ("Before anything else", sheet_steps.before(sheet.place)),
        ("The way to the page", sheet_steps.way(sheet.place)),
        ("Steps, in this order", sheet_steps.steps(sheet.place)),
        ("Afterwards", _afterwards(sheet)),
    )
    return [Part(heading, tuple(steps)) for heading, steps in told if steps]


def _afterwards(sheet: Sheet) -> list[SheetStep]:
    page = sheet.place.target.pages.trust.removesuffix(" > Import")
    return [
        SheetStep(
            f"{page}: every CA certificate below is listed, with the thumbprints below",
            "one is missing: import it again, and save again",
        )
    ]


def notes(sheet: Sheet) -> list[str]:
    """What is good to know, and nothing to tick."""
    return sheet_steps.notes(sheet.place)


def thumbprints(facts: CertificateFacts) -> list[tuple[str, str]]:
    """Name and hex digits of each thumbprint that a page or a caller may name."""
    return [
        (name.upper().replace("SHA", "SHA-"), _grouped(_HASHES[name](facts.der)))
        for name in _HASHES
    ]


def as_text(sheet: Sheet) -> str:
    """The sheet as plain ASCII text."""
    lines = [
        sheet.title,
        "=" * len(sheet.title),
        f"address  {sheet.address}",
        f"host     {sheet.host}",
        f"device   {sheet.device}" + context_text(sheet),
        f"target   {sheet.place.target.description}",
        f"CA       {sheet.ca}",
        f"created  {sheet.made_at:%Y-%m-%d %H:%M}Z",
    ]
    for part in parts(sheet):
        lines += ["", f"{part.heading}:"]
        for number, step in enumerate(part.steps, 1):
            lines.append(f"  {number}. [ ] {step.text}")
            lines += [f"         if not: {step.otherwise}"] if step.otherwise else []
    lines += ["", "Files:", *_file_lines(sheet)]
    told = notes(sheet)
    lines += ["", "Notes:", *(f"  - {each}" for each in told)] if told else []
    lines += ["", "Preflight:"]
    lines += [f"  {each.result}: {each.message} [{each.basis}]" for each in sheet.findings] or [
        "  these files can be uploaded"
    ]
    return "\n".join(printable(line, limit=2000) for line in lines) + "\n"


def _file_lines(sheet: Sheet) -> list[str]:
    lines = []
    for row in sheet.rows:
        lines += [f"  {row.name}: {row.purpose}", f"    file SHA-256  {row.sha256}"]
        for facts in row.certificates:
            lines.append(f"    {name_of(facts)}, until {facts.validity.not_after:%Y-%m-%d}")
            lines.append(f"      serial   {facts.serial}")
            lines += [f"      {name:<8} {digits}" for name, digits in thumbprints(facts)]
    return lines


def name_of(facts: CertificateFacts) -> str:
    """A certificate's CN, or what stands for it."""
    return facts.cn or ", ".join(map(str, facts.subject)) or facts.serial


def context_text(sheet: Sheet) -> str:
    """The TLS context after a comma, where there is one."""
    return "" if sheet.place.context is None else f", TLS context {sheet.place.context}"


def _grouped(digits: str) -> str:
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
