"""How one system or program takes a root as trusted, as data: file, commands, steps by hand."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.profiles.patterns import check_template

Form = Literal["pem", "der", "pem-bundle", "mobileconfig"]
PLACES = ("stem", "file", "name", "path", "thumbprint")


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of trust store.

    ``run`` and ``undo`` are commands in the words of ``shell``. Their place-holders are quoted: the
    file as it was written ({file}), its absolute path ({path}), its name alone ({name}), the name
    of the root in the store ({stem}) and its SHA-1 ({thumbprint}). A command with a place-holder is
    said once for each file. ``as_root``: the commands need an administrator. ``source`` says where
    this is from, and what was tried. ``runs_here``: ``--run`` may run the commands, on a machine
    that has the file ``runs_where`` (on any, if that is empty).
    """

    schema: Literal[1]
    description: str
    form: Form
    file: str
    run: tuple[str, ...]
    undo: tuple[str, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    source: str
    shell: Literal["sh", "cmd"] = "sh"
    as_root: bool = False
    runs_here: bool = False
    runs_where: str = ""
    name: str = ""
    text: str = ""

    @property
    def is_bundle(self) -> bool:
        """Whether one file holds all roots."""
        return self.form in ("pem-bundle", "mobileconfig")


def check_anchor(anchor: Anchor) -> None:
    """Check the place-holders.

    Raises:
        MalformedError: one is unknown.
    """
    check_template("file", anchor.file, ("stem",))
    for key in ("run", "undo", "steps"):
        for text in getattr(anchor, key):
            check_template(key, text, PLACES)
