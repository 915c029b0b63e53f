"""One key, one device: whether a key is certified under another name already."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule

NAMED, LOOKED_AT = 5, 26
"""Of the other names of a key so many are told, and so many looked for."""


class SameKey(msgspec.Struct, frozen=True):
    """A CN about to be certified, and the CNs that the same key is certified under."""

    cn: str
    others: tuple[str, ...]


@rule("reused-key", "warning", "profiles 5", allow=True)
@cases("Each SBC made its own key.", "sbc2 was cloned from sbc1, and its CSR has the key of sbc1.")
def reused_key(subject: SameKey) -> Violation | None:
    """The key is certified under no other name: one key belongs to one device."""
    if not subject.others:
        return None
    names, more = ", ".join(subject.others[:NAMED]), len(subject.others) - NAMED
    if len(subject.others) >= LOOKED_AT:
        names += f" and more than {more - 1} more"
    elif more > 0:
        names += f" and {more} more"
    return Violation(
        f"the key of '{subject.cn}' is certified already as {names}: "
        "a cloned machine or a restored configuration?",
        "make a new key on one of the devices; --allow reused-key records that it is meant",
    )
