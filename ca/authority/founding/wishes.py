"""The options of a new CA, and their comparison with those of an existing one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec

from ca.errors import ConflictError, MalformedError
from ca.names.constraints import parse_permit_dns, parse_permit_ip

Protection = Literal["both", "root", "none"]
PROTECTIONS = get_args(Protection)


class FoundingWishes(msgspec.Struct, frozen=True):
    """Options given on the command line; None and () where they were left out."""

    name: str | None = None
    org: str | None = None
    country: str | None = None
    root_key: str | None = None
    issuing_key: str | None = None
    root_lifetime: timedelta | None = None
    issuing_lifetime: timedelta | None = None
    base_url: str | None = None
    permit_dns: tuple[str, ...] = ()
    permit_ip: tuple[str, ...] = ()
    protect: Protection | None = None


DEFAULTS = FoundingWishes(
    root_key="rsa:4096",
    issuing_key="rsa:3072",
    root_lifetime=timedelta(days=20 * 365),
    issuing_lifetime=timedelta(days=10 * 365),
    protect="both",
)


def normal(wishes: FoundingWishes) -> FoundingWishes:
    """The wishes in normal form, checked.

    Raises:
        MalformedError: a name, URL, country or constraint is not well formed.
    """
    if wishes.name is not None and not 1 <= len(wishes.name.strip()) <= 56:
        raise MalformedError(
            f"--name has {len(wishes.name.strip())} characters",
            hint="1 to 56, so that ' Issuing' still fits the 64 of a CN",
        )
    country = wishes.country
    if country is not None and not re.fullmatch(r"[A-Za-z]{2}", country):
        raise MalformedError(f"--country '{country}' is not two letters", hint="US, DE, ...")
    return msgspec.structs.replace(
        wishes,
        name=wishes.name.strip() if wishes.name else None,
        country=country.upper() if country else None,
        base_url=normal_base_url(wishes.base_url) if wishes.base_url else None,
        permit_dns=tuple(parse_permit_dns(each) for each in wishes.permit_dns),
        permit_ip=tuple(parse_permit_ip(each) for each in wishes.permit_ip),
    )


def normal_base_url(text: str) -> str:
    """An http URL without the final slash.

    Raises:
        MalformedError: it is not one. https is refused: it would need a certificate to check a
            certificate (RFC 5280, 8).
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise MalformedError(
            f"--base-url '{text}' is not a URL", hint="http://10.0.0.5:8080"
        ) from None
    plain = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme != "http" or not parts.hostname or parts.query or parts.fragment or not plain:
        raise MalformedError(
            f"--base-url '{text}' is not an http URL without query",
            hint="http://10.0.0.5:8080; https would need a certificate to check a certificate",
        )
    return text.rstrip("/")


def encode(wishes: FoundingWishes) -> str:
    """Encode the wishes for the register."""
    return msgspec.json.encode(wishes, order="sorted").decode()


def compare(wished: FoundingWishes, recorded: str) -> None:
    """Compare requested options with those recorded when the CA was created.

    Raises:
        ConflictError: naming the first that differs.
    """
    first = msgspec.json.decode(recorded, type=FoundingWishes)
    for field in FoundingWishes.__struct_fields__:
        wish, was = getattr(wished, field), getattr(first, field)
        if wish not in (None, ()) and wish != was:
            raise ConflictError(
                f"a CA exists already, created with --{field.replace('_', '-')} "
                f"{_spelled(was)}, not {_spelled(wish)}",
                hint="choose another --home, or run init without that option",
            )


def _spelled(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.days}d"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else f"'{value}'"
