"""The operator's wishes come before the request's flaws: shown, refused where taken, replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from stand_in.flawed import FLAWED, names_in
from stand_in.lab import EC_KEY, PASSPHRASE, ROOT, SAMPLES, VECTORS, CommandLine, make_csr

from ca.encoding import der

FOUND = VECTORS / "found"


REPLACING = ("--replace-san", "--san", "dns:sbc1.lab.example", "--cn", "sbc1.lab.example")


@pytest.mark.parametrize("name", FLAWED)
def test_a_flawed_request_is_refused_as_it_is(sipca: CommandLine, name: str) -> None:
    answer = sipca("sign", FOUND / "replace-san" / name)

    assert answer.exit == 4
    assert FLAWED[name] in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("name", FLAWED)
def test_a_flawed_request_is_signed_by_the_names_of_the_operator(
    sipca: CommandLine, name: str
) -> None:
    answer = sipca("sign", FOUND / "replace-san" / name, *REPLACING, "--json")

    assert answer.exit == 0
    (signed,) = answer.json["signed"]
    assert names_in(signed["certificate_pem"]) == ["CN=sbc1.lab.example", "sbc1.lab.example"]
    asked = [line for line in signed["account"] if line["asked"] and line["how"] != "taken"]
    told = {line["rule"] for line in asked}
    assert ("--cn" if name == "cn-newline.csr" else "--replace-san") in told


def test_a_flawed_name_of_a_kind_that_the_profile_leaves_out_is_left_out(
    sipca: CommandLine,
) -> None:
    own = sipca.home / "profiles" / "hosts.toml"
    own.parent.mkdir(exist_ok=True)
    text = sipca("profile", "show", "sip").out
    own.write_text(text.replace('take = ["dns", "ip", "uri", "email"]', 'take = ["dns"]'))

    address = sipca(
        "sign", FOUND / "replace-san" / "ip-as-text.csr", "--profile", "hosts", "--json"
    )
    garbage = sipca("sign", FOUND / "replace-san" / "san-garbage.csr", "--profile", "hosts")

    assert address.exit == 0
    lines = [a for a in address.json["signed"][0]["account"] if a["asked"] == "ip:10.4.0.20"]
    assert [(line["how"], line["rule"]) for line in lines] == [("refused", "profile hosts")]
    assert garbage.exit == 4


def test_a_batch_gives_each_its_own_names_in_the_place_of_flawed_ones(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "names.csv").write_text(
        "source,cn,san,replace_san\n"
        "dns-nul.csr,,dns:sbc1.lab.example,yes\n"
        "cn-newline.csr,sbc2.lab.example,,no\n"
        "tag9.csr,,dns:sbc3.lab.example,\n"
    )
    sources = [FOUND / "replace-san" / n for n in ("dns-nul.csr", "cn-newline.csr", "tag9.csr")]

    answer = sipca(
        "sign", *sources, "--names", tmp_path / "names.csv", "--out", tmp_path / "up", "--json"
    )

    assert answer.exit == 4
    assert [each["san"] for each in answer.json["signed"]] == [
        ["dns:sbc1.lab.example"],
        ["dns:sbc2.lab.example"],
    ]
    assert [Path(each["source"]).name for each in answer.json["refused"]] == ["tag9.csr"]


def test_the_column_replace_san_is_yes_or_no(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("source,replace_san\nsbc1.csr,perhaps\n")

    answer = sipca(
        "sign", SAMPLES / "sbc1.csr", "--names", tmp_path / "names.csv", "--out", tmp_path / "up"
    )

    assert answer.exit == 3
    assert "line 2, column replace_san: replace_san is 'perhaps'" in answer.err
    assert "hint: yes or no" in answer.err


@pytest.mark.parametrize("name", ["san.csr", "nosan.csr"])
def test_an_underscore_is_named_and_can_be_allowed(sipca: CommandLine, name: str) -> None:
    source = FOUND / "underscore" / name

    refused = sipca("sign", source)
    signed = sipca("sign", source, "--allow", "underscore-name")

    assert refused.exit == 4
    assert "'sbc_1.lab.example' has an underscore" in refused.err
    assert "--allow underscore-name overrides this" in refused.err
    assert signed.exit == 0
    assert names_in(signed.out) == ["CN=sbc_1.lab.example", "sbc_1.lab.example"]
    assert "forced" in signed.err


@pytest.mark.parametrize(
    ("cn", "names", "message", "hint"),
    [
        ("sbc_1", (), "'sbc_1' has an underscore", "--allow underscore-name overrides"),
        ("sbc_1.lab.example", ("dns:a.lab",), "has an underscore", "--allow underscore-name"),
        ("*.lab.example", (), "is a wildcard", "--allow wildcard overrides"),
        ("sbc1.lab.example.", (), "'sbc1.lab.example.' ends with a dot", "--cn sbc1.lab.example "),
        ("sbc1.lab.example.", ("dns:a.lab",), "ends with a dot", "--cn sbc1.lab.example takes"),
        ("sbc1..lab.example", (), "has an empty label", "--cn NAME takes its place"),
        ("sbc1.lab.example:5061", (), "ends with a port", "give it without: --cn sbc1.lab.example"),
        ("10.4.0.20:5061", ("dns:a.lab",), "ends with a port", "give it without: --cn 10.4.0.20"),
        ("sbc1.lab.example ", (), "begins or ends with a blank", "give --cn"),
        ("sbc1 lab example", (), "neither host name nor address", "--san dns:NAME"),
    ],
)  # fmt: skip
def test_a_cn_is_refused_as_the_name_it_would_become(
    sipca: CommandLine, tmp_path: Path, cn: str, names: tuple[str, ...], message: str, hint: str
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr(*names, cn=cn))

    answer = sipca("sign", tmp_path / "a.csr")

    assert answer.exit == 4
    assert message in answer.err
    assert hint in answer.err


@pytest.mark.parametrize("cn", ["Acme SBC 1", "Cisco_UCM", "Release 7.4", "Müller", "a@b.lab"])
def test_a_cn_that_is_no_name_does_no_harm_beside_names(
    sipca: CommandLine, tmp_path: Path, cn: str
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr("dns:a.lab", cn=cn))

    answer = sipca("sign", tmp_path / "a.csr", "--json")

    assert answer.exit == 0
    assert answer.json["signed"][0]["san"] == ["dns:a.lab"]


def test_a_factory_name_with_an_underscore_is_no_host_name(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "no-san-factory-name.csr")

    assert answer.exit == 4
    assert "is a factory name no peer dials" in answer.err


def test_issue_takes_the_override_that_its_refusal_advises(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("issue", "sbc_1.lab.example", "--out", tmp_path / "p")

    refused = sipca(*words)
    unknown = sipca(*words, "--allow", "nonsense")
    made = sipca(*words, "--allow", "underscore-name")

    assert refused.exit == 4
    assert "--allow underscore-name overrides this" in refused.err
    assert unknown.exit == 2
    assert made.exit == 0
    events = sipca("log", "--json").json["events"]
    assert any("underscore-name" in json.dumps(event) for event in events)


@pytest.mark.parametrize(
    ("cn", "begins", "hint"),
    [
        ("CN=sbc1.lab.example, O=Acme", "CN=", "--cn sbc1.lab.example takes its place"),
        ("/CN=sbc1.lab.example", "/CN=", "--cn sbc1.lab.example takes its place"),
        ("/O=Acme/CN=sbc1", "/O=", "--cn sbc1 takes its place"),
        ("O=Acme Voice", "O=", "enter only the value of CN in its field"),
        ("cn = sbc1.lab.example", "cn =", "--cn sbc1.lab.example takes its place"),
        ("DNS:sbc1.lab.example", "DNS:", "--cn sbc1.lab.example takes its place"),
        ("https://sbc1.lab.example/", "https:", "--cn sbc1.lab.example takes its place"),
        ("sip:sbc1.lab.example", "sip:", "--cn sbc1.lab.example takes its place"),
    ],
)
def test_a_cn_that_begins_with_its_own_type_is_warned_of(
    sipca: CommandLine, tmp_path: Path, cn: str, begins: str, hint: str
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr("dns:sbc1.lab.example", cn=cn))

    answer = sipca("sign", tmp_path / "a.csr", "--json")

    assert answer.exit == 0
    (finding,) = [f for f in answer.json["signed"][0]["findings"] if f["code"] == "subject-prefix"]
    assert f"begins with '{begins}'" in finding["message"]
    assert hint in finding["hint"]


def test_the_sample_of_a_doubled_cn_is_warned_of_by_show_and_sign(sipca: CommandLine) -> None:
    source = FOUND / "cn-cn" / "with-san.csr"

    shown, signed = sipca("csr", "show", source), sipca("sign", source)

    assert "warning: the subject's CN 'CN=sbc1.lab.example, O=Acme' begins with 'CN='" in shown.out
    assert "the certificate would have CN=CN=sbc1.lab.example" in signed.err
    assert signed.exit == 0


def test_other_attributes_that_begin_with_their_type_are_warned_of(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr("dns:a.lab", cn="a.lab", subject={"O": "O=Acme"}))

    answer = sipca("sign", tmp_path / "a.csr")

    assert "the subject's O 'O=Acme' begins with 'O='" in answer.err


def test_a_csr_of_a_huge_version_is_refused_and_its_neighbours_are_signed(
    sipca: CommandLine, tmp_path: Path
) -> None:
    answer = sipca(
        "sign", VECTORS / "hostile" / "batch-one-bad" / "inbox", "--out", tmp_path / "up", "--json"
    )

    assert answer.exit == 3
    assert len(answer.json["signed"]) == 2
    (refused,) = answer.json["refused"]
    assert "the CSR's version has 2001 octets" in refused["message"]


def shell(script: str, home: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """A script in a real bash, with a sipca function that is this tree's program."""
    program = f"{sys.executable} -c 'from cli.main import main; main()'"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SIPCA_HOME": str(home),
        "SAMPLES": str(SAMPLES),
        "FOUND": str(FOUND),
    }
    return subprocess.run(
        ["bash", "-c", f'sipca() {{ {program} "$@"; }}\n{script}'],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_bash_hands_over_a_csr_in_each_of_its_ways(sipca: CommandLine, tmp_path: Path) -> None:
    script = """
        set -o pipefail
        sipca csr show <(cat "$SAMPLES/sbc1.csr") | head -1
        cat "$SAMPLES/sbc1.csr" | sipca csr show /dev/stdin | head -1
        sipca csr show /dev/stdin < "$SAMPLES/sbc1.csr" | head -1
        mkfifo pipe.csr; cat "$SAMPLES/sbc1.csr" > pipe.csr &
        sipca sign pipe.csr --out up >/dev/null 2>&1; echo $?; ls up
        sipca sign <(cat "$SAMPLES/sbc1.csr") -o one.pem --again >/dev/null 2>&1; echo $?
        sipca preflight <(cat one.pem) --chain <(sipca chain) --csr <(cat "$SAMPLES/sbc1.csr"); echo $?
    """

    answer = shell(script, sipca.home, tmp_path)

    shown = "subject    CN=sbc1.lab.example, OU=Voice Lab, O=Acme, L=Utrecht, ST=Utrecht, C=NL"
    assert answer.stdout.splitlines() == [
        *[shown] * 3,
        "0", "pipe-device.pem", "trusted-1-root.pem", "trusted-2-issuing.pem", "trusted-root.pem",
        "0",
        "these files can be uploaded", "0",
    ], answer.stderr  # fmt: skip


def test_bash_hands_over_a_pass_phrase_in_a_pipe(bare: CommandLine, tmp_path: Path) -> None:
    script = f"""
        sipca init --root-key ec:p256 --issuing-key ec:p256 \\
            --passphrase-file <(echo '{PASSPHRASE}') >/dev/null 2>&1; echo $?
        sipca sign "$SAMPLES/sbc1.csr" --passphrase-file <(echo '{PASSPHRASE}') 2>&1 | grep -c BEGIN
        sipca sign "$SAMPLES/ec-p256.csr" --passphrase-file /dev/zero; echo $?
    """

    answer = shell(script, bare.home, tmp_path)

    assert answer.stdout.split() == ["0", "1", "3"], answer.stderr
    assert "'/dev/zero' has more than 4096 octets, the most that is read" in answer.stderr


def test_a_stream_without_end_is_refused_at_the_bound(sipca: CommandLine, tmp_path: Path) -> None:
    answer = sipca("sign", "/dev/zero", SAMPLES / "sbc1.csr", "--out", tmp_path / "up", "--json")

    assert answer.exit == 3
    assert len(answer.json["signed"]) == 1
    (refused,) = answer.json["refused"]
    assert refused["message"] == "'/dev/zero' has more than 262144 octets, the most that is read"
    assert refused["hint"] == "check that it is the file that was meant, and holds nothing else"


def test_stdin_is_read_once_under_whatever_name(sipca: CommandLine, tmp_path: Path) -> None:
    data = (SAMPLES / "sbc1.csr").read_bytes()

    one = sipca("csr", "show", "/dev/stdin", stdin=data)
    two = sipca("sign", "-", "/dev/stdin", "--out", tmp_path / "up", stdin=data)

    assert one.exit == 0
    assert two.exit == 2
    assert "two CSRs cannot both come from stdin" in two.err


def test_a_pipe_without_a_writer_does_not_hold_up_a_folder(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    os.mkfifo(inbox / "a.csr")
    os.mkfifo(inbox / "note")
    (inbox / "b.csr").write_bytes(make_csr("dns:b.lab"))

    answer = sipca("sign", inbox, "--out", tmp_path / "up", "--json")

    assert answer.exit == 3
    assert [each["san"] for each in answer.json["signed"]] == [
        ["dns:b.lab", "dns:sbc9.lab.example"]
    ]
    assert [Path(each).name for each in answer.json["ignored"]] == ["note"]
    (refused,) = answer.json["refused"]
    assert "is a pipe or a device, not a regular file" in refused["message"]


def test_a_pipe_is_read_once_where_a_file_is_in_the_way(sipca: CommandLine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csr")
    (tmp_path / "o.pem").write_text("something else")
    writer = threading.Thread(
        target=(tmp_path / "a.csr").write_bytes, args=(make_csr("dns:a.lab"),)
    )
    writer.start()

    answer = sipca("sign", tmp_path / "a.csr", "-o", tmp_path / "o.pem")

    writer.join()
    assert answer.exit == 6
    assert (tmp_path / "o.pem").read_text() == "something else"


def test_trust_is_compared_from_pipes(sipca: CommandLine, tmp_path: Path) -> None:
    script = "sipca trust diff <(sipca chain) <(sipca chain --parts root) --json"

    answer = shell(script, sipca.home, tmp_path)

    document = json.loads(answer.stdout)
    assert (len(document["only_a"]), document["only_b"], document["same"]) == (1, [], 1)


def everything_odd() -> bytes:
    """A request in which most parts do not decode; hand-built, its signature is good."""

    def rdn(oid: str, tag: int, contents: bytes) -> bytes:
        return der.tlv(der.SET, der.sequence(der.encode_oid(oid), der.tlv(tag, contents)))

    def wanted(oid: str, value: bytes) -> bytes:
        return der.sequence(der.encode_oid(oid), der.tlv(der.OCTET_STRING, value))

    def attribute(oid: str, value: bytes) -> bytes:
        return der.sequence(der.encode_oid(oid), der.tlv(der.SET, value))

    names = (
        der.tlv(0x82, b"a.lab"), der.tlv(0xA3, b""), der.tlv(0xA5, b""), der.tlv(0x88, b"\x2a\x03"),
        der.tlv(0xA4, der.sequence(rdn("2.5.4.3", 12, b"d"))), der.tlv(0x87, b"123"), der.tlv(0x89, b"x"),
    )  # fmt: skip
    extensions = der.sequence(
        wanted("2.5.29.17", der.sequence(*names)),
        wanted("2.5.29.15", b"\x05"), wanted("2.5.29.37", b"zz"), wanted("2.5.29.19", b"\x04\x00"),
        wanted("1.2.3.4", b"\x00\xff"), wanted("2.5.29.15", b"\x03\x02\x05\xa0"),
    )  # fmt: skip
    info = der.sequence(
        der.encode_integer(1),
        der.sequence(rdn("2.5.4.3", 12, b"a\xff.lab"), rdn("2.5.4.10", 30, b"abc"), rdn("2.5.4.11", 4, b"x")),
        EC_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        der.tlv(0xA0, attribute("1.2.840.113549.1.9.14", extensions)
            + attribute("1.2.840.113549.1.9.7", der.tlv(12, b"secret"))
            + attribute("1.2.3.9", der.tlv(12, b"y")) * 2 + der.sequence()),
    )  # fmt: skip
    algorithm = der.sequence(der.encode_oid("1.2.840.10045.4.3.2"))
    return der.signed(info, algorithm, EC_KEY.sign(info, ec.ECDSA(hashes.SHA256())))


def test_a_request_of_nothing_but_flaws_is_shown_and_signed_with_a_line_for_each(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.csr").write_bytes(everything_odd())
    own = sipca.home / "profiles" / "bare.toml"
    own.parent.mkdir(exist_ok=True)
    text = sipca("profile", "show", "sip").out
    own.write_text(text.replace('["CN", "OU", "O", "L", "ST", "C"]', '["CN"]'))

    shown = sipca("csr", "show", tmp_path / "a.csr", "--json")
    refused = sipca("sign", tmp_path / "a.csr", *REPLACING)
    signed = sipca("sign", tmp_path / "a.csr", *REPLACING, "--profile", "bare", "--json")

    assert shown.exit == 0
    assert shown.json["subject"] == r"CN=a\\xff.lab, O=慢\\x63, OU=\#040178"
    assert "unknown #890178" in shown.json["san"]
    assert refused.exit == 4
    assert "the subject's O" in refused.err
    assert "[subject] take omits it" in refused.err
    assert signed.exit == 0
    lost = [(a["field"], a["asked"]) for a in signed.json["signed"][0]["account"] if not a["issued"]]  # fmt: skip
    assert lost == [
        ("subject.O", "\u6162\\x63"), ("subject.OU", "#040178"),
        ("san", "dns:a.lab"), ("san", "x400Address #"), ("san", "ediPartyName #"),
        ("san", "registeredID 1.2.3"), ("san", "directoryName CN=d"), ("san", "ip:#313233"),
        ("san", "unknown #890178"),
        ("attribute.#3000", "#3000"), ("attribute.1.2.3.9", "1.2.3.9"),
        ("attribute.1.2.3.9", "1.2.3.9"), ("attribute.challengePassword", "challengePassword"),
        ("extension.1.2.3.4", "00ff"), ("extension.keyUsage", "digitalSignature, keyEncipherment"),
    ]  # fmt: skip
    assert "secret" not in signed.out


def test_a_typed_kind_before_a_san_is_named_and_mended(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr("dns:CN=sbc1.lab.example", cn="sbc1.lab.example"))

    refused = sipca("sign", tmp_path / "a.csr")
    signed = sipca("sign", tmp_path / "a.csr", "--fix-san", "--json")

    assert refused.exit == 4
    assert "begins with a type of its own" in refused.err
    assert signed.json["signed"][0]["san"] == ["dns:sbc1.lab.example"]
