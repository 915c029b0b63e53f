"""A device target: what a kind of device accepts and what its pages are called, as data.

Every table has its basis: ``vendor`` if the vendor's documents say so, ``inferred`` if it is our
conclusion. Unknown keys are errors.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ca.errors import MalformedError
from ca.profiles.patterns import check_pattern, check_template
from ca.profiles.target_files import ServerFacts, TargetFile, check_files, check_server

Basis = Literal["vendor", "inferred"]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


FORMER_KEYS = (("san", "selected"), ("ocsp", "default_response"), ("steps", "phase"))
"""Keys of earlier versions that said nothing to any command: an own target may still have them."""


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Step(_Closed, frozen=True):
    """One step of an upload; ``text`` may contain the words of ``PLACES``.

    ``otherwise`` is what to do if it does not work, with a basis of its own; ``context``: the only
    TLS context it is for.
    """

    text: str
    basis: Basis
    otherwise: str = ""
    otherwise_basis: Basis = "inferred"
    context: int | None = None


PLACES = ("trusted_root", "device", "context", "address", "slot")
BEFORE = (
    Step(
        "back the configuration up, to a file on this computer",
        "inferred",
        "do not go on: without a backup nobody can undo this",
    ),
    Step(
        "check the device's clock: date, hour and NTP",
        "inferred",
        "set NTP first: a certificate that is not valid yet is refused",
    ),
)
"""What is done before anything else, where a target says nothing of its own."""


class RequestFacts(_Closed, frozen=True):
    """CSRs of the device: the pattern of its factory CN (see ``patterns``), its example subject.

    ``instead``: what is done where there is no CSR page.
    ``mac_is_name``: a MAC address in the CN is the device's usual name.
    ``verbatim``: it accepts only certificates with exactly the subject and SAN of its CSR.
    """

    factory_cn: str = ""
    placeholder: dict[str, str] = {}
    verbatim: bool = False
    instead: str = ""
    mac_is_name: bool = False
    basis: Basis = "inferred"


class PageFacts(_Closed, frozen=True):
    """Names of the device's pages, for messages: where to create a CSR, where to upload files."""

    csr: str = "the CSR page"
    device: str = "the device certificate's page"
    trust: str = "the trusted roots' page"
    status: str = "the certificate's status page"
    basis: Basis = "inferred"


class FormFacts(_Closed, frozen=True):
    """The fields of the CSR page, as they are labelled there.

    ``san`` may contain {number} (1st, 2nd); ``selectors`` has what the selector of a SAN field
    shows for each kind of name, ``first_selector`` what it shows at first; ``leave`` lists fields
    that need nothing.
    """

    cn: str = "Subject Name [CN]"
    san: str = "{number} Subject Alternative Name [SAN]"
    selectors: dict[str, str] = {}
    first_selector: str = ""
    hash_field: str = "Signature Algorithm"
    leave: tuple[str, ...] = ()
    basis: Basis = "inferred"


class SanFacts(_Closed, frozen=True):
    """SAN fields of the CSR page: how many (0: none) and of which kinds."""

    slots: Count = 5
    kinds: tuple[str, ...] = ("email", "dns", "uri", "ip")
    basis: Basis = "inferred"


class FileFacts(_Closed, frozen=True):
    """Files that the device accepts; ``one_block``: the certificate must be alone in its file."""

    formats: tuple[Literal["pem", "der"], ...] = ("pem",)
    one_block: bool = True
    basis: Basis = "inferred"


class TrustFacts(_Closed, frozen=True):
    """The trust store: how many certificates fit, and whether one file may contain several."""

    limit: Count = 20
    several_in_one: Literal["yes", "no", "unknown"] = "unknown"
    thumbprints: tuple[Literal["sha256", "sha1", "md5"], ...] = ("sha256", "sha1")
    basis: Basis = "inferred"


class AlarmFacts(_Closed, frozen=True):
    """The expiry alarm: how many days before expiry it starts, and its period (0: no alarm)."""

    start_days: Days = 0
    period_days: Days = 0
    basis: Basis = "inferred"


class RestFacts(_Closed, frozen=True):
    """Paths of the device's REST interface; {context} is the number of the TLS context.

    ``status`` answers with the firmware's version; empty where the device has no such interface.
    """

    status: str = ""
    certificate: str = ""
    private_key: str = ""
    trusted_root: str = ""
    trusted_root_replaces: bool = True
    save: str = ""
    basis: Basis = "vendor"


class KeyFacts(_Closed, frozen=True):
    """The smallest RSA key to accept, key types known to work, and the page that creates a key."""

    smallest_rsa: Count = 2048
    kinds: tuple[Literal["rsa", "ec"], ...] = ("rsa",)
    page: str = ""
    basis: Basis = "inferred"


class OCSPFacts(_Closed, frozen=True):
    """Where OCSP responders are configured; ``fields`` may contain {address} and {port}."""

    port: Port = 2560
    page: str = ""
    fields: dict[str, str] = {}
    basis: Basis = "inferred"


class EnrolmentFacts(_Closed, frozen=True):
    """The words of the device's configuration file for SCEP; empty where it has none.

    ``digest``: which fingerprint of the CA it compares, with a basis of its own. ``thresholds``:
    when it renews, by the key of the setting.
    """

    url: str = ""
    fingerprint: str = ""
    challenge: str = ""
    digest: Literal["md5", "sha1", "sha256"] = "sha256"
    digest_basis: Basis = "inferred"
    thresholds: dict[str, str] = {}
    basis: Basis = "inferred"


class Target(_Closed, frozen=True):
    """One target. ``text`` is its TOML, unchanged.

    ``server_files`` are the ``[[file]]`` tables; a device's target has none. ``way`` leads
    from the start page to the place of the upload; ``before`` is what to do before anything else,
    and ``notes`` are for who holds the upload sheet.
    """

    schema: Literal[1]
    description: str
    steps: tuple[Step, ...] = ()
    way: tuple[Step, ...] = ()
    before: tuple[Step, ...] = BEFORE
    notes: tuple[Step, ...] = ()
    server_files: tuple[TargetFile, ...] = msgspec.field(default=(), name="file")
    server: ServerFacts = ServerFacts()
    request: RequestFacts = RequestFacts()
    key: KeyFacts = KeyFacts()
    ocsp: OCSPFacts = OCSPFacts()
    pages: PageFacts = PageFacts()
    form: FormFacts = FormFacts()
    san: SanFacts = SanFacts()
    files: FileFacts = FileFacts()
    trust: TrustFacts = TrustFacts()
    alarm: AlarmFacts = AlarmFacts()
    rest: RestFacts = RestFacts()
    scep: EnrolmentFacts = EnrolmentFacts()
    name: str = ""
    text: str = ""


def check_target(target: Target) -> None:
    """Check the patterns and templates of a target, which types cannot express.

    Raises:
        MalformedError: one is not valid; the message names its key.
    """
    check_pattern("request.factory_cn", target.request.factory_cn)
    for key in ("before", "way", "steps", "notes"):
        for step in getattr(target, key):
            check_template(key, step.text, PLACES)
            check_template(key, step.otherwise, PLACES)
    check_template("form.san", target.form.san, ("number",))
    for text in target.ocsp.fields.values():
        check_template("ocsp.fields", text, ("address", "port"))
    for text in (target.rest.certificate, target.rest.private_key, target.rest.trusted_root):
        check_template("rest", text, ("context",))
    check_files(target.server_files)
    check_server(target.server, target.server_files)
    if not target.steps and not target.server_files:
        raise MalformedError(
            "there are neither [[steps]] nor [[file]] tables",
            hint="[[steps]] say how files get onto a device, [[file]] which ones a server wants",
        )
