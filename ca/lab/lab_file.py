"""The lab file, which describes a test environment; it is checked whole before any step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ca.authority.devices.device import address
from ca.authority.founding.wishes import FoundingWishes, Protection
from ca.authority.signing.issue import inferred_name, stem_for
from ca.authority.upload_files import device_name, stem_of
from ca.csr.parsing import read_request
from ca.errors import BugError, CAError, ConflictError, MalformedError, NotFoundError, attempt
from ca.files import MAX_INPUT, read_bounded
from ca.model.wishes import SigningWishes
from ca.names.general import parse_general_name
from ca.names.likeness import Likeness
from ca.names.text import check_device_name
from ca.profiles.durations import parse_lifetime, parse_span
from ca.profiles.library import Library, check_own_name, check_profile_file
from ca.profiles.reader import decode_utf8, read_toml

SCHEMA = 1


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class CATable(_Closed, frozen=True):
    """The CA: options of ``init`` and ``ca set``, with their defaults."""

    name: str | None = None
    org: str | None = None
    country: str | None = None
    root_key: str | None = None
    issuing_key: str | None = None
    root_lifetime: str | None = None
    issuing_lifetime: str | None = None
    base_url: str | None = None
    target: str | None = None
    permit_dns: tuple[str, ...] = ()
    permit_ip: tuple[str, ...] = ()
    protect: Protection | None = None


Context = Annotated[int, msgspec.Meta(ge=0, le=99)]


class DeviceTable(_Closed, frozen=True):
    """A device: options of ``device set``."""

    name: str
    target: str | None = None
    context: Context | None = None
    addresses: tuple[str, ...] = ()
    proxy_sets: tuple[str, ...] = ()


class CertificateTable(_Closed, frozen=True):
    """A wanted certificate: of a CSR file, or (``issue``) with a key made here."""

    out: str
    csr: str | None = None
    issue: tuple[str, ...] = ()
    profile: str = "sip"
    device: str | None = None
    context: Context | None = None
    cn: str | None = None
    san: tuple[str, ...] = ()
    fix_san: bool = False
    lifetime: str | None = None
    allow: tuple[str, ...] = ()
    key: str | None = None
    target: str | None = None


class LabFile(_Closed, frozen=True):
    """A whole lab. ``profiles`` are TOML files to put into the home."""

    schema: int
    ca: CATable = CATable()
    profiles: tuple[str, ...] = ()
    device: tuple[DeviceTable, ...] = ()
    certificate: tuple[CertificateTable, ...] = ()


class Lab(msgspec.Struct, frozen=True):
    """A checked lab file and the folder that its paths start from."""

    file: LabFile
    folder: Path

    def path(self, text: str) -> Path:
        """Resolve a path of the file against its folder."""
        return self.folder / text


def lab_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of lab files, as their TOML is read."""
    schema = msgspec.json.schema(LabFile)
    schema["$defs"]["LabFile"]["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_lab(path: Path, home: Path) -> Lab:
    """Read and check a lab file.

    Raises:
        MalformedError: it has an unknown key, a bad value, or a CSR file without a request.
        NotFoundError: a CSR, profile or target does not exist. ConflictError: a device is given
        twice, or two certificates have the same file.
    """
    text = decode_utf8(read_bounded(path, limit=MAX_INPUT), str(path))
    lab = Lab(read_toml(text, LabFile, file=str(path)), path.parent)
    if lab.file.schema != SCHEMA:
        raise MalformedError(f"{path}: schema is {lab.file.schema}, known is {SCHEMA}")
    library = Library(home if home.is_dir() else None)
    own = _checked_profiles(path, lab)
    _named(path, "ca", lambda: founding_wishes(lab.file.ca))
    if lab.file.ca.target is not None:
        _named(path, "ca.target", lambda: library.target(str(lab.file.ca.target)))
    _check_devices(path, lab, library)
    _check_certificates(path, lab, library, own)
    return lab


def founding_wishes(table: CATable) -> FoundingWishes:
    """The wishes for ``init``.

    Raises:
        MalformedError: a value is not well formed.
    """
    from ca.authority.founding.wishes import normal

    def span(text: str | None) -> object:
        return None if text is None else parse_span(text)

    return normal(
        FoundingWishes(
            name=table.name,
            org=table.org,
            country=table.country,
            root_key=table.root_key,
            issuing_key=table.issuing_key,
            root_lifetime=span(table.root_lifetime),  # type: ignore[arg-type]
            issuing_lifetime=span(table.issuing_lifetime),  # type: ignore[arg-type]
            permit_dns=table.permit_dns,
            permit_ip=table.permit_ip,
            protect=table.protect,
        )
    )


def signing_wishes(table: CertificateTable) -> SigningWishes:
    """The wishes for ``sign``, for one certificate.

    Raises:
        MalformedError: a value is not well formed.
    """
    return SigningWishes(
        profile=table.profile,
        device=table.device,
        context=table.context,
        cn=table.cn,
        san=tuple(parse_general_name(each) for each in table.san),
        fix_san=table.fix_san,
        lifetime=None if table.lifetime is None else parse_lifetime(table.lifetime),
        allow=frozenset(table.allow),
        origin="",
    )


def file_stem(table: CertificateTable) -> str:
    """The stem of a certificate's files."""
    if table.csr is not None:
        return stem_of(Path(table.csr).stem) or "device"
    return stem_for(inferred_name(table.issue[0]))


def label_of(table: CertificateTable) -> str:
    """A certificate in a few words."""
    return table.csr or " ".join(table.issue)


def _checked_profiles(path: Path, lab: Lab) -> list[str]:
    names = []
    for number, text in enumerate(lab.file.profiles):
        source = lab.path(text)
        _named(path, f"profiles[{number}]", lambda source=source: check_own_name(source.stem))
        _named(path, f"profiles[{number}]", lambda source=source: check_profile_file(source))
        names.append(source.stem)
    _once(path, "profiles", names)
    return names


def _check_devices(path: Path, lab: Lab, library: Library) -> None:
    for number, device in enumerate(lab.file.device):
        key = f"device[{number}]"
        _named(path, f"{key}.name", lambda device=device: check_device_name(device.name))
        if device.target is not None:
            _named(path, f"{key}.target", lambda device=device: library.target(device.target))
        for each in (*device.addresses, *device.proxy_sets):
            _named(path, key, lambda each=each: address(each))
    _once(path, "device", [device.name for device in lab.file.device])
    _check_addresses(path, lab)


def _check_addresses(path: Path, lab: Lab) -> None:
    """Check that no address is of two devices.

    Raises:
        ConflictError: one is.
    """
    owners: dict[str, str] = {}
    for device in lab.file.device:
        for each in device.addresses:
            owner = owners.setdefault(address(each), device.name)
            if owner != device.name:
                raise ConflictError(
                    f"{path}: the address {each} is of '{owner}' and of '{device.name}'",
                    hint="an address is of one device",
                )


def _check_places(path: Path, lab: Lab) -> None:
    """Check the devices that certificates name: spelled as in their tables, one a place.

    A place is a TLS context, and a profile of a device without contexts: of two certificates for
    one, each would supersede the other (``ca.authority.succession``), at every run.

    Raises:
        NotFoundError: a device is in no table, but one of nearly that name is.
        ConflictError: two certificates are for one place of a device.
    """
    names = {each.name.casefold() for each in lab.file.device}
    likeness = Likeness(each.name for each in lab.file.device)
    taken: dict[tuple[str, int | str], int] = {}
    for number, table in enumerate(lab.file.certificate):
        if table.device is None:
            continue
        folded = table.device.casefold()
        near = None if folded in names else likeness.of(table.device)
        if near is not None:
            raise NotFoundError(
                f"{path}: certificate[{number}].device: no [[device]] is called '{table.device}'",
                hint=f"did you mean '{near}'?",
            )
        context = _context(lab, table)
        first = taken.setdefault((folded, table.profile if context is None else context), number)
        if first == number:
            continue
        both = f"{path}: certificate[{first}] and certificate[{number}] are both for"
        if context is not None:
            raise ConflictError(
                f"{both} '{table.device}' context {context}",
                hint="a TLS context holds one certificate",
            )
        raise ConflictError(
            f"{both} '{table.device}' by profile {table.profile}: each would supersede the other",
            hint="give a csr its context, or name the device with one of them alone",
        )


def _check_certificates(path: Path, lab: Lab, library: Library, own: list[str]) -> None:
    from ca.authority.reports.rule import overridable
    from ca.keys.specs import SPECS

    profiles = {*library.profiles.names(), *own}
    outputs = []
    for number, table in enumerate(lab.file.certificate):
        key = f"certificate[{number}]"
        if (table.csr is None) == (not table.issue):
            raise MalformedError(f"{path}: {key} has not one of csr and issue")
        if table.profile not in profiles:
            raise NotFoundError(
                f"{path}: {key}.profile: there is no profile '{table.profile}'",
                hint="sipca profile list shows them; own ones are named under profiles",
            )
        if table.target is not None:
            _named(path, f"{key}.target", lambda table=table: _check_server(library, table))
        if table.key is not None and table.key not in SPECS:
            raise MalformedError(
                f"{path}: {key}.key: '{table.key}' is not one of {', '.join(SPECS)}"
            )
        for rule in table.allow:
            if rule not in overridable():
                raise MalformedError(f"{path}: {key}.allow: there is no rule '{rule}' to override")
        if table.device is not None:
            _named(path, f"{key}.device", lambda table=table: check_device_name(table.device))
        _check_values(path, key, table)
        if table.csr is not None:
            source = lab.path(table.csr)
            _named(path, f"{key}.csr", lambda source=source: _check_request(source))
        _check_belonging(path, key, table)
        context = None if table.issue else _context(lab, table)
        outputs.append(str(Path(table.out) / device_name(file_stem(table), context)))
    _once(path, "certificate", outputs)
    _check_places(path, lab)


def _check_values(path: Path, key: str, table: CertificateTable) -> None:
    """Check what is a text in the file and means more.

    Raises:
        MalformedError: a lifetime or a SAN is none.
    """
    if table.lifetime is not None:
        _named(path, f"{key}.lifetime", lambda: parse_lifetime(table.lifetime or ""))
    for place, name in enumerate(table.san):
        _named(path, f"{key}.san[{place}]", lambda name=name: parse_general_name(name))


def _check_belonging(path: Path, key: str, table: CertificateTable) -> None:
    """Check that no key is given that would be passed over.

    Raises:
        MalformedError: it belongs to the other kind of certificate.
    """
    of_csr = {
        "context": table.context is not None,
        "cn": table.cn is not None,
        "san": bool(table.san),
        "fix_san": table.fix_san,
    }
    given = of_csr if table.issue else {"key": table.key is not None}
    for name, is_given in given.items():
        if is_given:
            other, this = ("csr", "issue") if table.issue else ("issue", "csr")
            raise MalformedError(
                f"{path}: {key}.{name} goes with {other}, not with {this}", hint="leave it out"
            )


def _check_server(library: Library, table: CertificateTable) -> None:
    """Check that a certificate's target is a server whose key is made here.

    Raises:
        NotFoundError: there is no such target.
        MalformedError: the certificate is of a CSR, or the target is a device's.
    """
    target = library.target(table.target or "")
    if table.csr is not None:
        raise MalformedError(
            "a target goes with issue, not with csr", hint="sipca export --target --key FILE"
        )
    if not target.server_files:
        raise MalformedError(
            f"target '{target.name}' is a device's", hint="name it in the [[device]] table"
        )


def _check_request(source: Path) -> None:
    """Check that a request can be read; a bug of ours is left to the entry itself."""
    outcome = attempt(lambda: read_request(read_bounded(source)))
    if isinstance(outcome, CAError) and not isinstance(outcome, BugError):
        raise outcome


def _context(lab: Lab, table: CertificateTable) -> int | None:
    """The TLS context in the file's name: the table's, otherwise its device's."""
    if table.context is not None or table.device is None:
        return table.context
    known = {each.name.casefold(): each.context for each in lab.file.device}
    return known.get(table.device.casefold())


def _named(path: Path, key: str, check: object) -> object:
    """Run a check, and add the place in the file to its error."""
    assert callable(check)
    try:
        return check()
    except CAError as error:
        raise type(error)(
            f"{path}: {key}: {error.message}", hint=error.hint, rule=error.rule
        ) from None


def _once(path: Path, key: str, names: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        first = seen.setdefault(name.casefold(), number)
        if first != number:
            raise ConflictError(f"{path}: {key}[{first}] and {key}[{number}] are both '{name}'")
