"""``sipca apply``: converges, changes nothing that matches, and finds what is wrong before it starts."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from stand_in.lab import ENVIRONMENT, NOW, PASSPHRASE, ROOT, SAMPLES, CommandLine
from stand_in.waiting import until

Clock = Callable[..., None]
CA = '[ca]\nname = "L"\nprotect = "none"\nroot_key = "ec:p256"\nissuing_key = "ec:p256"\n'
SBC = '[[certificate]]\ncsr = "sbc1.csr"\ndevice = "sbc1"\nout = "out/sbc"\n'
PROXY = '[[certificate]]\nissue = ["proxy.lab.example", "10.0.0.7"]\nout = "out/proxy"\n'
DEVICE = '[[device]]\nname = "sbc1"\ncontext = 2\naddresses = ["10.4.0.20"]\n'


class Lab:
    """A folder with a lab file and the CSRs that it names."""

    def __init__(self, sipca: CommandLine, folder: Path) -> None:
        self.sipca, self.folder, self.file = sipca, folder, folder / "lab.toml"
        shutil.copy(SAMPLES / "sbc1.csr", folder / "sbc1.csr")
        self.write(CA + DEVICE + SBC + PROXY)

    def write(self, text: str, *, schema: str = "schema = 1\n") -> None:
        self.file.write_text(schema + text)

    def apply(self, *words: str) -> object:
        return self.sipca("apply", self.file, *words, "--json")

    def states(self, *words: str) -> dict[str, str]:
        answer = self.sipca("apply", self.file, *words, "--json")
        assert answer.out, answer.err
        return {each["name"]: each["state"] for each in answer.json["steps"]}

    def files(self) -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in (self.folder / "out").rglob("*") if p.is_file()}


@pytest.fixture
def lab(bare: CommandLine, tmp_path: Path) -> Lab:
    return Lab(bare, tmp_path)


def test_a_lab_comes_up_from_nothing_and_again_changes_nothing(lab: Lab) -> None:
    first = lab.states()
    files, head = lab.files(), lab.sipca("status", "--json").json["audit_head"]
    second = lab.states()

    assert set(first.values()) == {"made"}
    assert set(second.values()) == {"unchanged"}
    assert lab.files() == files
    assert lab.sipca("status", "--json").json["audit_head"] == head
    assert {Path(name).name for name in files} >= {
        "sbc1-ctx2-device.pem", "trusted-root.pem", "proxy.lab.example.key", "proxy.lab.example-device.pem",
    }  # fmt: skip


def test_check_changes_nothing_and_exits_9_while_anything_is_to_do(lab: Lab) -> None:
    before = lab.sipca("apply", lab.file, "--check", "--json")
    assert before.exit == 9
    assert {each["state"] for each in before.json["steps"]} == {"would make"}
    assert not lab.sipca.home.exists()
    lab.apply()

    after = lab.sipca("apply", lab.file, "--check")
    assert after.exit == 0
    assert after.out.endswith("nothing to do: the lab is as the file says\n")
    lab.write(CA + 'target = "generic"\n' + DEVICE.replace("2", "3") + SBC + PROXY)
    drifted = lab.sipca("apply", lab.file, "--check", "--json")

    assert drifted.exit == 9
    states = {each["name"]: each["state"] for each in drifted.json["steps"]}
    assert states["target"] == states["sbc1"] == "would change"
    assert lab.sipca("status", "--json").json["target"] == "audiocodes-7.4"


def test_what_differs_is_changed_and_what_was_lost_written_again(lab: Lab) -> None:
    lab.apply()
    (lab.folder / "out" / "sbc" / "sbc1-ctx2-device.pem").unlink()
    lab.write(
        CA
        + 'base_url = "http://10.0.0.5"\n'
        + DEVICE.replace("10.4.0.20", "10.4.0.21")
        + SBC
        + PROXY
    )

    states = lab.states()

    assert states == {
        "L": "unchanged", "base_url": "changed", "sbc1": "changed", "sbc1.csr": "changed",
        "proxy.lab.example 10.0.0.7": "unchanged",
    }  # fmt: skip
    assert (lab.folder / "out" / "sbc" / "sbc1-ctx2-device.pem").exists()
    assert len(lab.sipca("list", "--json").json["certificates"]) == 2, (
        "handed out again, not signed"
    )
    assert set(lab.states().values()) == {"unchanged"}


def test_what_is_near_its_end_is_issued_anew_over_its_own_file(lab: Lab, frozen: Clock) -> None:
    frozen(NOW)
    lab.apply()
    before = lab.files()
    frozen(NOW + timedelta(days=800))

    assert lab.states("--check")["sbc1.csr"] == "would make"
    states = lab.states()

    assert (states["sbc1.csr"], states["proxy.lab.example 10.0.0.7"]) == ("made", "changed")
    changed = {Path(name).name for name, data in lab.files().items() if before[name] != data}
    assert changed == {
        "sbc1-ctx2-device.pem", "proxy.lab.example-device.pem", "proxy.lab.example-fullchain.pem",
    }  # fmt: skip


def test_another_file_in_the_place_of_an_output_is_never_overwritten(lab: Lab) -> None:
    (lab.folder / "out" / "sbc").mkdir(parents=True)
    (lab.folder / "out" / "sbc" / "sbc1-ctx2-device.pem").write_text("mine")

    answer = lab.sipca("apply", lab.file)

    assert answer.exit == 6
    assert (lab.folder / "out" / "sbc" / "sbc1-ctx2-device.pem").read_text() == "mine"


def test_a_ca_made_with_other_wishes_is_drift_that_apply_does_not_touch(lab: Lab) -> None:
    lab.apply()
    lab.write(CA.replace('"L"', '"Other"') + DEVICE)

    check = lab.sipca("apply", lab.file, "--check", "--json")
    answer = lab.sipca("apply", lab.file)

    assert check.exit == 9
    assert check.json["steps"][0]["state"] == "drift"
    assert answer.exit == 6
    assert lab.sipca("status", "--json").json["ca"] == "L"


def test_own_profiles_are_put_into_the_home_and_signed_with(lab: Lab) -> None:
    text = (
        (ROOT / "profiles" / "sip.toml")
        .read_text()
        .replace('lifetime = "825d"', 'lifetime = "100d"', 1)
    )
    (lab.folder / "short-sip.toml").write_text(text)
    lab.write('profiles = ["short-sip.toml"]\n' + CA + DEVICE + SBC + 'profile = "short-sip"\n')

    assert set(lab.states().values()) == {"made"}
    assert set(lab.states().values()) == {"unchanged"}
    (made,) = lab.sipca("list", "--json").json["certificates"]
    assert made["profile"] == "short-sip"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (CA + "nmae = 1\n", 3, "unknown key 'ca.nmae'"),
        (
            CA + '[[device]]\nname = "a"\n[[device]]\nname = "A"\n',
            6,
            "device[0] and device[1] are both 'A'",
        ),
        (CA + SBC.replace("sbc1.csr", "gone.csr"), 5, "certificate[0].csr: there is no file"),
        (CA + SBC.replace("sbc1.csr", "lab.toml"), 3, "certificate[0].csr: "),
        (CA + SBC + 'profile = "nope"\n', 5, "certificate[0].profile: there is no profile 'nope'"),
        (CA + SBC + SBC, 6, "certificate[0] and certificate[1] are both 'out/sbc/sbc1-device.pem'"),
        (CA + DEVICE.replace("10.4.0.20", "a b"), 3, "device[0]: 'a b' is neither a host name"),
        (
            CA + '[[device]]\nname = "a"\ntarget = "nokia"\n',
            5,
            "device[0].target: there is no target",
        ),
        (CA + '[[certificate]]\nout = "x"\n', 3, "certificate[0] has not one of csr and issue"),
        (CA + PROXY + 'key = "rsa:1024"\n', 3, "certificate[0].key: 'rsa:1024' is not one of"),
        (
            CA + SBC + 'lifetime = "never"\n',
            3,
            "certificate[0].lifetime: 'never' is not a duration",
        ),
        (CA + SBC + 'allow = ["all"]\n', 3, "certificate[0].allow: there is no rule 'all'"),
        ('[ca]\ntarget = "nokia"\n', 5, "ca.target: there is no target"),
        ('[ca]\ncountry = "NLD"\n', 3, "ca: --country 'NLD'"),
        ('profiles = ["gone.toml"]\n', 5, "profiles[0]: there is no file"),
        ("[ca\n", 3, "is not TOML"),
    ],
)
def test_whatever_is_wrong_is_named_before_anything_is_done(
    lab: Lab, text: str, code: int, said: str
) -> None:
    lab.write(text)

    for words in ((), ("--check",)):
        answer = lab.sipca("apply", lab.file, *words)
        assert answer.exit == code, answer.err
        assert said in answer.err
        assert "/lab.toml" in answer.err
    assert not lab.sipca.home.exists()
    assert not (lab.folder / "out").exists()


def test_a_lab_file_that_is_gone_or_of_another_schema_is_named(lab: Lab) -> None:
    lab.write(CA, schema="schema = 2\n")

    assert "schema is 2, known is 1" in lab.sipca("apply", lab.file).err
    assert lab.sipca("apply", lab.folder / "none.toml").exit == 5


def test_a_refused_csr_ends_it_with_its_kind_and_its_name(lab: Lab) -> None:
    shutil.copy(SAMPLES / "email-typed-host.csr", lab.folder / "sbc1.csr")

    answer = lab.sipca("apply", lab.file)

    assert answer.exit == 4
    assert "sbc1.csr: the CSR's SAN email" in answer.err


def test_the_passphrase_is_asked_for_once_and_not_at_all_when_nothing_is_to_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write(CA.replace('protect = "none"\n', "") + SBC)
    assert lab.sipca("apply", lab.file).exit == 7
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    assert lab.sipca("apply", lab.file).exit == 0
    monkeypatch.delenv("SIPCA_PASSPHRASE")

    assert lab.sipca("apply", lab.file).exit == 0


def process(lab: Lab) -> subprocess.Popen[str]:
    words = ["apply", str(lab.file), "--home", str(lab.sipca.home), "--json"]
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *words],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_four_at_once_do_the_work_once(lab: Lab) -> None:
    running = [process(lab) for _ in range(4)]
    done = [each.communicate(timeout=120) for each in running]

    assert [each.returncode for each in running] == [0] * 4, done
    assert len(lab.sipca("list", "--all", "--json").json["certificates"]) == 2
    assert set(lab.states().values()) == {"unchanged"}
    assert lab.sipca("log", "--verify").exit == 0


@pytest.mark.parametrize("wait_for", ["ca.db", "out/sbc", "out/proxy"])
def test_killed_half_way_the_next_call_goes_on(lab: Lab, wait_for: str) -> None:
    place = (lab.sipca.home if wait_for == "ca.db" else lab.folder) / wait_for
    running = process(lab)
    until(lambda: place.exists() or running.poll() is not None, pause=0.002)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)

    assert lab.sipca("apply", lab.file).exit == 0
    assert set(lab.states().values()) == {"unchanged"}
    assert lab.sipca("log", "--verify").exit == 0


def test_the_lab_of_scripts_bootstrap_lab_comes_up_twice(lab: Lab) -> None:
    """An SBC, a proxy, a web page and two phones, from the very file of the script."""
    script = (ROOT / "scripts" / "bootstrap-lab").read_text()
    lab.file.write_text(script.partition("<<'LAB'\n")[2].partition("\nLAB\n")[0])

    first, second = lab.states(), lab.states()

    assert len(first) == 9
    assert set(second.values()) == {"unchanged"}
    assert len(lab.sipca("list", "--json").json["certificates"]) == 5
    profiles = {each["profile"] for each in lab.sipca("list", "--json").json["certificates"]}
    assert profiles == {"sip", "https", "phone"}


def test_a_request_whose_certificate_was_revoked_is_refused_and_the_others_go_on(lab: Lab) -> None:
    lab.apply()
    assert lab.sipca("revoke", "sbc1", "--reason", "cessation").exit == 0

    answer = lab.sipca("apply", lab.file, "--json")

    assert answer.exit == 4
    (refused,) = answer.json["refused"]
    assert refused["rule"] == "revoked-before"
    assert "was revoked on" in refused["message"]
    assert "sipca sign --again signs it" in refused["hint"]
    states = [each["state"] for each in answer.json["steps"]]
    assert states.count("refused") == 1
    assert set(states) == {"refused", "unchanged"}


def test_the_example_is_a_lab_file_that_applies(sipca: CommandLine, tmp_path: Path) -> None:
    printed = CommandLine(tmp_path / "none")("apply", "--example")
    (tmp_path / "lab.toml").write_text(printed.out)

    first = CommandLine(tmp_path / "new")("apply", tmp_path / "lab.toml")
    second = CommandLine(tmp_path / "new")("apply", tmp_path / "lab.toml")

    assert printed.exit == 0
    assert first.exit == 0, first.err
    assert "nothing to do" in second.out
    schema = json.loads(sipca("schema", "lab").out)
    jsonschema.Draft202012Validator(schema).validate(tomllib.loads(printed.out))


@pytest.mark.parametrize(
    "text",
    ["schema = 2\n", "[ca]\n", "schema = 1\n[[device]]\ntarget = 1\n", "schema = 1\nbogus = 1\n"],
)
def test_the_schema_of_lab_files_refuses_what_apply_refuses(
    sipca: CommandLine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "lab.toml").write_text(text)
    schema = json.loads(sipca("schema", "lab").out)

    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(tomllib.loads(text)))

    assert errors
    assert sipca("apply", tmp_path / "lab.toml").exit == 3


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[[device]]\nname = 'a'\n[[device]]\nname = 'b'\nadresses = ['x']\n", "unknown key 'device[1].adresses'", "did you mean 'addresses'?"),
        ("[[certificate]]\nout = 'o'\nname = 'x'\n", "unknown key 'certificate[0].name'", "use one of out, csr, issue"),
        ("[ca]\nprofil = 'x'\n", "unknown key 'ca.profil'", "use one of name, org, country"),
    ],
)  # fmt: skip
def test_a_wrong_key_gets_the_hint_of_its_own_table(
    sipca: CommandLine, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    (tmp_path / "lab.toml").write_text(f"schema = 1\n{text}")

    answer = sipca("apply", tmp_path / "lab.toml")

    assert answer.exit == 3
    assert message in answer.err
    assert f"hint: {hint}" in answer.err


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("[[device]]\nname = 'sbc1'\n[[certificate]]\nissue = ['a.lab.example']\ndevice = 'scb1'\nout = 'o'\n", 5, "certificate[0].device: no [[device]] is called 'scb1'"),
        ("[[device]]\nname = 'a'\naddresses = ['10.0.0.1']\n[[device]]\nname = 'b'\naddresses = ['10.0.0.1']\n", 6, "the address 10.0.0.1 is of 'a' and of 'b'"),
        ("[[device]]\nname = 'a'\ncontext = 1\n[[certificate]]\nissue = ['x.lab.example']\ndevice = 'a'\nout = 'o'\n[[certificate]]\nissue = ['y.lab.example']\ndevice = 'a'\nout = 'p'\n", 6, "certificate[0] and certificate[1] are both for 'a' context 1"),
        ("[[certificate]]\nissue = ['x.lab.example']\ndevice = 'a'\nout = 'o'\n[[certificate]]\nissue = ['y.lab.example']\ndevice = 'A'\nout = 'p'\n", 6, "certificate[0] and certificate[1] are both for 'A' by profile sip: each would supersede the other"),
        (f"[[certificate]]\ncsr = '{SAMPLES / 'sbc1.csr'}'\ndevice = 'a'\nout = 'o'\n[[certificate]]\ncsr = '{SAMPLES / 'ec-p256.csr'}'\ndevice = 'a'\nout = 'o'\n", 6, "by profile sip: each would supersede the other"),
    ],
)  # fmt: skip
def test_devices_addresses_and_contexts_must_agree(
    sipca: CommandLine, tmp_path: Path, text: str, code: int, message: str
) -> None:
    (tmp_path / "lab.toml").write_text(f"schema = 1\n{text}")

    answer = sipca("apply", tmp_path / "lab.toml")

    assert answer.exit == code
    assert message in answer.err


def test_two_certificates_of_a_device_by_two_profiles_come_to_rest(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").write_text(
        "schema = 1\n"
        "[[certificate]]\nissue = ['x.lab.example']\ndevice = 'a'\nout = 'o'\n"
        "[[certificate]]\nissue = ['y.lab.example']\ndevice = 'a'\nprofile = 'https'\nout = 'o'\n"
    )
    sipca("apply", tmp_path / "lab.toml")

    again = sipca("apply", tmp_path / "lab.toml", "--json").json

    assert {each["state"] for each in again["steps"]} == {"unchanged"}
    assert len(sipca("list", "--json").json["certificates"]) == 2


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("issue = ['x.lab.example']\ncontext = 1", "context goes with csr, not with issue"),
        ("issue = ['x.lab.example']\ncn = 'y.lab.example'", "cn goes with csr, not with issue"),
        ("issue = ['x.lab.example']\nsan = ['dns:y.lab.example']", "san goes with csr, not with issue"),
        ("issue = ['x.lab.example']\nfix_san = true", "fix_san goes with csr, not with issue"),
        (f"csr = '{SAMPLES / 'sbc1.csr'}'\nkey = 'ec:p256'", "key goes with issue, not with csr"),
    ],
)  # fmt: skip
def test_a_key_that_would_be_passed_over_is_refused(
    sipca: CommandLine, tmp_path: Path, entry: str, message: str
) -> None:
    (tmp_path / "lab.toml").write_text(f"schema = 1\n[[certificate]]\nout = 'o'\n{entry}\n")

    answer = sipca("apply", tmp_path / "lab.toml")

    assert answer.exit == 3
    assert f"certificate[0].{message}" in answer.err
    assert "hint: leave it out" in answer.err
    assert not (tmp_path / "o").exists()


def test_what_is_there_but_not_in_the_file_is_told_and_stays(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("device", "set", "stray")
    sipca("issue", "old.lab.example", "--out", tmp_path / "old")
    (tmp_path / "lab.toml").write_text("schema = 1\n[[device]]\nname = 'sbc1'\n")
    sipca("apply", tmp_path / "lab.toml")

    answer = sipca("apply", tmp_path / "lab.toml", "--check")
    told = sipca("apply", tmp_path / "lab.toml", "--json").json["unlisted"]

    assert answer.exit == 0
    assert "there, but not in the file: device stray" in answer.out
    assert [(each["what"], each["name"]) for each in told] == [
        ("device", "stray"), ("certificate", "old.lab.example"),
    ]  # fmt: skip


def test_a_device_s_kind_decides_the_key_and_a_new_name_retires_the_old(
    sipca: CommandLine, tmp_path: Path
) -> None:
    lab = tmp_path / "lab.toml"
    text = "schema = 1\n[[device]]\nname = 'gw'\ntarget = 'audiocodes-7.4'\n[[certificate]]\nissue = ['{}']\ndevice = 'gw'\nout = 'o'\n"  # fmt: skip
    lab.write_text(text.format("gw1.lab.example"))
    sipca("apply", lab)
    shown = sipca("show", "gw", "--json").json
    lab.write_text(text.format("gw2.lab.example"))

    answer = sipca("apply", lab)

    assert shown["key"] == "RSA 2048"
    assert f"supersedes {shown['certificate']['serial'][:12]}" in answer.out
