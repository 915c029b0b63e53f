"""Rules about a request and the kind of device that it comes from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from ca.csr.request import CertificateRequest
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.text import printable
from ca.profiles.patterns import fill, matches
from ca.profiles.target import Step, Target


class RequestAtTarget(msgspec.Struct, frozen=True):
    """A request, and the kind of device that created it."""

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
        f"the subject is the unedited example of the CSR page: {shown}",
        "fill in the fields of the CSR page, or leave them empty, and create a new CSR",
    )


@rule("device-factory-name", "warning", "targets 1", basis="inferred")
@cases("CN=sbc1.lab.example", "CN=ACL_482913")
def factory_name(subject: RequestAtTarget) -> Violation | None:
    """The CN is not the one that this kind of device makes up when the field is left empty."""
    pattern, cn = subject.target.request.factory_cn, subject.request.cn
    if not pattern or cn is None or not matches(pattern, cn):
        return None
    return Violation(
        f"the CN '{printable(cn)}' was made up by the device because the field was empty",
        f"{subject.target.pages.csr}, field Subject Name [CN]: enter the host name; or use --cn",
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
    """A kind of device, and in words how a certificate differs from the device's request."""

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
        f"{subject.target.description} accepts only what its CSR asks for, but the certificate "
        f"would differ: {'; '.join(subject.differences)}",
        "sign with a profile of your own that does not change it (verbatim = true ensures that)",
    )


def judge_names_at_target(
    target: Target, differences: tuple[str, ...], allowed: Collection[str] = ()
) -> list[Finding]:
    """Findings about a certificate that differs from its request, with the target's basis."""
    findings = run([device_verbatim], NamesAtTarget(target, differences), allowed)
    return [msgspec.structs.replace(each, basis=target.request.basis) for each in findings]


def judge_at_target(request: CertificateRequest, target: Target) -> list[Finding]:
    """Findings about a request, each with the basis of the target's table it comes from."""
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
    target: Target,
    *,
    trusted_root: str,
    device: str,
    singles: Sequence[str] = (),
    context: int | None = None,
) -> list[str]:
    """The steps of an upload in order, filled in; inferred ones are marked "(inferred)".

    ``singles`` are the files with one CA certificate each, in the order of their upload; they are
    named unless the target is known to take several from one file, as the upload sheet does. A
    server has files of its own, which hold the key, too.
    """
    if target.server_files and not target.steps:
        words = f"sipca export REF --target {target.name} --key KEY-FILE --out DIR"
        return [f"{words} writes the files that the server wants"]
    if singles and target.trust.several_in_one != "yes":
        trusted_root = ", then ".join(singles)
    elif target.trust.several_in_one == "no":  # the bundle is of no use there
        trusted_root = f"{trusted_root.replace('trusted-root', 'trusted-1-root')}, and so on"
    values = {
        "trusted_root": trusted_root,
        "device": device,
        "context": "" if context is None else str(context),
        "address": "the device",
        "slot": "0",
    }
    return [_told(step, fill(step.text, values)) for step in target.steps]


def _told(step: Step, text: str) -> str:
    return text if step.basis == "vendor" else f"{text} (inferred)"
