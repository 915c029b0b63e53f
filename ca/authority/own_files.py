"""Recognise files that sipca wrote, by their content.

Only those, and empty files, are replaced unasked; a symbolic link never is, wherever it leads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ca.errors import CAError, ConflictError, attempt
from ca.files import is_device, start_of

LOOK = 1 << 20
"""Octets that are examined at most; files that are recognised as a whole are far smaller."""
Ours = Callable[[bytes], bool]
"""Whether the first octets of a file are what sipca writes there."""

_KIT_NAME = (
    r"(?:trusted-(?:root|[0-9]+-(?:root|issuing))|.+-(?:device|fullchain))\.(?:pem|cer|p7b)"
    + (r"|.+-(?:upload-sheet\.(?:txt|html)|account\.txt|preflight\.json)")
)
_SUMS = re.compile(rf"(?:\\?[0-9a-f]{{64}}  (?:{_KIT_NAME})\n)+".encode())
_SHEET = re.compile(
    rb"Upload sheet for [^\r\n]*\r?\n=+\r?\n"
    rb"(?:address  [^\r\n]*\r?\nhost     [^\r\n]*\r?\n)?device   "
)
_PAGE = re.compile(
    rb"<!DOCTYPE html>\n<html lang=\"en\">.{0,200}<title>Upload sheet for ", re.DOTALL
)
_REPORT = re.compile(rb'\{\n  "schema": 1,\n  "ca": "[^\n]*",\n  "home": "[^\n]*",\n  "dry_run": ')
_MANIFEST = re.compile(rb'\{\n  "schema": 1,\n  "target": "[^\n]*",\n  "limit": ')
_METRICS = re.compile(rb"# HELP sipca_check_timestamp_seconds ")
_CALENDAR = re.compile(rb"BEGIN:VCALENDAR\r\nVERSION:2\.0\r\nPRODID:-//sipca//")
_ANSWER = re.compile(rb"0(?:[\x00-\x7f]|\x81.|\x82..|\x83...)\x0a\x01[\x00-\x06]", re.DOTALL)
_PATHS = re.compile(rb"(?:M[A-Za-z0-9+=]*(?:/[A-Za-z0-9+=]+)*(?:[.]ocsp)?\n)*")


def refuse_foreign(
    path: Path,
    ours: Ours,
    *,
    hint: str = "--overwrite replaces it",
    what: str = "something that sipca did not write there",
) -> None:
    """Check that a path is free or holds a file that sipca wrote.

    Raises:
        ConflictError: something else is there.
        StoreError: it cannot be read.
    """
    if not os.path.lexists(path):
        return
    if path.is_symlink():
        raise ConflictError(f"'{path}' is a symbolic link, which is not followed", hint=hint)
    if not path.is_file():
        raise ConflictError(f"'{path}' is not a file", hint="choose another place")
    start = start_of(path, LOOK)
    if start and not ours(start):
        raise ConflictError(f"'{path}' holds {what}", hint=hint)


def refuse_foreign_report(path: Path) -> None:
    """Check that a report replaces only an earlier report; pipes and terminals are always fine.

    Raises:
        ConflictError: something else is there.
    """
    if not is_device(path):
        refuse_foreign(path, is_report)


def refuse_foreign_metrics(path: Path) -> None:
    """Check that metrics replace only earlier metrics; pipes and terminals are always fine.

    Raises:
        ConflictError: something else is there.
    """
    if not is_device(path):
        refuse_foreign(path, is_metrics, hint="choose another place")


def refuse_foreign_calendar(path: Path) -> None:
    """Check that a calendar replaces only an earlier calendar; pipes are always fine.

    Raises:
        ConflictError: something else is there.
    """
    if not is_device(path):
        refuse_foreign(path, is_calendar, hint="choose another place")


def is_calendar(start: bytes) -> bool:
    """Whether this is how the file of ``list --ics`` begins."""
    return _CALENDAR.match(start) is not None


def is_metrics(start: bytes) -> bool:
    """Whether this is how the file of ``check --metrics`` begins."""
    return _METRICS.match(start) is not None


def is_report(start: bytes) -> bool:
    """Whether this is how a ``--report`` begins."""
    return _REPORT.match(start) is not None


def is_manifest(start: bytes) -> bool:
    """Whether this is how the manifest of a trust bundle begins."""
    return _MANIFEST.match(start) is not None


def is_answer(start: bytes) -> bool:
    """Whether this is how an OCSPResponse begins (RFC 6960, 4.2.1)."""
    return _ANSWER.match(start) is not None


def is_list_of_answers(data: bytes) -> bool:
    """Whether every line is the path of a presigned answer: base64 of what begins with 0x30, and
    an ending for some.
    """
    return _PATHS.fullmatch(data) is not None


def is_certificates(data: bytes) -> bool:
    """Whether this is PEM certificates and nothing else."""
    from ca.encoding import pem
    from ca.encoding.bundles import read_bundle

    bundle = attempt(read_bundle, data, what="it")
    if isinstance(bundle, CAError) or not bundle.members:
        return False
    return data == "".join(pem.encode(each.der) for each in bundle.members).encode()


def is_kit_file(name: str, data: bytes) -> bool:
    """Whether the octets of a kit's file that describes the current state are sipca's."""
    if name == "SHA256SUMS":
        return _SUMS.fullmatch(data) is not None
    if name.endswith("-upload-sheet.txt"):
        return _SHEET.match(data) is not None
    if name.endswith("-upload-sheet.html"):
        return _PAGE.match(data) is not None
    if name.endswith("-preflight.json"):
        return _is_preflight(data)
    return name.endswith("-upload.zip") and _is_kit(data)


def _is_preflight(data: bytes) -> bool:
    import msgspec

    from ca.encoding.json_text import read_json
    from ca.model.findings import Finding

    fields = [("schema", int), ("findings", list[Finding])]
    form = msgspec.defstruct("Preflight", fields, forbid_unknown_fields=True)
    return not isinstance(attempt(read_json, data, form), CAError)


def _is_kit(data: bytes) -> bool:
    import io
    import zipfile

    def names() -> list[str]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()

    listed = attempt(names)
    if isinstance(listed, CAError) or not any("-device." in name for name in listed):
        return False
    return all(name == "SHA256SUMS" or re.fullmatch(_KIT_NAME, name) for name in listed)
