"""What a target's facts say about a request: the page's example subject, its key sizes."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ca.csr.request import CertificateRequest
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.text import printable
from ca.profiles.patterns import fill, matches
from ca.profiles.target import Target


class RequestAtTarget(msgspec.Struct, frozen=True):
    """A request, and the kind of device that made it."""

    request: CertificateRequest
    target: Target


@rule("placeholder-subject", "warning", "targets 1", basis="inferred")
@cases("O=Acme, L=Utrecht, C=NL", "OU=Headquarters, O=Corporate, L=Poughkeepsie, ST=New York, C=US")
def placeholder_subject(subject: RequestAtTarget) -> Violation | None:
    """The subject does not hold the example values with which the device's CSR page starts."""
    example = subject.target.request.placeholder
    asked = {each.type: each.value for each in subject.request.subject}
    if not example or any(asked.get(kind) != value for kind, value in example.items()):
        return None
    shown = ", ".join(f"{kind}={value}" for kind, value in example.items())
    return Violation(
        f"the subject is the page's example, never edited: {shown}",
        "fill in the fields of the CSR page, or leave them empty, and make a new CSR",
    )


@rule("device-factory-name", "warning", "targets 1", basis="inferred")
@cases("CN=sbc1.lab.example", "CN=ACL_482913")
def factory_name(subject: RequestAtTarget) -> Violation | None:
    """The CN is not the one that this kind of device makes up when the field is left empty."""
    pattern, cn = subject.target.request.factory_cn, subject.request.cn
    if not pattern or cn is None or not matches(pattern, cn):
        return None
    return Violation(
        f"the CN '{printable(cn)}' is the device's own, made up because the field was empty",
        f"{subject.target.pages.csr}, field Subject Name [CN]: the host name; or sign with --cn",
    )


@rule("device-no-san-fields", "info", "targets 1", basis="inferred")
@cases("Firmware 7.4, with five SAN fields.", "Firmware 6.6, whose CSR page has none.")
def no_san_fields(subject: RequestAtTarget) -> Violation | None:
    """The device can put a SAN into its CSR. Where it cannot, --san gives the names."""
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


@rule("device-verbatim", "error", "targets 12", allow=True, basis="inferred")
@cases(
    "The certificate of a Cisco CUCM has the SAN of its CSR.",
    "A name is added with --san, and CUCM refuses the upload.",
)
def device_verbatim(subject: NamesAtTarget) -> Violation | None:
    """A device that compares certificate and CSR gets subject and SAN as its CSR has them."""
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
        text = fill(
            step.text,
            {
                "trusted_root": trusted_root,
                "device": device,
                "context": "" if context is None else str(context),
            },
        )
        steps.append(text if step.basis == "vendor" else f"{text} (inferred)")
    return steps
