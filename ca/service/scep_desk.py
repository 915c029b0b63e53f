"""SCEP's answers: the message is opened, the home asked, the CertRep made. Blocks; one thread.

The home is opened anew for each question, writable, and without a passphrase: of the CAs' keys it
can use none but one that has no passphrase, which ``enrol`` does for a valid challenge or renewal.
Whatever happens, the device gets a CertRep or an HTTP error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from ca.authority.enrolment.enrol import enrol, poll
from ca.authority.enrolment.handouts import (
    ca_chain,
    certificate_by,
    crl_for,
    next_ca,
    ra_credentials,
)
from ca.authority.enrolment.refused import note_refused
from ca.authority.enrolment.requests import EnrolmentAnswer, EnrolmentRequest
from ca.authority.home import Environment, Home, no_passphrase, open_home
from ca.encoding import pkcs7
from ca.errors import CAError, MalformedError
from ca.model.escaping import escape_hidden
from ca.scep import cert_rep
from ca.scep.algorithms import Leniency
from ca.scep.cert_rep import Answering
from ca.scep.enveloped_data import Recipient
from ca.scep.failures import FailedCheckError
from ca.scep.message import Envelope, Opened, hash_of_answer, open_message, read_message
from ca.scep.request import CertificateName, CertPoll, Enrolment, MessageType
from ca.service.replies import TEXT, Reply, refusal, reply
from ca.service.scep_question import CAPABILITIES

CA_AND_RA = b"application/x-x509-ca-ra-cert"
NEXT_CA = b"application/x-x509-next-ca-cert"
PKI_MESSAGE = b"application/x-pki-message"
BUSY_SECONDS = 2.0
"""How long a device waits for a locked register before it is sent away to come again."""
LATER = (b"retry-after", b"30")
log = logging.getLogger("sipca.serve")


class Desk:
    """Answers for the home in a folder."""

    def __init__(self, folder: Path, leniency: Leniency) -> None:
        self.folder = folder
        self.leniency = leniency
        self._environment = Environment(passphrase=no_passphrase)
        self._failing = ""

    def capabilities(self) -> Reply:
        """What GetCACaps answers; of a CA to come only while there is one."""

        def make(home: Home) -> Reply:
            more = b"GetNextCACert\n" if next_ca(home) is not None else b""
            return reply(CAPABILITIES + more, TEXT)

        answered = self._with_home(make)
        return answered if answered.status == 200 else reply(CAPABILITIES, TEXT)

    def ca_certificates(self) -> Reply:
        """The certificates of the RA and of the CAs above it (RFC 8894, 4.2.1.2)."""

        def make(home: Home) -> Reply:
            ra = ra_credentials(home)[0].certificate
            return reply(pkcs7.certs_only([ra, *ca_chain(home)]), CA_AND_RA)

        return self._with_home(make)

    def next_ca(self) -> Reply:
        """The CA to come, if its rotation has begun (RFC 8894, 4.7)."""

        def make(home: Home) -> Reply:
            coming = next_ca(home)
            if coming is None:
                return refusal(404, "no next CA is prepared")
            return reply(cert_rep.next_ca([coming], _recipients(home)[0]), NEXT_CA)

        return self._with_home(make)

    def refused(self, address: str, sentence: str, status: int = 400) -> Reply:
        """Note what no CertRep can answer, if that can be, and answer it by HTTP."""
        answer = refusal(status, sentence)

        def make(home: Home) -> Reply:
            _note(home, address, sentence)
            return answer

        self._with_home(make)
        return answer

    def operation(self, message: bytes, address: str) -> Reply:
        """Answer a message."""
        try:
            envelope = read_message(message)
        except MalformedError as error:
            return self.refused(address, error.message)
        return self._with_home(lambda home: self._answered(home, envelope, address))

    def _with_home(self, make: Callable[[Home], Reply]) -> Reply:
        """What is made of the home, or that it has to be asked for again later."""
        try:
            with open_home(self.folder, self._environment, busy_seconds=BUSY_SECONDS) as home:
                home.assert_sound()
                made = make(home)
        except Exception as error:  # whatever a locked or damaged register causes
            text = error.message if isinstance(error, CAError) else repr(error)
            if isinstance(error, CAError) and error.hint:
                text += f"; {error.hint}"
            if text != self._failing:
                self._failing = text
                log.error("SCEP cannot answer: %s", text)
            later = refusal(503, "the CA cannot answer at the moment")
            return Reply(503, [*later.headers, LATER], later.body)
        self._failing = ""
        return made

    def _answered(self, home: Home, envelope: Envelope, address: str) -> Reply:
        recipients = _recipients(home)
        hash_name = hash_of_answer(envelope, self.leniency)
        answering = Answering(envelope, recipients[0], _dice(home), hash_name)
        try:
            opened = open_message(envelope, recipients, self.leniency)
            answering = msgspec.structs.replace(answering, ra=opened.recipient)
            made = _made(home, answering, opened, address)
        except FailedCheckError as error:
            _note(home, address, error.message)
            made = answering.failure(error.fail_info)
        return reply(made, PKI_MESSAGE)


def _made(home: Home, answering: Answering, opened: Opened, address: str) -> bytes:
    """The CertRep for what a message asks.

    Raises:
        FailedCheckError: there is no such certificate or CRL.
    """
    asked, signer = opened.asked, opened.signer.der
    transaction_id = answering.envelope.transaction_id
    if isinstance(asked, Enrolment):
        request = EnrolmentRequest(
            transaction_id=transaction_id,
            csr=asked.csr,
            kind=asked.kind,
            signer=signer,
            challenge=None,
            address=address,
            legacy=opened.legacy,
        )
        return _decided(enrol(home, request), answering, opened, address)
    if isinstance(asked, CertPoll):
        polled = poll(home, transaction_id, signer=signer, address=address)
        return _decided(polled, answering, opened, address)
    return _handed_out(home, asked, answering, opened)


def _decided(answer: EnrolmentAnswer, answering: Answering, opened: Opened, address: str) -> bytes:
    if answer.status == "pending":
        return answering.pending()
    if answer.status == "issued" and answer.certificate is not None:
        return answering.certificate(answer.certificate, opened.signer.der, opened.cipher)
    _log_refusal(address, answer.sentence)
    return answering.failure(answer.fail_info or "badRequest")


def _handed_out(home: Home, asked: CertificateName, answering: Answering, opened: Opened) -> bytes:
    signer, cipher = opened.signer.der, opened.cipher
    if opened.kind is MessageType.GET_CERT:
        certificate = certificate_by(home, asked.issuer, asked.serial)
        if certificate is not None:
            return answering.certificate(certificate, signer, cipher)
        raise FailedCheckError("badCertId", "there is no certificate of this issuer and serial")
    crl = crl_for(home, asked.issuer, asked.serial)
    if crl is not None:
        return answering.crl(crl, signer, cipher)
    raise FailedCheckError("badCertId", "there is no CRL of this issuer")


def _recipients(home: Home) -> tuple[Recipient, ...]:
    return tuple(Recipient(each.certificate, each.key) for each in ra_credentials(home))


def _dice(home: Home) -> Callable[[int], bytes]:
    return lambda count: home.environment.random_bits(count * 8).to_bytes(count, "big")


def _note(home: Home, address: str, sentence: str) -> None:
    note_refused(home, address, sentence)
    _log_refusal(address, sentence)


def _log_refusal(address: str, sentence: str) -> None:
    log.warning("SCEP refused %s: %s", escape_hidden(address), escape_hidden(sentence))
