"""What the register's index holds of a certificate."""

from __future__ import annotations

from ca.encoding.certificates import read_certificate
from ca.issuance.order import Prepared
from ca.keys.public import read_public_key
from ca.store.derived import Index


def index_of_prepared(prepared: Prepared) -> Index:
    """The same entry for a certificate just made: its octets are those that were prepared."""
    names = [(str(each.kind), each.value.casefold()) for each in prepared.san]
    cn = prepared.cn
    if cn:
        names.append(("cn", cn.casefold()))
    return Index(
        not_before=int(prepared.validity.not_before.timestamp()),
        not_after=int(prepared.validity.not_after.timestamp()),
        key_identity=prepared.key_identity,
        names=tuple(dict.fromkeys(names)),
    )


def index_of(der: bytes) -> Index:
    """The index entry of a certificate; every name folded, and each text once a kind."""
    facts = read_certificate(der)
    names = [(each.kind, each.value.casefold()) for each in facts.san]
    if facts.cn:
        names.append(("cn", facts.cn.casefold()))  # type: ignore[arg-type]
    return Index(
        not_before=int(facts.validity.not_before.timestamp()),
        not_after=int(facts.validity.not_after.timestamp()),
        key_identity=read_public_key(facts.spki).identity,
        names=tuple(dict.fromkeys(names)),
    )
