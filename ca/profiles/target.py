"""A device target: what a kind of device accepts and what its pages are called, as data.

Every fact carries its basis: ``vendor`` where the vendor's text says so, ``inferred`` where we
reason. Closed keys.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ca.profiles.patterns import check_pattern, check_template

Basis = Literal["vendor", "inferred"]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Step(_Closed, frozen=True):
    """One step of an upload, in order; ``text`` may hold {trusted_root}, {device}, {context}."""

    text: str
    basis: Basis


class RequestFacts(_Closed, frozen=True):
    """What the device's CSR page makes: factory CN (see ``patterns``), example subject.

    ``verbatim``: it takes no certificate whose subject or SAN is not what it asked for.
    """

    factory_cn: str = ""
    placeholder: dict[str, str] = {}
    verbatim: bool = False
    basis: Basis = "inferred"


class PageFacts(_Closed, frozen=True):
    """What the device's pages are called, for messages: where a CSR is made, where files go."""

    csr: str = "the CSR page"
    device: str = "the device certificate's page"
    trust: str = "the trusted roots' page"
    status: str = "the certificate's status page"
    basis: Basis = "inferred"


class SanFacts(_Closed, frozen=True):
    """The CSR page's SAN slots: how many (0: none), of which kinds."""

    slots: Count = 5
    kinds: tuple[str, ...] = ("email", "dns", "uri", "ip")
    basis: Basis = "inferred"


class FileFacts(_Closed, frozen=True):
    """What an upload may be: ``formats`` of pem and der; whether the device file is one block."""

    formats: tuple[Literal["pem", "der"], ...] = ("pem",)
    one_block: bool = True
    basis: Basis = "inferred"


class TrustFacts(_Closed, frozen=True):
    """The trust store: how many certificates it holds, and whether a file may hold several."""

    limit: Count = 20
    several_in_one: Literal["yes", "no", "unknown"] = "unknown"
    thumbprints: tuple[Literal["sha256", "sha1", "md5"], ...] = ("sha256", "sha1")
    basis: Basis = "inferred"


class AlarmFacts(_Closed, frozen=True):
    """The expiry alarm: days before the end at which it starts, and its period (0: none)."""

    start_days: Days = 0
    period_days: Days = 0
    basis: Basis = "inferred"


class RestFacts(_Closed, frozen=True):
    """Paths of the device's REST interface; {context} stands for the TLS context."""

    certificate: str = ""
    private_key: str = ""
    trusted_root: str = ""
    trusted_root_replaces: bool = True
    save: str = ""
    basis: Basis = "vendor"


class KeyFacts(_Closed, frozen=True):
    """The smallest RSA key to ask of it, kinds known to work, where a larger one is made."""

    smallest_rsa: Count = 2048
    kinds: tuple[Literal["rsa", "ec"], ...] = ("rsa",)
    page: str = ""
    basis: Basis = "inferred"


class OCSPFacts(_Closed, frozen=True):
    """Where the device is told of OCSP responders; ``fields`` may hold {address} and {port}."""

    port: Port = 2560
    page: str = ""
    fields: dict[str, str] = {}
    basis: Basis = "inferred"


class Target(_Closed, frozen=True):
    """One target. ``text`` is the very TOML."""

    schema: Literal[1]
    description: str
    steps: tuple[Step, ...]
    request: RequestFacts = RequestFacts()
    key: KeyFacts = KeyFacts()
    ocsp: OCSPFacts = OCSPFacts()
    pages: PageFacts = PageFacts()
    san: SanFacts = SanFacts()
    files: FileFacts = FileFacts()
    trust: TrustFacts = TrustFacts()
    alarm: AlarmFacts = AlarmFacts()
    rest: RestFacts = RestFacts()
    name: str = ""
    text: str = ""


def check_target(target: Target) -> None:
    """What the types cannot say.

    Raises:
        MalformedError: naming the key that is wrong.
    """
    check_pattern("request.factory_cn", target.request.factory_cn)
    for step in target.steps:
        check_template("steps", step.text, ("trusted_root", "device", "context"))
    for text in target.ocsp.fields.values():
        check_template("ocsp.fields", text, ("address", "port"))
    for text in (target.rest.certificate, target.rest.private_key, target.rest.trusted_root):
        check_template("rest", text, ("context",))
