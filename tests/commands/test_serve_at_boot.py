"""``serve --print-unit`` and ``--print-compose``: the options of the line, carried into files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stand_in.lab import PASSPHRASE, CommandLine

from ca.errors import MalformedError
from ca.service.compose import compose
from ca.service.placement import Placement, Upkeep
from ca.service.units import units

NAMES = [
    "sipca.service",
    "sipca-crl.service",
    "sipca-crl.timer",
    "sipca-ocsp.service",
    "sipca-ocsp.timer",
]


def files(text: str) -> dict[str, str]:
    """The units by name, split at their marks."""
    parts = re.split(r"^# === (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, flags=re.MULTILINE)


def words(line: str) -> list[str]:
    """A command line as systemd reads it: double quotes, backslashes and %% alone are special."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|([^ \t]+)', line)
    plain = [quoted if quoted or not bare else bare for quoted, bare in found]
    return [re.sub(r"\\(.)", r"\1", each).replace("%%", "%") for each in plain]


def placed(home: str = "/var/lib/sipca", **changes: object) -> Placement:
    rest: dict[str, object] = {
        "name": "Lab", "home": Path(home), "address": "10.0.0.5", "ocsp_port": 2560, "http_port": 8080,
        "workers": 1, "program": ("/opt/sipca/bin/sipca",), "owner": "sipca", "uid": 990, "gid": 990,
        "upkeep": Upkeep(("all",), (), needs_passphrase=False, has_token=False),
    }  # fmt: skip
    return Placement(**{**rest, **changes})  # type: ignore[arg-type]


def locked(bare: CommandLine, monkeypatch: pytest.MonkeyPatch, protect: str) -> CommandLine:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    made = bare(
        "init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--protect", protect,
    )  # fmt: skip
    assert made.exit == 0, made.err
    monkeypatch.delenv("SIPCA_PASSPHRASE")
    return bare


def test_the_options_of_the_line_stand_in_the_unit(sipca: CommandLine) -> None:
    answer = sipca(
        "serve", "--bind", "10.0.0.5", "--ocsp-port", "2561", "--http-port", "8081", "--workers", "2",
        "--print-unit",
    )  # fmt: skip

    assert answer.exit == 0, answer.err
    found = files(answer.out)
    assert list(found) == NAMES
    (command,) = values(found["sipca.service"], "ExecStart")
    assert words(command)[-12:] == [
        "serve", "--bind", "10.0.0.5", "--ocsp-port", "2561", "--http-port", "8081", "--workers", "2",
        "--home", str(sipca.home), "--no-input",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "warned"), [((), True), (("--bind", "::1"), True), (("--bind", "10.0.0.5"), False)]
)
def test_units_for_this_machine_alone_say_so_first(
    sipca: CommandLine, words: tuple[str, ...], warned: bool
) -> None:
    head = sipca("serve", "--print-unit", *words).out.partition("\n# === ")[0]

    assert ("No device can reach" in head) is warned


def test_the_server_sees_its_home_read_only_and_the_timers_may_write(sipca: CommandLine) -> None:
    found = files(sipca("serve", "--print-unit").out)

    assert str(sipca.home) in values(found["sipca.service"], "BindReadOnlyPaths")
    assert values(found["sipca.service"], "ProtectSystem") == ["strict"]
    assert values(found["sipca.service"], "Restart") == ["on-failure"]
    for name in ("sipca-crl.service", "sipca-ocsp.service"):
        assert values(found[name], "BindPaths") == [str(sipca.home)]
    elsewhere = files(units(placed()))
    assert values(elsewhere["sipca.service"], "ReadOnlyPaths") == ["/var/lib/sipca"]
    assert values(elsewhere["sipca-crl.service"], "ReadWritePaths") == ["/var/lib/sipca"]


def test_with_scep_the_server_may_write_and_a_timer_renews_the_ra_certificate(
    sipca: CommandLine,
) -> None:
    options = ("serve", "--scep", "--allow", "scep-legacy")
    text = sipca(*options, "--print-unit").out
    composed = sipca(*options, "--print-compose").out

    found = files(text)
    assert list(found) == [*NAMES, "sipca-scep.service", "sipca-scep.timer"]
    (command,) = values(found["sipca.service"], "ExecStart")
    assert words(command)[-6:-3] == ["--scep", "--allow", "scep-legacy"]
    assert str(sipca.home) in values(found["sipca.service"], "BindPaths")
    (rotate,) = values(found["sipca-scep.service"], "ExecStart")
    assert words(rotate)[-7:-4] == ["scep", "rotate", "--if-due"]
    assert "sipca-ocsp.timer sipca-scep.timer" in text
    services = yaml.safe_load(composed)["services"]
    assert services["sipca"]["command"][-3:] == ["--scep", "--allow", "scep-legacy"]
    assert services["sipca"]["volumes"][0]["read_only"] is False
    assert services["scep"]["command"] == ["scep", "rotate", "--if-due"]
    assert "crl ocsp scep;" in composed


def test_the_units_have_a_user_of_their_own() -> None:
    of_root = units(placed(owner="root", uid=0))
    of_a_person = units(placed(home="/home/op/.local/sipca", owner="op", uid=1000))
    of_the_system = units(placed(owner="labca", uid=990))

    assert values(of_root, "User") == ["sipca"] * 3
    assert "sudo chown -R sipca: /var/lib/sipca" in of_root
    assert "sudo mv /home/op/.local/sipca /var/lib/sipca" in of_a_person
    assert values(of_the_system, "User") == ["labca"] * 3
    assert "chown" not in of_the_system


@pytest.mark.parametrize(
    ("protect", "credential", "chosen"),
    [("none", False, "all"), ("root", False, "issuing"), ("both", True, "all")],
)
def test_a_passphrase_is_asked_for_only_where_the_issuing_key_has_one(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch, protect: str, credential: bool, chosen: str
) -> None:
    sipca = locked(bare, monkeypatch, protect)

    text = sipca("serve", "--print-unit").out

    crl, ocsp = files(text)["sipca-crl.service"], files(text)["sipca-ocsp.service"]
    for unit in (crl, ocsp):
        assert ("LoadCredential=passphrase:/etc/sipca/passphrase" in unit) is credential
        assert ("Environment=SIPCA_PASSPHRASE_FILE=%d/passphrase" in unit) is credential
    assert words(values(crl, "ExecStart")[0]).count(chosen) == 1
    assert ("--ca" in words(values(ocsp, "ExecStart")[0])) is (chosen == "issuing")
    assert "LoadCredential" not in files(text)["sipca.service"]
    assert ("Not 'Locked Root': its key has a passphrase" in text) is (protect == "root")


def test_what_the_timers_run_works_without_anybody_there(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sipca = locked(bare, monkeypatch, "root")
    found = files(sipca("serve", "--print-unit").out)

    for name in ("sipca-crl.service", "sipca-ocsp.service"):
        for command in values(found[name], "ExecStart"):
            line = words(command)
            start = line.index("crl" if "crl" in line else "ocsp")
            done = sipca(*line[start:], home=False)
            assert done.exit == 0, done.err


def test_a_ca_of_before_a_rotation_is_looked_after_as_well(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sipca = locked(bare, monkeypatch, "root")
    assert sipca("issue", "peer.lab.example", "--out", tmp_path / "i").exit == 0
    (tmp_path / "secret").write_text(PASSPHRASE)
    assert sipca("ca", "rotate", "--passphrase-file", tmp_path / "secret").exit == 0
    cas = sipca("ca", "list", "--json").json["cas"]
    before = next(each["id"] for each in cas if each["state"] == "previous")

    text = sipca("serve", "--print-unit").out

    commands = values(files(text)["sipca-crl.service"], "ExecStart")
    assert [words(each)[words(each).index("--ca") + 1] for each in commands] == ["issuing", before]
    assert "After sipca ca rotate print the units anew" in text


def test_a_port_below_1024_gets_the_one_capability_that_it_needs() -> None:
    usual = files(units(placed()))["sipca.service"]
    low = files(units(placed(http_port=80)))["sipca.service"]

    assert values(usual, "CapabilityBoundingSet") == [""]
    assert "AmbientCapabilities" not in usual
    assert values(low, "CapabilityBoundingSet") == ["CAP_NET_BIND_SERVICE"]
    assert values(low, "AmbientCapabilities") == ["CAP_NET_BIND_SERVICE"]


PATHS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), exclude_characters="/"),
    min_size=1, max_size=30,
).map(lambda each: f"/srv/{each}")  # fmt: skip


@given(home=PATHS, program=PATHS)
def test_every_path_survives_quoting(home: str, program: str) -> None:
    placement = placed(home, program=(program,))

    unit = files(units(placement))["sipca.service"]
    parsed = yaml.safe_load(compose(placement))

    (command,) = values(unit, "ExecStart")
    assert words(command)[0] == f":{program}"
    assert words(command)[-2] == str(Path(home))
    assert words(values(unit, "ReadOnlyPaths")[0]) == [str(Path(home))]
    mount = parsed["services"]["sipca"]["volumes"][0]
    assert mount["source"].replace("$$", "$") == str(Path(home))
    assert mount["read_only"] is True


def test_a_path_that_no_unit_can_hold_is_refused_by_name() -> None:
    for path in ("/srv/a\nExecStartPre=evil", "/srv/\udcff"):
        for made in (units, compose):
            with pytest.raises(
                MalformedError, match="cannot stand in a file for the start at boot"
            ):
                made(placed(path))


def test_a_hostile_name_stays_within_its_comment() -> None:
    placement = placed(name="x\n# === evil.service\n[Service]\u202e")

    text, composed = units(placement), compose(placement)

    assert list(files(text)) == NAMES
    assert set(yaml.safe_load(composed)) == {"name", "services"}
    assert "\u202e" not in text + composed


def test_the_compose_file_has_the_server_and_short_runs_for_its_upkeep(sipca: CommandLine) -> None:
    answer = sipca(
        "serve", "--bind", "10.0.0.5", "--ocsp-port", "2561", "--http-port", "80", "--workers", "2",
        "--print-compose",
    )  # fmt: skip

    assert answer.exit == 0, answer.err
    services = yaml.safe_load(answer.out)["services"]
    server = services.pop("sipca")
    assert server["ports"] == ["10.0.0.5:2561:2560", "10.0.0.5:80:8080"]
    assert server["command"][-2:] == ["--workers", "2"]
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "dockerfile_inline" in server["build"]
    assert server["volumes"][0]["source"] == str(sipca.home)
    assert set(services) == {"crl", "ocsp"}
    for each in services.values():
        assert each["profiles"] == ["upkeep"]
        assert each["network_mode"] == "none"
        assert each["volumes"][0]["read_only"] is False


def test_the_commands_of_the_compose_file_are_sipca_s_own(sipca: CommandLine) -> None:
    services = yaml.safe_load(sipca("serve", "--print-compose").out)["services"]

    for name in ("crl", "ocsp"):
        done = sipca(*services[name]["command"])
        assert done.exit == 0, done.err
    served = sipca(*services["sipca"]["command"], "--print-unit")
    assert served.exit == 0, served.err


def test_a_passphrase_reaches_only_the_short_runs_of_the_compose_file(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sipca = locked(bare, monkeypatch, "both")

    parsed = yaml.safe_load(sipca("serve", "--print-compose").out)

    assert "SIPCA_PASSPHRASE_FILE" in parsed["secrets"]["passphrase"]["file"]
    assert "secrets" not in parsed["services"]["sipca"]
    assert parsed["services"]["crl"]["secrets"] == ["passphrase"]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--print-unit", "--print-compose"), 2, "give one of --print-unit and --print-compose"),
        (("--print-unit", "--ocsp-port", "0"), 2, "--ocsp-port: 0 is another port at each start"),
        (("--print-unit", "--bind", "localhost"), 2, "is no IP address"),
    ],
)
def test_what_cannot_be_started_at_boot_is_wrong_usage(
    sipca: CommandLine, more: tuple[str, ...], code: int, said: str
) -> None:
    answer = sipca("serve", *more)

    assert answer.exit == code
    assert said in answer.err


def test_without_a_ca_there_is_nothing_to_start(bare: CommandLine) -> None:
    assert bare("serve", "--print-unit").exit == 5


def test_the_shell_commands_of_the_head_are_quoted() -> None:
    text = units(placed("/srv/it's; here", owner="root", uid=0))

    line = next(each for each in text.splitlines() if "chown" in each)
    assert shlex.split(line.lstrip("# ")) == ["sudo", "chown", "-R", "sipca:", "/srv/it's; here"]


def test_a_program_below_home_is_seen_by_the_unit_wherever_its_link_is(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "venvs" / "bin" / "sipca"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "sipca").symlink_to(script)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "local" / "sipca")])

    unit = files(sipca("serve", "--print-unit").out)["sipca.service"]

    assert words(values(unit, "ExecStart")[0])[0] == f":{script}"
    assert str(script.parent) in values(unit, "BindReadOnlyPaths")


def test_a_home_behind_a_link_is_named_by_its_own_path(sipca: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sipca.home)

    unit = files(CommandLine(tmp_path / "link")("serve", "--print-unit").out)["sipca.service"]

    assert words(values(unit, "ExecStart")[0])[-2] == str(sipca.home.resolve())
