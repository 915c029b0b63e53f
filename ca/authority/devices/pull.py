"""``pull``: have a device make a key and a CSR, and fetch the CSR."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ca.authority.devices.session import Place, Reach, place_of, session
from ca.authority.home import Home
from ca.csr.parsing import read_request
from ca.documents.pull import PullDocument
from ca.documents.push import DeviceStep
from ca.errors import ConflictError
from ca.files import write_atomic
from ca.model.certificates import subject_text
from ca.names.hosts import looks_like_host
from ca.wire.rest import DeviceAPI


class PullWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the device is to do: a new key of some bits, or (None) the key that it has.

    ``yes``: really do it. ``subject``: the fields of the device's form by their REST names.
    """

    reach: Reach
    context: int | None = None
    new_key: int | None = None
    subject: dict[str, str] = {}
    file: Path | None = None
    overwrite: bool = False
    yes: bool = False


def pull(home: Home, name: str, wishes: PullWishes) -> PullDocument:
    """Make a CSR on a device and fetch it; without ``yes`` only say what would be done.

    Raises:
        CAError: the device is not known, cannot be reached, or refuses; the file is there already.
    """
    place = place_of(home, name, wishes.context, wishes.reach.address)
    _check_file(wishes)
    with session(home, place, wishes.reach) as api:
        version, state = api.version(), api.key_state(place.context)
        steps = [_key_step(wishes, place, state.size)]
        subject = _subject(place, wishes)
        if not wishes.yes:
            steps.append(DeviceStep(step="csr", state="would", detail=_asked(subject)))
            return _document(place, wishes, version, steps, None)
        if wishes.new_key is not None:
            api.make_key(place.context, wishes.new_key)
        text = _fetched(api, place, subject)
        request = read_request(text.encode())
    steps.append(DeviceStep(step="csr", state="done", detail=subject_text(request.subject)))
    if wishes.file is not None:
        write_atomic(wishes.file, text.encode(), overwrite=wishes.overwrite)
    return _document(place, wishes, version, steps, text)


def _check_file(wishes: PullWishes) -> None:
    if wishes.file is not None and wishes.file.exists() and not wishes.overwrite:
        raise ConflictError(f"'{wishes.file}' is there already", hint="another -o, or --overwrite")


def _key_step(wishes: PullWishes, place: Place, size: int | None) -> DeviceStep:
    has = "a key whose size it does not tell" if size is None else f"a key of {size} bits"
    if wishes.new_key is None:
        return DeviceStep(step="key", state="unchanged", detail=f"{place.label} has {has}")
    effect = "the certificate that is there now no longer fits"
    if place.context == 0:
        effect += (
            "; context 0 serves the web interface, too: HTTPS may not come up until a certificate "
            "of the new key is loaded, so let the device take HTTP beside HTTPS first"
        )
    return DeviceStep(
        step="key",
        state="done" if wishes.yes else "would",
        detail=f"a new key of {wishes.new_key} bits in place of {has}; {effect}",
    )


def _subject(place: Place, wishes: PullWishes) -> dict[str, str]:
    """The form's fields: a CN that peers dial, and a hash that is accepted (REST's is sha1)."""
    names = (*place.device.addresses, place.device.name)
    cn = next((each for each in names if looks_like_host(each)), place.device.name)
    return {"subjectName": cn, "signatureAlgorithm": "sha256", **wishes.subject}


def _asked(subject: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in subject.items())


def _fetched(api: DeviceAPI, place: Place, subject: dict[str, str]) -> str:
    text = api.make_request(place.context, subject)
    return text if text.endswith("\n") else text + "\n"


def _document(
    place: Place, wishes: PullWishes, version: str | None, steps: list[DeviceStep], csr: str | None
) -> PullDocument:
    return PullDocument(
        device=place.device.name,
        context=place.context,
        address=place.address,
        dry_run=not wishes.yes,
        version=version,
        steps=steps,
        csr_pem=csr,
        file=str(wishes.file) if csr and wishes.file else None,
    )
