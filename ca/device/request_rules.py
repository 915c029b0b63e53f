"""What a target's facts say about a request: the page's example subject, its key sizes."""

from __future__ import annotations

import msgspec

from ca.csr.request import CertificateRequest
from ca.model.findings import Finding, Violation, rule
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


def judge_at_target(request: CertificateRequest, target: Target) -> list[Finding]:
    """What the target's facts say about a request, with the target's own basis."""
    violation = placeholder_subject.check(RequestAtTarget(request, target))
    if not isinstance(violation, Violation):
        return []
    finding = placeholder_subject.finding(violation)
    return [msgspec.structs.replace(finding, basis=target.request.basis)]


def next_steps(
    target: Target, *, trusted_root: str, device: str, context: int | None = None
) -> list[str]:
    """The steps on the device's pages, in their order; an inferred one says so."""
    steps = []
    for step in target.steps:
        text = step.text.format(
            trusted_root=trusted_root,
            device=device,
            context="" if context is None else str(context),
        )
        steps.append(text if step.basis == "vendor" else f"{text} (inferred)")
    return steps
