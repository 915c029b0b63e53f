"""``doctor``: look at a device over the wire, and say what the register makes of what it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from ca.authority.devices.device import find_device
from ca.authority.home import Environment, Home
from ca.authority.lineage import cross_certificates
from ca.device.diagnosis import Case, Known, diagnose
from ca.documents.doctor import DoctorDocument, HandshakeRecord, PeerRecord, ServedCertificate
from ca.documents.verdict import verdict_of
from ca.encoding.certificates import read_certificate
from ca.encoding.handshakes import read_handshake
from ca.errors import BugError, CAError, KeyUnavailableError, attempt
from ca.files import read_bounded
from ca.keys.client import ClientIdentity
from ca.model.certificates import CertificateFacts, subject_text
from ca.model.findings import SEVERITIES, Finding
from ca.model.observations import Endpoint, Handshake
from ca.model.status import CURRENT
from ca.names.hosts import as_address
from ca.names.text import printable
from ca.profiles.target import Target
from ca.revocation.ocsp_request import responders_of
from ca.store import certificates, devices, successions
from ca.store.certificates import CertificateRow
from ca.store.devices import DeviceRow
from ca.store.timestamps import from_text
from ca.wire.connection import Limits, split_address
from ca.wire.endpoint import Look, observe
from ca.wire.ocsp import ask_responder
from ca.wire.requests import Service

SIP_TLS_PORT = 5061
MAX_CHAIN = 20
MAX_FILE = 64 * 1024 * 1024


class DoctorWishes(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to look at and how.

    ``peer``: HOST or HOST:PORT. ``offline``: a file with a handshake, instead of the wire.
    """

    peer: str
    device: str | None = None
    context: int | None = None
    name: str | None = None
    service: Service | None = None
    client: ClientIdentity | None = None
    offline: Path | None = None
    brief: bool = False
    limits: Limits = Limits()
    on_bug: Callable[[BugError], None] | None = None


class Observed(msgspec.Struct, frozen=True):
    """What was seen of a peer, before the register is asked."""

    endpoint: Endpoint
    chain: tuple[CertificateFacts, ...]


def examine(home: Home, wishes: DoctorWishes) -> DoctorDocument:
    """Look at one peer, and judge what it serves.

    Raises:
        UnreachableError: no address of the host answers.
        MalformedError: the peer is no address, or the file holds no handshake.
        NotFoundError: there is no such device.
        KeyUnavailableError: the client certificate's files cannot be used.
    """
    host, _ = split_address(wishes.peer, SIP_TLS_PORT)
    _device(home, wishes, host)
    peer = judge(home, wishes, observed(home.environment, wishes))
    return DoctorDocument(verdict=peer.verdict, findings=peer.findings, peers=[peer])


def observed(environment: Environment, wishes: DoctorWishes) -> Observed:
    """Look at a peer, or read a file; needs no register.

    Raises:
        CAError: as ``examine``.
    """
    endpoint = _endpoint(environment, wishes)
    return Observed(endpoint, _chain(endpoint.usual))


def judge(home: Home, wishes: DoctorWishes, sight: Observed) -> PeerRecord:
    """Judge what was seen by what the register knows.

    Raises:
        NotFoundError: there is no such device.
    """
    endpoint, chain = sight.endpoint, sight.chain
    device = _device(home, wishes, endpoint.host)
    client = None if wishes.client is None else read_certificate(wishes.client.chain[0])
    served = certificates.by_der(home.store, chain[0].der) if chain else None
    if served is not None:
        endpoint = _with_responders(home, endpoint, served, wishes.limits)
    case = Case(
        endpoint=endpoint,
        chain=chain,
        target=_target(home, device),
        now=home.now(),
        cas=_cas(home),
        served=None if served is None else known(home, served),
        expected=tuple(_expected(home, device, wishes.context)),
        device=device.name if device else None,
        context=wishes.context,
        client=client,
        client_known=_known_der(home, client),
    )
    return _record(home, case, wishes)


def known(home: Home, row: CertificateRow) -> Known:
    """A certificate as the diagnosis wants it."""
    status = row.status(home.now())
    signed, superseded = successions.moments(home.store, row.plan_id)
    ended = from_text(row.revoked_at) if row.revoked_at else superseded
    return Known(
        serial=row.serial_text,
        device=row.device,
        context=row.context,
        status=status,
        not_after=row.validity.not_after,
        signed_at=signed,
        ended_at=ended,
        reason=row.revocation_reason or "",
        successor=row.superseded_by.hex() if row.superseded_by else None,
    )


def _endpoint(environment: Environment, wishes: DoctorWishes) -> Endpoint:
    host, port = split_address(wishes.peer, SIP_TLS_PORT)
    name = wishes.name or host
    if wishes.offline is not None:
        data = read_bounded(wishes.offline, limit=MAX_FILE, pipes=True)
        seen = read_handshake(data, what=f"'{wishes.offline}'")
        if wishes.client is not None:
            seen = msgspec.structs.replace(seen, sent_certificate=True)
        return Endpoint(
            host=host, port=port, name=name, at=environment.now(), service="file", usual=seen
        )
    look = Look(
        name=name,
        mark=f"{environment.random_bits(64):016x}",
        service=wishes.service,
        certificate=wishes.client,
        brief=wishes.brief,
        limits=wishes.limits,
    )
    return observe(host, port, look, environment.now)


def _chain(seen: Handshake) -> tuple[CertificateFacts, ...]:
    """The certificates that can be read, in order; a leaf that cannot be ends the chain."""
    facts = (attempt(read_certificate, der) for der in seen.chain[:MAX_CHAIN])
    return tuple(each for each in facts if not isinstance(each, CAError))


def _device(home: Home, wishes: DoctorWishes, host: str) -> DeviceRow | None:
    """The device that is meant: named, or the one that has this address or certificate name."""
    if wishes.device is not None:
        return find_device(home, wishes.device)
    dialled = (as_address(host) or host).casefold()
    for row in devices.devices(home.store):
        if dialled in (each.casefold() for each in row.addresses):
            return row
    now = home.now()
    for certificate in certificates.by_name(home.store, dialled):
        if certificate.device and certificate.status(now) in CURRENT:
            return find_device(home, certificate.device)
    return None


def _target(home: Home, device: DeviceRow | None) -> Target:
    name = device.target if device is not None and device.target else home.target
    return home.library.target(name)


def _cas(home: Home) -> tuple[CertificateFacts, ...]:
    own = [ca.facts for ca in home.cas()]
    crosses = [cross.facts for cross in cross_certificates(home)]
    return tuple({each.der: each for each in (*own, *crosses)}.values())


def _expected(home: Home, device: DeviceRow | None, context: int | None) -> list[Known]:
    if device is None:
        return []
    now = home.now()
    rows = certificates.certificates(home.store, device=device.name, in_use=True)
    current = [row for row in rows if row.status(now) in CURRENT]
    return [
        known(home, row) for row in reversed(current) if context is None or row.context == context
    ]


def read_client(certificate: Path, key: Path, passphrase: bytes | None = None) -> ClientIdentity:
    """A client certificate with its chain, and its key, from their files.

    Raises:
        MalformedError: one of them is something else.
        KeyUnavailableError: the key is another certificate's, or its passphrase is missing or
            wrong.
    """
    from ca.device.upload import device_file
    from ca.keys.files import read_key_file

    file = device_file(str(certificate), read_bounded(certificate, pipes=True))
    pair = read_key_file(read_bounded(key, pipes=True), passphrase, name=str(key))
    if file.key is None or file.key.identity != pair.public.identity:
        raise KeyUnavailableError(
            f"'{key}' is not the key of the certificate in '{certificate}'",
            hint="give the key that sipca issue wrote beside it",
        )
    return ClientIdentity(tuple(each.der for each in file.bundle.members), pair)


def _known_der(home: Home, client: CertificateFacts | None) -> Known | None:
    row = None if client is None else certificates.by_der(home.store, client.der)
    return None if row is None else known(home, row)


def _with_responders(
    home: Home, endpoint: Endpoint, row: CertificateRow, limits: Limits
) -> Endpoint:
    """Ask the responders that the certificate names; not for a handshake from a file."""
    if endpoint.service == "file":
        return endpoint
    issuer = home.ca_of(row.issuer_id).facts
    urls, request = responders_of(row.der, issuer.der)
    asked = tuple(ask_responder(url, request, limits) for url in urls)
    return msgspec.structs.replace(endpoint, responders=asked)


def _record(home: Home, case: Case, wishes: DoctorWishes) -> PeerRecord:
    findings = diagnose(case, on_bug=wishes.on_bug)
    endpoint = case.endpoint
    is_file = endpoint.service == "file"
    return PeerRecord(
        host=endpoint.host,
        port=None if is_file else endpoint.port,
        name=endpoint.name,
        device=case.device,
        context=case.context,
        reached=True,
        verdict=verdict_of(findings),
        message=gravest(findings),
        findings=findings,
        at=None if is_file else endpoint.at,
        chain=[_served(home, facts) for facts in case.chain],
        handshakes=_handshakes(endpoint),
        answer=endpoint.usual.answer or None,
        clock_error_seconds=endpoint.clock_error,
    )


def gravest(findings: Sequence[Finding]) -> str:
    """The message of the first of the gravest findings; empty if there is none."""
    worst = sorted(findings, key=lambda each: -SEVERITIES[each.severity])
    return worst[0].message if worst else ""


def _served(home: Home, facts: CertificateFacts) -> ServedCertificate:
    ours = certificates.is_recorded(home.store, facts.der)
    return ServedCertificate(
        serial=facts.serial,
        subject=printable(subject_text(facts.subject), 300),
        issuer=printable(subject_text(facts.issuer), 300),
        san=[printable(str(name), 300) for name in facts.san],
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        ours=ours,
    )


def _handshakes(endpoint: Endpoint) -> list[HandshakeRecord]:
    tried: list[tuple[str, Handshake | None]] = [("usual", endpoint.usual)]
    tried += list(endpoint.versions.items())
    tried += [
        ("without server name", endpoint.without_name),
        ("without client certificate", endpoint.without_certificate),
        ("DTLS", endpoint.dtls),
    ]
    return [_handshake(offered, seen) for offered, seen in tried if seen is not None]


def _handshake(offered: str, seen: Handshake) -> HandshakeRecord:
    return HandshakeRecord(
        offered=offered,
        version=seen.version or None,
        cipher=seen.cipher or None,
        alert=seen.alert,
        asks_certificate=seen.asks_certificate,
        failure=seen.failure or None,
    )


def addresses(home: Home) -> Sequence[tuple[DeviceRow, str]]:
    """Every address of every registered device."""
    return [(row, address) for row in devices.devices(home.store) for address in row.addresses]
