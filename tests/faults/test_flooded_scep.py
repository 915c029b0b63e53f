"""``serve --scep`` under load and in a rotation: memory stays bounded, OCSP goes on, nobody is lost."""

from __future__ import annotations

import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import cms
from stand_in.lab import CommandLine, cut_off
from stand_in.scep import SCEPDevice, ca_and_ra, http, posted
from stand_in.service import Service, serving

from ca.authority.founding.rotate import RotationWishes, rotate_ca
from ca.authority.home import Environment, no_passphrase, open_home
from ca.encoding import der
from ca.scep.signed_data import check_signature, read_signed_data
from ca.service.scep_limits import BURST, MOST_ADDRESSES, AddressLimits, site_of
from ca.service.scep_question import is_scep_path, message_in, read_question

MIB = 1 << 20


@pytest.fixture
def lab(tmp_path: Path) -> CommandLine:
    made = CommandLine(tmp_path / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert made("init", "--name", "Phone Lab", *keys).exit == 0
    assert made("scep", "rotate").exit == 0
    return made


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "log", "--scep") as running:
        yield running


def resident(service: Service) -> int:
    """Octets of memory that a server has."""
    status = Path(f"/proc/{service.process.pid}/statm").read_text()
    return int(status.split()[1]) * os.sysconf("SC_PAGESIZE")


def test_thousands_of_messages_from_one_address_grow_neither_memory_nor_disk(
    lab: CommandLine, service: Service
) -> None:
    device = SCEPDevice()
    message = device.message("PKCSReq", device.csr("guessed"), ca_and_ra(service)[0])
    head = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    one = head % len(message) + message
    http(service, "/scep?operation=PKIOperation", message)
    before, disk = resident(service), (lab.home / "ca.db").stat().st_size
    answered = []

    with socket.create_connection(("127.0.0.1", service.http_port), 30) as connection:
        for _ in range(2000):
            connection.sendall(one)
            received = b""
            while b"\r\n\r\n" not in received:
                piece = connection.recv(65536)
                assert piece, answered[-1:]
                received += piece
            top, _, body = received.partition(b"\r\n\r\n")
            length = int(top.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            answered.append(top.split()[1])
    grown = (lab.home / "ca.db").stat().st_size - disk

    assert set(answered) == {b"200", b"429"}
    assert answered.count(b"429") > 1000
    assert resident(service) - before < 24 * MIB
    assert grown < MIB
    assert service.said().count("too many requests came from this address") == 1
    assert http(service, "/healthz").status in (200, 503)


def test_a_device_that_does_not_finish_its_message_is_cut_off(service: Service) -> None:
    begun = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n0"

    with socket.create_connection(("127.0.0.1", service.http_port), 30) as connection:
        connection.sendall(begun)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(30)
        received = connection.recv(65536)

    assert not received.startswith(b"HTTP/1.1 200")


def prepared(lab: CommandLine) -> None:
    """A rotation of the issuing CA that was cut off before it was in service."""

    def step(name: str) -> None:
        if name == "issuing-recorded":
            cut_off()

    environment = Environment(passphrase=no_passphrase, step=step)
    with pytest.raises(KeyboardInterrupt), open_home(lab.home, environment) as home:
        rotate_ca(home, RotationWishes(root=False, same_key=False))


def test_the_ca_to_come_is_handed_out_signed_by_the_ra_while_its_rotation_is_prepared(
    lab: CommandLine, service: Service
) -> None:
    before = http(service, "/scep?operation=GetNextCACert")
    prepared(lab)

    words = http(service, "/scep?operation=GetCACaps").body.split()
    reply = http(service, "/scep?operation=GetNextCACert")

    assert before.status == 404
    assert b"GetNextCACert" in words
    assert reply.headers["content-type"] == "application/x-x509-next-ca-cert"
    message = read_signed_data(reply.body)
    ra, issuing, _ = ca_and_ra(service)
    assert check_signature(message).der == ra
    (coming,) = cms.ContentInfo.load(message.content)["content"]["certificates"]
    assert coming.chosen.dump() != issuing
    assert coming.chosen.ca


def test_a_device_that_knows_the_ra_from_before_a_rotation_is_answered_by_it(
    lab: CommandLine, service: Service
) -> None:
    device = SCEPDevice()
    ra, issuing, _ = ca_and_ra(service)
    request = device.message("PKCSReq", device.csr(), ra)
    assert posted(service, request).status == "PENDING"

    assert lab("ca", "rotate").exit == 0
    assert lab("scep", "rotate").exit == 0
    assert lab("scep", "approve", "1").exit == 0
    answer = posted(service, request)

    assert (answer.status, answer.signer) == ("SUCCESS", ra)
    assert ca_and_ra(service)[0] != ra
    assert ca_and_ra(service)[1] != issuing


def test_several_workers_answer_one_queue(lab: CommandLine, tmp_path: Path) -> None:
    device = SCEPDevice()

    with serving(lab.home, tmp_path / "log", "--scep", "--workers", "2") as service:
        request = device.message("PKCSReq", device.csr(), ca_and_ra(service)[0])
        states = {posted(service, request).status for _ in range(8)}
        assert lab("scep", "approve", "1").exit == 0
        answers = [posted(service, request) for _ in range(8)]

    assert states == {"PENDING"}
    assert {tuple(device.opened(each)) for each in answers} == {tuple(device.opened(answers[0]))}
    assert len(lab("scep", "list", "--all", "--json").json["requests"]) == 1


def test_an_address_has_a_burst_and_then_a_rate() -> None:
    limits = AddressLimits()

    at_once = [limits.admits("10.0.0.1", 0.0) for _ in range(int(BURST) + 5)]
    later = [limits.admits("10.0.0.1", timedelta(seconds=1).total_seconds()) for _ in range(6)]

    assert at_once == [True] * int(BURST) + [False] * 5
    assert later == [True] * 4 + [False] * 2
    assert limits.admits("10.0.0.2", 0.0)


def test_that_an_address_is_sent_away_is_noted_once_a_minute() -> None:
    limits = AddressLimits()

    told = [limits.is_to_be_told("10.0.0.1", now) for now in (0.0, 1.0, 59.0, 60.0, 61.0)]

    assert told == [True, False, False, True, False]
    assert limits.is_to_be_told("10.0.0.2", 0.0)


def test_the_addresses_that_are_remembered_are_bounded() -> None:
    limits = AddressLimits()

    for number in range(2 * MOST_ADDRESSES):
        limits.admits(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)

    assert len(limits) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_of_ipv6_a_network_is_one_address(address: str, site: str) -> None:
    assert site_of(address) == site


@pytest.mark.parametrize(
    ("path", "is_one"),
    [(b"/scep", True), (b"/a/pkiclient.exe", True), (b"/mscep.dll", True), (b"/a/xscep", False)],
)
def test_the_paths_of_scep_are_few(path: bytes, is_one: bool) -> None:
    assert is_scep_path(path) is is_one


def test_a_message_in_a_url_is_taken_with_blanks_for_plus_or_for_nothing() -> None:
    message = der.sequence(b"\x04\x06\xfb\xef\xbe\xfb\xef\xbe")
    text = b64encode(message)
    spelled_text = [
        text,
        text.replace(b"+", b" "),
        text[:5] + b" \r\n" + text[5:],
        text.rstrip(b"="),
    ]
    assert {message_in(each) for each in spelled_text} == {message}
    assert read_question(b"message=a&operation=PKIOperation").message == b"a"
