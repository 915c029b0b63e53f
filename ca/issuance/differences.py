"""Where a certificate differs from its request, and which profile key leaves that alone.

Some devices refuse a certificate that is not what they asked for: a profile with
``verbatim = true`` refuses instead of changing, and every other one tells.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ca.issuance.order import Order
from ca.model.account import FieldAccount
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.text import printable
from ca.profiles.profile import Profile

_OPTIONS = ("--cn", "--san", "--replace-san", "--fix-san")
_PURPOSES = ("extension.extendedKeyUsage", "extension.keyUsage")


class Difference(msgspec.Struct, frozen=True):
    """One difference in words, and the next step that avoids it; ``told``: the profile's doing."""

    what: str
    way_out: str
    told: bool = True


class Differing(msgspec.Struct, frozen=True):
    """A certificate about to be issued by a profile, and how it differs from its request."""

    profile: Profile
    differences: tuple[Difference, ...]


def name_differences(account: Iterable[FieldAccount]) -> tuple[Difference, ...]:
    """Where subject and SAN differ from the request's, in the account's order."""
    differing = [
        line
        for line in account
        if line.asked != line.issued and (line.field == "san" or line.field.startswith("subject."))
    ]
    return tuple(Difference(_in_words(line), *_way_out(line)) for line in differing)


def _in_words(line: FieldAccount) -> str:
    kind = line.field.removeprefix("subject.")
    where = "the SAN" if line.field == "san" else "the subject"
    asked, issued = (
        None if value is None else printable(value if line.field == "san" else f"{kind}={value}")
        for value in (line.asked, line.issued)
    )
    if asked is None:
        return f"{issued} is added to {where}"
    return f"{asked} is left out of {where}" if issued is None else f"{asked} becomes {issued}"


def _way_out(line: FieldAccount) -> tuple[str, bool]:
    if line.rule in _OPTIONS:
        return f"leave {line.rule} out", False
    if line.rule == "cn-in-san":
        return "[san] from_cn = false", True
    if line.rule == "country-upper-case":
        return "write C in capitals on the CSR page", True
    if line.rule in ("one-cn", "san-duplicate"):
        return "let the CSR name it once", True
    if line.field == "san" and line.rule.startswith("profile "):
        kind = (line.asked or "").partition(":")[0]
        return f'"{kind}" in [san] take', True
    if line.rule.startswith("profile "):
        return f'"{line.field.removeprefix("subject.")}" in [subject] take', True
    return "no profile issues names of that kind", True


def _purpose_difference(line: FieldAccount) -> Difference:
    """A purpose or usage that was asked for and becomes another."""
    name = line.field.removeprefix("extension.")
    key = "extended_key_usage" if name == "extendedKeyUsage" else "key_usage"
    return Difference(f"{name} {line.asked} becomes {line.issued}", f"[extensions] {key} decides")


@rule("verbatim", "error", "profiles 1")
@cases("The CSR has every name that is needed.", "--san adds a name that the CSR does not ask for.")
def verbatim(subject: Differing) -> Violation | None:
    """By a profile with verbatim = true, subject and SAN are issued exactly as requested."""
    if not subject.differences:
        return None
    return Violation(
        f"profile {subject.profile.name} is verbatim, and the certificate would differ from the "
        f"CSR: {'; '.join(each.what for each in subject.differences)}",
        f"what leaves it alone: {_ways_out(subject.differences)}; or make a CSR that asks for it",
    )


@rule("differs-from-request", "info", "profiles 1")
@cases(
    "CN, O and SAN stand in the certificate as in the CSR.",
    "The CSR asks for an OU that the profile does not take.",
)
def differs(subject: Differing) -> Violation | None:
    """Subject, SAN and purposes are issued as requested.

    Where the profile changes them, its key is named.
    """
    if not subject.differences:
        return None
    return Violation(
        f"differs from the CSR: {'; '.join(each.what for each in subject.differences)}",
        f"in a profile of your own (sipca profile new NAME --from {subject.profile.name}): "
        f"{_ways_out(subject.differences)}; verbatim = true refuses instead of changing",
    )


def _ways_out(differences: Iterable[Difference]) -> str:
    return "; ".join(dict.fromkeys(each.way_out for each in differences))


def judge_differences(
    order: Order, names: tuple[FieldAccount, ...], extensions: tuple[FieldAccount, ...]
) -> list[Finding]:
    """Refuse by a verbatim profile what differs; by others tell what is the profile's doing."""
    if not order.request.der:
        return []  # nobody asked: sipca made the request itself
    found = name_differences(names)
    if order.profile.verbatim:
        if order.request.san_critical:
            found += (Difference("the SAN is no longer critical", "no profile issues it so"),)
        return run([verbatim], Differing(order.profile, found))
    if not (order.request.san or order.request.other_names):
        # a device without SAN fields needs the name of its CN: no news, the account has it
        found = name_differences([line for line in names if line.rule != "cn-in-san"])
    told = [each for each in found if each.told]
    told += [
        _purpose_difference(line)
        for line in extensions
        if line.how == "changed" and line.field in _PURPOSES
    ]
    return run([differs], Differing(order.profile, tuple(told))) if told else []


def as_asked(lines: tuple[FieldAccount, ...]) -> tuple[FieldAccount, ...]:
    """The lines of a verbatim profile, by which nothing was changed."""
    return tuple(
        msgspec.structs.replace(line, rule="verbatim") if line.how == "taken" else line
        for line in lines
    )
