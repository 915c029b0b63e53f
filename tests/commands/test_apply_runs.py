"""``sipca apply`` signs requests in runs: it ends as if it had signed one after another."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY, NOW, CommandLine, make_csr

from ca.lab import requests

Clock = Callable[..., None]
CA = 'schema = 1\n[ca]\nname = "L"\nprotect = "none"\nroot_key = "ec:p256"\nissuing_key = "ec:p256"\n'


def entry(stem: str, out: str = "out", **more: object) -> str:
    lines = [f"{key} = {value!r}" for key, value in more.items()]
    return "\n".join(["[[certificate]]", f'csr = "{stem}.csr"', f'out = "{out}"', *lines, ""])


LAB = CA + "".join(
    [
        '[[device]]\nname = "sbc1"\n[[device]]\nname = "sbc2"\n[[device]]\nname = "sbc3"\n',
        entry("a", device="sbc1", context=0),
        entry("b", device="sbc2"),
        entry("same-key-as-b", device="sbc3"),
        entry("c", device="sbc1", context=1),
        entry("d"),
        entry("e", out="elsewhere"),
        entry("same-key-as-d"),
        entry("no-name"),  # refused
        '[[certificate]]\nissue = ["i.lab.example"]\nout = "out"\n',
        entry("f", out="elsewhere", device="sbc-new"),
        entry("g", out="elsewhere", device="sbcnew"),
        entry("in-the-way"),
        entry("a", out="elsewhere", profile="https", device="sbc2", context=7),
        entry("h", out="foreign"),
        entry("j", out="foreign"),
        entry("k", out="elsewhere"),
    ]
)
SAME = {"same-key-as-b": "b", "same-key-as-d": "d"}


@pytest.fixture(scope="module")
def csrs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, keys = tmp_path_factory.mktemp("csrs"), {}
    for stem in ("a", "b", "c", "d", *SAME, "e", "f", "g", "h", "j", "k", "in-the-way"):
        keys[stem] = keys[SAME[stem]] if stem in SAME else ec.generate_private_key(ec.SECP256R1())
        (folder / f"{stem}.csr").write_bytes(make_csr(cn=f"{stem}.lab.example", key=keys[stem]))
    (folder / "no-name.csr").write_bytes(make_csr(cn="*", key=EC_KEY))
    return folder


class Applied:
    """A folder in which the lab is applied, with what is odd in it from the start."""

    def __init__(self, folder: Path, csrs: Path) -> None:
        shutil.copytree(csrs, folder)
        self.folder, self.sipca = folder, CommandLine(folder / "home")
        (folder / "lab.toml").write_text(LAB)
        for place in ("out/in-the-way-device.pem", "foreign/trusted-root.pem"):
            (folder / place).parent.mkdir(exist_ok=True)
            (folder / place).write_text("something else")

    def apply(self, *words: str) -> tuple[int, list[Any], list[Any]]:
        """The exit code, the steps and the refusals, without what the dice say."""
        answer = self.sipca("apply", self.folder / "lab.toml", *words, "--json")
        steps = [
            (each["what"], each["name"], each["state"], len(each["superseded"]))
            for each in answer.json["steps"]
        ]
        told = str(answer.json["refused"]).replace(str(self.folder), "")
        refused = [re.sub("[0-9a-f]{8,}", "SERIAL", told)]
        return answer.exit, steps, refused

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*.pem")}

    def certificates(self) -> list[Any]:
        found = self.sipca("list", "--all", "--json").json["certificates"]
        return sorted((each["subject"], each["device"] or "", each["status"]) for each in found)


def test_in_runs_and_one_after_another_a_lab_ends_alike(
    frozen: Clock, csrs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(NOW)
    runs, alone = Applied(tmp_path / "runs", csrs), Applied(tmp_path / "alone", csrs)

    def each(act: Callable[[Applied], Any]) -> tuple[Any, Any]:
        first = act(runs)
        with monkeypatch.context() as patch:
            patch.setattr(requests.Run, "takes", lambda *_: False)
            return first, act(alone)

    def harm(lab: Applied) -> None:
        """Some files are lost or changed, a certificate is revoked."""
        (lab.folder / "out" / "d-device.pem").unlink()
        (lab.folder / "elsewhere" / "k-device.pem").write_text("other")
        (lab.folder / "foreign" / "trusted-root.pem").unlink()
        assert lab.sipca("revoke", "e.lab.example").exit == 0

    pairs = [each(lambda lab: lab.apply()), each(lambda lab: lab.apply("--check"))]
    pairs += [each(lambda lab: lab.apply()), each(harm), each(lambda lab: lab.apply("--check"))]
    pairs += [each(lambda lab: lab.apply()), each(Applied.files), each(Applied.certificates)]

    for in_runs, one_by_one in pairs:
        assert in_runs == one_by_one
    states = {(name, state) for _, name, state, _ in pairs[0][0][1]}
    assert {("a.csr", "made"), ("no-name.csr", "refused"), ("h.csr", "refused")} <= states


def test_requests_that_have_nothing_in_common_are_judged_together(
    csrs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    sign = requests.sign

    def counted(home: Any, sources: Any, **rest: Any) -> Any:
        calls.append(len(sources))
        return sign(home, sources, **rest)

    lab = Applied(tmp_path / "lab", csrs)
    (lab.folder / "lab.toml").write_text(CA + "".join(map(entry, ("a", "b", "c", "d", "e"))))
    monkeypatch.setattr(requests, "sign", counted)

    first, second = lab.apply(), lab.apply()

    assert (first[0], second[0]) == (0, 0)
    assert calls == [5, 5, 5]  # judged and signed; judged again
