"""A device that checks its peers: by OCSP, by its clock, by their purposes; and ``doctor`` there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.device import Device, Refusal, sip_of
from stand_in.device_peers import OCSPFields
from stand_in.lab import CommandLine
from stand_in.peers import free_port
from stand_in.service import Service, serving

HOST = "127.0.0.76"
"""An address of this machine alone, at which no other test listens."""
NOWHERE = "127.0.0.75"


@pytest.fixture
def device(sipca: CommandLine, tmp_path: Path) -> Device:
    """A device whose context 1 has what was signed for it, and demands a client certificate."""
    device = Device(mutual=True)
    csr = tmp_path / "sbc1.csr"
    csr.write_text(device.page_request(1, {"subjectName": "sbc1.lab.example"}, [("IP", HOST)]))
    words = ("--device", "sbc1", "--context", "1", "--out", tmp_path)
    assert sipca("sign", csr, *words).exit == 0
    device.contexts[1].certificate = (tmp_path / "sbc1-ctx1-device.pem").read_text()
    device.put("/api/v1/files/tls/1/trustedRoot", (tmp_path / "trusted-root.pem").read_bytes())
    assert sipca("device", "set", "sbc1", "--address", HOST).exit == 0
    for name, *more in (("good",), ("revoked",), ("server-only", "--profile", "sip-server")):
        words = ("--key", "ec:p256", "--out", tmp_path, *more)
        assert sipca("issue", f"{name}.lab.example", *words).exit == 0
    assert sipca("revoke", "revoked.lab.example", "--reason", "cessation").exit == 0
    return device


@pytest.fixture
def service(sipca: CommandLine, device: Device, tmp_path: Path) -> Iterator[Service]:
    with serving(sipca.home, tmp_path / "serve.log") as running:
        yield running


class Lab:
    """What a device makes of a peer, by ``doctor``."""

    def __init__(self, sipca: CommandLine, device: Device, folder: Path) -> None:
        self.sipca, self.device, self.folder = sipca, device, folder

    def called_by(self, name: str) -> tuple[int, str]:
        """The exit code and text of doctor that presents a certificate."""
        client = self.folder / f"{name}.lab.example"
        with sip_of(self.device, 1, host=HOST) as port:
            answer = self.sipca(
                "doctor", f"{HOST}:{port}", "--client-cert", f"{client}-fullchain.pem",
                "--client-key", f"{client}.key",
            )  # fmt: skip
        return answer.exit, answer.out


@pytest.fixture
def lab(sipca: CommandLine, device: Device, tmp_path: Path) -> Lab:
    return Lab(sipca, device, tmp_path)


@pytest.mark.parametrize("by_get", [False, True], ids=["POST", "GET"])
@pytest.mark.parametrize("with_nonce", [False, True], ids=["", "nonce"])
def test_a_device_that_asks_by_ocsp_takes_the_good_peer_and_not_the_revoked(
    lab: Lab, device: Device, service: Service, *, by_get: bool, with_nonce: bool
) -> None:
    fields = OCSPFields("127.0.0.1", port=service.ocsp_port, by_get=by_get, with_nonce=with_nonce)
    device.contexts[1].ocsp = fields

    good, revoked = lab.called_by("good"), lab.called_by("revoked")

    assert good[0] == 0, good
    assert revoked[0] == 9, revoked
    assert "sbc1 closed the connection without a word" in revoked[1]
    assert "'revoked.lab.example') is revoked: a peer that asks by OCSP takes no such" in revoked[1]


def test_where_the_primary_server_is_dead_the_secondary_answers(
    lab: Lab, device: Device, service: Service
) -> None:
    device.contexts[1].ocsp = OCSPFields(NOWHERE, "127.0.0.1", port=service.ocsp_port)

    assert lab.called_by("good")[0] == 0
    assert lab.called_by("revoked")[0] == 9


@pytest.mark.parametrize("allow", [False, True], ids=["Reject", "Allow"])
def test_with_every_server_dead_the_default_response_decides(
    lab: Lab, device: Device, *, allow: bool
) -> None:
    device.contexts[1].ocsp = OCSPFields(NOWHERE, port=free_port(), allow=allow)

    code, text = lab.called_by("good")

    assert code == 0, text
    assert ("closes the connection once it has our certificate" in text) is not allow
    assert ("or is the Default Response Allow?" in " ".join(text.split())) is not allow


def test_a_dead_server_that_certificates_name_too_is_the_fault_that_doctor_names(
    lab: Lab, device: Device, sipca: CommandLine, tmp_path: Path
) -> None:
    port = free_port()
    sipca("ca", "set", "--base-url", f"http://{NOWHERE}:{port}")
    sipca("renew", "sbc1", "--out", tmp_path)
    device.contexts[1].certificate = (tmp_path / "sbc1-ctx1-device.pem").read_text()
    device.contexts[1].ocsp = OCSPFields(NOWHERE, port=port)

    code, text = lab.called_by("good")

    assert code == 9
    assert f"the OCSP responder at http://{NOWHERE}:{port}/ does not answer" in text
    assert "its default response is Reject, every call stops" in " ".join(text.split())


def test_strict_extension_checking_refuses_a_client_without_client_auth(
    lab: Lab, device: Device
) -> None:
    taken = lab.called_by("good")
    device.strict = True

    refused = lab.called_by("server-only")

    assert taken[0] == 0, taken
    assert lab.called_by("good")[0] == 0
    assert refused[0] == 9, refused[1]
    assert "wanted clientAuth, which the certificate presented lacks (alert 43" in refused[1]


@pytest.mark.parametrize("error", [timedelta(days=-3), timedelta(days=3650)], ids=["slow", "fast"])
def test_a_device_whose_clock_is_wrong_takes_no_peer(
    lab: Lab, device: Device, error: timedelta
) -> None:
    device.clock_error = error

    code, text = lab.called_by("good")

    assert code == 0
    assert "closes the connection once it has our certificate" in text
    assert "is its clock right (NTP)?" in text


@pytest.mark.parametrize("sends_store", [False, True], ids=["leaf", "store"])
def test_whether_the_device_sends_its_stores_cas_is_seen_from_outside(
    lab: Lab, device: Device, *, sends_store: bool
) -> None:
    device.mutual = False  # OpenSSL sends the CAs by which it verifies peers, whatever is wished
    device.sends_store = sends_store

    code, text = lab.called_by("good")

    assert code == 0, text
    assert ("sent only the leaf; peers need" in text) is not sends_store


@pytest.mark.parametrize("takes_chain", [False, True], ids=["one", "chain"])
def test_a_chain_in_the_device_s_file_is_refused_or_its_first_certificate_taken(
    device: Device, tmp_path: Path, *, takes_chain: bool
) -> None:
    device.takes_chain = takes_chain
    leaf = (tmp_path / "sbc1-ctx1-device.pem").read_text()
    chain = leaf + (tmp_path / "trusted-2-issuing.pem").read_text()
    device.contexts[1].certificate = before = device.self_signed(device.contexts[1].key, {})

    refusal = None
    try:
        device.put("/api/v1/files/tls/1/certificate", chain.encode())
    except Refusal as error:
        refusal = error.status

    assert refusal == (None if takes_chain else 400)
    assert device.contexts[1].certificate == (leaf if takes_chain else before)
