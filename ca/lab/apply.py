"""``apply``: bring a home and its output folders to the state that a lab file describes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from ca.authority.devices.device import DeviceWishes, address, set_device
from ca.authority.founding.ca import set_settings
from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes, compare, normal_base_url
from ca.authority.home import DATABASE, Environment, Home, no_passphrase, open_home
from ca.authority.signing.issue import IssueWishes, inferred_name, issue_key, would_make
from ca.documents.apply import ApplyDocument, ApplyStep
from ca.documents.exits import EXIT_CODES
from ca.documents.sign import Refused
from ca.errors import CAError, ConflictError, attempt
from ca.files import conflicts, lock_file, make_folder, read_bounded, write_atomic
from ca.lab.lab_file import (
    CertificateTable,
    DeviceTable,
    Lab,
    founding_wishes,
    label_of,
)
from ca.lab.near_devices import near_devices
from ca.lab.requests import runs
from ca.lab.unlisted import unlisted
from ca.profiles.durations import parse_lifetime
from ca.store import devices, settings


def apply(path: Path, lab: Lab, environment: Environment, *, check: bool) -> ApplyDocument:
    """Converge, or with ``check`` only report what would change.

    Only one call works on a home at a time; a second one waits, then finds its work done.

    Raises:
        ConflictError: the CA exists and was created with other options; nothing was changed.
        CAError: a step that concerns all failed; earlier steps stay, and the next call goes on
        from there. The failure of an entry is its refusal in the document.
    """
    if check and not (path / DATABASE).is_file():
        return _all_to_make(lab)
    if check:
        with open_home(
            path, msgspec.structs.replace(environment, passphrase=no_passphrase)
        ) as home:
            document = _document(*_steps(home, lab, check=True), check=True)
            return msgspec.structs.replace(
                document, unlisted=unlisted(home, lab), findings=near_devices(home, lab)
            )
    make_folder(path, mode=0o700)
    with lock_file(path / "apply.lock"):
        created = (
            _is_new(path, lab, environment)
            and create_ca(path, _with_base_url(lab), environment).created
        )
        with open_home(path, environment) as home:
            first = ApplyStep("ca", home.name, "made" if created else "unchanged", None)
            findings = near_devices(home, lab)
            steps, results = _steps(home, lab, check=False)
            document = _document([first, *steps], results, check=False)
            return msgspec.structs.replace(
                document, unlisted=unlisted(home, lab), findings=findings
            )


def _is_new(path: Path, lab: Lab, environment: Environment) -> bool:
    """Whether there is no CA yet.

    Raises:
        ConflictError: there is one that was created with other options.
    """
    if not (path / DATABASE).exists():
        return True
    with open_home(path, msgspec.structs.replace(environment, passphrase=no_passphrase)) as home:
        compare(founding_wishes(lab.file.ca), settings.read(home.store, "founding_wishes") or "{}")
    return False


def _with_base_url(lab: Lab) -> FoundingWishes:
    url = lab.file.ca.base_url
    return msgspec.structs.replace(
        founding_wishes(lab.file.ca), base_url=None if url in (None, "none") else url
    )


_Entry = tuple[str, str, Callable[[], ApplyStep]]
_Result = tuple[ApplyStep, Refused | None]


def _steps(home: Home, lab: Lab, *, check: bool) -> tuple[list[ApplyStep], list[_Result]]:
    """The steps that concern all, which end the call if they fail, then those of each entry."""
    steps = []
    if check:
        wished = founding_wishes(lab.file.ca)
        try:
            compare(wished, settings.read(home.store, "founding_wishes") or "{}")
            steps.append(ApplyStep("ca", home.name, "unchanged", None))
        except ConflictError as error:
            steps.append(ApplyStep("ca", home.name, "drift", error.message))
    steps += _settings(home, lab, check=check)
    return steps, _each(home, _entries(home, lab, check=check))


def _entries(home: Home, lab: Lab, *, check: bool) -> Iterator[_Entry]:
    """The entries that are handled one by one, in order."""
    for text in lab.file.profiles:
        source = lab.path(text)
        yield "profile", source.stem, partial(_profile, home, source, check=check)
    for device in lab.file.device:
        yield "device", device.name, partial(_device, home, device, check=check)
    signing = iter(runs(home, lab, check=check))
    for table in lab.file.certificate:
        if table.csr is None:
            work = partial(_issued, home, lab, table, check=check)
        else:
            same, run = next(signing)
            work = partial(run.step, same)
        yield "certificate", label_of(table), work


def _each(home: Home, entries: Iterator[_Entry]) -> list[_Result]:
    """The result of each entry; an error is that entry's refusal, and the others go on."""
    results: list[_Result] = []
    for what, name, work in entries:
        outcome = attempt(work)
        if isinstance(outcome, CAError):
            home.note(outcome)
            exit_code = EXIT_CODES[outcome.kind]
            hint = _in_lab_words(outcome.hint)
            refused = Refused(name, outcome.kind, outcome.message, hint, exit_code, outcome.rule)
            results.append((ApplyStep(what, name, "refused", outcome.message), refused))
        else:
            results.append((outcome, None))
    return results


def _in_lab_words(hint: str | None) -> str | None:
    """Replace the command-line options in a hint by the keys of a lab file."""
    if hint is None:
        return None
    hint = re.sub(r"--allow ([a-z-]+)", r'allow = ["\1"]', hint)
    hint = hint.replace("--again signs", "sipca sign --again signs")
    return hint.replace("--overwrite replaces files", "remove it").replace("--out", "out")


def _settings(home: Home, lab: Lab, *, check: bool) -> list[ApplyStep]:
    wished: dict[str, tuple[str | None, str | None]] = {}
    if lab.file.ca.base_url is not None:
        url = lab.file.ca.base_url
        wished["base_url"] = (home.base_url, None if url == "none" else normal_base_url(url))
    if lab.file.ca.target is not None:
        wished["target"] = (home.target, lab.file.ca.target)
    steps = []
    for name, (now, then) in wished.items():
        if now == then:
            steps.append(ApplyStep("setting", name, "unchanged", None))
            continue
        steps.append(ApplyStep("setting", name, _verb(check, "changed"), f"{now} -> {then}"))
        if not check:
            set_settings(home, **{name: then or "none"})
    return steps


def _profile(home: Home, source: Path, *, check: bool) -> ApplyStep:
    target = home.path / "profiles" / f"{source.stem}.toml"
    data = read_bounded(source)
    if target.exists() and not conflicts(target, data):
        return ApplyStep("profile", source.stem, "unchanged", None)
    verb = _verb(check, "changed" if target.exists() else "made")
    if not check:
        make_folder(target.parent, mode=0o700)
        write_atomic(target, data, overwrite=True)
    return ApplyStep("profile", source.stem, verb, None)


def _device(home: Home, table: DeviceTable, *, check: bool) -> ApplyStep:
    now = devices.device(home.store, table.name)
    then = devices.DeviceRow(
        now.name if now else table.name,
        table.target,
        table.context,
        tuple(dict.fromkeys(address(each) for each in table.addresses)),
        tuple(dict.fromkeys(address(each) for each in table.proxy_sets)),
    )
    if now == then:
        return ApplyStep("device", table.name, "unchanged", None)
    if not check:
        # near misses are told for all devices together
        wishes = DeviceWishes(then.target, then.context, then.addresses, then.proxy_sets)
        set_device(home, table.name, wishes, exactly=True, intended=True)
    return ApplyStep("device", table.name, _verb(check, "changed" if now else "made"), None)


def _issued(home: Home, lab: Lab, table: CertificateTable, *, check: bool) -> ApplyStep:
    wishes = IssueWishes(
        names=tuple(inferred_name(each) for each in table.issue),
        folder=lab.path(table.out),
        profile=table.profile,
        key=table.key,
        lifetime=None if table.lifetime is None else parse_lifetime(table.lifetime),
        device=table.device,
        allow=frozenset(table.allow),
        target=table.target,
    )
    name = label_of(table)
    if check:
        outcome = would_make(home, wishes)
        state_ = {"nothing": "unchanged", "certificate": "would change"}.get(outcome, "would make")
        return ApplyStep("certificate", name, state_, None)
    document = issue_key(home, wishes)
    done = {"nothing": "unchanged", "certificate": "changed"}.get(document.made, "made")
    replaced = [each.serial for each in document.superseded]
    return ApplyStep("certificate", name, done, document.serial, superseded=replaced)


def _all_to_make(lab: Lab) -> ApplyDocument:
    steps = [ApplyStep("ca", lab.file.ca.name or "", "would make", None)]
    steps += [
        ApplyStep("profile", Path(each).stem, "would make", None) for each in lab.file.profiles
    ]
    steps += [ApplyStep("device", each.name, "would make", None) for each in lab.file.device]
    steps += [
        ApplyStep("certificate", label_of(each), "would make", None)
        for each in lab.file.certificate
    ]
    return _document(steps, [], check=True)


def _document(steps: list[ApplyStep], results: list[_Result], *, check: bool) -> ApplyDocument:
    steps = [*steps, *(step for step, _ in results)]
    return ApplyDocument(
        check=check,
        converged=all(each.state == "unchanged" for each in steps),
        steps=steps,
        refused=[each for _, each in results if each is not None],
        unlisted=[],
    )


def _verb(check: bool, done: str) -> str:
    return {"made": "would make", "changed": "would change"}[done] if check else done
