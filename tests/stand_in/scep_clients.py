"""SCEP clients that no one here wrote: strongSwan's pki, micromdm's scepclient, certmonger."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.waiting import until

_BUS = """<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
"""A bus that starts no services: the usual one starts a second certmonger for the first command."""


def pem(certificate: bytes) -> bytes:
    """A certificate in PEM."""
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)


class StrongSwan:
    """``pki --scep`` in a folder of its own; RSA keys by openssl."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()

    def fetch(self) -> str:
        """The certificates of CA and RA into ``ca.der``, ``ca-1.der``, ``ra.der``; what it says."""
        done = self._pki("--scepca", "--url", self.url, "--caout", "ca.der", "--raout", "ra.der")
        assert done.returncode == 0, done.stderr
        return done.stderr.decode()

    def key(self, name: str) -> None:
        """Make a key."""
        words = ["openssl", "genrsa", "-out", name, "2048"]
        subprocess.run(words, cwd=self.folder, check=True, capture_output=True)

    def enrol(self, name: str, key: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Ask for a certificate; DER on stdout."""
        return self._pki(*self._words(name, key), *words)

    def begin(self, name: str, key: str, *words: str) -> subprocess.Popen[bytes]:
        """The same, without waiting for it."""
        return subprocess.Popen(
            ["pki", *self._words(name, key), *words],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _words(self, name: str, key: str) -> list[str]:
        trust = ["--cacert-enc", "ra.der", "--cacert-sig", "ca-1.der", "--cacert", "ca.der"]
        names = ["--dn", f"CN={name}", "--san", name]
        return ["--scep", "--url", self.url, "--in", key, *names, *trust]

    def _pki(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["pki", *words], cwd=self.folder, capture_output=True, timeout=60)


class Certmonger:
    """certmonger for this user, on a bus of its own, with its files in a folder."""

    def __init__(self, folder: Path, url: str, chain: list[bytes]) -> None:
        self.folder = folder
        folder.mkdir()
        ra, issuing, root = chain
        for name, certificate in (("ra", ra), ("ca", issuing), ("root", root)):
            (folder / f"{name}.pem").write_bytes(pem(certificate))
        self._environment = os.environ | {"CERTMONGER_TMPDIR": str(folder)}
        for each in ("requests", "cas", "config"):
            (folder / each).mkdir()
            self._environment[f"CERTMONGER_{each.upper()}_DIR"] = str(folder / each)
        (folder / "bus.conf").write_text(_BUS)
        self._bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._bus.stdout is not None
        address = self._bus.stdout.readline().decode().strip()
        self._environment["DBUS_SESSION_BUS_ADDRESS"] = address
        self._daemon = subprocess.Popen(
            ["certmonger", "-s", "-n", "-d", "2"], env=self._environment,
            stdout=subprocess.DEVNULL, stderr=(folder / "log").open("wb"),
        )  # fmt: skip
        certificates = ("-R", "root", "-N", "root", "-r", "ra", "-I", "ca")
        trust = [word if word[0] == "-" else str(folder / f"{word}.pem") for word in certificates]
        added = ["add-scep-ca", "-c", "lab", "-u", url, *trust]
        assert until(lambda: self.getcert(*added).returncode == 0), self.said()

    def getcert(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command to it."""
        command = ["getcert", words[0], "-s", *words[1:]]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=60
        )

    def request(self, name: str, *words: str) -> None:
        """Ask for a certificate with a new key, and have it looked after."""
        files = ("-k", str(self.folder / "key.pem"), "-f", str(self.folder / "cert.pem"))
        asked = self.getcert(
            "request", "-c", "lab", "-I", "one", *files, "-N", f"CN={name}", "-D", name, *words
        )
        assert asked.returncode == 0, asked

    def status(self) -> str:
        """What became of the request, as certmonger calls it."""
        lines = self.getcert("list", "-i", "one").stdout.splitlines()
        return next((line.split()[-1] for line in lines if "status:" in line), "")

    def reaches(self, *states: str) -> bool:
        """Whether it reaches one of these states in time."""
        return until(lambda: self.status() in states)

    def certificate(self) -> x509.Certificate:
        """The certificate that it holds."""
        return x509.load_pem_x509_certificate((self.folder / "cert.pem").read_bytes())

    def has_other_than(self, certificate: x509.Certificate) -> bool:
        """Whether it comes to hold another certificate, whole."""

        def holds() -> bool:
            with contextlib.suppress(ValueError):  # it is being written
                return self.certificate() != certificate
            return False

        return until(holds)

    def said(self) -> str:
        """Its list of requests and its log."""
        return self.getcert("list").stdout + (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End both processes."""
        for each in (self._daemon, self._bus):
            each.terminate()
            each.wait(20)


def running(folder: Path, url: str, chain: list[bytes]) -> Iterator[Certmonger]:
    """certmonger until the block ends."""
    certmonger = Certmonger(folder, url, chain)
    try:
        yield certmonger
    finally:
        certmonger.stop()
