"""Path validation by OpenSSL, GnuTLS and Python's cryptography, at a moment that a test sets."""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.x509 import verification

PURPOSES = {"sslserver": b"1.3.6.1.5.5.7.3.1", "sslclient": b"1.3.6.1.5.5.7.3.2"}
"""Purposes as OpenSSL calls them, each with its OID."""


_END = "-----END CERTIFICATE-----\n"


class Presented(NamedTuple):
    """What a verifier has, and what its peer sends: PEM, the peer's own certificate first."""

    trust: str
    sent: str
    name: str
    purpose: str
    at: datetime


def openssl(cases: Sequence[Presented], folder: Path) -> str:
    """The complaint of ``openssl verify -x509_strict``, or "".

    One call for all that share trust file, purpose, moment and the CA certificates that are sent;
    the host name is checked where a call has one certificate.
    """
    alike: dict[tuple[object, ...], list[tuple[str, str]]] = {}
    for case in cases:
        leaf, _, rest = case.sent.partition(_END)
        key = (case.trust, rest, case.purpose, case.at)
        alike.setdefault(key, []).append((leaf + _END, case.name))
    for (trust, rest, purpose, at), leaves in alike.items():
        assert isinstance(at, datetime)
        (folder / "trust.pem").write_text(str(trust))
        (folder / "rest.pem").write_text(str(rest))
        words = ["-x509_strict", "-purpose", str(purpose), "-attime", f"{at.timestamp():.0f}"]
        words += ["-no-CApath", "-CAfile", str(folder / "trust.pem")]
        words += ["-untrusted", str(folder / "rest.pem")] if rest else []
        if len(leaves) == 1 and purpose == "sslserver":
            words += ["-verify_hostname", leaves[0][1]]
        for number, (leaf, _) in enumerate(leaves):
            (folder / f"leaf-{number}.pem").write_text(leaf)
            words.append(str(folder / f"leaf-{number}.pem"))
        done = subprocess.run(
            ["openssl", "verify", *words], capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0 or done.stdout.count(": OK") != len(leaves):
            return done.stderr + done.stdout
    return ""


def python(cases: Sequence[Presented], _folder: Path) -> str:
    """The complaint of ``cryptography.x509.verification``, or ""."""
    return next((told for told in map(_by_python, cases) if told), "")


def _by_python(case: Presented) -> str:
    store = verification.Store(x509.load_pem_x509_certificates(case.trust.encode()))
    leaf, *rest = x509.load_pem_x509_certificates(case.sent.encode())
    builder = verification.PolicyBuilder().store(store).time(case.at.replace(tzinfo=None))
    try:
        if case.purpose == "sslserver":
            builder.build_server_verifier(x509.DNSName(case.name)).verify(leaf, rest)
        else:
            builder.build_client_verifier().verify(leaf, rest)
    except verification.VerificationError as error:
        return str(error)
    return ""


class _Datum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class _Asked(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("data", ctypes.c_char_p), ("size", ctypes.c_uint))


_PEM = 1
_DNS_NAME, _KEY_PURPOSE = 1, 2
_TIME = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.POINTER(ctypes.c_long))
_moment = [0]


@_TIME
def _clock(place: Any) -> int:
    if place:
        place[0] = _moment[0]
    return _moment[0]


@lru_cache(maxsize=1)
def _gnutls() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("gnutls") or "libgnutls.so.30")
    library.gnutls_global_set_time_function(_clock)  # certtool 3.7 has no option for the time
    return library


def gnutls(cases: Sequence[Presented], _folder: Path) -> str:
    """The complaint of GnuTLS, as ``certtool --verify`` asks it, or ""."""
    return next((told for told in map(_by_gnutls, cases) if told), "")


def _by_gnutls(case: Presented) -> str:
    library, trusted = _gnutls(), ctypes.c_void_p()
    _moment[0] = int(case.at.timestamp())
    certificates, count = ctypes.c_void_p(), ctypes.c_uint()
    trust, sent = (_Datum(text.encode(), len(text)) for text in (case.trust, case.sent))
    library.gnutls_x509_trust_list_init(ctypes.byref(trusted), 0)
    added = library.gnutls_x509_trust_list_add_trust_mem(
        trusted, ctypes.byref(trust), None, _PEM, 0, 0
    )
    read = library.gnutls_x509_crt_list_import2(
        ctypes.byref(certificates), ctypes.byref(count), ctypes.byref(sent), _PEM, 0
    )
    assert added >= 1
    assert read >= 0
    asked = [_Asked(_KEY_PURPOSE, PURPOSES[case.purpose], 0)]
    if case.purpose == "sslserver":
        asked.append(_Asked(_DNS_NAME, case.name.encode(), len(case.name)))
    status = ctypes.c_uint()
    code = library.gnutls_x509_trust_list_verify_crt2(
        trusted, certificates, count, (_Asked * len(asked))(*asked), len(asked), 0,
        ctypes.byref(status), None,
    )  # fmt: skip
    library.gnutls_x509_trust_list_deinit(trusted, 1)
    return "" if code == 0 and status.value == 0 else f"code {code}, status {status.value:#x}"


VERIFIERS = {"openssl": openssl, "GnuTLS": gnutls, "Python": python}
