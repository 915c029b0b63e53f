"""What people and servers fetch beside OCSP: the page, certificates and CRLs in further forms."""

from __future__ import annotations

from collections.abc import Callable

from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.authority.reports.trust_export import trust_files
from ca.authority.status.crl import all_needed, ca_called
from ca.encoding import pem
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, NotFoundError
from ca.service.page import POLICY, page_of
from ca.service.register_file import Following
from ca.service.replies import PEM, PKCS7, PKIX_CERT, Reply, refusal, reply

KEPT_SECONDS = 60
"""Seconds that something is given again: what is in service changes with time as well."""
MAX_KEPT = 64
"""Things kept at most: far more than there are."""
UNREADABLE = "the register cannot be read"
HTML = b"text/html; charset=utf-8"
MEDIA_TYPES = {
    "pem": PEM,
    "pem-bundle": PEM,
    "der": PKIX_CERT,
    "mobileconfig": b"application/x-apple-aspen-config",
}
GUARDED = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
GUARDED_PAGE = [
    *GUARDED,
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
]

Make = Callable[[Home], Reply]


class Handouts:
    """Made from the register, and kept for a minute unless the register changes.

    ``crl`` gives the newest CRL of a CA, ``failed`` is told why something could not be made.
    """

    def __init__(
        self,
        following: Following,
        crl: Callable[[Home, CA], Reply],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._following = following
        self._crl = crl
        self._failed = failed
        self._kept: dict[tuple[str, ...], tuple[float, Reply]] = {}

    def page(self) -> Reply:
        """The page for people."""
        return self._given(
            ("page",), lambda home: reply(page_of(home).encode(), HTML, cache=GUARDED_PAGE)
        )

    def certificate(self, name: str) -> Reply:
        """A CA's certificate as PEM."""

        def made(home: Home) -> Reply:
            return _file(pem.encode(ca_called(home, name).facts.der).encode(), PEM)

        return self._given(("certificate", name.lower()), made)

    def chain(self, form: str) -> Reply:
        """The CA certificates that peers need, as PEM or P7B."""

        def made(home: Home) -> Reply:
            ders = [ca.facts.der for ca in trusted(home)]
            if form == "p7b":
                return _file(certs_only(ders), PKCS7)
            return _file(pem.bundle(ders).encode(), PEM)

        return self._given(("chain", form), made)

    def all_crls(self) -> Reply:
        """The newest CRL of every CA that is needed, in one PEM; 404 while one has none."""

        def made(home: Home) -> Reply:
            crls = [self._crl(home, ca).body for ca in all_needed(home)]
            return _file(b"".join(_pem_crl(each) for each in crls), PEM)

        return self._given(("crls",), made)

    def root_for(self, store: str, file: str) -> Reply:
        """The file that a kind of trust store takes."""

        def made(home: Home) -> Reply:
            anchor = home.library.anchor(store)
            for each in trust_files(home, anchor):
                if each.name == file:
                    return _file(each.data, MEDIA_TYPES[anchor.form])
            raise NotFoundError(f"there is no '{file}' here")

        return self._given(("store", store, file), made)

    def forget(self) -> None:
        """Make everything anew when it is asked for."""
        self._kept.clear()

    def _given(self, key: tuple[str, ...], make: Make) -> Reply:
        try:
            home, _ = self._following.current()  # forgets all, if another file is there
        except CAError:  # told in the log already
            return refusal(503, UNREADABLE)
        now = self._following.seconds()
        until, known = self._kept.get(key, (0.0, None))
        if known is not None and until - KEPT_SECONDS <= now < until:
            return known
        try:
            with home.store.translating_errors():
                made = make(home)
            home.store.assert_unchanged()
        except NotFoundError as error:
            return refusal(404, error.message)
        except Exception as error:
            self._failed("a page or file could not be made", error)
            return refusal(503, UNREADABLE)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = (now + KEPT_SECONDS, made)
        return made


def _file(data: bytes, media_type: bytes) -> Reply:
    return reply(data, media_type, cache=GUARDED)


def _pem_crl(der: bytes) -> bytes:
    return b"".join(pem.encode_stream([der], label="X509 CRL"))
