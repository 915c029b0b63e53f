"""A key under many names: five are told, the others counted, and no more is looked at than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY, CommandLine, make_csr

import ca.store.certificates
from ca.lint.reused_key import MAX_LOOKED_UP
from ca.store.connection import Store


def certify(sipca: CommandLine, folder: Path, names: list[str]) -> Any:
    folder.mkdir(exist_ok=True)
    for name in names:
        host = f"{name}.lab.example"
        (folder / f"{name}.csr").write_bytes(make_csr(f"dns:{host}", cn=host, key=EC_KEY))
    answer = sipca("sign", folder, "--out", folder / "out", "--json")
    assert answer.exit == 0, answer.err
    return answer.json


def told(sipca: CommandLine, folder: Path, name: str = "new") -> str:
    path = folder / f"{name}.csr"
    path.write_bytes(make_csr(f"dns:{name}.lab.example", cn=f"{name}.lab.example", key=EC_KEY))
    answer = sipca("sign", path, "--dry-run", "--json")
    (finding,) = [
        each for each in answer.json["signed"][0]["findings"] if each["code"] == "reused-key"
    ]
    return str(finding["message"])


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, "a00.lab.example: "),
        (5, "a00.lab.example, a01.lab.example, a02.lab.example, a03.lab.example, a04.lab.example: "),
        (7, "a03.lab.example, a04.lab.example and 2 more: "),
        (MAX_LOOKED_UP + 5, "a04.lab.example and more than 20 more: "),
    ],
)  # fmt: skip
def test_five_names_are_told_and_the_others_counted(
    sipca: CommandLine, tmp_path: Path, count: int, names: str
) -> None:
    certify(sipca, tmp_path / "in", [f"a{number:02}" for number in range(count)])

    message = told(sipca, tmp_path)

    assert names in message
    assert message.count("lab.example") == 1 + min(count, 5)


def test_another_name_is_found_behind_many_certificates_of_ones_own(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own = make_csr("dns:own.lab.example", cn="own.lab.example", key=EC_KEY)
    (tmp_path / "own.csr").write_bytes(own)
    for _ in range(MAX_LOOKED_UP + 4):
        assert sipca("sign", tmp_path / "own.csr", "--again").exit == 0
    certify(sipca, tmp_path / "in", ["other"])

    assert "certified already as other.lab.example" in told(sipca, tmp_path, "own")


def test_the_work_of_the_database_does_not_grow_with_the_names(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    look = ca.store.certificates.current_by_keys

    def counted(store: Store, *words: Any, **rest: Any) -> Any:
        def step() -> None:
            steps[-1] += 1

        store.connection.set_progress_handler(step, 10)
        try:
            return look(store, *words, **rest)
        finally:
            store.connection.set_progress_handler(None, 0)

    monkeypatch.setattr("ca.store.certificates.current_by_keys", counted)
    asked = []
    for hundred in range(2):
        steps.append(0)
        certify(sipca, tmp_path / f"in{hundred}", [f"b{hundred}{n:02}" for n in range(100)])
        steps.append(0)
        told(sipca, tmp_path)
        asked.append(steps[-1])

    assert asked[0] > 0
    assert asked[1] <= asked[0] * 1.1


def test_within_one_batch_the_names_of_one_key_are_told_too(
    sipca: CommandLine, tmp_path: Path
) -> None:
    document = certify(sipca, tmp_path / "in", [f"c{number:02}" for number in range(40)])

    last = document["signed"][-1]["findings"][0]["message"]

    assert len(document["signed"]) == 40
    assert document["signed"][0]["findings"] == []
    assert "c00.lab.example, c01.lab.example" in last
    assert last.endswith("a cloned machine or a restored configuration?")
    assert last.count("lab.example") == 6


def test_of_a_batch_every_reused_key_is_told_though_all_together_have_many_certificates(
    sipca: CommandLine, tmp_path: Path
) -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(10)]

    def folder(name: str, each: int) -> Path:
        made = tmp_path / name
        made.mkdir()
        for place, key in enumerate(keys):
            for number in range(each):
                host = f"{name}{place}-{number}.lab.example"
                csr = make_csr(f"dns:{host}", cn=host, key=key)
                (made / f"{host}.csr").write_bytes(csr)
        return made

    assert sipca("sign", folder("old", 8), "--out", tmp_path / "out").exit == 0
    document = sipca("sign", folder("new", 1), "--out", tmp_path / "new-out", "--dry-run", "--json").json  # fmt: skip

    told = [[each["code"] for each in signed["findings"]] for signed in document["signed"]]
    assert told == [["reused-key"]] * 10
