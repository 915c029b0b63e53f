"""``trust build`` and ``trust diff``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import EC_KEY, CommandLine

from ca.encoding.pkcs7 import certs_only

NOW = datetime.now(UTC).replace(microsecond=0)


def root(
    cn: str, *, key: ec.EllipticCurvePrivateKey = EC_KEY, days: tuple[int, int] = (-1, 1000), number: int = 1,
    is_ca: bool = True,
) -> x509.Certificate:  # fmt: skip
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(number).not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    )  # fmt: skip
    if not is_ca:
        purposes = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(purposes, critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def subjects(path: Path) -> list[str]:
    return [
        each.subject.rfc4514_string() for each in x509.load_pem_x509_certificates(path.read_bytes())
    ]


A, B, C = root("Root A"), root("Root B"), root("Root C")


def test_pem_der_pkcs7_and_folders_become_one_bundle_in_a_stable_order(
    bare: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.pem").write_bytes(pem(A))
    (folder / "b.cer").write_bytes(B.public_bytes(Encoding.DER))
    (folder / "notes.md").write_text("not read")
    p7b = tmp_path / "c.p7b"
    p7b.write_bytes(certs_only([C.public_bytes(Encoding.DER)]))
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"

    assert bare("trust", "build", folder, p7b, "-o", one).exit == 0
    assert bare("trust", "build", p7b, folder / "b.cer", folder / "a.pem", "-o", two).exit == 0

    assert subjects(one) == ["CN=Root A", "CN=Root B", "CN=Root C"]
    assert one.read_bytes() == two.read_bytes()


def test_duplicates_are_dropped_with_a_line_and_twins_kept_with_another(
    bare: CommandLine, tmp_path: Path
) -> None:
    newer = root("Root A", days=(-1, 2000), number=2)
    (tmp_path / "x.pem").write_bytes(pem(A, B, A, newer))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem", "--json")

    document = answer.json
    assert answer.exit == 0
    assert [(d["kind"], d["subject"]) for d in document["dropped"]] == [("duplicate", "CN=Root A")]
    assert [f["code"] for f in document["findings"]] == ["trust-twins"]
    assert len(document["members"]) == 3
    assert subjects(tmp_path / "out.pem").count("CN=Root A") == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (root("Client", is_ca=False), "switches the web password off"),
        (root("Old", days=(-900, -1)), "it expired on"),
        (root("Early", days=(5, 900)), "it is not valid before"),
    ],
)
def test_leaves_and_ended_and_early_ones_are_refused_by_reason_and_the_rest_written(
    bare: CommandLine, tmp_path: Path, bad: x509.Certificate, reason: str
) -> None:
    (tmp_path / "x.pem").write_bytes(pem(A, bad))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem")

    assert answer.exit == 4
    assert reason in answer.err
    assert subjects(tmp_path / "out.pem") == ["CN=Root A"]


def test_more_than_the_store_takes_is_refused_and_nothing_written(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "x.pem").write_bytes(pem(*(root(f"Root {n:02}", number=n + 1) for n in range(21))))
    words = ("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem", "--target")

    small = bare(*words, "audiocodes-7.0")

    assert small.exit == 4
    assert "the bundle has 21 certificates, but the store of audiocodes-7.0 holds 20" in small.err
    assert not (tmp_path / "out.pem").exists()
    assert bare(*words, "audiocodes-7.4").exit == 0


def test_our_own_ca_comes_only_when_asked(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(pem(A))

    sipca("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "without.pem")
    sipca("trust", "build", tmp_path / "x.pem", "--with-ca", "-o", tmp_path / "with.pem")

    assert subjects(tmp_path / "without.pem") == ["CN=Root A"]
    assert subjects(tmp_path / "with.pem") == [
        "CN=Test Lab Issuing",
        "CN=Root A",
        "CN=Test Lab Root",
    ]


def test_it_says_that_a_rest_upload_replaces_the_whole_store(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "x.pem").write_bytes(pem(A))

    assert "replaces the whole store" in bare("trust", "build", tmp_path / "x.pem").err
    old = bare("trust", "build", tmp_path / "x.pem", "--target", "audiocodes-6.6")
    assert "replaces the whole store" not in old.err
    assert old.out.encode() == pem(A)


def test_text_between_blocks_is_left_out_and_named_by_its_line(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "x.pem").write_bytes(b"exported by sbc1\n" + pem(A) + b"rubbish here\n" + pem(B))

    answer = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem")

    assert answer.exit == 0
    assert "has other text between its blocks, left out: line 1, " in answer.err
    assert b"rubbish" not in (tmp_path / "out.pem").read_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pem(A)[:-30], "the CERTIFICATE block has no END line"),
        (
            pem(A).replace(b"MII", b"!!!", 1),
            "the block is not valid base64: it has the character '!'",
        ),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is a private key"),
        (b"hello", "holds no certificate"),
        (b"", "holds no certificate"),
        (b"\x30\x82\xff\xff", "holds no certificate"),
    ],
)
def test_a_damaged_source_is_refused_by_name_and_the_rest_written(
    bare: CommandLine, tmp_path: Path, data: bytes, said: str
) -> None:
    (tmp_path / "good.pem").write_bytes(pem(A))
    (tmp_path / "x.pem").write_bytes(data)

    answer = bare(
        "trust", "build", tmp_path / "good.pem", tmp_path / "x.pem", "-o", tmp_path / "out.pem"
    )

    alone = bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "none.pem")

    assert answer.exit == 4
    assert said in answer.err
    assert "x.pem" in answer.err
    assert subjects(tmp_path / "out.pem") == ["CN=Root A"]
    assert alone.exit == 3
    assert said in alone.err
    assert not (tmp_path / "none.pem").exists()


def test_another_file_in_the_way_is_left_unless_told(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(pem(A))
    (tmp_path / "out.pem").write_text("mine")
    words = ("trust", "build", tmp_path / "x.pem", "-o", tmp_path / "out.pem")

    assert bare(*words).exit == 6
    assert (tmp_path / "out.pem").read_text() == "mine"
    assert bare(*words, "--overwrite").exit == 0
    assert bare("trust", "build", tmp_path / "x.pem", "-o", tmp_path).exit == 6
    (tmp_path / "empty").mkdir()
    assert bare("trust", "build", tmp_path / "empty").exit == 5


def test_diff_compares_bundles_and_manifests(bare: CommandLine, tmp_path: Path) -> None:
    newer = root("Root A", days=(-1, 2000), number=2)
    (tmp_path / "one.pem").write_bytes(pem(A, B))
    (tmp_path / "two.pem").write_bytes(pem(newer, B, C))
    for stem in ("one", "two"):
        words = (
            "trust",
            "build",
            tmp_path / f"{stem}.pem",
            "--manifest",
            tmp_path / f"{stem}.json",
        )
        assert bare(*words).exit == 0

    for a, b in (("one.pem", "two.pem"), ("one.json", "two.pem"), ("one.json", "two.json")):
        found = bare("trust", "diff", tmp_path / a, tmp_path / b, "--json").json
        assert found["only_a"] == []
        assert [each["subject"] for each in found["only_b"]] == ["CN=Root C"]
        assert [(x["subject"], y["subject"]) for x, y in found["changed"]] == [
            ("CN=Root A", "CN=Root A")
        ]
        assert found["same"] == 1
    assert "no difference" in bare("trust", "diff", tmp_path / "one.pem", tmp_path / "one.json").out
    (tmp_path / "bad.json").write_text('{"schema": 1}')
    assert bare("trust", "diff", tmp_path / "bad.json", tmp_path / "one.pem").exit == 3


def test_a_manifest_nested_without_end_is_malformed(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"members": ' + "[" * 200_000)

    answer = bare("trust", "diff", tmp_path / "a.json", tmp_path / "a.json")

    assert answer.exit == 3
    assert "is not a manifest" in answer.err
