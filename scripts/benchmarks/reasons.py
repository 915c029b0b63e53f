"""Why bounds may be missed: what was measured, and what was tried and left.

``bench`` prints it below the row that begins so.
"""

from __future__ import annotations

_SERIAL = (
    "A protocol of uvloop that does nothing but sign makes 1.09 of openssl's rate here, one that does not "
    "even sign 1.60: what is between is the guard, the register's state and the answer's DER. Tried: what "
    "came with a connection is read when it is made (1.2 of the rate before). Left: an accept of our own "
    "before the loop (TCP_DEFER_ACCEPT), which would need the guard's limits a second time."
)
_SIXTEEN = (
    "In CPU of the server it is 0.48. The rest is two cores that wake each other for each answer: a write "
    "takes 30 us there, and a signature 40 instead of 27. Tried: heads known by their octets (1.3 of the "
    "rate before), requests that differ in their nonce alone are not read again."
)
_REGISTER = (
    "The register takes what it took, some 130 us: request, plan, result, index, events, hashes. What stands "
    "beside it has become faster by shapes (decision 97), from 330 to 280 us, and so its share is larger."
)
REASONS = {
    "cold: sign one CSR beside 'import": (
        "Of 124 ms of imports cryptography takes 24, typer with what it needs 30, msgspec 6, our 168 modules "
        "34 (python -X importtime). Tried: encoders of our own for names and extensions in place of "
        "cryptography.x509, 2.1 to 2.35, but then no other reader looks at a certificate before it is "
        "recorded; OpenSSL as that reader, by ssl, 2.15 to 2.5. Left: both."
    ),
    "bulk, ec:p256 issuer: beside raw": (
        "One process takes 355 us a request: raw verify and sign 65, the check of the new signature 67 (the "
        "checker's), the register 60; the rest is Python in some forty functions of 1 to 10 us. Tried: "
        "workers that prepare and sign, too (1.2 to 1.5 of the time), accounts as templates (5 us)."
    ),
    "bulk, ec:p256 issuer, one process: time": _REGISTER,
    "bulk, rsa:2048 issuer, one process: time": _REGISTER,
    "bulk, rsa:2048 issuer: beside raw": (
        "Where the second core is free it is 0.70 to 0.78: threads that sign and the checker share it. The "
        "two signatures of a request are 0.56 of one process's time."
    ),
    "bulk, 1,000 CSRs with files beside openssl ca -notext": (
        "The start of Python is a quarter of it, and each file is synced; openssl syncs none. Tried: "
        "nameless files, eight threads that write, one sync of the folder a chunk. Left: to list the folder "
        "once instead of looking for each file (1.4 %)."
    ),
    "bulk, 10,000 CSRs with files: --jobs 2": (
        "The threads that write files and the checker share the second core; without files it is 0.75."
    ),
    "OCSP ec:p256: live by POST, 16": _SIXTEEN,
    "OCSP rsa:2048: live by POST, 16": _SIXTEEN,
    "OCSP ec:p256: live, one serial": _SERIAL,
    "OCSP rsa:2048: live, one serial": _SERIAL,
    "scale: signing the 1,000,001st": (
        "In CPU it is 1.04. The rest is the disk: pages of large indexes lie apart, and more of them are "
        "written at each commit. Tried: indexes of 8 octets instead of whole hashes."
    ),
    "scale: backup, CPU": (
        "3 s of it are user CPU; the kernel takes 5 to 9 s for 1.5 GiB, more than memory writes behind. Left: to copy "
        "in steps, since SQLite begins anew where somebody writes between two of them."
    ),
    "scale: check at 1,000,000": (
        "SQLite's quick_check of 1.5 GiB takes 1.4 to 2.2 s of it, RSA keys 1.6 the first time and none after. "
        "Tried: numbers of the tables instead of a look at each plan (0.35 s instead of 1.2), the product of "
        "known keys. Left: quick_check only of what was written since, which a bad disk does not keep to."
    ),
}


def reason(name: str) -> str | None:
    """Why a row of this name misses its bound, if that is known."""
    return next((text for start, text in REASONS.items() if name.startswith(start)), None)
