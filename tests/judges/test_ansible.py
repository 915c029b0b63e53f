"""The Ansible module by ansible-core itself: playbooks on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import PASSPHRASE, ROOT

LIBRARY = ROOT / "scripts" / "ansible" / "library"
LAB = """
schema = 1
[ca]
name = "Ansible Lab"
root_key = "ec:p256"
issuing_key = "ec:p256"
[[device]]
name = "gw1"
[[certificate]]
issue = ["gw1.lab.example"]
device = "gw1"
out = "out"
"""


class Playbook:
    """Playbooks of one task of the module, with a folder for its lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lab.toml").write_text(LAB)
        (folder / "secret").write_text(PASSPHRASE)
        program = folder / "sipca"
        program.write_text(
            f'#!/bin/sh\nexport PYTHONPATH={ROOT}\nexec {sys.executable} -c "from cli.main import main; main()" "$@"\n'
        )
        program.chmod(0o755)

    def run(self, *words: str, **options: str) -> dict[str, Any]:
        """The answer of the task, as ansible's JSON has it."""
        task = {
            "executable": str(self.folder / "sipca"), "home": str(self.folder / "home"),
            "passphrase_file": str(self.folder / "secret"), "file": str(self.folder / "lab.toml"), **options,
        }  # fmt: skip
        told = self.folder / "answer.json"
        play = [
            {
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    {
                        "sipca_lab": {k: v for k, v in task.items() if v},
                        "register": "answer",
                        "ignore_errors": True,
                    },
                    {
                        "copy": {"content": "{{ answer | to_json }}", "dest": str(told)},
                        "check_mode": False,
                    },
                ],
            }
        ]
        (self.folder / "play.yml").write_text(json.dumps(play))
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local",
             "-e", f"ansible_python_interpreter={sys.executable}", "play.yml", *words],
            cwd=self.folder, capture_output=True, text=True, timeout=120,
            env={**os.environ, "ANSIBLE_LIBRARY": str(LIBRARY),
                 "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_HOME": str(self.folder / ".ansible"), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert told.exists(), done.stdout + done.stderr
        assert PASSPHRASE not in done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(told.read_text())
        told.unlink()
        return answer


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    return Playbook(tmp_path)


def test_a_playbook_makes_the_lab_once_and_checks_without_changing(playbook: Playbook) -> None:
    looked = playbook.run("--check", "--diff")
    untouched = not (playbook.folder / "home").exists()
    first, second = playbook.run(), playbook.run()

    assert looked["changed"]
    assert untouched
    assert "would make certificate gw1.lab.example" in looked["diff"]["after"]
    assert (first["changed"], second["changed"]) == (True, False)
    assert (playbook.folder / "out" / "gw1.lab.example-device.pem").is_file()


def test_a_lab_in_the_playbook_leaves_no_file_of_its_own(playbook: Playbook) -> None:
    made = playbook.run(file="", lab=LAB, chdir=str(playbook.folder))

    assert made["changed"]
    assert [each.name for each in playbook.folder.glob(".lab-*")] == []


def test_drift_and_refusals_fail_with_the_sentence_of_sipca(playbook: Playbook) -> None:
    drift = playbook.run(state="verified")
    (playbook.folder / "lab.toml").write_text(LAB.replace("[[device]]", "[[device]]\nadress = 1"))
    wrong = playbook.run()

    assert drift["failed"]
    assert drift["msg"] == "the lab is not as the file says"
    assert wrong["failed"]
    assert "unknown key 'device[0].adress' (hint: did you mean 'addresses'?)" in wrong["msg"]


def test_what_was_made_beside_a_refusal_is_told_as_changed(playbook: Playbook) -> None:
    (playbook.folder / "out").write_text("in the way")

    first, second = playbook.run(), playbook.run()

    assert (first["failed"], first["changed"]) == (True, True)
    assert (second["failed"], second["changed"]) == (True, False)
    assert [each["source"] for each in second["refused"]] == ["gw1.lab.example"]


def test_ansible_doc_reads_what_the_module_says_of_itself() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-doc")), "-t", "module", "sipca_lab", "--json"],
        env={**os.environ, "ANSIBLE_LIBRARY": str(LIBRARY), "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    documented = json.loads(done.stdout)["sipca_lab"]
    assert set(documented["doc"]["options"]) == {
        "file", "lab", "chdir", "home", "passphrase_file", "executable", "state",
    }  # fmt: skip
    assert documented["examples"]
    assert set(documented["return"]) == {"steps", "unlisted", "refused"}
