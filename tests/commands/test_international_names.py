"""International host names are A-labels of IDNA 2008 (RFC 5890), where ß is a letter of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stand_in.lab import CommandLine
from stand_in.odd import SAN, extension
from stand_in.requests import CN, EXTENSION_REQUEST, attribute, rdn, request

from ca.encoding import der

A_LABELS = "xn--strae-oqa.lab"
"""straße.lab; IDNA 2003 makes strasse.lab of it, which is another host."""


def test_a_name_whose_a_label_holds_a_sharp_s_is_signed(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    names = [f"dns:{A_LABELS}", f"uri:sip:{A_LABELS}", f"email:sbc1@{A_LABELS}"]
    csr = csr_file("sbc1", *names, cn=A_LABELS)

    signed = sipca("sign", csr, "--json")

    assert signed.exit == 0
    (certificate,) = signed.json["signed"]
    assert sorted(certificate["san"]) == sorted(names)


def test_an_option_with_a_u_label_is_told_its_a_labels(
    sipca: CommandLine, csr_file: Callable[..., Path]
) -> None:
    csr = csr_file("sbc1", "dns:sbc1.lab", cn="sbc1.lab")

    answer = sipca("sign", csr, "--replace-san", "--san", "dns:straße.lab")

    assert answer.exit == 4
    assert f"hint: its A-labels are {A_LABELS}\n" in answer.err


def test_a_request_with_a_u_label_is_told_its_a_labels(sipca: CommandLine, tmp_path: Path) -> None:
    names = extension(SAN, der.sequence(der.tlv(0x82, "straße.lab".encode())))
    data = request(
        rdn(CN, der.UTF8_STRING, b"sbc1.lab"),
        attributes=attribute(EXTENSION_REQUEST, der.sequence(names)),
    )
    csr = tmp_path / "sbc1.csr"
    csr.write_bytes(data)

    answer = sipca("sign", csr)

    assert answer.exit == 4
    assert f"hint: --replace-san --san dns:{A_LABELS} gives it as A-labels\n" in answer.err


def test_a_device_is_dialled_and_a_peer_asks_by_a_labels(
    sipca: CommandLine, csr_file: Callable[..., Path], tmp_path: Path
) -> None:
    signed = sipca("sign", csr_file("sbc1", cn=A_LABELS), "--out", tmp_path / "out")
    device = sipca("device", "set", "sbc1", "--address", A_LABELS)
    peer = sipca("preflight", tmp_path / "out" / "sbc1-device.pem", "--peer", A_LABELS, home=False)

    assert (signed.exit, device.exit, peer.exit) == (0, 0, 0), peer.out
