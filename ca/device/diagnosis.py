"""Why does TLS not come up? What was seen at an address, judged against what is known of it.

Pure: what was seen comes from ``ca.wire`` or a file, what is known from the register.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from ca.errors import BugError
from ca.model.certificates import CertificateFacts
from ca.model.findings import Finding, Rule
from ca.model.observations import Endpoint
from ca.names.text import printable
from ca.profiles.target import Target

CLOCK_TOLERANCE = timedelta(minutes=5)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as the register knows it.

    ``signed_at`` is when it was issued, ``ended_at`` when it was superseded, revoked or held.
    """

    serial: str
    device: str | None
    context: int | None
    status: str
    not_after: datetime
    signed_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    successor: str | None = None

    @property
    def place(self) -> str:
        """The device and context for people."""
        device = f"'{printable(self.device)}'" if self.device else "no device"
        return device if self.context is None else f"{device} context {self.context}"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, and what is known of it.

    ``served`` is the leaf that was sent, if this home issued it; ``expected`` the current
    certificates of the device, newest first; ``cas`` our CA certificates, ``client_status`` what
    became of the client certificate shown.
    """

    endpoint: Endpoint
    chain: tuple[CertificateFacts, ...]
    target: Target
    now: datetime
    cas: tuple[CertificateFacts, ...] = ()
    served: Known | None = None
    expected: tuple[Known, ...] = ()
    device: str | None = None
    context: int | None = None
    client: CertificateFacts | None = None
    client_known: Known | None = None

    @property
    def leaf(self) -> CertificateFacts | None:
        """The first certificate that was sent."""
        return self.chain[0] if self.chain else None

    @property
    def label(self) -> str:
        """The peer's name for messages."""
        return self.device or printable(self.endpoint.name)


def diagnose(case: Case, *, on_bug: Callable[[BugError], None] | None = None) -> list[Finding]:
    """Every finding about what was seen, those of the register first."""
    from ca.device.diagnosis_handshake import HANDSHAKE_RULES
    from ca.device.diagnosis_register import REGISTER_RULES
    from ca.model.findings import run_all

    rules: tuple[Rule, ...] = (*REGISTER_RULES, *HANDSHAKE_RULES)
    return run_all(rules, case, on_bug)
