"""The answers of ``doctor`` as text."""

from __future__ import annotations

from ca.documents.doctor import DoctorDocument, HandshakeRecord, PeerRecord
from ca.documents.verdict import Verdict
from ca.model.observations import alert_text
from cli.terminal import meaning, one_line, table
from cli.views.findings import VERDICT_MEANINGS, result_text, with_hints, with_verdict

VERDICTS: dict[Verdict, str] = {
    "ok": "nothing is wrong that could be seen from here",
    "warn": "look at the above",
    "fail": "something is wrong",
}
_MARKS: dict[Verdict, str] = {"ok": "ok", "warn": "WARN", "fail": "FAIL"}


def doctor_text(document: DoctorDocument) -> str:
    """What was seen, what it means, and the verdict."""
    peer = document.peers[0]
    lines = [_heading(peer)]
    for number, each in enumerate(peer.chain):
        mine = "" if not each.ours or number else "  ours"
        lines.append(
            f"  {'sends' if not number else '     '}  {one_line(each.subject)}  serial "
            f"{each.serial[:12]}  until {each.not_after:%Y-%m-%d}{mine}"
        )
    rows = [(each.offered, _came_of(each)) for each in peer.handshakes]
    if peer.at is not None:
        lines.append(table(rows, indent="  "))
    if peer.answer:
        lines.append(f"  answers  {one_line(peer.answer)}")
    shown = [
        f"{result_text(finding, width=5)} {one_line(finding.message)}"
        + ("" if finding.basis == "standard" else f"  [{finding.basis}]")
        for finding in document.findings
    ]
    findings = with_hints(shown, document.findings, "      ")
    return with_verdict(
        "\n".join([*lines, *([findings] if findings else [])]), document.verdict, VERDICTS
    )


def _heading(peer: PeerRecord) -> str:
    where = peer.host if peer.port is None else f"{peer.host} port {peer.port}"
    device = f", device {peer.device}" if peer.device else ", no registered device"
    if peer.context is not None:
        device += f" context {peer.context}"
    name = f", asked as {peer.name}" if peer.name != peer.host else ""
    return one_line(f"{where}{device}{name}")


def _came_of(handshake: HandshakeRecord) -> str:
    if handshake.failure:
        return one_line(handshake.failure)
    said = f"{handshake.version}  {handshake.cipher}"
    if handshake.asks_certificate:
        said += "  asks for a client certificate"
    if handshake.alert is not None:
        said += f"  then {alert_text(handshake.alert)}"
    return one_line(said)


def peer_line(peer: PeerRecord) -> str:
    """One address of ``doctor --all``."""
    kind = VERDICT_MEANINGS[peer.verdict] if peer.reached else "error"
    mark = meaning(kind, f"{_MARKS[peer.verdict] if peer.reached else 'DEAD':<5}")
    said = peer.message or "serves what was signed for it"
    return f"{mark} {one_line(f'{peer.device}  {peer.host}  {said}')}"


def all_text(document: DoctorDocument) -> str:
    """How many addresses are well; each was told already."""
    dead = sum(not each.reached for each in document.peers)
    bad = sum(each.reached and each.verdict == "fail" for each in document.peers)
    warned = sum(each.reached and each.verdict == "warn" for each in document.peers)
    if not document.peers:
        return "no device has an address: sipca device set NAME --address A"
    well = len(document.peers) - dead - bad - warned
    return f"well {well}   look at {warned}   wrong {bad}   no answer {dead}"
