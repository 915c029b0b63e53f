"""``preflight``: the good kit passes, and each thing that is wrong with another is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from stand_in.lab import NOW, RSA_KEY, SAMPLES, Answer, CommandLine, general_name, make_csr

from ca.encoding.pkcs7 import certs_only

TARGETS = ("audiocodes-6.6", "audiocodes-7.0", "audiocodes-7.2", "audiocodes-7.4", "audiocodes-phone", "cisco-cucm", "generic", "polycom-dma")  # fmt: skip


class Kit:
    """A signed device with its files, and a way to break them."""

    def __init__(self, sipca: CommandLine, folder: Path) -> None:
        self.sipca, self.folder = sipca, folder
        self.csr = folder / "sbc1.csr"
        self.csr.write_bytes(
            make_csr("dns:sbc1.lab.example", "ip:10.4.0.20", cn="sbc1.lab.example", key=RSA_KEY)
        )
        assert sipca("sign", self.csr, "--out", folder).exit == 0
        self.device, self.trust = folder / "sbc1-device.pem", folder / "trusted-root.pem"

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def preflight(
        self, *words: object, device: Path | None = None, trust: Path | None = None
    ) -> Answer:
        return self.sipca(
            "preflight", device or self.device, "--chain", trust or self.trust, *words, "--json"
        )

    def root(self) -> str:
        return (self.folder / "trusted-1-root.pem").read_text()

    def issuing(self) -> str:
        return (self.folder / "trusted-2-issuing.pem").read_text()


@pytest.fixture
def kit(sipca: CommandLine, tmp_path: Path) -> Kit:
    return Kit(sipca, tmp_path)


def self_made(
    *names: str, days: tuple[int, int] = (-1, 800), critical: bool = False, cn: str | None = "sbc1.lab.example",
    purposes: tuple[str, ...] = ("serverAuth", "clientAuth"), key: rsa.RSAPrivateKey = RSA_KEY,
    ca: bool = False, number: int = 1,
) -> str:  # fmt: skip
    """A self-signed certificate with any of the mistakes that other CAs make."""
    oids = {
        "serverAuth": x509.ExtendedKeyUsageOID.SERVER_AUTH,
        "clientAuth": x509.ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)] if cn else [])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(number).not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )  # fmt: skip
    if names:
        san = x509.SubjectAlternativeName([general_name(name) for name in names])
        builder = builder.add_extension(san, critical=critical)
    if purposes:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([oids[each] for each in purposes]), critical=False
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def findings(answer: Answer) -> dict[str, str]:
    """Messages by code of what fails or warns."""
    return {
        each["code"]: each["message"]
        for each in answer.json["findings"]
        if each["result"] in ("fail", "warn")
    }


@pytest.mark.parametrize("target", TARGETS)
def test_the_good_kit_passes_at_every_target(kit: Kit, target: str) -> None:
    answer = kit.preflight(
        "--csr", kit.csr, "--target", target, "--peer", "sbc1.lab.example", "--peer", "10.4.0.20"
    )

    assert answer.exit == 0, answer.out
    assert answer.json == {"schema": 1, "verdict": "ok", "findings": []}


def test_a_wrong_key_is_named_with_the_csr_that_it_is_not(kit: Kit) -> None:
    answer = kit.preflight("--csr", kit.csr, "--csr", SAMPLES / "sbc2-five-san.csr")

    assert answer.exit == 9
    assert "is not that of the CSR" in findings(answer)["preflight-key"]
    assert "sbc2-five-san.csr" in findings(answer)["preflight-key"]


def test_a_missing_issuing_ca_a_missing_root_and_a_wrong_order_are_named(kit: Kit) -> None:
    no_issuing = kit.preflight(trust=kit.write("a.pem", kit.root()))
    no_root = kit.preflight(trust=kit.write("b.pem", kit.issuing()))
    order = kit.preflight(trust=kit.write("c.pem", kit.root() + kit.issuing()))

    assert [answer.exit for answer in (no_issuing, no_root, order)] == [9, 9, 9]
    assert "lacks the CA that signed the certificate" in findings(no_issuing)["preflight-chain"]
    assert "does not lead to a self-signed root" in findings(no_root)["preflight-chain"]
    assert "is in the wrong order" in findings(order)["preflight-chain"]


def test_expired_and_not_yet_valid_by_the_devices_clock_are_named(kit: Kit) -> None:
    expired = kit.preflight("--at", "2040-01-01")
    slow = kit.preflight("--at", "2020-01-01T00:00:00Z")

    assert "expired on" in findings(expired)["preflight-validity"]
    assert "the device's clock says 2020-01-01 00:00Z" in findings(slow)["preflight-validity"]
    assert expired.exit == slow.exit == 9


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        ({"names": ("email:sbc1.lab.example",)}, "preflight-san", "its selector was left at EMAIL"),
        ({"names": ("dns:10.4.0.20", "dns:sbc1.lab.example")}, "preflight-san", "IP address in a DNS slot"),
        ({"names": ()}, "preflight-san", "has no SAN"),
        ({"critical": True}, "preflight-san-critical", "marked critical"),
        ({"purposes": ("serverAuth",)}, "preflight-purposes", "has no clientAuth"),
        ({"purposes": ("clientAuth",)}, "preflight-purposes", "has no serverAuth"),
        ({"cn": None}, "preflight-cn", "has no CN"),
        ({"cn": "ACL_482913"}, "preflight-cn", "is a factory name"),
        ({"cn": "other.lab.example"}, "preflight-cn", "is not in the SAN"),
        ({"days": (-1, 50)}, "preflight-alarm", "would be raised at once"),
        ({"days": (-1, 1000)}, "preflight-apple", "Apple's programs refuse"),
        ({"ca": True}, "preflight-purposes", "this is a CA certificate"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate_is_named(
    kit: Kit, made: dict[str, Any], code: str, said: str
) -> None:
    names = made.pop("names", ("dns:sbc1.lab.example",))
    device = kit.write("bad.pem", self_made(*names, **made))

    answer = kit.sipca("preflight", device, "--json", "--at", NOW.isoformat())

    assert said in findings(answer)[code]
    assert answer.exit == (0 if code in ("preflight-alarm", "preflight-apple") else 9)
    hint = next(each for each in answer.json["findings"] if each["code"] == code)
    assert hint["hint"]
    assert hint["basis"] in ("standard", "vendor", "inferred")


def test_rsa_1024_and_sha1_are_named(kit: Kit, tmp_path: Path) -> None:
    small = rsa.generate_private_key(65537, 1024)
    weak = kit.sipca(
        "preflight", kit.write("w.pem", self_made("dns:sbc1.lab.example", key=small)), "--json"
    )
    made = kit.sipca("fixture", "make", "sha1", "--out", tmp_path / "fx", "--json", home=False).json
    (fixture,) = made["fixtures"]
    sha1 = kit.sipca("preflight", fixture["files"]["device"], "--json")

    assert "the key is RSA 1024, smaller than RSA 2048" in findings(weak)["preflight-weak-key"]
    assert "is signed with sha1WithRSAEncryption" in findings(sha1)["preflight-weak-hash"]
    assert weak.exit == sha1.exit == 9


def test_a_role_says_that_the_context_does_only_one_of_both(kit: Kit) -> None:
    device = kit.write("s.pem", self_made("dns:sbc1.lab.example", purposes=("serverAuth",)))

    both = kit.sipca("preflight", device, "--json", "--at", NOW.isoformat())
    server = kit.sipca("preflight", device, "--role", "server", "--json", "--at", NOW.isoformat())

    assert "preflight-purposes" in findings(both)
    assert findings(server) == {}


def test_a_san_that_no_peer_matches_is_named(kit: Kit) -> None:
    answer = kit.preflight(
        "--peer", "10.0.0.5", "--peer", "proxy.lab.example", "--peer", "10.4.0.20"
    )

    messages = [f["message"] for f in answer.json["findings"] if f["code"] == "preflight-peer"]
    assert answer.exit == 9
    assert ["10.0.0.5" in messages[0], "proxy.lab.example" in messages[1], len(messages)] == [
        True,
        True,
        2,
    ]
    wrong = kit.preflight("--peer", "a b")
    assert wrong.exit == 3
    assert "is neither a host name nor an IP address" in wrong.err


def test_the_sip_uri_trap_is_named(kit: Kit) -> None:
    device = kit.write("u.pem", self_made("uri:sip:lab.example", "dns:sbc1.lab.example"))

    answer = kit.sipca("preflight", device, "--json", "--at", NOW.isoformat())

    assert "does not look at sbc1.lab.example" in findings(answer)["preflight-sip-uri"]
    assert answer.exit == 0


def many(count: int) -> str:
    return "".join(
        self_made(cn=f"Root {n}", purposes=(), ca=True, number=n + 1) for n in range(count)
    )


def test_21_certificates_are_too_many_for_a_7_0_store(kit: Kit) -> None:
    trust = kit.write("many.pem", kit.issuing() + kit.root() + many(19))

    small = kit.preflight("--target", "audiocodes-7.0", trust=trust)
    large = kit.preflight("--target", "audiocodes-7.4", trust=trust)

    assert (
        "holds 21 certificates; the store of this device holds 20"
        in findings(small)["preflight-trust"]
    )
    assert next(f["basis"] for f in small.json["findings"]) == "vendor"
    assert small.exit == 9
    assert large.exit == 0


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            "leaf",
            "is not a CA certificate: a client's certificate beside its CA switches the web password off",
        ),
        ("key", "holds a private key at line"),
        ("twice", "is in"),
        ("expired", "is not valid at"),
    ],
)
def test_what_does_not_belong_into_the_trust_file_is_named(kit: Kit, added: str, said: str) -> None:
    pem = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    more = {
        "leaf": kit.device.read_text(),
        "key": pem,
        "twice": kit.root(),
        "expired": self_made(cn="Old Root", purposes=(), ca=True, days=(-900, -1)),
    }[added]
    trust = kit.write("t.pem", kit.issuing() + kit.root() + more)

    answer = kit.preflight(trust=trust)

    assert said in findings(answer)["preflight-trust"]
    assert answer.exit == 9


def test_der_instead_of_pem_is_named_for_both_files(kit: Kit) -> None:
    leaf = x509.load_pem_x509_certificate(kit.device.read_bytes())
    der = kit.write("d.cer", leaf.public_bytes(Encoding.DER))
    root = x509.load_pem_x509_certificate(kit.root().encode())
    issuing = x509.load_pem_x509_certificate(kit.issuing().encode())
    p7b = kit.write("t.p7b", certs_only([c.public_bytes(Encoding.DER) for c in (issuing, root)]))

    answer = kit.preflight(device=der, trust=p7b)

    assert "is DER, but" in findings(answer)["preflight-form"]
    assert "takes PEM" in findings(answer)["preflight-form"]
    assert "is PKCS7, not PEM" in findings(answer)["preflight-trust"]
    assert kit.preflight("--target", "generic", device=der).exit == 0


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda kit, text: text + kit.issuing(), "preflight-chain-in-device-file", "holds 2 certificates"),
        (lambda _, text: "Bag Attributes\n    friendlyName: x\n" + text, "preflight-text", "text outside its block"),
        (lambda _, text: text.rstrip("\n"), "preflight-text", "no line end after its END line"),
        (lambda _, text: "\ufeff" + text, "preflight-form", "byte order mark"),
    ],
)  # fmt: skip
def test_the_form_of_the_device_file_is_judged(
    kit: Kit, change: Callable[[Kit, str], str], code: str, said: str
) -> None:
    device = kit.write("f.pem", change(kit, kit.device.read_text()))

    assert said in findings(kit.preflight(device=device))[code]


def test_a_key_file_is_compared_in_every_form(kit: Kit, tmp_path: Path) -> None:
    secret = kit.write("secret", "abc\n")
    forms = {
        "k.pem": RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        "k.der": RSA_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "e.pem": RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"abc")),
        "k.pfx": pkcs12.serialize_key_and_certificates(b"x", RSA_KEY, None, None, BestAvailableEncryption(b"abc")),
    }  # fmt: skip
    for name, data in forms.items():
        path = kit.write(name, data)
        good = kit.preflight("--key", path, "--key-passphrase-file", secret)
        assert good.exit == 0, (name, good)

    wrong = kit.write("wrong", "nope\n")
    for name in ("e.pem", "k.pfx"):
        answer = kit.preflight("--key", tmp_path / name, "--key-passphrase-file", wrong)
        assert answer.exit == 7
        assert json.loads(answer.err)["error"]["message"].startswith(
            "the passphrase does not open the key in "
        )
        assert kit.preflight("--key", tmp_path / name).exit == 7


@pytest.mark.parametrize("what", ["key", "text", "empty", "csr"])
def test_something_else_than_a_certificate_is_named(kit: Kit, what: str) -> None:
    pem = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    data = {"key": pem, "text": b"hello", "empty": b"", "csr": kit.csr.read_bytes()}[what]

    answer = kit.sipca("preflight", kit.write("x", data))

    assert answer.exit == 3
    assert ", not a certificate" in answer.err or "holds no certificate" in answer.err
    assert "PRIVATE KEY" not in answer.err


def test_it_needs_no_home_and_reads_for_people(kit: Kit, tmp_path: Path) -> None:
    words = ("preflight", kit.device, "--chain", kit.trust)
    good = kit.sipca(*words, "--home", tmp_path / "nowhere", home=False)
    bad = kit.sipca(*words, "--peer", "10.0.0.5")

    assert good.exit == 0
    assert good.out == "these files can be uploaded\n"
    assert bad.out.startswith("FAIL  no name of the certificate equals '10.0.0.5'")
    assert "[vendor]" in bad.out
    assert bad.out.endswith("do not upload these files\n")


def test_an_own_target_with_an_unknown_key_is_named(kit: Kit) -> None:
    folder = kit.sipca.home / "targets"
    folder.mkdir()
    (folder / "mine.toml").write_text(
        'schema = 1\ndescription = "x"\nsteps = []\n[trust]\nlimmit = 3\n'
    )

    answer = kit.sipca("preflight", kit.device, "--target", "mine")

    assert answer.exit == 3
    assert "mine.toml: unknown key 'trust.limmit'" in answer.err or "limmit" in answer.err
    assert "did you mean" in answer.err


def test_csr_show_tells_by_the_targets_facts_what_its_page_left_out(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "x.csr").write_bytes(make_csr(cn="ACL_482913"))

    def found(target: str) -> dict[str, tuple[str, str]]:
        answer = sipca("csr", "show", tmp_path / "x.csr", "--target", target, "--json").json
        return {f["code"]: (f["basis"], f["message"]) for f in answer["findings"]}

    old, new, generic = found("audiocodes-6.6"), found("audiocodes-7.4"), found("generic")
    assert "made up by the device because the field was empty" in new["device-factory-name"][1]
    assert "device-no-san-fields" not in new
    assert old["device-no-san-fields"][0] == "inferred"
    assert "device-factory-name" not in generic
