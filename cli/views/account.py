"""The account as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.account import FieldAccount
from cli.terminal import Meaning, meaning, one_line, table

_MEANINGS: dict[str, Meaning] = {"changed": "warning", "refused": "error", "forced": "warning"}
_OWN = ("signature", "version")
"""Fields that every certificate has of the CA: no wish of the device's that was granted."""


def account_text(account: Sequence[FieldAccount], *, whole: bool = False) -> str:
    """One line a field: asked, issued, how, rule.

    Unless it is to be ``whole``, what was taken as it was asked is counted in one line, below those
    that say what is otherwise.
    """
    shown = [line for line in account if whole or not _is_as_asked(line)]
    rows = [
        (line.field, line.asked or "-", line.issued or "-", _how(line), line.rule) for line in shown
    ]
    lines = []
    if rows:
        head = ("field", "asked", "issued", "how", "rule")
        lines = [table(rows, head=head, indent="  ", drop=("rule",), shorten=("issued", "asked"))]
    taken = [line for line in account if _is_as_asked(line) and line.field not in _OWN]
    if taken and not whole:
        lines.append(f"  taken as asked: {one_line(_taken_text(taken))}")
    return "\n".join(lines)


def _is_as_asked(line: FieldAccount) -> bool:
    """Whether there is nothing to say of a line but that it was taken.

    Of a key that is another than the device's last there is.
    """
    return line.how == "taken" and (line.field != "key" or line.rule == "key")


def _how(line: FieldAccount) -> str:
    if line.how == "taken" and not _is_as_asked(line):
        return "taken: another key"
    kind = _MEANINGS.get(line.how)
    return line.how if kind is None else meaning(kind, line.how)


def _taken_text(taken: Sequence[FieldAccount]) -> str:
    """``CN, O, 2 SANs, RSA 2048``: each field in the order of the request, SANs as a count."""
    sans = sum(line.field == "san" for line in taken)
    words: list[str] = []
    for line in taken:
        word = line.field.removeprefix("subject.").removeprefix("extension.")
        if line.field == "san":
            word = f"{sans} SANs" if sans > 1 else "1 SAN"
        elif line.field == "key":
            word = line.issued or "key"
        if word not in words:
            words.append(word)
    return ", ".join(words)
