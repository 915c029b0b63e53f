"""The page at ``/`` of ``serve``, and the files that it links to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from stand_in.lab import CommandLine, make_csr
from stand_in.service import Service, ocsp_get, ocsp_request, serving
from stand_in.waiting import until

HOSTILE = "<script>alert(1)</script>&\"'"


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    return sipca


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "serve.log") as running:
        yield running


def asked(service: Service, path: str, *, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    reply = service.raw(f"{method} {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


def page(service: Service) -> str:
    return asked(service, "/")[2].decode()


def links(service: Service) -> list[str]:
    return re.findall(r'href="([^"]+)"', page(service))


def certificate(sipca: CommandLine, part: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(sipca("chain", "--parts", part).out.encode())


def test_the_page_has_names_fingerprints_and_both_ports_give_it(
    service: Service, lab: CommandLine
) -> None:
    text = page(service)
    other = service.raw(b"GET / HTTP/1.0\r\n\r\n", port=service.ocsp_port)

    for ca in lab("ca", "list", "--json").json["cas"]:
        assert ca["fingerprint"] in text.replace(":", "").lower()
        assert ca["subject"] in text
    assert "How to trust the root" in text
    assert os.getcwd() not in text
    assert other.partition(b"\r\n\r\n")[2].decode() == text


def test_the_page_allows_nothing_but_its_own_style(service: Service) -> None:
    status, headers, body = asked(service, "/")

    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    for word in (b"<script", b"<form", b"<img", b"<iframe", b"javascript:", b"http://"):
        assert word not in body
    assert re.search(rb"<[^>]*\son\w+=", body) is None


def test_head_is_answered_without_a_body_and_other_methods_are_refused(service: Service) -> None:
    status, headers, body = asked(service, "/", method="HEAD")
    others = [asked(service, "/", method=method)[0] for method in ("PUT", "DELETE", "OPTIONS")]

    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == len(page(service).encode())
    assert others == [405, 405, 405]


def test_ocsp_at_the_root_stays_as_it_was(service: Service, tmp_path: Path) -> None:
    der = ocsp_request(tmp_path)
    posted = f"POST / HTTP/1.0\r\nContent-Length: {len(der)}\r\n\r\n".encode() + der
    empty = service.raw(b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n")

    for port in (service.ocsp_port, service.http_port):
        for octets in (ocsp_get(der), posted):
            reply = service.raw(octets, port=port)
            assert b"content-type: application/ocsp-response" in reply
    assert b"content-type: application/ocsp-response" in empty


def test_every_link_of_the_page_is_relative_and_leads_to_something(service: Service) -> None:
    found = links(service)

    assert len(found) > 15
    for link in found:
        assert not link.startswith(("/", "http"))
        status, headers, body = asked(service, f"/{link}")
        assert (status, bool(body)) == (200, True), link
        assert "html" not in headers["content-type"]


def test_the_files_are_the_ca_s_own(service: Service, lab: CommandLine) -> None:
    root, issuing = certificate(lab, "root"), certificate(lab, "issuing")

    chain = asked(service, "/ca/chain.pem")[2]
    p7b = asked(service, "/ca/chain.p7b")[2]
    alone = asked(service, "/ca/root.pem")[2]
    for_android = next(each for each in links(service) if each.startswith("trust/android/"))

    assert x509.load_pem_x509_certificates(chain) == [issuing, root]
    assert set(pkcs7.load_der_pkcs7_certificates(p7b)) == {issuing, root}
    assert x509.load_pem_x509_certificate(alone) == root
    assert asked(service, f"/{for_android}")[2] == root.public_bytes(Encoding.DER)


def test_all_crls_are_what_the_command_writes_and_follow_a_revocation(
    service: Service, lab: CommandLine
) -> None:
    def served() -> str:
        return asked(service, "/crl/all.pem")[2].decode()

    before = served()
    assert before == lab("crl", "--ca", "all").out
    assert lab("revoke", "sbc1.lab.example").exit == 0

    assert until(lambda: served() != before)
    assert served() == lab("crl", "--ca", "all").out
    assert served().count("BEGIN X509 CRL") == 2
    assert ", 1 revoked" in page(service)


def test_the_page_follows_a_rotation(service: Service, lab: CommandLine) -> None:
    assert lab("ca", "rotate", "--root").exit == 0

    assert until(lambda: "<h2>Roots:" in page(service))
    text = page(service)
    assert text.count("update-ca-certificates --fresh") == 1
    assert len([each for each in links(service) if each.startswith("trust/debian/")]) == 2
    assert asked(service, "/ca/chain.pem")[2].decode() == lab("chain").out
    assert all(asked(service, f"/{link}")[0] == 200 for link in links(service))


def test_hostile_names_are_escaped(bare: CommandLine, tmp_path: Path) -> None:
    made = bare(
        "init", "--name", HOSTILE, "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--no-passphrase",
    )  # fmt: skip
    assert made.exit == 0, made.err

    with serving(bare.home, tmp_path / "log") as service:
        text = page(service)
        statuses = {asked(service, f"/{link}")[0] for link in links(service)}

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;" in text
    assert statuses == {200}


def test_below_the_path_of_the_base_url_the_page_is_there_too(
    lab: CommandLine, tmp_path: Path
) -> None:
    assert lab("ca", "set", "--base-url", "http://10.0.0.5/pki").exit == 0

    with serving(lab.home, tmp_path / "log") as service:
        pages = [asked(service, path)[2] for path in ("/", "/pki", "/pki/")]
        below = asked(service, "/pki/ca/chain.pem")[0]

    assert pages[0] == pages[1] == pages[2]
    assert below == 200


@pytest.mark.parametrize(
    "path",
    [
        "/ca/none.pem",
        "/ca/chain.der",
        "/trust/debian/other.crt",
        "/trust/amiga/x.crt",
        "/trust/..%2f..%2fpyproject/x",
        "/trust/debian/",
        "/crl/all.crl",
        "/index.html",
    ],
)
def test_what_is_not_there_is_not_found(service: Service, path: str) -> None:
    assert asked(service, path)[0] == 404


def test_without_a_readable_register_the_page_says_so(service: Service, lab: CommandLine) -> None:
    assert asked(service, "/")[0] == 200
    (lab.home / "ca.db").rename(lab.home / "away")

    assert until(lambda: asked(service, "/")[0] == 503)
    (lab.home / "away").rename(lab.home / "ca.db")

    assert until(lambda: asked(service, "/")[0] == 200)


def test_a_ca_without_a_crl_is_named_instead_of_a_bundle_that_lacks_it(
    lab: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "root.pem").write_text(lab("chain", "--parts", "root").out)
    (tmp_path / "issuing.pem").write_text(lab("chain", "--parts", "issuing").out)
    imported = CommandLine(tmp_path / "imported")
    done = imported(
        "import", "--root", tmp_path / "root.pem", "--issuing", tmp_path / "issuing.pem"
    )
    assert done.exit == 0, done.err

    with serving(imported.home, tmp_path / "log") as service:
        text = page(service)
        status, _, body = asked(service, "/crl/all.pem")

    assert "none yet" in text
    assert "crl/all.pem" not in text
    assert status == 404
    assert b"has no CRL yet" in body
