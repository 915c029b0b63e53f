"""A phone that enrols as its configuration file says: AudioCodes' documented keys, nothing else.

What the vendor's text has no word about (whose fingerprint, which digest) is done as the text's
examples suggest: MD5, of any certificate that the server hands out and the phone then trusts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.scep import CertRep, SCEPDevice, ca_and_ra, http, posted
from stand_in.service import Service

URL, FINGERPRINT = "security/SCEPServerURL", "security/SCEPEnroll/ca_fingerprint"
CHALLENGE, TRUSTED = "security/SCEPEnroll/password_challenge", "security/ca_certificate/0/uri"
RENEWAL = "security/SCEPEnroll/renewal/advancethreshold"


class Phone:
    """A phone of some MAC address, and what its flash holds."""

    def __init__(self, mac: str, configuration: Path, server: Service) -> None:
        lines = (line.split("=", 1) for line in configuration.read_text().splitlines() if line)
        self.settings = {key.strip(): value.strip() for key, value in lines}
        self.server = server
        self.device = SCEPDevice(mac)
        self.root = b""
        self.certificate = b""

    def start(self) -> str:
        """What happens when it is switched on; the status of its request."""
        path = urlsplit(self.settings[TRUSTED]).path
        self.root = http(self.server, path).body
        ra, issuing, root = ca_and_ra(self.server)
        known = {md5(each).hexdigest() for each in (issuing, root)}
        if self.settings[FINGERPRINT].lower() not in known:
            return "another CA"
        self.ra, self.issuing = ra, issuing
        csr = self.device.csr(self.settings.get(CHALLENGE) or None)
        return self._keep(self._ask(self.device.message("PKCSReq", csr, ra)))

    def asks_again(self) -> str:
        """A poll, for the request that waits."""
        name = x509.load_der_x509_certificate(self.issuing).subject.public_bytes()
        poll = self.device.message("CertPoll", self.device.poll(name), self.ra)
        return self._keep(self._ask(poll))

    def is_due(self, now: datetime) -> bool:
        """Whether so much of its certificate's life is over as the threshold says (80 %)."""
        held = x509.load_der_x509_certificate(self.certificate)
        share = int(self.settings.get(RENEWAL, "80")) / 100
        life = held.not_valid_after_utc - held.not_valid_before_utc
        return now >= held.not_valid_before_utc + timedelta(seconds=life.total_seconds() * share)

    def renew(self) -> str:
        """A new certificate for a new key, asked for by the certificate that it has."""
        new = SCEPDevice(self.device.cn)
        self.device.certificate = self.certificate
        self.device.transaction_id = new.transaction_id
        answer = self._ask(self.device.message("RenewalReq", new.csr(), self.ra))
        if answer.status == "SUCCESS":
            (self.certificate,) = self.device.opened(answer)
            self.device.key = new.key
        return answer.status

    def trusts(self, certificate: bytes) -> bool:
        """Whether its root leads to a certificate, by the issuing CA that it was handed."""
        held, issuing = map(x509.load_der_x509_certificate, (certificate, self.issuing))
        root = x509.load_pem_x509_certificate(self.root)
        held.verify_directly_issued_by(issuing)
        issuing.verify_directly_issued_by(root)
        return held.public_bytes(Encoding.DER) == certificate

    def _ask(self, message: bytes) -> CertRep:
        return posted(self.server, message, urlsplit(self.settings[URL]).path)

    def _keep(self, answer: CertRep) -> str:
        if answer.status == "SUCCESS":
            (self.certificate,) = self.device.opened(answer)
        return answer.status
