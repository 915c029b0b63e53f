"""How a certificate differs from its request, and which profile key would avoid the difference.

Some devices refuse a certificate that is not exactly what they asked for. A profile with
``verbatim = true`` refuses such a request; every other profile reports the differences.
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
    """One difference in words, and how to avoid it; ``by_profile``: no option asked for it."""

    what: str
    way_out: str
    by_profile: bool = True


class Differing(msgspec.Struct, frozen=True):
    """A profile, and how a certificate issued with it would differ from its request."""

    profile: Profile
    differences: tuple[Difference, ...]


def name_differences(account: Iterable[FieldAccount]) -> tuple[Difference, ...]:
    """Where subject and SAN differ from the request's, in the account's order."""
    changed = [
        line
        for line in account
        if line.asked != line.issued and (line.field == "san" or line.field.startswith("subject."))
    ]
    return tuple(Difference(_in_words(line), *_way_out(line)) for line in changed)


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
        return "set [san] from_cn = false", True
    if line.rule == "country-upper-case":
        return "write C in capitals on the CSR page", True
    if line.rule in ("one-cn", "san-duplicate"):
        return "name it once in the CSR", True
    if line.field == "san" and line.rule.startswith("profile "):
        kind = (line.asked or "").partition(":")[0]
        return f'add "{kind}" to [san] take', True
    if line.rule.startswith("profile "):
        return f'add "{line.field.removeprefix("subject.")}" to [subject] take', True
    return "leave the name out of the CSR, since no profile issues its kind", True


def _purpose_difference(line: FieldAccount) -> Difference:
    """The difference between the purposes or key usage requested and issued."""
    name = line.field.removeprefix("extension.")
    key = "extended_key_usage" if name == "extendedKeyUsage" else "key_usage"
    return Difference(f"{name} {line.asked} becomes {line.issued}", f"change [extensions] {key}")


@rule("verbatim", "error", "profiles 1")
@cases("The CSR has every name that is needed.", "--san adds a name that the CSR does not ask for.")
def verbatim(subject: Differing) -> Violation | None:
    """By a profile with verbatim = true, subject and SAN are issued exactly as requested."""
    if not subject.differences:
        return None
    return Violation(
        f"profile {subject.profile.name} is verbatim, and the certificate would differ from the "
        f"CSR: {'; '.join(each.what for each in subject.differences)}",
        f"to avoid that, {_ways_out(subject.differences)}; or create a CSR that asks for it",
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
    """Refuse differences if the profile is verbatim; else report those that the profile causes."""
    if not order.request.der:
        return []  # there is no CSR to differ from
    differences = name_differences(names)
    if order.profile.verbatim:
        if order.request.san_critical:
            way_out = "let the CSR ask for a SAN that is not critical"
            differences += (Difference("the SAN is no longer critical", way_out),)
        return run([verbatim], Differing(order.profile, differences))
    if not (order.request.san or order.request.other_names):
        # a device without SAN fields needs its CN as a name; that is in the account, and no news
        differences = name_differences([line for line in names if line.rule != "cn-in-san"])
    reported = [each for each in differences if each.by_profile]
    reported += [
        _purpose_difference(line)
        for line in extensions
        if line.how == "changed" and line.field in _PURPOSES
    ]
    return run([differs], Differing(order.profile, tuple(reported))) if reported else []


def as_requested(lines: tuple[FieldAccount, ...]) -> tuple[FieldAccount, ...]:
    """The lines of the account, with "verbatim" as the rule of every field that was taken."""
    return tuple(
        msgspec.structs.replace(line, rule="verbatim") if line.how == "taken" else line
        for line in lines
    )
