"""What ``pip install`` of the wheel adds, in a project with ``ca``, ``cli`` and ``profiles`` of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import ROOT, make_csr

FIXTURES_USED = """
import ca, cli, profiles


def test_the_projects_own_packages_are_its_own(sipca_issue, sipca_home):
    assert (ca.WHOSE, cli.WHOSE, profiles.WHOSE) == ("ours",) * 3
    files = sipca_issue("localhost", "10.0.0.5", profile="https")
    assert files.certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert sipca_home.root.read_text().count("BEGIN CERTIFICATE") == 1
    import sys

    assert not [name for name in sys.modules if name.startswith(("ca.", "cli.", "profiles."))]
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, and our own one's libraries behind it."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    quietly(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    quietly(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    (wheel,) = folder.glob("sipca-*.whl")
    packages = folder / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    quietly(*pip, "--python", folder / "venv" / "bin" / "python", "install", "--no-deps", wheel)
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages of the three names, which break whoever takes them for sipca's."""
    for name in ("ca", "cli", "profiles"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'ours'\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    (tmp_path / "test_fixtures.py").write_text(FIXTURES_USED)
    return tmp_path


@pytest.fixture
def run(environment: Path, project: Path) -> Callable[..., str]:
    """Runs a program of the environment in the project, with the project on PYTHONPATH."""

    def runner(program: str, *words: object) -> str:
        home = {"PYTHONPATH": ".", "HOME": str(project), "SIPCA_HOME": str(project / "home")}
        return quietly(
            environment / "bin" / program,
            *words,
            cwd=project,
            env={"PATH": os.environ["PATH"], "SIPCA_NO_INPUT": "1", **home},
        )

    return runner


def quietly(*words: object, **options: object) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=300, **options
    )  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_the_wheel_adds_one_package_and_its_record(environment: Path) -> None:
    (packages,) = environment.glob("lib/*/site-packages")

    added = {path.name for path in packages.iterdir()} - {"libraries.pth"}

    assert {name.split("-")[0] for name in added} == {"sipca"}
    assert len(added) == 2


def test_a_project_with_a_ca_cli_and_profiles_of_its_own_uses_the_fixtures(
    run: Callable[..., str],
) -> None:
    out = run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert "1 passed" in out


def test_the_command_line_works_where_packages_of_the_same_names_come_first(
    run: Callable[..., str], project: Path
) -> None:
    (project / "inbox").mkdir()
    for name in ("a", "b"):
        (project / "inbox" / f"{name}.csr").write_bytes(make_csr(cn=f"{name}.lab.example"))

    version = run("sipca", "--version")
    run("sipca", "init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    signed = run("sipca", "sign", "inbox", "--out", "out", "--json")
    profiles = run("python", "-m", "sipca", "profile", "list")

    assert version.startswith("sipca ")
    assert len(json.loads(signed)["signed"]) == 2
    assert "sip-domain" in profiles


def test_samples_and_the_pages_that_rules_cite_are_installed_too(run: Callable[..., str]) -> None:
    samples = json.loads(run("sipca", "samples", "samples", "--json"))["samples"]
    shown = [
        run("sipca", "rule", "show", code) for code in ("san-count", "preflight-cn", "ca-ending")
    ]
    decision = run("sipca", "rule", "show", "plan-without-result")

    assert "sha256WithRSAEncryption: good" in run("sipca", "csr", "show", samples[0]["path"])
    assert all(".md)" in text for text in shown)
    assert "decision 5: " in decision


def test_an_editable_install_runs_the_sources_and_copies_nothing(tmp_path: Path) -> None:
    probe = "import sipca; print(sipca._folder())"

    found = quietly(sys.executable, "-c", probe, cwd=tmp_path)

    assert Path(found.strip()) == ROOT
