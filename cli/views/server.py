"""What was written for a server, and what is to be done there, as text."""

from __future__ import annotations

from ca.documents.server import ServerSetup
from cli.terminal import one_line, verbatim

_STATES = {"written": "wrote", "unchanged": "unchanged", "not-written": "NOT written"}


def server_lines(setup: ServerSetup) -> list[str]:
    """The files, who has to be able to read them, the configuration, and the command to reload."""
    width = max(len(each.path) for each in setup.files)
    states = max(len(_STATES[each.state]) for each in setup.files)
    lines = [
        f"  {_STATES[each.state]:<{states}}  {one_line(each.path):<{width}}  {each.mode}  "
        f"{', '.join(each.contents)}"
        for each in setup.files
    ]
    lines += [f"missing: {one_line(each)}" for each in setup.missing]
    if setup.owner and any("key" in each.contents for each in setup.files):
        secret = " ".join(one_line(each.name) for each in setup.files if "key" in each.contents)
        lines.append(
            f"owner: {setup.owner} has to read {secret} (chown {setup.owner}:), and a renewal "
            "keeps owner and mode"
        )
    if setup.snippet:
        lines.append(f"configuration, {one_line(setup.place)} ({setup.basis}):")
        lines += [verbatim(f"    {one_line(each)}".rstrip()) for each in setup.snippet.split("\n")]
    if setup.reload:
        lines.append(
            f"then, and after each renewal ({setup.reload_basis}): {one_line(setup.reload)}"
        )
    lines += [f"note: {one_line(each)}" for each in setup.notes]
    if setup.tried:
        lines.append(f"tried: {one_line(setup.tried)}")
    return lines
