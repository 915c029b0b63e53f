"""From an order to linted octets with a complete account; nothing is signed here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ca.csr.rules import judge_request
from ca.encoding import der
from ca.encoding.certificates import SHORT_TYPES
from ca.encoding.extensions import encode_time
from ca.issuance.extensions import Extension, decide_extensions
from ca.issuance.order import Order, Prepared
from ca.issuance.san import decide_san
from ca.issuance.subject import decide_subject
from ca.issuance.validity import decide_validity
from ca.keys.public import PublicKey
from ca.keys.signer import algorithm_identifier, signature_name
from ca.lint.certificates import lint_to_be_signed
from ca.lint.public_keys import check_public_key
from ca.model.account import FieldAccount, How
from ca.model.certificates import SubjectAttribute, Validity
from ca.model.findings import Finding, raise_failures

if TYPE_CHECKING:
    from cryptography import x509

OIDS = {short: oid for oid, short in SHORT_TYPES.items()}
VERSION_3 = bytes.fromhex("a003020102")


def prepare(order: Order) -> Prepared:
    """Decide every field, build the TBSCertificate with the issuer's AlgorithmIdentifier, lint it.

    Raises:
        CAError: the request, a wish, a key rule or a lint forbids the certificate.
    """
    request, profile, wishes = order.request, order.profile, order.wishes
    findings: list[Finding] = []
    if request.der:
        findings += judge_request(request, wishes.allow)
    raise_failures(findings)
    findings += check_public_key(request.key, profile.key.allow, wishes.allow)
    raise_failures(findings)
    subject, subject_findings = decide_subject(order)
    san, san_findings = decide_san(order, subject.value)
    findings += subject_findings + san_findings
    raise_failures(findings)
    validity = decide_validity(order)
    extensions = decide_extensions(order, san.value)
    tbs = _build(order, subject.value, validity.value, extensions.value)
    raise_failures(
        lint_to_be_signed(
            tbs,
            profile=profile,
            key=request.key,
            issuer=order.issuer.facts,
            issuer_key=order.issuer.key,
            algorithm=algorithm_identifier(order.issuer.key),
        )
    )
    account = (
        *subject.lines,
        *san.lines,
        *_key_lines(order, findings),
        *extensions.lines,
        *validity.lines,
        *_ca_lines(order),
    )
    _assert_complete(order, account, tbs)
    return Prepared(
        tbs,
        order.serial,
        subject.value,
        san.value,
        validity.value,
        request.key,
        account,
        tuple(findings),
    )


def _key_lines(order: Order, findings: list[Finding]) -> tuple[FieldAccount, ...]:
    request = order.request
    forced = [
        f.code
        for f in findings
        if f.result == "warn" and f.severity == "error" and f.code in _KEY_CODES
    ]
    how: How = "forced" if forced else "taken"
    rule = forced[0] if forced else "key"
    lines = [FieldAccount("key", request.key.label, request.key.label, how, rule)]
    lines += [
        FieldAccount(f"attribute.{name}", name, None, "refused", "attributes")
        for name in request.attributes
    ]
    return tuple(lines)


_KEY_CODES = frozenset(
    (
        "weak-key",
        "rsa-roca",
        "rsa-close-primes",
        "rsa-small-factor",
        "rsa-exponent",
        "debian-weak-key",
    )
)


def _ca_lines(order: Order) -> tuple[FieldAccount, ...]:
    asked = order.request.signature_algorithm or None
    issued = signature_name(order.issuer.key)
    how: How = "added" if asked is None else "taken" if asked == issued else "changed"
    serial = f"{order.serial:x}"
    return (
        FieldAccount("signature", asked, issued, how, "ca-signature"),
        FieldAccount("issuer", None, order.issuer.name, "added", "issuer"),
        FieldAccount("serial", None, serial, "added", "random-serial"),
        FieldAccount("version", None, "3", "added", "version-3"),
    )


def _build(
    order: Order,
    subject: tuple[SubjectAttribute, ...],
    validity: Validity,
    extensions: tuple[Extension, ...],
) -> bytes:
    """The TBSCertificate (RFC 5280, 4.1): its parts are the library's, only their row is ours.

    The octets are those that ``CertificateBuilder.create_unsigned`` gives with the issuer's
    AlgorithmIdentifier in its place (a test holds them equal), in a tenth of the time.
    """
    name = _name(subject)
    issuer = order.issuer.facts.subject_der if order.issuer.facts else name
    return der.sequence(
        VERSION_3,
        der.encode_integer(order.serial),
        algorithm_identifier(order.issuer.key),
        issuer,
        _validity(validity),
        name,
        order.request.key.spki,
        der.tlv(0xA3, der.sequence(*[each.raw for each in extensions])),
    )


@lru_cache(maxsize=64)
def _validity(validity: Validity) -> bytes:
    return der.sequence(encode_time(validity.not_before), encode_time(validity.not_after))


def _name(subject: tuple[SubjectAttribute, ...]) -> bytes:
    from cryptography import x509

    return x509.Name([_rdn(each) for each in subject]).public_bytes()


@lru_cache(maxsize=256)
def _rdn(attribute: SubjectAttribute) -> x509.RelativeDistinguishedName:
    from cryptography import x509

    # its own length check counts octets where X.520 counts characters; ours has been made
    oid = x509.ObjectIdentifier(OIDS[attribute.type])
    made = x509.NameAttribute(oid, attribute.value, _validate=False)
    return x509.RelativeDistinguishedName([made])


def with_algorithm(unsigned: bytes, issuer_key: PublicKey) -> bytes:
    """``create_unsigned`` writes id-alg-unsigned (RFC 9925) where the real identifier belongs."""
    tbs = der.read(unsigned).children()[0]
    fields = [node.raw for node in tbs.children()]
    fields[2] = algorithm_identifier(issuer_key)
    return der.sequence(*fields)


def _assert_complete(order: Order, account: tuple[FieldAccount, ...], tbs: bytes) -> None:
    """No field of the request or of the certificate is without a line."""
    asked = [(line.field, line.asked) for line in account if line.asked is not None]
    request = order.request
    wanted = [(f"subject.{each.type}", each.value) for each in request.subject]
    wanted += [("san", str(each)) for each in request.san]
    wanted += [("san", text) for text in request.other_names]
    wanted += [
        (f"extension.{each.name}", each.text)
        for each in request.extensions
        if each.name != "subjectAltName"
    ]
    wanted += [(f"attribute.{name}", name) for name in request.attributes]
    for want in wanted:
        if want not in asked:
            raise RuntimeError(f"the account has no line for the request's {want}")
        asked.remove(want)
    lines = [line.field for line in account if line.issued is not None]
    fields = der.read(tbs).children()
    in_tbs = len(fields[7].children()[0].children()) if len(fields) > 7 else 0
    in_account = sum(field.startswith("extension.") for field in lines) + ("san" in lines)
    if in_tbs != in_account:
        raise RuntimeError(f"{in_tbs} extensions, but {in_account} in the account")
    if len(fields[5].children()) != sum(field.startswith("subject.") for field in lines):
        raise RuntimeError("an attribute of the subject has no line in the account")
    for field in ("version", "serial", "signature", "issuer", "validity", "key"):
        if field not in lines:
            raise RuntimeError(f"the account has no line for {field}")
