"""What is fuzzed: seeds of each kind, how they are damaged, and the commands that read them."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.fuzzing.devices import Messages, SCEPServer
from scripts.fuzzing.http import TwoRoads, requests_in_pieces
from scripts.fuzzing.mutation import damage_der, damage_text

ROOT = Path(__file__).resolve().parents[2]
SAMPLES, VECTORS = ROOT / "profiles" / "samples", ROOT / "tests" / "vectors" / "samples"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
Make = Callable[[random.Random], bytes]
Server = Callable[[bytes], tuple[int, str]]
Damage = Callable[[bytes, list[bytes], random.Random], bytes]


@dataclass(frozen=True)
class Subject:
    """A kind of input: its damaged files, and the commands (with FILE for it) that read them.

    ``server`` is given the octets as they are; it answers a status and what it said.
    """

    name: str
    file: str
    make: Make
    commands: tuple[tuple[str, ...], ...] = ()
    server: Server | None = None


def subjects(folder: Path, sipca: Callable[..., int]) -> list[Subject]:
    """Every subject; ``folder`` takes what seeds are made of, ``sipca`` runs a command."""
    certificates = [der for path in _samples("*.pem") for der in _blocks(path.read_bytes())]
    requests = [der for path in _samples("*.csr") for der in _blocks(path.read_bytes())]
    made = folder / "made"
    sipca("issue", "peer.lab.example", "--out", made)
    (folder / "password").write_text("geheim\n")
    opened = ("--pfx", "--key-passphrase-file", folder / "password")
    sipca("issue", "pfx.lab.example", "--out", made, *opened)
    sipca("issue", "old.lab.example", "--out", made, *opened, "--legacy-pfx")
    certificates += [
        der for path in sorted(made.glob("*.pem")) for der in _blocks(path.read_bytes())
    ]
    pfx = [
        path.read_bytes() for path in (*made.glob("*.pfx"), *made.glob("*.p12"), *_samples("*.p12"))
    ]
    key = next(iter(sorted(made.glob("*.key"))))
    questions = _questions(made)
    profiles = [path.read_bytes() for path in (ROOT / "profiles").glob("*.toml")]
    targets = [path.read_bytes() for path in (ROOT / "profiles" / "targets").glob("*.toml")]
    profiles += [path.read_bytes() for path in _samples("toml/*.toml")]
    labs = [_LAB, *(path.read_bytes() for path in _samples("lab/*.toml"))]
    password = ("--key-passphrase-file", str(folder / "password"))
    return [
        Subject(
            "certificates",
            "damaged.pem",
            _damaged_pem(certificates),
            (
                ("preflight", "FILE"),
                ("preflight", str(made / "peer.lab.example-device.pem"), "--chain", "FILE"),
                ("trust", "build", "FILE", str(made / "trusted-root.pem"), "-o", "OUT"),
            ),
        ),
        Subject(
            "bundles",
            "damaged.p7b",
            _damaged_bundle(certificates, requests),
            (
                ("trust", "build", "FILE", "-o", "OUT"),
                ("trust", "diff", "FILE", str(made / "trusted-root.pem")),
            ),
        ),
        Subject(
            "pfx",
            "damaged.pfx",
            _from(pfx, damage_der),
            (
                (
                    "preflight",
                    str(made / "peer.lab.example-device.pem"),
                    "--key",
                    "FILE",
                    *password,
                ),
                ("trust", "build", "FILE", "-o", "OUT"),
                ("preflight", "FILE"),
            ),
        ),
        Subject(
            "keys",
            "damaged.key",
            _damaged_pem(list(_blocks(key.read_bytes())), label="PRIVATE KEY"),
            (("preflight", str(made / "peer.lab.example-device.pem"), "--key", "FILE", *password),),
        ),
        Subject(
            "requests",
            "damaged.csr",
            _damaged_pem(requests, label="CERTIFICATE REQUEST"),
            (
                ("csr", "show", "FILE", "--profile", "sip"),
                ("sign", "FILE", "--dry-run"),
                ("preflight", str(made / "peer.lab.example-device.pem"), "--csr", "FILE"),
            ),
        ),
        Subject(
            "profiles",
            "damaged.toml",
            _from(profiles, damage_text),
            (("profile", "check", "FILE"),),
        ),
        Subject(
            "targets",
            "targets/damaged.toml",
            _from(targets, damage_text),
            (
                ("target", "show", "damaged"),
                (
                    "csr",
                    "show",
                    str(SAMPLES / "sbc1.csr"),
                    "--profile",
                    "sip",
                    "--target",
                    "damaged",
                ),
            ),
        ),
        Subject(
            "labs",
            "lab.toml",
            _from(labs, damage_text),
            (("apply", "FILE", "--check"),),
        ),
        Subject(
            "ocsp",
            "damaged.req",
            _from(questions, damage_der),
            (("ocsp", "respond", "FILE", "-o", "OUT"),),
        ),
        Subject("http", "damaged.http", requests_in_pieces, server=TwoRoads()),
        _devices(folder / "home", requests, sipca),
    ]


def _devices(home: Path, requests: list[bytes], sipca: Callable[..., int]) -> Subject:
    """Messages by SCEP, for a home with an RA certificate."""
    from ca.authority.enrolment.handouts import ra_credentials
    from ca.authority.home import Environment, no_passphrase, open_home

    sipca("scep", "rotate")
    with open_home(home, Environment(no_passphrase)) as opened:
        ra = ra_credentials(opened)[0].certificate
    messages = Messages(ra, requests)
    return Subject("scep", "damaged.p7", messages.make, server=SCEPServer(home))


_LAB = b"""schema = 1
[ca]
name = "Fuzz Lab"
target = "audiocodes-7.4"
[[device]]
name = "sbc1"
target = "audiocodes-7.4"
context = 2
addresses = ["sbc1.lab.example", "10.4.0.20"]
proxy_sets = ["10.0.0.7"]
[[certificate]]
csr = "sbc1.csr"
device = "sbc1"
out = "out/sbc1"
[[certificate]]
issue = ["proxy.lab.example", "10.0.0.7"]
profile = "sip"
out = "out/proxy"
"""


def _samples(pattern: str) -> list[Path]:
    return sorted([*SAMPLES.glob(pattern), *VECTORS.rglob(pattern)])


def _blocks(text: bytes) -> Iterator[bytes]:
    for block in _BLOCK.finditer(text):
        try:
            yield base64.b64decode(block[2])
        except ValueError:
            continue


def _pem(der: bytes, label: str) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), body, label.encode())


def _from(seeds: list[bytes], damage: Damage) -> Make:
    return lambda dice: damage(dice.choice(seeds), seeds, dice)


def _damaged_pem(seeds: list[bytes], *, label: str = "CERTIFICATE") -> Make:
    def make(dice: random.Random) -> bytes:
        der = damage_der(dice.choice(seeds), seeds, dice)
        kind = dice.randrange(10)
        if kind == 0:
            return der
        text = _pem(der, label)
        return damage_text(text, [text], dice) if kind == 1 else text

    return make


def _damaged_bundle(certificates: list[bytes], requests: list[bytes]) -> Make:
    def make(dice: random.Random) -> bytes:
        members = [dice.choice(certificates) for _ in range(dice.randint(1, 6))]
        members = [damage_der(m, certificates, dice) if dice.random() < 0.4 else m for m in members]
        kind = dice.randrange(4)
        if kind == 0:
            whole = [certificate for certificate in members if len(certificate) > 2]
            return damage_der(_pkcs7(whole), certificates, dice)
        blocks = [_pem(member, "CERTIFICATE") for member in members]
        if kind == 1:
            blocks.append(
                _pem(dice.choice(requests), dice.choice(("CERTIFICATE REQUEST", "PKCS7")))
            )
        text = b"".join(blocks)
        return damage_text(text, blocks, dice) if kind == 2 else text

    return make


def _pkcs7(members: list[bytes]) -> bytes:
    """A PKCS#7 without signers, whatever stands for its certificates."""
    from ca.encoding.der import SET, encode_integer, encode_oid, sequence, tlv

    content = sequence(encode_oid("1.2.840.113549.1.7.1"))
    none = tlv(SET, b"")
    signed = sequence(encode_integer(1), none, content, tlv(0xA0, b"".join(members)), none)
    return sequence(encode_oid("1.2.840.113549.1.7.2"), tlv(0xA0, signed))


def _questions(made: Path) -> list[bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    issuing, _root = x509.load_pem_x509_certificates((made / "trusted-root.pem").read_bytes())
    leaf = x509.load_pem_x509_certificate((made / "peer.lab.example-device.pem").read_bytes())
    plain = ocsp.OCSPRequestBuilder()
    found = []
    for hashed in (SHA1(), SHA256()):
        request = plain.add_certificate(leaf, issuing, hashed)
        with_nonce = request.add_extension(x509.OCSPNonce(b"0123456789abcdef"), critical=False)
        found += [each.build().public_bytes(Encoding.DER) for each in (request, with_nonce)]
    return found
