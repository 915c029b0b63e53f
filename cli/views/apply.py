"""The answer of ``apply`` as text."""

from __future__ import annotations

from ca.documents.apply import ApplyDocument, ApplyStep
from cli.terminal import one_line, table
from cli.views.findings import findings_text

SHOWN = 10


def applied_text(document: ApplyDocument) -> str:
    """One line a thing, then whether anything was to do."""
    rows = [(each.state, each.what, each.name, _detail(each)) for each in document.steps]
    if document.refused:
        last = f"refused {len(document.refused)}: the lab is not as the file says"
    elif document.converged:
        last = "nothing to do: the lab is as the file says"
    else:
        last = (
            "the lab is not as the file says"
            if document.check
            else "now the lab is as the file says"
        )
    lines = [table(rows, shorten=(3,))]
    lines += [
        f"there, but not in the file: {each.what} {one_line(each.name)}"
        for each in document.unlisted[:SHOWN]
    ]
    if len(document.unlisted) > SHOWN:
        lines.append(f"and {len(document.unlisted) - SHOWN} more that the file does not mention")
    if document.findings:
        lines.append(findings_text(document.findings))
    return "\n".join([*lines, last])


def _detail(step: ApplyStep) -> str:
    replaced = ", ".join(serial[:12] for serial in step.superseded)
    said = [step.detail or "", f"supersedes {replaced}" if replaced else ""]
    return "  ".join(each for each in said if each)
