"""What was probably meant by a command or an option that there is none of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ca.model.escaping import escape_undecodable
from cli.usage import WrongWordError

OTHER_PROGRAMS = {
    "cert": "show",
    "certs": "list",
    "new": "init",
    "create": "init",
    "generate": "issue",
    "req": "csr show",
    "request": "csr show",
    "rules": "rule list",
    "targets": "target list",
    "profiles": "profile list",
    "devices": "device list",
    "ls": "list",
    "rm": "revoke",
    "verify": "preflight",
}
"""What other programs call it, and plurals."""


def unknown_command(word: str, group: Any, ctx: Any) -> WrongWordError:
    """The error for a word that is no command of a group."""
    meant = commands_meant(word, group.path, group.table)
    shown = escape_undecodable(word)
    name = " ".join(("sipca", *group.path))
    return WrongWordError(
        f"no such command '{shown}'" if not group.path else f"'{name}' has no command '{shown}'",
        ctx,
        hint=f"did you mean {either(f'sipca {each}' for each in meant)}?" if meant else None,
    )


def commands_meant(word: str, path: tuple[str, ...], table: Mapping[str, Any]) -> list[str]:
    """The commands that a word may have meant, as they are typed behind ``sipca``."""
    small = word.casefold()
    here = " ".join(path)
    if small in table:
        return [f"{here} {small}".strip()]
    within = [
        f"{name} {small}"
        for name, entry in table.items()
        if isinstance(entry, tuple) and small in entry[1]
    ]
    if within:
        return within
    if not path and small in OTHER_PROGRAMS:
        return [OTHER_PROGRAMS[small]]
    return [f"{here} {name}".strip() for name in _near(small, table)]


def option_hint(word: str, command: Any, path: str) -> str:
    """What to try instead of an option that a command does not have."""
    if (command.name, word.lstrip("-")) == ("renew", "all"):
        return f"'--expiring 30y' means all of them; {path} --help"
    if meant := options_meant(word, command):
        return f"did you mean {either(meant)}? {path} --help"
    if hasattr(command, "list_commands"):
        return f"options of a command stand behind its name; {path} --help"
    return f"{path} --help"


def options_meant(word: str, command: Any) -> list[str]:
    """The options of a command that a word may have meant."""
    known = [name for each in command.params for name in each.opts if name.startswith("--")]
    name = "--" + word.lstrip("-").casefold().replace("_", "-")
    begun = [each for each in known if each.startswith(name)] if len(name) > 3 else []
    return begun or _near(name, known)


def either(words: Iterable[str]) -> str:
    """Words as a question's object: ``'a', 'b' or 'c'``."""
    *most, last = (f"'{escape_undecodable(word)}'" for word in words)
    return f"{', '.join(most)} or {last}" if most else last


def _near(word: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(known), n=3, cutoff=0.67)
