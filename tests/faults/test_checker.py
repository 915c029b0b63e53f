"""Large batches: another process verifies the signatures, and nothing is recorded before it did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import EC_KEY, ENVIRONMENT, CommandLine, make_csr

from ca.encoding import der, pem

COUNT = 60
RUN = """
import os
import signal
import threading
import time
from ca.authority.signing import checker, sign
from cli.main import main

sign.WORTH_CHECKER, sign.CHUNK = 1, 16
real = checker.Checker.verify
{more}
if __name__ == "__main__":
    main()
"""
COUNTED = """
answer = checker.Checker._answer

def counted(self, awaited):
    octets = answer(self, awaited)
    print("answered" if octets else "not answered")
    return octets

checker.Checker._answer = counted
"""
KILLED = (
    COUNTED
    + """
def verify(self, signed):
    pending = real(self, signed)
    if self._pipe is not None:  # else it was reaped already
        os.kill(self._process, signal.SIGKILL)
    return pending

checker.Checker.verify = verify
"""
)
AT_ONCE = (
    COUNTED
    + """
checker.ANSWER_SECONDS = 0.1
ask = checker.Checker._ask

def ask_after(self, *arguments):
    if self._pipe is not None:
        os.kill(self._process, signal.SIGNAL)
    return ask(self, *arguments)

checker.Checker._ask = ask_after
"""
)
KILLED_EARLY = AT_ONCE.replace("SIGNAL", "SIGKILL")
STOPPED = AT_ONCE.replace("SIGNAL", "SIGSTOP")
FULL = (
    STOPPED
    + """
import socket
bound = checker._bound_writing

def small(pipe):
    bound(pipe)
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # less than a question has

checker._bound_writing = small
"""
)
THREADED = (
    COUNTED
    + """
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
)
FAULTY = """
from ca.keys.soft import SoftSigner

real, signed = SoftSigner.sign, []

def sign_badly(self, tbs):
    signed.append(tbs)
    return real(self, tbs + b"x" if len(signed) == 40 else tbs)

SoftSigner.sign = sign_badly
"""
DENYING = """
checker._verified = lambda key, pairs: [False] * len(pairs)
"""
SHORT = (
    COUNTED
    + """
checker._serve = lambda pipe, key: (pipe.recv_bytes(), pipe.send_bytes(bytes([1])), os._exit(0))
"""
)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        csr = make_csr(cn=f"d{number:02}.lab.example", key=EC_KEY)
        (folder / f"d{number:02}.csr").write_bytes(csr)
    return folder


def signing(sipca: CommandLine, inbox: Path, more: str) -> subprocess.CompletedProcess[str]:
    words = ["sign", inbox, "--out", inbox.parent / "out", "--allow", "reused-key"]
    return subprocess.run(
        [sys.executable, "-c", RUN.replace("{more}", more), *map(str, words), "--home", sipca.home],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def assert_all_signed(sipca: CommandLine, inbox: Path) -> None:
    out = inbox.parent / "out"
    issuing = x509.load_pem_x509_certificate((out / "trusted-2-issuing.pem").read_bytes())
    files = list(out.glob("*-device.pem"))
    assert len(files) == COUNT
    for file in files:
        x509.load_pem_x509_certificate(file.read_bytes()).verify_directly_issued_by(issuing)
    assert len(sipca("list", "--json").json["certificates"]) == COUNT
    assert sipca("log", "--verify").exit == 0


def test_signatures_of_a_large_batch_are_verified_by_another_process(
    sipca: CommandLine, inbox: Path
) -> None:
    done = signing(sipca, inbox, COUNTED)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not answered") == 0
    assert done.stdout.count("answered") == 8  # chunks of 16, about each twice
    assert_all_signed(sipca, inbox)


@pytest.mark.parametrize(
    ("more", "answers"),
    [(KILLED, 2), (KILLED_EARLY, 0), (STOPPED, 0), (FULL, 0), (SHORT, 0), (THREADED, 0)],
    ids=["killed", "killed-early", "stopped", "full", "cut-off", "threads"],
)
def test_without_an_answer_of_the_checker_this_process_verifies(
    sipca: CommandLine, inbox: Path, more: str, answers: int
) -> None:
    done = signing(sipca, inbox, more)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count("answered") <= answers
    assert_all_signed(sipca, inbox)


def with_odd_key() -> bytes:
    """A request whose signature verifies, for a key with a superfluous octet in its exponent."""
    key = rsa.generate_private_key(65537, 2048)
    csr = x509.load_pem_x509_csr(make_csr(cn="d31.lab.example", key=key))
    fields = der.split(csr.tbs_certrequest_bytes)
    algorithm = der.split(fields[2])[0]
    odd = der.tlv(der.INTEGER, b"\x00\x01\x00\x01")
    numbers = der.sequence(der.encode_integer(key.public_key().public_numbers().n), odd)
    fields[2] = der.sequence(algorithm, der.tlv(der.BIT_STRING, b"\x00" + numbers))
    info = der.sequence(*fields)
    signature = key.sign(info, padding.PKCS1v15(), hashes.SHA256())
    return der.signed(info, der.split(csr.public_bytes(Encoding.DER))[1], signature)


@pytest.mark.parametrize("more", ["", KILLED_EARLY], ids=["checker", "killed"])
def test_a_request_that_is_not_vouched_for_is_refused_in_the_usual_words(
    sipca: CommandLine, inbox: Path, more: str
) -> None:
    octets = bytearray(
        x509.load_pem_x509_csr(make_csr(cn="d07", key=EC_KEY)).public_bytes(Encoding.DER)
    )
    octets[-1] ^= 1
    altered = pem.encode(bytes(octets), "CERTIFICATE REQUEST")
    (inbox / "d07.csr").write_text(altered)
    weak = rsa.generate_private_key(65537, 1024)
    (inbox / "d30.csr").write_bytes(make_csr(cn="d30.lab.example", key=weak))
    (inbox / "d31.csr").write_text(pem.encode(with_odd_key(), "CERTIFICATE REQUEST"))

    done = signing(sipca, inbox, more)

    assert done.returncode == 9, done.stderr
    assert "the CSR's signature does not verify with its own key" in done.stderr
    assert "the key is RSA 1024, but at least 2048 bits are required" in done.stderr
    assert "cannot be verified: its key is not encoded in DER" in done.stderr
    assert len(sipca("list", "--json").json["certificates"]) == COUNT - 3


def test_where_no_checker_can_be_forked_this_process_verifies(
    sipca: CommandLine, inbox: Path
) -> None:
    failing = "def fork(): raise OSError(11, 'no more processes')\nos.fork = fork\n"

    done = signing(sipca, inbox, failing)

    assert done.returncode == 0, done.stderr
    assert_all_signed(sipca, inbox)


def test_the_checker_has_neither_the_register_nor_a_lock_of_it(
    sipca: CommandLine, inbox: Path
) -> None:
    looked = """
def verify(self, signed):
    pending = real(self, signed)
    made = pending()
    folder = f"/proc/{self._process}/fd"
    held = [os.readlink(f"{folder}/{each}") for each in os.listdir(folder)]
    print("holds", sorted(each.split(":")[0] for each in held if each != "/dev/null"))
    return lambda: made

checker.Checker.verify = verify
"""

    done = signing(sipca, inbox, looked)

    assert done.returncode == 0, done.stderr
    assert "holds ['pipe', 'pipe', 'socket']" in done.stdout
    assert_all_signed(sipca, inbox)


def test_what_a_faulty_signer_signed_is_neither_recorded_nor_written(
    sipca: CommandLine, inbox: Path
) -> None:
    """The 40th signature is of the third chunk: the two before it are kept, the rest is not."""
    done = signing(sipca, inbox, FAULTY)

    assert done.returncode == 7, done.stderr
    assert "the new signature does not verify" in done.stderr
    listed = sipca("list", "--status", "valid", "--json").json["certificates"]
    assert len(listed) == len(list((inbox.parent / "out").glob("*-device.pem"))) == 32
    assert sipca("log", "--verify").exit == 0


def test_what_the_checker_denies_is_neither_recorded_nor_written(
    sipca: CommandLine, inbox: Path
) -> None:
    done = signing(sipca, inbox, DENYING)

    assert done.returncode == 7, done.stderr
    assert "the new signature does not verify" in done.stderr
    assert sipca("list", "--status", "valid", "--json").json["certificates"] == []
