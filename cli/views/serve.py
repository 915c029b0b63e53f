"""The text that ``serve`` prints before it answers requests."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from ca.profiles.patterns import fill
from cli.terminal import one_line

if TYPE_CHECKING:
    from ca.profiles.target import OCSPFacts
    from ca.service.serve import Listening


def listening_text(
    listening: Listening, name: str, base_url: str | None, fields: OCSPFacts, *, enrols: bool
) -> str:
    """Where it listens, who can reach it, what goes into the device's fields; can phones enrol."""
    address = f"[{listening.address}]" if ":" in listening.address else listening.address
    lines = [
        f"{one_line(name)}: OCSP at http://{address}:{listening.ocsp_port}/ "
        f"and http://{address}:{listening.http_port}/"
    ]
    lines.append(
        f"for people: the CA's certificates, CRLs and how to trust them, on the page "
        f"http://{address}:{listening.http_port}/"
    )
    if listening.scep:
        lines.append(
            f"SCEP, where phones ask for certificates: http://{address}:{listening.http_port}/scep"
        )
        if not enrols:
            lines.append("no phone can enrol yet, without an RA certificate: sipca scep challenge")
    if listening.is_loopback:
        lines.append("no device can reach this (loopback): --bind ADDRESS opens it to the network")
    elif fields.page:
        anywhere = ip_address(listening.address).is_unspecified
        reached = "this machine's address" if anywhere else listening.address
        lines.append(f"on the device ({one_line(fields.page)}, {fields.basis}):")
        put_in = {"address": reached, "port": str(listening.ocsp_port)}
        lines += [
            f"  {one_line(field)}: {one_line(fill(value, put_in))}"
            for field, value in fields.fields.items()
        ]
    if base_url is None:
        lines.append("certificates name no OCSP or CRL address: sipca ca set --base-url URL")
    lines.append("ends on Ctrl-C or SIGTERM")
    return "\n".join(lines)
