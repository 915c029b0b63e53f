"""What a home's newest CRL lists, read with cryptography."""

from __future__ import annotations

from cryptography import x509
from stand_in.lab import Answer, CommandLine


def parsed_crl(answer: Answer) -> x509.CertificateRevocationList:
    """The CRL that a command printed."""
    return x509.load_pem_x509_crl(answer.out.encode())


def crl_reasons(sipca: CommandLine, *words: str) -> dict[str, str]:
    """The reason of each entry of the newest CRL, by serial; "" where it has none."""
    reasons = {}
    for entry in parsed_crl(sipca("crl", *words)):
        try:
            reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except x509.ExtensionNotFound:
            reason = ""
        reasons[f"{entry.serial_number:x}"] = reason
    return reasons


def all_serials(sipca: CommandLine, *words: str) -> list[str]:
    """The serials of every certificate, oldest first."""
    answer = sipca("list", "--all", "--json", *words)
    return [each["serial"] for each in answer.json["certificates"]]
