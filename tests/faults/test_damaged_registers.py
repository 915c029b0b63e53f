"""A register with random damage: every command answers, refuses or says that it is damaged."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, CommandLine, make_csr

SEEDS = range(
    int(os.environ.get("SIPCA_DAMAGE_FROM", "0")), int(os.environ.get("SIPCA_DAMAGE", "60"))
)
COMMANDS = (
    "status", "list --all", "show d1", "check", "log --verify", "env", "device list",
    "device show d2", "ocsp respond {request} -o {out}/r --overwrite", "ocsp rotate --if-due",
    "export d1 --out {out} --overwrite --target audiocodes-7.4", "crl --refresh",
    "sign {csr} --out {out} --overwrite", "revoke d3", "release d4", "sign {csr} --again",
    "ocsp presign --out {out}/p", "device set d5 --context 3",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home in use: certificates, devices, revocations, CRLs; and a request."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    folder = tmp_path_factory.mktemp("whole")
    sipca = CommandLine(folder / "home")
    done = [sipca("init", "--name", "L", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
                  "--no-passphrase", "--base-url", "http://10.0.0.5")]  # fmt: skip
    for n in range(6):
        (folder / f"d{n}.csr").write_bytes(make_csr(f"dns:d{n}.lab", cn=f"d{n}.lab", key=EC_KEY))
        done.append(sipca("device", "set", f"d{n}", "--address", f"d{n}.lab"))
        done.append(sipca("sign", folder / f"d{n}.csr", "--device", f"d{n}", "--out", folder / "o"))
    done += [sipca("revoke", "d4", "--reason", "hold"), sipca("revoke", "d0"), sipca("crl")]
    assert [each.exit for each in done] == [0] * len(done)
    leaf, issuing = (
        x509.load_pem_x509_certificate((folder / "o" / name).read_bytes())
        for name in ("d1-device.pem", "trusted-2-issuing.pem")
    )
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuing, hashes.SHA1()).build()
    (folder / "request").write_bytes(request.public_bytes(Encoding.DER))
    with sqlite3.connect(folder / "home" / "ca.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder


def damage(data: bytes, seed: int) -> bytes:
    """A few octets changed, a stretch overwritten, shifted or zeroed, or the end cut off."""
    dice = random.Random(seed)
    spoiled = bytearray(data)
    kind = seed % 5
    at = dice.randrange(100, len(data))
    if kind < 2:
        for _ in range(dice.choice((1, 3, 10, 100, 1000))):
            spoiled[dice.randrange(100, len(data))] = dice.randrange(256)
    elif kind == 2:
        size = dice.choice((16, 200, 4096))
        spoiled[at : at + size] = dice.randbytes(size)
    elif kind == 3:
        size = dice.choice((16, 500, 4096))
        spoiled[at : at + size] = bytes(size) if dice.random() < 0.5 else data[100 : 100 + size]
    else:
        del spoiled[at:]
    return bytes(spoiled)


def answers(whole: Path, home: Path, out: Path) -> Iterator[tuple[str, int, str]]:
    known = {"csr": whole / "d5.csr", "request": whole / "request", "out": out}
    for command in COMMANDS:
        answer = CommandLine(home)(*command.format(**known).split())
        yield command, answer.exit, answer.err


@pytest.mark.parametrize("seed", [*SEEDS, 830, 1271])
def test_a_damaged_register_is_never_a_bug_of_ours(whole: Path, tmp_path: Path, seed: int) -> None:
    home = tmp_path / "home"
    shutil.copytree(whole / "home", home)
    data = (home / "ca.db").read_bytes()
    (home / "ca.db").write_bytes(damage(data, seed))

    for command, code, said in answers(whole, home, tmp_path / "o"):
        assert code in (0, 5, 6, 7, 8, 9) or (code == 3 and "sign" in command), (command, said)
        assert "Traceback" not in said, (command, said)


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ("UPDATE device SET addresses = '[1'", "device list"),
        ("UPDATE device SET addresses = '7'", "device list"),
        ("UPDATE device SET addresses = CAST(x'ff' AS TEXT)", "device list"),
        ("UPDATE setting SET value = CAST(x'ff' AS TEXT) WHERE name = 'name'", "status"),
        ("UPDATE issuer SET key_id = 99", "status"),
        ("DROP TRIGGER {audit}; UPDATE audit SET detail = '{{'", "log"),
        ("DROP TRIGGER {audit}; UPDATE audit SET at = 'soon'", "log"),
        ("DROP TRIGGER {plan}; UPDATE plan SET account = x'00'", "show d1"),
        ("DROP TRIGGER {plan}; UPDATE plan SET tbs = x'3000'", "list"),
    ],
)
def test_what_does_not_decode_is_damage_with_a_next_step(
    whole: Path, tmp_path: Path, change: str, command: str
) -> None:
    shutil.copytree(whole / "home", tmp_path / "home")
    with sqlite3.connect(tmp_path / "home" / "ca.db") as connection:
        triggers = {
            table: connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?"
                " AND sql LIKE '%BEFORE UPDATE%'", (table,)
            ).fetchone()[0]
            for table in ("audit", "plan")
        }  # fmt: skip
        connection.executescript(change.format(**triggers))
    connection.close()

    answer = CommandLine(tmp_path / "home")(*command.split())

    assert answer.exit == 8, answer.err
    assert " is damaged: " in answer.err
    assert "hint: restore the last copy of the folder" in answer.err
