"""Certificates put together octet by octet, with any of the oddities that other CAs write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.lab import EC_KEY

from ca.encoding import der, pem

ECDSA = der.sequence(der.encode_oid("1.2.840.10045.4.3.2"))
TRUE, BER_TRUE, FALSE = b"\x01\x01\xff", b"\x01\x01\x01", b"\x01\x01\x00"
SPKI = EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
V1, V3, V4 = (b"", *(der.tlv(0xA0, der.encode_integer(number)) for number in (2, 3)))
SAN, POLICIES, AIA = "2.5.29.17", "2.5.29.32", "1.3.6.1.5.5.7.1.1"


def utc(moment: datetime) -> bytes:
    return der.tlv(der.UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def generalized(text: str) -> bytes:
    return der.tlv(der.GENERALIZED_TIME, text.encode())


_NOW = datetime.now(UTC)
BEGINS, ENDS = utc(_NOW - timedelta(days=1)), utc(_NOW + timedelta(days=3650))


def name(cn: str, *more: bytes) -> bytes:
    """A subject: a CN, and attributes that are given encoded (see ``attribute``)."""
    own = attribute("2.5.4.3", der.tlv(der.UTF8_STRING, cn.encode()))
    return der.sequence(*(der.tlv(der.SET, each) for each in (*more, own)))


def attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.encode_oid(oid), value)


def extension(oid: str, value: bytes, critical: bytes = b"") -> bytes:
    return der.sequence(der.encode_oid(oid), critical, der.tlv(der.OCTET_STRING, value))


CA = extension("2.5.29.19", der.sequence(TRUE), TRUE)
SIGNS = extension("2.5.29.15", b"\x03\x02\x01\x06", TRUE)


def certificate(
    cn: str = "Odd Root",
    *extensions: bytes,
    version: bytes = V3,
    serial: bytes = b"\x02\x01\x07",
    algorithm: bytes = ECDSA,
    outer: bytes | None = None,
    subject: bytes | None = None,
    issuer: bytes | None = None,
    times: tuple[bytes, bytes] = (BEGINS, ENDS),
    spki: bytes = SPKI,
    signature: bytes | None = None,
) -> bytes:
    """The DER of a self-signed P-256 certificate; without extensions given it is a CA's."""
    subject = name(cn) if subject is None else subject
    given = extensions or ((CA, SIGNS) if version else ())
    tbs = der.sequence(
        version,
        serial,
        algorithm,
        subject if issuer is None else issuer,
        der.sequence(*times),
        subject,
        spki,
        der.tlv(0xA3, der.sequence(*given)) if given else b"",
    )
    made = EC_KEY.sign(tbs, ec.ECDSA(hashes.SHA256())) if signature is None else signature
    return der.signed(tbs, algorithm if outer is None else outer, made)


def as_pem(*certificates: bytes) -> bytes:
    return "".join(map(pem.encode, certificates)).encode()


def policies(text: bytes, tag: int = 0x1A) -> bytes:
    """certificatePolicies with a user notice, whose text may be anything."""
    notice = der.sequence(der.encode_oid("1.3.6.1.5.5.7.2.2"), der.sequence(der.tlv(tag, text)))
    return extension(
        POLICIES, der.sequence(der.sequence(der.encode_oid("2.5.29.32.0"), der.sequence(notice)))
    )


def san(*names: bytes) -> bytes:
    return extension(SAN, der.sequence(*names))


def _rsa(modulus: int) -> bytes:
    """A SubjectPublicKeyInfo of an RSA key that may be none."""
    numbers = der.sequence(der.encode_integer(modulus), der.encode_integer(65537))
    algorithm = der.sequence(der.encode_oid("1.2.840.113549.1.1.1"), b"\x05\x00")
    return der.sequence(algorithm, der.tlv(der.BIT_STRING, b"\x00" + numbers))


def _spki(key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _explicit() -> bytes:
    """P-256 with its parameters spelled out, as far as anybody looks at them."""
    prime = der.sequence(der.encode_oid("1.2.840.10045.1.1"), der.encode_integer(2**255 + 95))
    curve = der.sequence(der.tlv(4, b"a"), der.tlv(4, b"b"))
    parameters = der.sequence(
        der.encode_integer(1), prime, curve, der.tlv(4, b"\x04gg"), der.encode_integer(7)
    )
    algorithm = der.sequence(der.encode_oid("1.2.840.10045.2.1"), parameters)
    return der.sequence(algorithm, der.tlv(der.BIT_STRING, b"\x00\x04" + b"x" * 64))


NOT_ITS_KEY = "names itself as its issuer, and its key did not sign it"
ODD: dict[str, tuple[bytes, str]] = {
    "negative serial": (certificate(serial=b"\x02\x01\xfb"), "its serial number is negative"),
    "serial zero": (certificate(serial=b"\x02\x01\x00"), "its serial number is zero"),
    "serial of 33 octets": (certificate(serial=b"\x02\x21" + b"\x01" * 33), "has 33 octets"),
    "version 4": (certificate(version=V4), "its version is 4, and the highest is 3"),
    "version 1 with extensions": (certificate("v1", CA, version=V1), "it has extensions, and its version is 1"),
    "BER TRUE in cA": (certificate("x", extension("2.5.29.19", der.sequence(BER_TRUE), TRUE)), "0x01 instead of DER's TRUE, 0xff"),
    "BER TRUE in critical": (certificate("x", extension("2.5.29.19", der.sequence(TRUE), BER_TRUE)), "the critical flag of basicConstraints is 0x01"),
    "critical FALSE": (certificate("x", CA, extension("2.5.29.14", der.tlv(4, b"abc"), FALSE)), "the default, FALSE, which DER omits"),
    "visible string": (certificate("x", CA, policies("Zertifizierung für alle".encode())), "certificatePolicies has octets that are not valid in a VisibleString"),
    "policies of rubbish": (certificate("x", CA, extension(POLICIES, b"\x30\x05\x30\x80\x00\x00\x01")), "its certificatePolicies does not decode"),
    "AIA of rubbish": (certificate("x", CA, extension(AIA, b"\x04\x02ab")), "its authorityInfoAccess does not decode"),
    "AIA with an odd URI": (certificate("x", CA, extension(AIA, der.sequence(der.sequence(der.encode_oid("1.3.6.1.5.5.7.48.2"), der.tlv(0x86, b"http://\xe9/"))))), "authorityInfoAccess has a URI that is not ASCII"),
    "x400Address": (certificate("x", CA, san(der.tlv(0xA3, b"\x30\x00"))), "of the type x400Address"),
    "ediPartyName": (certificate("x", CA, san(der.tlv(0xA5, der.tlv(0xA1, b"\x0c\x01e")))), "of the type ediPartyName"),
    "IP of five octets": (certificate("x", CA, san(der.tlv(0x87, b"12345"))), "an IP address in its SAN has 5 octets"),
    "SAN not ASCII": (certificate("x", CA, san(der.tlv(0x82, "bücher.example".encode()))), "a dns name in its SAN is not ASCII; it was read as UTF-8"),
    "printable that is Latin-1": (certificate(subject=name("x", attribute("2.5.4.10", der.tlv(0x13, b"T\xe9l")))), "not valid in a PrintableString; it was read as Latin-1"),
    "T61": (certificate(subject=name("x", attribute("2.5.4.10", der.tlv(0x14, b"T\xe9l\xe9com")))), "TeletexString; it was read as Latin-1"),
    "printable with _ and &": (certificate(subject=name("x", attribute("2.5.4.10", der.tlv(0x13, b"A_B & C")))), "characters that are not valid in a PrintableString"),
    "empty issuer": (certificate(issuer=der.sequence()), "its issuer is empty"),
    "NULL beside ECDSA": (certificate(algorithm=der.sequence(der.encode_oid("1.2.840.10045.4.3.2"), b"\x05\x00")), "parameters, which it must not have"),
    "two algorithms": (certificate(outer=der.sequence(der.encode_oid("1.2.840.10045.4.3.3"))), "its signature algorithms inside and outside its TBSCertificate differ"),
    "fractions of a second": (certificate(times=(BEGINS, generalized("20360101000000.5Z"))), "its notAfter is not written in whole seconds and UTC"),
    "no seconds": (certificate(times=(der.tlv(der.UTC_TIME, b"2601010000Z"), ENDS)), "its notBefore is not written in whole seconds and UTC"),
    "an offset": (certificate(times=(der.tlv(der.UTC_TIME, b"260101000000+0100"), ENDS)), "its notBefore is not written in whole seconds and UTC"),
    "local time": (certificate(times=(generalized("20260101000000"), ENDS)), "its notBefore is not written in whole seconds and UTC"),
    "DSA key": (certificate(spki=_spki(dsa.generate_private_key(2048))), NOT_ITS_KEY),
    "curve secp256k1": (certificate(spki=_spki(ec.generate_private_key(ec.SECP256K1()))), NOT_ITS_KEY),
    "explicit EC parameters": (certificate(spki=_explicit()), "not judged here, ecdsa-with-SHA256"),
    "negative RSA modulus": (certificate(spki=_rsa(-(2**2047))), "not judged here, ecdsa-with-SHA256"),
    "RSA key of one bit": (certificate(spki=_rsa(1)), "not judged here, ecdsa-with-SHA256"),
    "unknown key kind": (certificate(spki=der.sequence(der.sequence(der.encode_oid("1.2.3.4")), b"\x03\x02\x00\x01")), "signs itself with something not judged here, ecdsa-with-SHA256"),
    "unknown algorithm": (certificate(algorithm=der.sequence(der.encode_oid("1.2.3.4.5.6789012345678901234567890"))), "not judged here, 1.2.3.4.5.6789012345678901234567890"),
    "no purposes": (certificate("x", CA, extension("2.5.29.37", der.sequence())), "its extendedKeyUsage is empty"),
}  # fmt: skip
"""Taken into a trust store, each with a sentence that says what is odd."""
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty serial": (certificate(serial=b"\x02\x00"), "its serial number is empty"),
    "UTF-8 that is Latin-1": (certificate(subject=name("x", attribute("2.5.4.10", der.tlv(0x0C, b"T\xe9l")))), "not valid in a UTF8String; it was read as Latin-1"),
    "attribute that is no string": (certificate(subject=name("x", attribute("2.5.4.10", b"\x02\x01\x05"))), "is not a character string"),
    "an extension twice": (certificate("x", CA, SIGNS, SIGNS), "the extension keyUsage occurs twice; the first was read, and no verifier"),
    "an attribute type of 70 octets": (certificate(subject=name("x", der.sequence(der.tlv(der.OID, b"\x2a" + b"\x81" * 69 + b"\x01"), der.tlv(12, b"x")))), "its subject does not decode"),
    "basic constraints of rubbish": (certificate("x", extension("2.5.29.19", b"\x30\x03\x01")), "its basicConstraints does not decode"),
    "name constraints of rubbish": (certificate("x", CA, extension("2.5.29.30", der.sequence(der.tlv(0xA0, der.sequence(der.tlv(0x87, b"abc")))))), "its nameConstraints does not decode"),
    "no time": (certificate(times=(BEGINS, der.tlv(der.UTC_TIME, b"soon"))), "the certificate's notAfter is not a time"),
    "no moment": (certificate(times=(BEGINS, generalized("20361301000000Z"))), "the certificate's notAfter is not a valid date and time"),
    "indefinite length": (b"\x30\x80" + certificate()[4:] + b"\x00\x00", "the certificate is cut off or damaged"),
    "cut off": (certificate()[:-20], "the certificate is cut off or damaged"),
    "a serial of another type": (certificate(serial=b"\x0c\x01a"), "it lacks serial, names, validity or key"),
    "a self-signature of another key, and no basicConstraints": (certificate("x", version=V1, signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"), "its own signature does not hold"),
}  # fmt: skip
"""Refused by name, each with its reason."""


def pkcs7(*members: bytes) -> bytes:
    """A PKCS#7 without signers (RFC 5652, 5.1), whatever octets stand for its certificates."""
    signed = der.sequence(
        der.encode_integer(1),
        der.tlv(der.SET, b""),
        der.sequence(der.encode_oid("1.2.840.113549.1.7.1")),
        der.tlv(0xA0, b"".join(sorted(members))),
        der.tlv(der.SET, b""),
    )
    return der.sequence(der.encode_oid("1.2.840.113549.1.7.2"), der.tlv(0xA0, signed))
