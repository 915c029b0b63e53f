"""What a target's facts say about a request: the page's example subject, its key sizes."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ca.csr.request import CertificateRequest
from ca.model.findings import Finding, Violation, rule, run
from ca.names.text import printable
from ca.profiles.patterns import filled, matches
from ca.profiles.target import Target


class RequestAtTarget(msgspec.Struct, frozen=True):
    """A request, and the kind of device that made it."""

    request: CertificateRequest
    target: Target


@rule("placeholder-subject", "warning", "the target's request.placeholder", basis="inferred")
def placeholder_subject(subject: RequestAtTarget) -> Violation | None:
    """The subject still holds the example values that the device's CSR page starts with."""
    example = subject.target.request.placeholder
    asked = {each.type: each.value for each in subject.request.subject}
    if not example or any(asked.get(kind) != value for kind, value in example.items()):
        return None
    shown = ", ".join(f"{kind}={value}" for kind, value in example.items())
    return Violation(
        f"the subject is the page's example, never edited: {shown}",
        "fill in the fields of the CSR page, or leave them empty, and make a new CSR",
    )


@rule("device-factory-name", "warning", "the target's request.factory_cn", basis="inferred")
def factory_name(subject: RequestAtTarget) -> Violation | None:
    """The CN is what this kind of device makes up when its CSR page is left empty."""
    pattern, cn = subject.target.request.factory_cn, subject.request.cn
    if not pattern or cn is None or not matches(pattern, cn):
        return None
    return Violation(
        f"the CN '{printable(cn)}' is the device's own, made up because the field was empty",
        f"{subject.target.pages.csr}, field Subject Name [CN]: the host name; or sign with --cn",
    )


@rule("device-no-san-fields", "info", "the target's san.slots", basis="inferred")
def no_san_fields(subject: RequestAtTarget) -> Violation | None:
    """This kind of device cannot put a SAN into its CSR: the names have to come with the call."""
    if subject.target.san.slots or subject.request.san:
        return None
    return Violation(
        f"{subject.target.description}: its CSR page has no SAN fields",
        "give the names that peers dial with --san dns:NAME, --san ip:ADDRESS",
    )


class NamesAtTarget(msgspec.Struct, frozen=True):
    """A kind of device, and in words how a certificate differs from what it asked for."""

    target: Target
    differences: tuple[str, ...]


@rule("device-verbatim", "error", "the target's request.verbatim", allow=True, basis="inferred")
def device_verbatim(subject: NamesAtTarget) -> Violation | None:
    """A device that takes only what it asked for gets subject and SAN as in its CSR."""
    if not subject.target.request.verbatim or not subject.differences:
        return None
    return Violation(
        f"{subject.target.description} takes only what its CSR asks for, and the certificate "
        f"would differ: {'; '.join(subject.differences)}",
        "sign by a profile of your own that leaves it alone (verbatim = true holds it to that)",
    )


def judge_names_at_target(
    target: Target, differences: tuple[str, ...], allowed: Collection[str] = ()
) -> list[Finding]:
    """What the target's facts say about a certificate that differs from its request."""
    found = run([device_verbatim], NamesAtTarget(target, differences), allowed)
    return [msgspec.structs.replace(each, basis=target.request.basis) for each in found]


def judge_at_target(request: CertificateRequest, target: Target) -> list[Finding]:
    """What the target's facts say about a request, each with the basis of its facts."""
    bases = {
        "placeholder-subject": target.request.basis,
        "device-factory-name": target.request.basis,
        "device-no-san-fields": target.san.basis,
    }
    rules = (placeholder_subject, factory_name, no_san_fields)
    return [
        msgspec.structs.replace(finding, basis=bases[finding.code])
        for finding in run(rules, RequestAtTarget(request, target))
    ]


def next_steps(
    target: Target, *, trusted_root: str, device: str, context: int | None = None
) -> list[str]:
    """The steps on the device's pages, in their order; an inferred one says so."""
    steps = []
    for step in target.steps:
        text = filled(
            step.text,
            {
                "trusted_root": trusted_root,
                "device": device,
                "context": "" if context is None else str(context),
            },
        )
        steps.append(text if step.basis == "vendor" else f"{text} (inferred)")
    return steps
