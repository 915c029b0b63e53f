"""The answer of ``restore`` as text."""

from __future__ import annotations

from ca.documents.restore import RestoreDocument
from cli.terminal import one_line, table
from cli.views.backup import newest_text


def restore_text(document: RestoreDocument) -> str:
    """What the home holds, what was entered, what cannot be known."""
    rows = [
        ("home", one_line(document.home)),
        ("CA", one_line(document.ca)),
        ("backup of", f"{document.made_at:%Y-%m-%d %H:%M} UTC"),
        ("certificates", str(document.certificates)),
        ("newest", newest_text(document.newest)),
        ("CRL number", str(document.crl_number or "none")),
    ]
    lines = ["restored:", table(rows, indent="  ")]
    for crl in document.crls:
        if crl.later:
            lines.append(
                f"entered CRL {crl.number} of {one_line(crl.ca)}: {len(crl.revoked)} revoked since"
            )
        lines += [
            f"  {serial} is still on hold here, and not in that CRL: sipca release {serial}"
            for serial in crl.still_held
        ]
    new = [each for each in document.entered if not each.known]
    lines += [f"entered {each.serial}  {one_line(each.subject)}" for each in new]
    if document.known_until is not None:
        lines.append(
            f"its last entry is of {document.known_until:%Y-%m-%d %H:%M} UTC: what was signed, "
            "revoked or changed later is not known here, except what --crl and --cert entered"
        )
    lines += [
        "a serial that is not known can be revoked all the same: sipca revoke --serial HEX",
        "then: sipca check --acknowledge restored-gap",
    ]
    return "\n".join(lines)
