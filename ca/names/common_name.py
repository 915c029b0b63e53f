"""The CN as a name: the SAN entry that repeats it."""

from __future__ import annotations

import re

from ca.model.certificates import GeneralName
from ca.model.findings import Violation, cases, rule
from ca.names.general import infer_general_name
from ca.names.hosts import as_address, is_factory_name
from ca.names.text import printable

_DOTTED = (
    r"(?a)[A-Za-z0-9_*][A-Za-z0-9_*.-]*\.(?:[A-Za-z][A-Za-z0-9_-]*)?"  # rare: compiled when met
)
_SINGLE = r"(?a)[A-Za-z0-9-]*_[A-Za-z0-9_-]*"
_PORT = r"(?a)(?P<host>[^:\s]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"


def name_of_cn(cn: str, *, alone: bool) -> GeneralName | None:
    """The SAN entry that repeats a CN, or None if the CN is no host name or address.

    A person's name or a factory name gives None. The entry may be invalid; the rules for SANs
    judge it. ``alone``: there is no other name, so a single label with an underscore counts.
    """
    name = infer_general_name(cn)
    if name is not None or is_factory_name(cn):
        return name
    if re.fullmatch(_DOTTED, cn) or (alone and re.fullmatch(_SINGLE, cn)):
        return GeneralName("dns", cn)
    return None


@rule("cn-port", "error", "RFC 5280 4.2.1.6; RFC 9525 6.3")
@cases("CN=sbc1.lab.example", "CN=sbc1.lab.example:5061")
def cn_port(cn: str) -> Violation | None:
    """A CN that is a host name or an address does not end with a port, which no peer compares."""
    match = re.fullmatch(_PORT, cn)
    if match is None or as_address(cn) is not None or is_factory_name(cn):
        return None
    name = name_of_cn(match["host"], alone=True)
    if name is None:
        return None
    return Violation(
        f"the CN '{printable(cn)}' ends with a port", f"give it without: --cn {name.value}"
    )
