"""``push`` and ``pull`` against a stand-in that does what the documents say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.device import Device, rest_of, sip_of
from stand_in.lab import Answer, CommandLine
from stand_in.peers import misbehaving

SECRET = "s3cret-of-the-device"
HOST = "127.0.0.77"
"""An address of this machine alone, at which no other test listens."""


@pytest.fixture
def device() -> Device:
    return Device(password=SECRET)


@pytest.fixture
def at(device: Device) -> Iterator[str]:
    """HOST:PORT of the stand-in's REST interface; it serves SIP of context 1 at the same host."""
    with rest_of(device, host=HOST) as port, sip_of(device, 1, host=HOST, port=5061):
        yield f"{HOST}:{port}"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    return file


class Lab:
    """The command line, with the options that every call to the device takes."""

    def __init__(self, sipca: CommandLine, at: str, password: Path) -> None:
        self.sipca = sipca
        self.options = (
            "--address",
            at,
            "--password-file",
            password,
            "--insecure",
            "--context",
            "1",
        )

    def pull(self, *words: object) -> Answer:
        return self.sipca("pull", "sbc1", *self.options, *words)

    def push(self, *words: object) -> Answer:
        return self.sipca("push", "sbc1", *self.options, *words)

    def sign(self, csr: Path, *words: object) -> None:
        answer = self.sipca(
            "sign", csr, "--device", "sbc1", "--context", "1", "--san", f"ip:{HOST}", "--out",
            csr.parent / "out", *words,
        )  # fmt: skip
        assert answer.exit == 0, answer.err


@pytest.fixture
def lab(sipca: CommandLine, at: str, password: Path) -> Lab:
    addresses = ("--address", HOST, "--address", "sbc1.lab.example")
    assert sipca("device", "set", "sbc1", *addresses).exit == 0
    return Lab(sipca, at, password)


def steps(answer: Answer) -> dict[str, str]:
    return {each["step"]: each["state"] for each in answer.json["devices"][0]["steps"]}


def test_from_a_new_key_to_a_green_doctor(
    lab: Lab, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csr = tmp_path / "sbc1.csr"

    pulled = lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    judged = lab.sipca("preflight", tmp_path / "out" / "sbc1-ctx1-device.pem", "--csr", csr)
    pushed = lab.push("--yes", "--json")

    assert pulled.exit == 0, pulled.err
    assert judged.exit == 0, judged.out
    assert pushed.exit == 0, pushed.out
    done = pushed.json["devices"][0]["steps"]
    assert [(each["step"], each["state"]) for each in done] == [
        ("trust", "done"), ("trust", "done"), ("certificate", "done"), ("key", "unchanged"),
        ("save", "done"), ("doctor", "done"),
    ]  # fmt: skip
    assert device.saved == 1
    assert device.contexts[1].key_is_valid
    assert len(device.contexts[1].trusted) == 2
    assert "never tried on a real device" in pushed.json["interface"]


def test_a_page_whose_selectors_nobody_touched_goes_by_fix_san_to_a_green_doctor(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    fields = {"subjectName": "sbc1.lab.example", "countryCode": "NL"}
    csr = tmp_path / "sbc1.csr"
    csr.write_text(device.page_request(1, fields, [(None, "sbc1.lab.example"), (None, HOST)]))
    words = ("sign", csr, "--device", "sbc1", "--context", "1", "--out", tmp_path / "out")

    refused = lab.sipca(*words)
    signed = lab.sipca(*words, "--fix-san", "--json")
    pushed = lab.push("--yes")

    assert refused.exit == 4
    assert "selector starts at EMAIL" in refused.err
    assert signed.json["signed"][0]["san"] == ["dns:sbc1.lab.example", f"ip:{HOST}"]
    assert pushed.exit == 0, pushed.err + pushed.out
    assert device.contexts[1].key_is_valid


def test_what_is_on_the_device_already_is_not_sent_again(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    assert lab.push("--yes").exit == 0
    device.asked.clear()

    again = lab.push("--yes", "--json")

    assert again.exit == 0
    assert not again.json["devices"][0]["changed"]
    assert [each for each in device.asked if not each.startswith("GET")] == []
    assert set(steps(again).values()) == {"unchanged", "done"}


def test_without_yes_nothing_is_changed(lab: Lab, device: Device, tmp_path: Path) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--yes", "-o", csr)
    lab.sign(csr)
    device.asked.clear()

    pulled, pushed = lab.pull("--key", "rsa:2048"), lab.push()

    assert (pulled.exit, pushed.exit) == (0, 0)
    assert pulled.out == ""
    assert "nothing was changed: --yes does it" in pulled.err
    assert "nothing was changed: --yes does it" in pushed.out
    assert "would do  certificate" in pushed.err
    assert {each.partition(" ")[0] for each in device.asked} == {"GET"}


@pytest.mark.parametrize("authentication", ["basic", "digest"])
def test_the_csr_goes_to_stdout_by_whichever_admission_the_device_asks_for(
    lab: Lab, device: Device, authentication: str
) -> None:
    device.authentication = authentication

    answer = lab.pull("--yes", "--cn", "sbc1.lab.example")

    assert answer.exit == 0, answer.err
    assert answer.out.startswith("-----BEGIN CERTIFICATE REQUEST-----\n")
    assert "CN=sbc1.lab.example" in answer.err
    assert "next: sipca sign FILE --device sbc1 --context 1" in answer.err


def test_a_key_made_after_the_csr_is_noticed_and_nothing_is_saved(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    lab.pull("--key", "rsa:2048", "--yes")

    answer = lab.push("--yes")

    assert answer.exit == 9
    assert "says that its private key does not fit the certificate" in answer.err
    assert device.saved == 0


def test_a_full_trust_store_is_refused_by_name_and_can_be_replaced_with_a_copy_kept(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    full = [device.contexts[0].certificate] * 150
    device.contexts[1].trusted = list(full)
    other = device.self_signed(device.contexts[2].key, {"companyName": "Other"})
    device.contexts[1].trusted = [
        device.self_signed(device.contexts[2].key, {"companyName": f"O{n}"}) for n in range(149)
    ] + [other]

    refused = lab.push("--yes")
    replaced = lab.push("--yes", "--replace-trust", "--out", tmp_path)

    assert refused.exit == 9
    assert "holds 150 certificates and takes 150: 2 more do not fit" in refused.err
    assert replaced.exit == 0, replaced.err
    assert len(device.contexts[1].trusted) == 2
    kept = next(tmp_path.glob("sbc1-ctx1-trust-before-*.pem")).read_text()
    assert kept.count("BEGIN CERTIFICATE") == 150


def test_a_busy_device_is_told_as_busy_and_the_next_call_goes_on(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    device.busy = 1

    busy, then = lab.push("--yes"), lab.push("--yes")

    assert busy.exit == 9
    assert "with 409: the device is busy" in busy.err
    assert then.exit == 0, then.err


def test_a_wrong_password_is_exit_7_and_stands_nowhere(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    device.password = "another"

    answer = lab.pull("--yes", "--debug")

    assert answer.exit == 7
    assert "answers GET /api/v1/status with 401" in answer.err
    assert SECRET not in answer.err + answer.out


def test_no_password_is_exit_7_with_its_places(lab: Lab, at: str) -> None:
    answer = lab.sipca("pull", "sbc1", "--address", at, "--insecure")

    assert answer.exit == 7
    assert "--password-file FILE, SIPCA_DEVICE_PASSWORD_FILE" in answer.err


def test_the_web_interface_must_be_known_by_our_root_or_by_its_pin(
    lab: Lab, device: Device, at: str, password: Path
) -> None:
    from hashlib import sha256

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    common = ("pull", "sbc1", "--address", at, "--password-file", password)
    shown = x509.load_pem_x509_certificate(device.contexts[0].certificate.encode())
    pin = sha256(shown.public_bytes(Encoding.DER)).hexdigest()

    unknown = lab.sipca(*common)
    wrong = lab.sipca(*common, "--pin", "00" * 32)
    odd = lab.sipca(*common, "--pin", "abc")
    pinned = lab.sipca(*common, "--pin", pin)

    assert unknown.exit == 9
    assert "is not one that is trusted here" in unknown.err
    assert wrong.exit == 9
    assert "not the pinned 0000000000000000..." in wrong.err
    assert odd.exit == 3
    assert pinned.exit == 0, pinned.err
    assert [each for each in device.asked if "401" in each] == []


def test_a_device_without_address_or_certificate_or_interface_is_told_so(
    sipca: CommandLine, password: Path
) -> None:
    secret = ("--password-file", password)
    sipca("device", "set", "phone", "--target", "audiocodes-phone", "--address", "10.0.0.9")
    sipca("device", "set", "bare")

    nobody = sipca("push", "nobody", *secret)
    bare = sipca("push", "bare", *secret)
    phone = sipca("pull", "phone", *secret)
    empty = sipca("push", "bare", *secret, "--address", "127.0.0.1")

    assert (nobody.exit, bare.exit, phone.exit, empty.exit) == (5, 5, 4, 5)
    assert "'bare' has no address in the register" in bare.err
    assert "no REST interface is documented for 'phone', a audiocodes-phone" in phone.err
    assert "no current certificate is recorded for bare context 0" in empty.err


def html(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(4_096)


def test_what_is_no_device_is_exit_10(lab: Lab, password: Path) -> None:
    with misbehaving(html) as port:
        answer = lab.sipca(
            "pull", "sbc1", "--address", f"127.0.0.1:{port}", "--password-file", password, "--insecure"
        )  # fmt: skip

    assert answer.exit == 10
    assert "127.0.0.1 cannot be asked" in answer.err


@pytest.mark.parametrize("form", ["cli-script", "ini"])
def test_what_may_be_pasted_is_marked_as_not_verified(lab: Lab, tmp_path: Path, form: str) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)

    answer = lab.sipca("push", "sbc1", "--context", "1", "--as", form)

    assert answer.exit == 0, answer.err
    assert "not tried on a device" in answer.out.splitlines()[0]
    assert "PRIVATE KEY" not in answer.out


def test_all_is_for_devices_with_a_certificate_and_stops_at_the_first_failure(
    lab: Lab, device: Device, tmp_path: Path, password: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    out = tmp_path / "i"
    for name in ("a1", "z9"):
        assert lab.sipca("issue", f"{name}.lab.example", "--device", name, "--out", out).exit == 0
        assert lab.sipca("device", "set", name, "--address", "127.0.0.1").exit == 0
    lab.sipca("device", "set", "empty")

    stopped = lab.sipca("push", "--all", "--password-file", password, "--insecure", "--json")
    nothing = lab.sipca("push", "--all", "--expiring", "1d", "--password-file", password, "--json")

    assert stopped.exit == 9
    assert [each["device"] for each in stopped.json["devices"]] == ["a1"]
    assert stopped.json["not_begun"] == ["sbc1 context 1", "z9 context 0"]
    assert (nothing.exit, nothing.json["devices"]) == (0, [])


def test_a_clock_that_is_slow_is_seen_after_the_push(
    lab: Lab, device: Device, tmp_path: Path
) -> None:
    csr = tmp_path / "sbc1.csr"
    lab.pull("--key", "rsa:2048", "--yes", "-o", csr)
    lab.sign(csr)
    device.clock_error = timedelta(days=-3)

    answer = lab.push("--yes")

    assert answer.exit == 0
    assert "sbc1's clock is 3 days slow" in answer.err


def test_without_the_extra_there_is_a_hint(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.credentials.find_spec", lambda _: None)

    answer = sipca("pull", "sbc1")

    assert answer.exit == 2
    assert "install it as '.[device]' with pipx, uv tool or pip" in answer.err
