"""One key belongs to one device: a rule for keys that are certified under several names."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule

MAX_NAMED, MAX_LOOKED_UP = 5, 26
"""How many other names of a key the message lists, and how many are looked up."""


class SameKey(msgspec.Struct, frozen=True):
    """A CN to be certified, and the other CNs under which the same key is certified."""

    cn: str
    others: tuple[str, ...]


@rule("reused-key", "warning", "profiles 5", allow=True)
@cases("Each SBC made its own key.", "sbc2 was cloned from sbc1, and its CSR has the key of sbc1.")
def reused_key(subject: SameKey) -> Violation | None:
    """The key is certified under no other name: one key belongs to one device."""
    if not subject.others:
        return None
    names, more = ", ".join(subject.others[:MAX_NAMED]), len(subject.others) - MAX_NAMED
    if len(subject.others) >= MAX_LOOKED_UP:
        names += f" and more than {more - 1} more"
    elif more > 0:
        names += f" and {more} more"
    return Violation(
        f"the key of '{subject.cn}' is certified already as {names}: "
        "a cloned machine or a restored configuration?",
        "make a new key on one of the devices; --allow reused-key records that it is intended",
    )
