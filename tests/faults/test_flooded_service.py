"""``sipca serve`` under questions without end: what it remembers is bounded in octets."""

from __future__ import annotations

import os
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import CommandLine, make_csr
from stand_in.service import Service, serving

from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.status.ocsp import Register
from ca.encoding.der import NULL, OCTET_STRING, encode_integer, encode_oid, sequence, tlv
from ca.revocation.ocsp import HASHES, Responder, cert_id, request_for
from ca.service import answer_cache
from ca.service.register import ServedRegister
from ca.service.register_file import Following
from ca.service.replies import OCSP_RESPONSE, reply

SHA1 = next(iter(HASHES))
MIB = 1 << 20


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    return sipca


@pytest.fixture
def served(lab: CommandLine) -> Iterator[ServedRegister]:
    following = Following(lab.home, Environment(passphrase=no_passphrase))
    yield ServedRegister(following)
    following.close()


def issuing(served: ServedRegister) -> Responder:
    _, register = served.following.current()
    return register.responders[1]


def serial_of(lab: CommandLine) -> int:
    return int(lab("list", "--json").json["certificates"][0]["serial"], 16)


def path_to(request: bytes) -> bytes:
    return b"/" + b64encode(request)


def with_extension(cert_id_der: bytes, number: int) -> bytes:
    """A request that asks the same as any other of this CertID, in octets of its own."""
    odd = sequence(encode_oid("1.3.6.1.4.1.99999.1"), tlv(OCTET_STRING, b"%d" % number))
    return sequence(sequence(sequence(sequence(cert_id_der)), tlv(0xA2, sequence(odd))))


def test_one_question_by_get_by_post_and_in_other_words_is_signed_once(
    lab: CommandLine, served: ServedRegister
) -> None:
    asked = cert_id(issuing(served), SHA1, serial_of(lab), with_null=True)
    plain, wordy = request_for(asked), with_extension(asked, 1)

    bodies = {
        served.got(path_to(plain), plain).body,
        served.posted(plain).partition(b"\r\n\r\n")[2],
        served.got(path_to(wordy), wordy).body,
        served.posted(wordy).partition(b"\r\n\r\n")[2],
    }

    assert len(bodies) == 1
    assert len(served.answers) == 1
    assert served.at_once(path_to(plain)) == served.posted(wordy)


def test_a_cert_id_without_null_parameters_is_a_question_of_its_own(
    lab: CommandLine, served: ServedRegister
) -> None:
    asked = [
        cert_id(issuing(served), SHA1, serial_of(lab), with_null=each) for each in (True, False)
    ]

    for each in asked:
        assert each in served.ocsp(request_for(each)).body, "it goes back as it came"

    assert len(served.answers) == 2


def test_questions_that_have_no_end_are_not_remembered(
    lab: CommandLine, served: ServedRegister
) -> None:
    ours, serial = issuing(served), serial_of(lab)
    unknown = [cert_id(ours, SHA1, number, with_null=True) for number in range(1, 50)]
    fields = unknown[0].partition(b"\x04\x14")
    foreign = [sequence(sequence(encode_oid(SHA1), tlv(NULL, b"")), tlv(OCTET_STRING, bytes(20)),
                        tlv(OCTET_STRING, bytes(20)), encode_integer(serial))]  # fmt: skip
    known = cert_id(ours, SHA1, serial, with_null=True)
    long_form = b"\x30\x81" + known[1:2] + known[2:]
    longer_form = b"\x30\x82\x00" + known[1:2] + known[2:]
    junk = [b"", b"x" * 9000, request_for(b""), b"\x30\x03\x0a\x01\x01"]

    for each in (*unknown, *foreign, long_form, longer_form):
        served.ocsp(request_for(each))
    for each in junk:
        served.ocsp(each)

    assert fields[1], "the CertID has a hash of 20 octets"
    assert long_form in served.ocsp(request_for(long_form)).body, "answered all the same"
    assert len(served.answers) == 0
    assert served.answers.octets == 0


def test_the_same_question_in_endless_words_takes_the_room_of_a_few(
    lab: CommandLine, served: ServedRegister
) -> None:
    asked = cert_id(issuing(served), SHA1, serial_of(lab), with_null=True)

    for number in range(2000):
        wordy = with_extension(asked, number)
        served.got(b"/" * number + path_to(wordy), wordy)
    before = served.answers.octets
    plain = request_for(asked)
    served.got(path_to(plain), plain)

    assert len(served.answers) == 1
    assert before < 64 * 1024
    assert served.at_once(path_to(plain)) is not None, "the newest way is remembered"


def test_the_answers_remembered_are_bounded_in_octets_and_the_oldest_go() -> None:
    answers = answer_cache.Answers()
    made = reply(b"x" * 4000, OCSP_RESPONSE)

    for number in range(20_000):
        key = b"question %d" % number
        kept = answers.keep(key, made, fresh_until=1.0, end=2.0)
        answers.lead(b"/way %d" % number, kept)
        assert answers.octets <= answer_cache.MAX_OCTETS
    for number in range(20_000):
        answers.keep(b"question %d" % number, made, fresh_until=1.0, end=2.0)

    assert answer_cache.MAX_OCTETS == 32 * MIB
    assert answers.to(b"question 0") is None
    assert answers.by_way(b"/way 0") is None
    assert answers.to(b"question 19999") is not None
    assert len(answers) > 5000
    answers.clear()
    assert (answers.octets, len(answers)) == (0, 0)


def test_a_flood_of_odd_paths_and_certificate_ids_does_not_grow_the_server(
    lab: CommandLine, tmp_path: Path
) -> None:
    with open_home(lab.home, Environment(passphrase=no_passphrase)) as home:
        ours = Register(home).responders[1]
    asked = cert_id(ours, SHA1, serial_of(lab), with_null=True)
    big = sequence(sequence(encode_oid(SHA1)), tlv(OCTET_STRING, bytes(11_000)),
                   tlv(OCTET_STRING, b"k"), encode_integer(1))  # fmt: skip

    with serving(lab.home, tmp_path / "log") as service:
        flood(service, [path_to(request_for(asked))] * 200)
        before = resident(service)
        flood(
            service,
            [b"/" * (number % 9000) + path_to(request_for(asked)) for number in range(3000)],
        )
        flood(service, [path_to(with_extension(asked, number)) for number in range(3000)])
        flood(
            service,
            [path_to(request_for(big[:-1] + bytes([number % 100]))) for number in range(1000)],
        )
        grown = resident(service) - before

    assert grown < 24 * MIB


def flood(service: Service, paths: list[bytes]) -> None:
    """GET each, over one connection, until all are answered."""
    with socket.create_connection(("127.0.0.1", service.ocsp_port), 30) as connection:
        for path in paths:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while (length := re.search(rb"content-length: ([0-9]+)", received)) is None or len(
                received.partition(b"\r\n\r\n")[2]
            ) < int(length[1]):
                piece = connection.recv(65536)
                assert piece, received
                received += piece


def resident(service: Service) -> int:
    """Octets of memory that a server has."""
    status = Path(f"/proc/{service.process.pid}/statm").read_text()
    return int(status.split()[1]) * os.sysconf("SC_PAGESIZE")
