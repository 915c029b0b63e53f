"""Attacks by the shape of input: joined blocks, JSON around base64, parts that others refuse."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

from ca.csr.parsing import read_request
from ca.encoding import der, pem
from ca.encoding.bundles import read_bundle
from ca.encoding.certificates import read_certificate
from ca.errors import MalformedError
from ca.names.general import check_general_name, parse_general_name
from ca.names.hosts import host_problem

CSR = SAMPLES / "sbc1.csr"


def octets_of(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


@pytest.fixture
def root(sipca: CommandLine) -> bytes:
    return octets_of(sipca("chain", "--parts", "root").out)


def test_blocks_joined_without_a_newline_are_both_read(root: bytes) -> None:
    joined = pem.encode(root).rstrip("\n") + pem.encode(root).rstrip("\n")

    bundle = read_bundle(joined.encode(), what="it")

    assert [each.der for each in bundle.members] == [root, root]
    assert (bundle.damaged, bundle.strays, bundle.repairs) == ((), (), ())


@pytest.mark.parametrize("dashes", ["-----", "----", "\u2014\u2014\u2014\u2014\u2014"])
def test_dashes_of_joined_blocks_are_mended_too(root: bytes, dashes: str) -> None:
    joined = (pem.encode(root).rstrip("\n") * 3).replace("-----", dashes)

    bundle = read_bundle(joined.encode(), what="it")

    assert len(bundle.members) == 3


def test_base64_in_a_json_document_is_a_certificate(root: bytes) -> None:
    document = json.dumps({"id": 1, "certificate": base64.b64encode(root).decode()})

    bundle = read_bundle(document.encode(), what="it")

    assert [each.der for each in bundle.members] == [root]
    assert bundle.repairs == ("the base64 in a JSON document was read",)


def test_base64_in_a_json_document_is_a_request() -> None:
    inside = octets_of(CSR.read_text())
    document = json.dumps({"csr": base64.b64encode(inside).decode()})

    request = read_request(document.encode())

    assert request.der == inside
    assert request.repairs == ("the base64 in a JSON document was read",)


def test_two_base64_strings_in_a_json_document_are_no_request() -> None:
    inside = base64.b64encode(octets_of(CSR.read_text())).decode()

    with pytest.raises(MalformedError, match="holds no CSR"):
        read_request(json.dumps([inside, inside]).encode())


def test_an_empty_part_of_a_subject_is_skipped_with_a_line() -> None:
    info, algorithm, signature = der.signed_parts(octets_of(CSR.read_text()), what="it")
    version, _, *rest = info.children()
    empty = der.sequence(der.tlv(der.SET, b""))
    changed = der.sequence(version.raw, empty, *[each.raw for each in rest])
    data = der.sequence(changed, algorithm.raw, der.tlv(der.BIT_STRING, b"\x00" + signature))

    request = read_request(data)

    assert request.subject == ()
    assert "an empty RDN of the subject was skipped" in request.repairs


def test_a_request_that_cannot_be_read_has_a_next_step() -> None:
    data = der.sequence(der.sequence(), der.sequence(), der.tlv(der.BIT_STRING, b"\x00"))

    with pytest.raises(MalformedError) as caught:
        read_request(data)

    assert caught.value.hint


def test_a_pkcs7_without_certificates_is_named_by_its_file(
    sipca: CommandLine, tmp_path: Path
) -> None:
    signed = der.sequence(der.encode_integer(1), der.tlv(der.SET, b""), der.sequence())
    data = der.sequence(der.encode_oid("1.2.840.113549.1.7.2"), der.tlv(0xA0, signed))
    (tmp_path / "store.p7b").write_bytes(data)

    answer = sipca("trust", "build", str(tmp_path / "store.p7b"))

    assert answer.exit == 3
    assert "store.p7b': this PKCS#7 has no certificates" in answer.err
    assert "hint:" in answer.err


@pytest.mark.parametrize(
    ("what", "extension"),
    [
        ("an extension", der.sequence()),
        ("keyUsage", der.sequence(der.encode_oid("2.5.29.15"), der.tlv(4, b"\x03\x01\x00"))),
        ("keyUsage", der.sequence(der.encode_oid("2.5.29.15"), der.tlv(4, b"\x03\x02\x09\x06"))),
        (
            "basicConstraints",
            der.sequence(der.encode_oid("2.5.29.19"), der.tlv(4, b"\x30\x03\x02\x01\xff")),
        ),
        (
            "subjectKeyIdentifier",
            der.sequence(der.encode_oid("2.5.29.14"), der.tlv(4, b"\x0c\x01x")),
        ),
    ],
)
def test_what_openssl_refuses_is_fatal(root: bytes, what: str, extension: bytes) -> None:
    tbs, algorithm, signature = der.signed_parts(root, what="it")
    fields = [each.raw for each in tbs.children()[:-1]]
    changed = der.sequence(*fields, der.tlv(0xA3, der.sequence(extension)))
    data = der.sequence(changed, algorithm.raw, der.tlv(der.BIT_STRING, b"\x00" + signature))

    facts = read_certificate(data)

    assert any(what in str(each) and each.fatal for each in facts.faults)


def test_a_root_whose_key_does_not_decode_is_refused(
    sipca: CommandLine, root: bytes, tmp_path: Path
) -> None:
    tbs, algorithm, signature = der.signed_parts(root, what="it")
    fields = [each.raw for each in tbs.children()]
    fields[6] = der.sequence()
    changed = der.sequence(*fields)
    data = der.sequence(changed, algorithm.raw, der.tlv(der.BIT_STRING, b"\x00" + signature))
    (tmp_path / "a.pem").write_text(pem.encode(data) + pem.encode(root))

    answer = sipca("trust", "build", str(tmp_path / "a.pem"))

    assert answer.exit == 4
    assert "its public key does not decode" in answer.err


@pytest.mark.parametrize("name", ["0x7f000001", "sbc.0x1", "a.0X"])
def test_a_hexadecimal_end_is_an_address_to_browsers(name: str) -> None:
    problem = host_problem(name)

    assert problem is not None
    assert "hexadecimal" in problem


@pytest.mark.parametrize("name", ["0x.lab.example", "sbc.x0", "sbc.0xyz", "sbc.example"])
def test_a_name_that_only_looks_so_is_a_host(name: str) -> None:
    assert host_problem(name) is None


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("sip:a_b.lab.example", "'a_b', which is not letters"),
        ("sip:sbc.lab.example.", "ends with a dot"),
        ("sip:u@sbc.lab.example.;transport=tls", "ends with a dot"),
        ("http://sbc.lab.example:99999/", "names the port 99999"),
        ("https:///x", "names no host"),
        ("https://2130706433/", "ends with a label of digits"),
    ],
)
def test_a_uri_says_what_is_wrong_with_its_host(uri: str, reason: str) -> None:
    found = check_general_name(parse_general_name(f"uri:{uri}"), wildcard=False)

    assert any(reason in each.message for each in found)


@pytest.mark.parametrize("name", ["dns:a.lab", "a.lab.", "https://x.lab@y@z/", "CN=x"])
def test_issue_advises_no_option_that_it_lacks(
    sipca: CommandLine, tmp_path: Path, name: str
) -> None:
    answer = sipca("issue", "sbc.lab.example", name, "--out", str(tmp_path / "o"))

    assert answer.exit == 4
    assert "CSR" not in answer.err
    assert "--san" not in answer.err
    assert "--fix-san" not in answer.err
    assert "hint:" in answer.err


def test_the_way_out_of_a_wildcard_cn_is_another_name(sipca: CommandLine) -> None:
    answer = sipca("sign", str(CSR), "--dry-run", "--cn", "*.lab.example")

    assert answer.exit == 4
    assert "give the name that peers dial" in answer.err
