"""A lab lives for twenty years: two rotations of the issuing CA, one of the root.

At each station every device verifies every other, with what is on it and with what the other
sends, in both roles. The verifiers are OpenSSL (strict), GnuTLS and Python's cryptography.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import NOW, CommandLine, make_csr
from stand_in.verifiers import PURPOSES, VERIFIERS, Presented

DEVICES = 40
YEAR = timedelta(days=365)
VISIT = timedelta(days=240)
"""A shorter span than a certificate has left when it is renewed."""
ROTATIONS = {6: (), 11: ("--root",), 17: ()}
"""Years in which the CA is rotated, with the words for it."""


class Device:
    """A device: its request, the trust file on it, and its certificate with what it sends."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.host = f"{name}.lab.example"
        self.request = folder / f"{name}.csr"
        self.request.write_bytes(
            make_csr(cn=self.host, key=ec.generate_private_key(ec.SECP256R1()))
        )
        self.trust = ""
        self.leaf = ""
        self.chain = ""
        self.end = NOW


class Lab:
    """The lab, its clock, and the table of what each verifier said at each station."""

    def __init__(self, sipca: CommandLine, set_clock: Callable[[datetime], None], folder: Path):
        self.sipca = sipca
        self.folder = folder
        self._set_clock = set_clock
        self.now = NOW
        self.devices = [Device(f"sbc{number}", folder) for number in range(1, DEVICES + 1)]
        self.table: list[str] = []
        self._verified: set[Presented] = set()
        self._said: dict[str, int] = {}

    @property
    def stations(self) -> set[int]:
        """The steps of a plan after which all is verified: the first, one half way, the last."""
        count = len(self.devices)
        return {1, count // 2, count, count + 1, count + count // 2}

    def run(self, *words: object) -> dict[str, Any]:
        answer = self.sipca(*words, "--json")
        assert answer.exit == 0, (words, answer.err or answer.out)
        document: dict[str, Any] = answer.json
        return document

    def pass_to(self, moment: datetime) -> None:
        self.now = moment
        self._set_clock(moment)

    def sign(self, device: Device) -> None:
        """Sign or renew, and put certificate and chain on the device, not the trust file."""
        out = self.folder / "out"
        first = (
            "sign", device.request, "--device", device.name, "--context", 1, "--fullchain",
        )  # fmt: skip
        words = ("renew", device.name) if device.leaf else first
        (signed,) = self.run(*words, "--out", out)["signed"]
        device.leaf = signed["certificate_pem"]
        device.chain = Path(signed["files"]["fullchain"]).read_text()
        device.end = datetime.fromisoformat(signed["not_after"])

    def trust_file(self) -> str:
        return self.sipca("chain").out

    def give_trust(self, device: Device) -> None:
        out = self.folder / f"to-{device.name}-{self.now:%Y%m%d}"
        self.run("export", device.name, "--out", out)
        device.trust = (out / "trusted-root.pem").read_text()

    def verify(self, cases: Iterable[tuple[str, str, Device]]) -> None:
        """All three verify what devices send, as server and as client, with a trust file."""
        asked = {
            Presented(trust, sent, device.host, purpose, self.now): None
            for trust, sent, device in cases
            for purpose in PURPOSES
        }
        fresh = [case for case in asked if case not in self._verified]
        self._verified.update(fresh)
        for name, verifier in VERIFIERS.items():
            complaint = verifier(fresh, self.folder)
            assert complaint == "", (name, self.now, complaint)
            self._said[name] = len(asked)

    def station(self, what: str, trusts: Iterable[str] = ()) -> None:
        """Each verifies each, also if a peer sends its certificate alone.

        ``trusts``: further trust files, with which the chains that peers send are verified.
        """
        on_devices = dict.fromkeys(device.trust for device in self.devices)
        self.verify(
            [
                *((trust, peer.chain, peer) for trust in on_devices for peer in self.devices),
                *((trust, peer.leaf, peer) for trust in on_devices for peer in self.devices),
                *((trust, peer.chain, peer) for trust in trusts for peer in self.devices),
            ]
        )
        cas = self.trust_file().count("BEGIN CERTIFICATE")
        said = ", ".join(f"{name} {count} of {count}" for name, count in self._said.items())
        self.table.append(f"{self.now:%Y-%m} | {what} | {cas} | {said}")

    def keep_up(self) -> None:
        """What cron does: fresh CRLs and OCSP signers of all CAs that are needed; then check."""
        self.run("ocsp", "rotate", "--if-due")
        for ca in self.run("ca", "list")["cas"]:
            end = datetime.fromisoformat(ca["not_after"])
            if ca["state"] != "retired" and not ca["cross_of"] and end > self.now:
                self.run("crl", "--ca", ca["id"], "--if-within", "30d")
        failures = [each for each in self.run("check")["findings"] if each["severity"] == "error"]
        assert failures == []

    def follow_the_plan(self, words: tuple[str, ...]) -> None:
        """Rotate, then do what the plan says, in its order, with a station after each step."""
        before = self.trust_file()
        self.run("ca", "rotate", *words)
        after = self.trust_file()
        trusts = (before, after, before + after)
        what = " ".join(("ca rotate", *words))
        self.station(what, trusts)
        by_name = {device.name: device for device in self.devices}
        seen: list[str] = []
        for _ in range(2 * len(self.devices) + 1):
            entry = self.run("ca", "plan")["devices"][0]
            if entry["next"] == "nothing":
                break
            device = by_name[entry["device"]]
            assert entry["after"] == []
            if entry["next"] == "trust":
                self.give_trust(device)
            else:
                self.sign(device)
            self.run("device", "done", device.name, "--step", entry["next"])
            seen.append(entry["next"])
            if len(seen) in self.stations or len(seen) == 2 * len(self.devices):
                done = len(seen) if entry["next"] == "trust" else len(seen) - len(self.devices)
                self.station(f"{what}: {entry['next']} done on {done}", trusts)
        assert seen == ["trust"] * len(self.devices) + ["certificate"] * len(self.devices)


@pytest.fixture
def lab(bare: CommandLine, frozen: Callable[[datetime], None], tmp_path: Path) -> Lab:
    frozen(NOW)
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    assert bare("init", "--name", "Long Lab", *keys).exit == 0
    return Lab(bare, frozen, tmp_path)


def test_a_lab_that_follows_the_plan_verifies_at_every_station_of_twenty_years(lab: Lab) -> None:
    for device in lab.devices:
        lab.sign(device)
        lab.give_trust(device)
    lab.station("init")
    rotations = dict(ROTATIONS)

    while lab.now < NOW + 21 * YEAR:
        lab.pass_to(lab.now + VISIT)
        for device in lab.devices:
            if device.end < lab.now + VISIT + timedelta(days=30):
                lab.sign(device)
        lab.keep_up()
        lab.station("as it stands")
        due = [year for year in rotations if lab.now >= NOW + year * YEAR]
        for year in due:
            lab.follow_the_plan(rotations.pop(year))
        if lab.now - NOW > 15 * YEAR:
            retire_what_can_be(lab)

    print("\n" + "\n".join(lab.table))
    assert not rotations
    states = Counter(each["state"] for each in lab.run("ca", "list")["cas"] if not each["cross_of"])
    assert states == {"current": 2, "retired": 4}
    assert lab.trust_file().count("BEGIN CERTIFICATE") == 2
    assert lab.sipca("log", "--verify").exit == 0


def retire_what_can_be(lab: Lab) -> None:
    for ca in lab.run("ca", "list")["cas"]:
        if ca["state"] == "previous" and ca["live"] == 0 and not ca["cross_of"]:
            assert lab.run("ca", "retire", ca["id"])["changed"]


def test_new_dates_for_the_same_key_verify_with_the_trust_file_before_and_after(lab: Lab) -> None:
    for device in lab.devices:
        lab.sign(device)
        lab.give_trust(device)
    lab.pass_to(NOW + 340 * timedelta(days=1))

    for words in (("--same-key",), ("--root", "--same-key")):
        before = lab.trust_file()
        lab.run("ca", "rotate", *words)
        after = lab.trust_file()
        assert before != after
        lab.station(" ".join(words), (before, after, before + after))
        lab.sign(lab.devices[0])
        lab.station(" ".join(words), (before, after, before + after))
    assert {each["next"] for each in lab.run("ca", "plan")["devices"]} == {"trust"}


def test_a_device_that_did_not_follow_the_plan_is_noticed(lab: Lab) -> None:
    """The verifiers of the stations do refuse: the tests above would notice."""
    for device in lab.devices:
        lab.sign(device)
        lab.give_trust(device)
    lab.run("ca", "rotate", "--root")
    hasty = lab.devices[0]
    lab.sign(hasty)

    without_cross = hasty.chain[: hasty.chain.rindex("-----BEGIN CERTIFICATE")]
    for sent in (hasty.leaf, without_cross):
        for name, verifier in VERIFIERS.items():
            case = Presented(lab.devices[1].trust, sent, hasty.host, "sslserver", lab.now)
            assert verifier([case], lab.folder) != "", name
    lab.verify([(lab.devices[1].trust, hasty.chain, hasty)])


def test_each_cross_certificate_leads_a_peer_of_one_root_to_certificates_of_the_other(
    lab: Lab,
) -> None:
    """RFC 4210, 4.4: new with old for those who renewed first, old with new for those who wait."""
    device = lab.devices[0]
    lab.sign(device)
    old_root = lab.sipca("chain", "--parts", "root").out
    lab.run("ca", "rotate", "--root")
    new_root = lab.sipca("chain", "--parts", "root").out.removesuffix(old_root)
    assert new_root.count("BEGIN CERTIFICATE") == 1

    out = lab.folder / "kit"
    lab.run("export", device.name, "--out", out, "--target", "generic")
    (waiting,) = (path.read_text() for path in out.glob("*-fullchain.pem"))
    lab.sign(device)

    for chain in (waiting, device.chain):
        assert chain.count("BEGIN CERTIFICATE") == 3
        lab.verify((root, chain, device) for root in (old_root, new_root))
