"""``doctor`` against openssl's own server, and against peers that misbehave."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import NOW, Answer, CommandLine
from stand_in.peers import answering_tls, free_port, misbehaving, serving_tls

MUTUAL = ("-Verify", "5", "-verify_return_error")


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> Path:
    """A folder with keys and certificates of sbc1, at 127.0.0.1, of sbc2 and of two clients."""
    issue = ("issue", "--key", "ec:p256", "--out", tmp_path, "--quiet")
    for words in (
        ("sbc1", "127.0.0.1", "--device", "sbc1"),
        ("sbc2", "--device", "sbc2"),
        ("client",),
        ("server-only", "--profile", "sip-server"),
    ):
        name, *rest = words
        answer = sipca(*issue, f"{name}.lab.example", *rest)
        assert answer.exit == 0, answer.err
    for stem in ("sbc1", "sbc2", "client", "server-only"):
        for path in tmp_path.glob(f"{stem}.lab.example*"):
            path.rename(tmp_path / path.name.replace(".lab.example", ""))
    assert sipca("device", "set", "sbc1", "--address", "127.0.0.1").exit == 0
    return tmp_path


def examined(sipca: CommandLine, port: int, *words: object) -> tuple[Answer, set[str]]:
    """The answer, and the codes of the findings that are not merely notes."""
    answer = sipca("doctor", f"127.0.0.1:{port}", *words, "--json")
    found = answer.json["findings"]
    return answer, {each["code"] for each in found if each["severity"] != "info"}


def presenting(folder: Path, stem: str) -> tuple[object, ...]:
    return (
        "--client-cert",
        folder / f"{stem}-fullchain.pem",
        "--client-key",
        folder / f"{stem}.key",
    )


def test_a_peer_that_serves_what_was_signed_for_it_is_well(sipca: CommandLine, lab: Path) -> None:
    with serving_tls(lab, "sbc1", "-CAfile", "trusted-root.pem", *MUTUAL) as port:
        answer, codes = examined(sipca, port, "--service", "tls", *presenting(lab, "client"))

    peer = answer.json["peers"][0]
    assert (answer.exit, codes) == (0, set()), answer.out
    assert peer["device"] == "sbc1"
    assert [each["ours"] for each in peer["chain"]] == [True, True]
    spoken = {each["offered"]: each["version"] for each in peer["handshakes"]}
    assert spoken["TLS 1.2"] == "TLS 1.2"
    assert spoken["TLS 1.3"] == "TLS 1.3"


def test_the_superseded_certificate_still_served_is_told_with_both_serials(
    sipca: CommandLine, lab: Path
) -> None:
    with serving_tls(lab, "sbc1") as port:
        renewed = sipca("renew", "sbc1", "--out", lab / "new", "--json").json["signed"][0]
        answer, codes = examined(sipca, port, "--service", "tls")

    finding = next(f for f in answer.json["findings"] if f["code"] == "doctor-superseded")
    assert answer.exit == 9
    assert codes == {"doctor-superseded"}
    assert re.search(
        r"serves serial \w{12}, which 'sbc1' got on 20\d\d-\d\d-\d\d and which was superseded on ",
        finding["message"],
    )
    assert renewed["serial"][:12] in finding["message"]


@pytest.mark.parametrize(
    ("server", "words", "expected"),
    [
        ("sbc2", (), {"doctor-other-place", "doctor-name"}),
        ("sbc1", ("--name", "other.lab.example"), {"doctor-name"}),
    ],
)
def test_what_is_served_in_the_wrong_place_or_under_another_name_is_named(
    sipca: CommandLine, lab: Path, server: str, words: tuple[str, ...], expected: set[str]
) -> None:
    with serving_tls(lab, server) as port:
        answer, codes = examined(sipca, port, "--service", "tls", *words)

    assert (answer.exit, codes) == (9, expected), answer.out


def test_the_certificate_of_another_context_of_the_same_device_is_named(
    sipca: CommandLine, lab: Path
) -> None:
    words = ("127.0.0.1", "--key", "ec:p256", "--out", lab)
    sipca("issue", "one.lab.example", *words)
    sipca("issue", "two.lab.example", *words)
    sipca("device", "set", "sbc9", "--certificate", "one.lab.example", "--context", "1")
    sipca("device", "set", "sbc9", "--certificate", "two.lab.example", "--context", "2")

    with serving_tls(lab, "one.lab.example") as port:
        words = ("--service", "tls", "--device", "sbc9", "--context")
        right, good = examined(sipca, port, *words, "1")
        wrong, codes = examined(sipca, port, *words, "2")

    assert (right.exit, good) == (0, set()), right.out
    assert (wrong.exit, codes) == (9, {"doctor-other-place"}), wrong.out
    (finding,) = [e for e in wrong.json["findings"] if e["code"] == "doctor-other-place"]
    assert "'sbc9' context 1" in finding["message"]


def test_a_name_with_ten_addresses_is_reached_at_the_one_that_works(
    sipca: CommandLine, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = socket.getaddrinfo

    def resolved(
        host: object, port: object, *rest: object, **more: object
    ) -> list[tuple[Any, ...]]:
        if host != "sbc1.lab.example":
            return plain(host, port, *rest, **more)  # type: ignore[arg-type]
        addresses = [f"127.0.9.{number}" for number in range(1, 10)] + ["127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    with serving_tls(lab, "sbc1") as port:
        answer = sipca("doctor", f"sbc1.lab.example:{port}", "--service", "tls", "--json")

    (finding,) = answer.json["findings"]
    assert (answer.exit, finding["code"]) == (0, "doctor-silent-addresses"), answer.out
    assert answer.json["peers"][0]["reached"]
    assert "9 addresses of sbc1.lab.example do not answer at port" in finding["message"]
    assert "127.0.9.1, 127.0.9.2" in finding["message"]


def test_a_peer_at_an_ipv6_address_is_examined(sipca: CommandLine, lab: Path) -> None:
    words = ("--key", "ec:p256", "--out", lab)
    assert sipca("issue", "six.lab.example", "::1", *words).exit == 0

    with serving_tls(lab, "six.lab.example", host="[::1]") as port:
        answer = sipca("doctor", f"[::1]:{port}", "--service", "tls", "--json")

    assert answer.exit == 0, answer.out
    assert answer.json["peers"][0]["host"] == "::1"


def test_a_revoked_certificate_still_served_is_named(sipca: CommandLine, lab: Path) -> None:
    assert sipca("revoke", "sbc1", "--reason", "key-compromise").exit == 0

    with serving_tls(lab, "sbc1") as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (9, {"doctor-revoked"})
    assert "revoked (keyCompromise)" in answer.out or "revoked (key-compromise)" in answer.out


def test_only_the_leaf_sent_is_warned_of_with_the_ca_that_peers_need(
    sipca: CommandLine, lab: Path
) -> None:
    with serving_tls(lab, "sbc1", chain=False) as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (0, {"doctor-chain"})
    assert "sent only the leaf; peers need 'Test Lab Issuing'" in answer.out


def test_a_chain_in_the_wrong_order_is_told_as_that(sipca: CommandLine, lab: Path) -> None:
    files = ("trusted-1-root.pem", "trusted-2-issuing.pem")
    (lab / "odd.pem").write_text("".join((lab / each).read_text() for each in files))

    # openssl's server sends the issuers of -cert_chain as they stand in it
    with serving_tls(lab, "sbc1", "-cert_chain", "odd.pem", chain=False) as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert codes == {"doctor-chain-order"}, answer.out
    assert (
        "in the wrong order: 'sbc1.lab.example', 'Test Lab Root', 'Test Lab Issuing'" in answer.out
    )


def test_a_peer_without_our_root_is_told_by_its_alert(sipca: CommandLine, lab: Path) -> None:
    other = CommandLine(lab / "other")
    small = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert other("init", "--name", "Other", *small).exit == 0
    assert other("chain", "-o", lab / "other.pem").exit == 0

    with serving_tls(lab, "sbc1", "-CAfile", "other.pem", *MUTUAL) as port:
        answer, codes = examined(sipca, port, "--service", "tls", *presenting(lab, "client"))

    assert answer.exit == 9
    assert codes == {"doctor-alert", "doctor-accepted-issuers"}
    assert "sbc1 does not trust our root (alert 48 unknown_ca)" in answer.out


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_peer_that_wants_client_auth_is_told_what_is_missing(
    sipca: CommandLine, lab: Path, version: str
) -> None:
    with serving_tls(lab, "sbc1", "-CAfile", "trusted-root.pem", version, *MUTUAL) as port:
        answer, codes = examined(sipca, port, "--service", "tls", *presenting(lab, "server-only"))

    assert (answer.exit, codes) == (9, {"doctor-alert"})
    assert "wanted clientAuth, which the certificate presented lacks (alert 43" in answer.out


def test_a_peer_that_speaks_old_tls_alone_is_told_so(sipca: CommandLine, lab: Path) -> None:
    with serving_tls(lab, "sbc1", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (9, {"doctor-old-tls"})
    assert "speaks TLS 1.1 alone" in answer.out


def test_without_a_client_certificate_the_request_for_one_is_a_note(
    sipca: CommandLine, lab: Path
) -> None:
    with serving_tls(lab, "sbc1", "-CAfile", "trusted-root.pem", *MUTUAL) as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (0, set())
    assert "asks for a client certificate, issued by CN=Test Lab" in answer.out


def test_a_dead_responder_is_named_with_what_the_device_does_then(
    sipca: CommandLine, lab: Path
) -> None:
    nowhere = free_port()
    assert sipca("ca", "set", "--base-url", f"http://127.0.0.1:{nowhere}").exit == 0
    assert sipca("renew", "sbc1", "--out", lab / "new").exit == 0
    for name in ("sbc1.lab.example-device.pem", "sbc1-device.pem"):
        if (lab / "new" / name).exists():
            (lab / "sbc1-device.pem").write_bytes((lab / "new" / name).read_bytes())

    with serving_tls(lab, "sbc1") as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (9, {"doctor-ocsp"}), answer.out
    assert f"responder at http://127.0.0.1:{nowhere}/ does not answer" in answer.out
    assert "nothing listens there" in answer.out


def test_a_web_page_answers_and_needs_no_sip(sipca: CommandLine, lab: Path) -> None:
    with serving_tls(lab, "sbc1", "-www") as port:
        answer, codes = examined(sipca, port, "--service", "https")

    assert (answer.exit, codes) == (0, set())
    assert answer.json["peers"][0]["answer"].upper().startswith("HTTP/1.0 200")


def test_a_device_that_answers_options_tells_its_clock(sipca: CommandLine, lab: Path) -> None:
    slow = (datetime.now(UTC) - timedelta(days=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    options = f"SIP/2.0 200 OK\r\nDate: {slow}\r\nContent-Length: 0\r\n\r\n".encode()

    with answering_tls(lab, "sbc1", options) as port:
        answer, codes = examined(sipca, port)

    assert (answer.exit, codes) == (0, {"doctor-clock"})
    assert "sbc1's clock is 3 days slow: by it, its own certificate is not valid yet" in answer.out
    assert answer.json["peers"][0]["answer"] == "SIP/2.0 200 OK"
    assert -259_300 < answer.json["peers"][0]["clock_error_seconds"] + 0 < -259_100


@pytest.mark.parametrize(
    "date", [b"yesterday", b"Thu, 32 Foo 2026 99:99:99 GMT", b"\xff\xfe", b"9" * 5000]
)
def test_a_date_that_is_none_tells_no_clock(sipca: CommandLine, lab: Path, date: bytes) -> None:
    with answering_tls(lab, "sbc1", b"SIP/2.0 486 Busy\r\ndate: " + date + b"\r\n\r\n") as port:
        answer, codes = examined(sipca, port)

    assert (answer.exit, codes) == (0, set()), answer.out
    assert answer.json["peers"][0]["clock_error_seconds"] is None


def test_what_s_client_printed_is_read_in_place_of_the_wire(sipca: CommandLine, lab: Path) -> None:
    with serving_tls(lab, "sbc2") as port:
        printed = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20,
        ).stdout  # fmt: skip
    (lab / "seen.txt").write_bytes(printed)

    answer = sipca("doctor", "127.0.0.1", "--offline", lab / "seen.txt", "--json")

    assert answer.exit == 9
    codes = {each["code"] for each in answer.json["findings"]}
    assert codes == {"doctor-other-place", "doctor-name"}
    assert len(answer.json["peers"][0]["chain"]) == 2
    assert answer.json["peers"][0]["at"] is None


def nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def closing(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(10)


def garbage(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"\x16\x03\x03" + bytes(range(256)) * 100)
    over.wait(60)


def clear_text(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(1000)
    connection.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")


def endless(connection: socket.socket, over: threading.Event) -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + b"\0" * 0x3FFC
    while not over.is_set():
        connection.sendall(record)


def trickle(connection: socket.socket, over: threading.Event) -> None:
    for octet in b"\x16\x03\x03\x40\x00" + b"\0" * 1000:
        connection.sendall(bytes([octet]))
        if over.wait(1):
            return


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (closing, "the peer closed the connection"),
        (garbage, "no TLS at port"),
        (clear_text, "does not speak TLS"),
        (endless, "no TLS at port"),
    ],
)
def test_a_peer_that_speaks_no_tls_is_told_so_at_once(
    sipca: CommandLine, behave: object, words: str
) -> None:
    with misbehaving(behave) as port:  # type: ignore[arg-type]
        answer, codes = examined(sipca, port)

    assert (answer.exit, codes) == (9, {"doctor-no-tls"}), answer.out
    assert words in answer.out


@pytest.mark.parametrize("behave", [nothing, trickle])
def test_a_peer_that_hangs_is_given_up_in_time(sipca: CommandLine, behave: object) -> None:
    started = time.monotonic()

    with misbehaving(behave) as port:  # type: ignore[arg-type]
        answer, codes = examined(sipca, port)
    took = time.monotonic() - started

    assert (answer.exit, codes) == (9, {"doctor-no-tls"})
    assert "no answer in time" in answer.out
    assert took < 30


def test_a_port_where_nothing_listens_is_exit_10(sipca: CommandLine) -> None:
    port = free_port()

    answer = sipca("doctor", f"127.0.0.1:{port}")

    assert answer.exit == 10
    assert f"127.0.0.1 port {port} cannot be reached: nothing listens there" in answer.err


def test_all_addresses_are_swept_with_a_line_each(
    sipca: CommandLine, lab: Path, tmp_path: Path
) -> None:
    for number in range(2, 22):
        assert sipca("device", "set", f"d{number}", "--address", f"127.0.0.{number}").exit == 0
    metrics = tmp_path / "peers.prom"

    answer = sipca("doctor", "--all", "--metrics", metrics)

    assert answer.exit == 10
    assert len(answer.err.splitlines()) == 21
    assert "DEAD  d2  127.0.0.2  127.0.0.2 port 5061 cannot be reached" in answer.err
    assert answer.out == "well 0   look at 0   wrong 0   no answer 21\n"
    assert 'sipca_peer_reached{home="' in metrics.read_text()
    assert json.loads(sipca("doctor", "--all", "--json").out)["peers"][0]["reached"] is False


def test_an_expired_certificate_still_served_is_named(
    sipca: CommandLine, lab: Path, frozen: Callable[[datetime], None]
) -> None:
    frozen(NOW + timedelta(days=1000))

    with serving_tls(lab, "sbc1") as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert (answer.exit, codes) == (9, {"doctor-validity"})
    assert "'sbc1.lab.example' expired on 2029-0" in answer.out


def test_a_host_name_typed_as_email_in_another_ca_s_certificate_is_named(
    sipca: CommandLine, lab: Path
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "odd.key", "-out",
         "odd-device.pem", "-days", "9", "-subj", "/CN=sbc1.lab.example", "-addext",
         "subjectAltName=email:sbc1.lab.example"],
        cwd=lab, check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    with serving_tls(lab, "odd", chain=False) as port:
        answer, codes = examined(sipca, port, "--service", "tls")

    assert answer.exit == 9
    assert {"doctor-san-kind", "doctor-foreign"} <= codes
    assert "'sbc1.lab.example' has no '@': its selector was left at EMAIL" in answer.out


def test_a_peer_that_checks_crls_refuses_our_revoked_certificate_and_that_is_told(
    sipca: CommandLine, lab: Path
) -> None:
    revoked = sipca("revoke", "client.lab.example", "--reason", "cessation")
    for ca in ("issuing", "root"):
        assert sipca("crl", "--ca", ca, "-o", lab / f"{ca}.crl").exit == 0
    both = "".join((lab / f"{ca}.crl").read_text() for ca in ("issuing", "root"))
    (lab / "crls.pem").write_text(both + (lab / "trusted-root.pem").read_text())

    checking = ("-CAfile", "crls.pem", "-crl_check_all", *MUTUAL)
    with serving_tls(lab, "sbc1", *checking) as port:
        answer, codes = examined(sipca, port, "--service", "tls", *presenting(lab, "client"))

    assert revoked.exit == 0, revoked.err
    assert (answer.exit, codes) == (9, {"doctor-alert"}), answer.out
    assert "refuses the certificate presented: it is revoked (alert 44" in answer.out
