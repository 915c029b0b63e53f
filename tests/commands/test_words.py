"""Words that are odd or no UTF-8, in every option and argument of every command.

Those that are no UTF-8 are given to real processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stand_in.lab import EC_KEY, ROOT, CommandLine, make_csr

from cli.command_table import COMMANDS
from cli.groups import load_command

RUN = "from cli.main import main; main()"
ODD = b"w\xff\xfe"
USUAL: dict[str, list[str]] = {
    "init": [],
    "import": ["--certificates", "{out}/sbc1-device.pem"],
    "status": [],
    "chain": [],
    "log": [],
    "csr show": ["{csr}"],
    "sign": ["{csr}"],
    "renew": ["--out", "{out}"],
    "rekey": ["sbc1", "--csr", "{csr}"],
    "issue": ["peer.lab.example", "--out", "{out}"],
    "list": [],
    "show": ["sbc1"],
    "export": ["sbc1", "--out", "{out}"],
    "revoke": ["sbc1"],
    "release": ["sbc1"],
    "crl": [],
    "ocsp respond": ["{csr}", "-o", "{out}/r"],
    "ocsp presign": ["--out", "{out}"],
    "ocsp rotate": [],
    "scep list": [],
    "scep show": ["1"],
    "scep approve": ["1"],
    "scep deny": ["1"],
    "scep challenge": [],
    "scep rotate": [],
    "preflight": ["{out}/sbc1-device.pem"],
    "doctor": ["sbc1", "--offline", "{out}/sbc1-device.pem"],
    "pull": ["sbc1", "--address", "127.0.0.1:1", "--password-file", "{csr}"],
    "push": ["sbc1", "--address", "127.0.0.1:1", "--password-file", "{csr}"],
    "trust export": [],
    "trust check": ["{out}/trusted-root.pem", "--pack", "ours"],
    "trust build": ["{csr}"],
    "trust diff": ["{csr}", "{csr}"],
    "fixture list": [],
    "fixture make": ["expired", "--out", "{out}/f"],
    "samples": ["{out}/s"],
    "check": [],
    "backup": ["{out}/b"],
    "restore": ["{csr}"],
    "serve": ["--bind", "300.0.0.1"],
    "web": ["--port", "70000"],
    "ca set": [],
    "ca list": [],
    "ca plan": [],
    "ca retire": ["00000000"],
    "ca rotate": ["--dry-run"],
    "ca passphrase": ["--new-passphrase-file", "{out}/none"],
    "ca export-root-key": ["{out}/root.key", "--new-passphrase-file", "{out}/none"],
    "ca drop-root-key": ["--exported", "{out}/none"],
    "profile list": [],
    "profile show": ["sip"],
    "profile check": ["{csr}"],
    "profile new": ["mine", "--from", "sip"],
    "target list": [],
    "target show": ["generic"],
    "device list": [],
    "device show": ["sbc1"],
    "device set": ["sbc1"],
    "device remove": ["sbc1"],
    "device crib": ["sbc1"],
    "device done": ["sbc1", "--step", "trust"],
    "apply": ["{csr}"],
    "completion": ["bash"],
    "env": [],
    "schema": ["sign"],
    "rule list": [],
    "rule show": ["weak-key"],
    "help": ["sign"],
    "version": [],
}
"""A call of every command that would be carried out or refused without the odd word."""


def commands() -> Iterator[tuple[str, ...]]:
    for name, entry in COMMANDS.items():
        if isinstance(entry, tuple):
            yield from ((name, inner) for inner in entry[1])
        else:
            yield (name,)


def places() -> Iterator[tuple[tuple[str, ...], int | str]]:
    """Every option that takes a value, and the number of every argument, of every command."""
    for path in commands():
        arguments = 0
        for each in load_command(path).params:
            if each.param_type_name == "argument":
                yield path, arguments
                arguments += 1
            elif not each.is_flag:
                yield path, each.opts[-1]


def program(
    *words: str | bytes, environment: dict[str, bytes | str] | None = None, **rest: Any
) -> subprocess.CompletedProcess[bytes]:
    bare: dict[str, bytes | str] = {"PYTHONPATH": str(ROOT), "SIPCA_NO_INPUT": "1", "LANG": "C"}
    return subprocess.run(
        [sys.executable.encode(), b"-c", RUN.encode(), *(os.fsencode(each) for each in words)],
        env={**bare, **(environment or {})}, timeout=60, check=False,
        **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | rest),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("words")
    sipca = CommandLine(folder / "home")
    made = sipca(
        "init", "--name", "Lab", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--no-passphrase",
    )  # fmt: skip
    assert made.exit == 0, made.err
    (folder / "sbc1.csr").write_bytes(make_csr("dns:sbc1.lab.example", key=EC_KEY))
    signed = sipca("sign", folder / "sbc1.csr", "--device", "sbc1", "--out", folder / "out")
    assert signed.exit == 0, signed.err
    return sipca


def usual(lab: CommandLine, path: tuple[str, ...]) -> list[str]:
    folder = lab.home.parent
    known = {"csr": folder / "sbc1.csr", "out": folder / "out"}
    return [each.format(**known) for each in USUAL[" ".join(path)]]


def test_every_command_is_tried() -> None:
    assert {" ".join(path) for path in commands()} == set(USUAL)


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_octets_that_are_no_text_are_refused_or_name_a_file(
    lab: CommandLine, path: tuple[str, ...]
) -> None:
    for tried, (_, place) in enumerate(each for each in places() if each[0] == path):
        words: list[str | bytes] = [*path, *usual(lab, path)]
        if isinstance(place, int):
            words = [*words[: len(path) + place], ODD, *words[len(path) + place + 1 :]]
        else:
            words += [place, ODD]
        if place != "--home":
            words += ["--home", str(lab.home)]

        language = "C.UTF-8" if tried % 2 else "C"
        answer = program(
            *words, "--json", environment={"LANG": language}, cwd=lab.home.parent / "out"
        )

        told = (answer.stdout or answer.stderr).decode("utf-8")
        assert answer.returncode not in (1, 120), (words, told)
        assert "Traceback" not in answer.stderr.decode("utf-8"), (words, told)
        if path != ("completion",) or answer.returncode:  # its script is no document
            last = answer.stdout or answer.stderr.splitlines()[-1]
            assert isinstance(json.loads(last), dict), (words, answer.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["sign", "{csr}", "--cn", ODD],
        ["sign", "{csr}", "--san", b"dns:" + ODD],
        ["sign", "{csr}", "--device", ODD],
        ["sign", "{csr}", "--profile", ODD],
        ["issue", ODD, "--out", "{out}"],
        ["show", ODD],
        ["device", "set", "sbc1", "--address", ODD],
        ["init", "--name", ODD],
        ["revoke", "--serial", ODD],
    ],
)
def test_a_name_that_is_no_text_is_a_usage_error_that_shows_it(
    lab: CommandLine, words: list[str | bytes]
) -> None:
    known = {"csr": lab.home.parent / "sbc1.csr", "out": lab.home.parent / "out"}
    spelled = [each.format(**known) if isinstance(each, str) else each for each in words]

    answer = program(*spelled, "--home", str(lab.home))

    assert answer.returncode == 2, answer.stderr
    assert rb"w\xff\xfe' is not UTF-8" in answer.stderr


def test_an_unknown_command_or_option_that_is_no_text_is_a_usage_error() -> None:
    for words in ([ODD], [b"--" + ODD], ["csr", ODD], ["sign", b"--" + ODD]):
        plain, told = program(*words), program(*words, "--json")

        assert plain.returncode == told.returncode == 2
        assert b"Traceback" not in plain.stderr
        assert rb"\\xff" in told.stderr or rb"\\udcff" in told.stderr
        assert json.loads(told.stderr)["error"]["kind"] == "usage"


def test_a_file_and_a_folder_with_odd_names_are_read_written_and_shown_escaped(
    lab: CommandLine, tmp_path: Path
) -> None:
    odd = os.fsencode(tmp_path) + b"/in\xff.csr"
    Path(os.fsdecode(odd)).write_bytes(make_csr(cn="odd.lab.example", key=EC_KEY))
    out = os.fsencode(tmp_path) + b"/out\xff"
    report = os.fsencode(tmp_path) + b"/report\xff"

    signed = program(
        "sign", odd, "--out", out, "--json", "--report", report, "--home", str(lab.home)
    )
    again = program("sign", odd, "--out", out, "--home", str(lab.home))
    exported = program(
        "export", "odd.lab.example", "--out", os.fsencode(tmp_path) + b"/kit\xff", "--json",
        "--target", "audiocodes-7.4", "--home", str(lab.home),
    )  # fmt: skip

    (entry,) = json.loads(signed.stdout)["signed"]
    assert entry["source"].endswith(r"in\xff.csr")
    assert r"out\xff/" in entry["files"]["device"]
    assert json.loads(Path(os.fsdecode(report)).read_bytes()) == json.loads(signed.stdout)
    assert (again.returncode, b"\xff" in again.stderr) == (0, False)
    assert rb"out\xff/" in again.stderr
    assert json.loads(exported.stdout)["files"]
    assert {name for name in os.listdir(out)} == {
        b"in_xff-device.pem", b"trusted-root.pem", b"trusted-1-root.pem", b"trusted-2-issuing.pem"
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", [["sign", "{csr}", "--again"], ["status"], ["env"], ["list"], ["check"]]
)
def test_a_home_with_an_odd_name_works(lab: CommandLine, tmp_path: Path, words: list[str]) -> None:
    import shutil

    home = os.fsencode(tmp_path) + b"/h\xff"
    shutil.copytree(lab.home, os.fsdecode(home))
    spelled = [each.format(csr=lab.home.parent / "sbc1.csr") for each in words]

    answer = program(*spelled, "--json", environment={"SIPCA_HOME": home})

    assert answer.returncode == 0, answer.stderr
    assert rb"/h\\xff" in answer.stdout or words[0] in ("list", "check")


@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_json_is_utf8_in_every_locale(lab: CommandLine, tmp_path: Path, language: str) -> None:
    source = tmp_path / "x.csr"
    source.write_bytes(make_csr(cn="gr\u00fcn", key=EC_KEY))

    answer = program(
        "csr", "show", str(source), "--json",
        environment={"LANG": language, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip

    assert json.loads(answer.stdout.decode("utf-8"))["subject"] == "CN=gr\u00fcn"


@pytest.mark.parametrize(
    ("environment", "file", "code", "said"),
    [
        ({"SIPCA_PASSPHRASE": b"\xff"}, None, 7, "the passphrase is not UTF-8"),
        ({"SIPCA_PASSPHRASE": b"x" * 5000}, None, 7, "more than 4096 octets"),
        ({"SIPCA_PASSPHRASE": b""}, None, 7, "the passphrase is empty"),
        ({}, b"\xff\xfe", 7, "is not UTF-8"),
        ({}, b"a\0b\n", 7, "holds a NUL"),
        ({}, b"\n", 7, "the passphrase is empty"),
        ({}, b"x" * 5000, 3, "octets"),
        ({"SIPCA_PASSPHRASE_FILE": b"/no\xff"}, None, 5, r"'/no\xff'"),
    ],
)
def test_a_passphrase_that_is_no_text_is_a_clear_error(
    tmp_path: Path, environment: dict[str, bytes | str], file: bytes | None, code: int, said: str
) -> None:
    words: list[str | bytes] = ["init", "--root-key", "ec:p256", "--home", str(tmp_path / "h")]
    if file is not None:
        (tmp_path / "pass").write_bytes(file)
        words += ["--passphrase-file", str(tmp_path / "pass")]

    answer = program(*words, environment=environment)

    assert (answer.returncode, said in answer.stderr.decode()) == (code, True), answer.stderr
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("home", "code", "said"),
    [
        ("~nobody-of-this-name/x", 2, "no home directory is known for '~nobody-of-this-name/x'"),
        ("", 2, "--home is empty"),
        ("x" * 5000, 8, "File name too long"),
        ("a-file", 5, "there is no CA in 'a-file'"),
        ("a-link", 5, "there is no CA in 'a-link'"),
        ("a-socket", 5, "there is no CA in 'a-socket'"),
    ],
)
@pytest.mark.parametrize("words", [["status"], ["init", "--no-passphrase"], ["device", "list"]])
def test_a_home_that_cannot_be_one_is_named(
    tmp_path: Path, home: str, code: int, said: str, words: list[str]
) -> None:
    import socket

    (tmp_path / "a-file").write_text("x")
    (tmp_path / "a-link").symlink_to(tmp_path / "nothing" / "there")
    with socket.socket(socket.AF_UNIX) as taken:
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            taken.bind("a-socket")
        finally:
            os.chdir(here)

        answer = program(*words, "--home", home, cwd=tmp_path)

    text = answer.stderr.decode()
    if words[0] == "init" and code in (5, 8):  # it would make it, and says why it cannot
        assert answer.returncode == 8, text
    else:
        assert (answer.returncode, said in text) == (code, True), text
    assert "Traceback" not in text
    assert len(text) < 1000


def test_no_home_and_no_working_directory_are_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f'mkdir "{gone}" && cd "{gone}" && rmdir "{gone}" && exec "$@"'
    runs = ["bash", "-c", script, "bash", sys.executable, "-c", RUN]
    for words in (["status"], ["status", "--home", "h"], ["init", "--home", "h", "--no-passphrase"],
                  ["sign", "x.csr", "--home", "h"], ["trust", "build", "."]):  # fmt: skip
        answer = subprocess.run(
            [*runs, *words], env={"PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

        assert answer.returncode in (2, 5, 8), (words, answer.stderr)
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("redirection", "words", "code", "said"),
    [
        ("<&-", "status", 0, ""),
        ("<&-", "sign -", 3, "stdin is closed"),
        ("<&-", "sign {csr} --again --passphrase-file -", 0, ""),
        ("</dev/null", "sign -", 3, ""),
        (">&-", "status", 0, ""),
        (">&-", "sign {csr} --again", 0, ""),
        ("2>&-", "sign {csr} --again", 0, ""),
        ("2>&-", "show nothing", 5, ""),
        ("<&- >&- 2>&-", "sign {csr} --again", 0, ""),
        (">/dev/full", "status", 8, "the output: No space left on device"),
        ("2>/dev/full", "sign {csr} --again", 0, ""),
        ("2>/dev/full", "show nothing", 5, ""),
        ("2>/dev/full", "nonsense", 2, ""),
        (">/dev/full 2>/dev/full", "status", 8, ""),
        (">&0 </dev/null", "status", 8, "the output: Bad file descriptor"),
    ],
)
def test_descriptors_that_are_closed_full_or_folders_do_no_harm(
    lab: CommandLine, redirection: str, words: str, code: int, said: str
) -> None:
    spelled = words.format(csr=lab.home.parent / "sbc1.csr")
    answer = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{RUN}" {spelled} --home "{lab.home}" {redirection}'],
        env={"PYTHONPATH": str(ROOT), "SIPCA_NO_INPUT": "1"}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    verified = lab("log", "--verify")

    assert (answer.returncode, said in answer.stderr) == (code, True), answer.stderr
    assert "Traceback" not in answer.stderr
    assert "Exception ignored" not in answer.stderr
    assert verified.exit == 0, verified.err


def test_a_pipe_that_nobody_reads_is_no_bug(lab: CommandLine) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    for words in (["rule", "list"], ["list", "--json"], ["rule", "list", "--json"], ["chain"]):
        answer = program(*words, "--home", str(lab.home), stdout=writing)
        assert (answer.returncode, answer.stderr) == (8, b""), words
    os.close(writing)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sign", "{csr}", "--lifetime", "9999-12-31"], 4),
        (["sign", "{csr}", "--lifetime", "0001-01-01"], 4),
        (["sign", "{csr}", "--lifetime", "99999999999d"], 2),
        (["sign", "{csr}", "--lifetime", "\u0663d"], 2),
        (["sign", "{csr}", "--lifetime", "\u0662\u0660\u0662\u0668-01-01"], 2),
        (["sign", "{csr}", "--backdate", "100y"], 4),
        (["list", "--expiring", "100y"], 0),
        (["list", "--expiring", "999999y"], 2),
        (["check", "--expiring", "100y"], 0),
        (["crl", "--if-within", "100y"], 0),
        (["crl", "--refresh", "--lifetime", "100y"], 0),
        (["ocsp", "presign", "--out", "{out}/p", "--lifetime", "100y"], 0),
        (["preflight", "{out}/sbc1-device.pem", "--at", "0001-01-01T00:00:00+23:59"], 2),
        (["preflight", "{out}/sbc1-device.pem", "--at", "9999-12-31T23:59:59-23:59"], 2),
        (["preflight", "{out}/sbc1-device.pem", "--at", "9998-12-31T23:59:59Z"], 9),
        (["preflight", "{out}/sbc1-device.pem", "--at", "1950-01-01"], 9),
        (["preflight", "{out}/sbc1-device.pem", "--at", "\u0662026-01-01"], 2),
        (["revoke", "sbc1", "--invalid-since", "0001-01-01T00:00:00+23:59"], 2),
        (["revoke", "sbc1", "--invalid-since", "9999-12-31"], 2),
        (["issue", "a.lab.example", "--out", "{out}/i", "--renew-before", "100y"], 0),
        (["issue", "b.lab.example", "--out", "{out}/i2", "--lifetime", "9999-12-31"], 4),
    ],
)
def test_dates_at_the_edge_of_the_calendar_are_reckoned_with_or_refused(
    lab: CommandLine, words: list[str], code: int
) -> None:
    known = {"csr": lab.home.parent / "sbc1.csr", "out": lab.home.parent / "out"}

    answer = lab(*(each.format(**known) for each in words), "--json")

    assert answer.exit == code, answer.err
    json.loads(answer.out or answer.err)


@pytest.mark.parametrize("option", ["--root-lifetime", "--issuing-lifetime"])
def test_a_ca_for_a_hundred_years_is_made_or_refused(bare: CommandLine, option: str) -> None:
    answer = bare("init", "--no-passphrase", "--root-key", "ec:p256", option, "100y")

    assert answer.exit in (0, 4), answer.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b"\xff\xfe\n", "what was typed is not UTF-8"),
        (b"\x04", "no passphrase was typed"),
        (b"a\x00b\na\x00b\n", "the passphrase holds a NUL"),
        (b"\n\n", "the passphrase is empty"),
    ],
)
def test_a_passphrase_typed_that_is_no_text_is_a_clear_error(
    tmp_path: Path, typed: bytes, said: str
) -> None:
    import pty

    words = ["init", "--name", "Lab", "--root-key", "ec:p256", "--home", str(tmp_path / "h")]
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        os.execve(sys.executable, [sys.executable, "-c", RUN, *words], environment)
    seen = b""
    for prompt, line in zip(
        (b"new CA: ", b"again: "), typed.splitlines(keepends=True), strict=False
    ):
        while prompt not in seen:  # what is typed before that is thrown away
            seen += os.read(terminal, 4096)
        os.write(terminal, line)
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:  # the other end is closed
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)

    assert (code, said in seen.decode()) == (7, True), seen
    assert not (tmp_path / "h").exists()


ORDERLY = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10}
"""What a call may end with: 1 is a bug of ours."""
HUGE = "9" * 300
LISTENS = {("serve",): ["--port", "70000"]}
"""What keeps a service from starting whichever of its other options is tried."""


def options(path: tuple[str, ...]) -> Iterator[Any]:
    return (each for each in load_command(path).params if each.param_type_name == "option")


def takers_of_time() -> list[tuple[tuple[str, ...], str]]:
    return [
        (path, each.opts[-1])
        for path in commands()
        for each in options(path)
        if (each.metavar or "") in ("D", "D|max", "DATE", "TIME") and "--device" not in each.opts
    ]


def calls(sipca: CommandLine, path: tuple[str, ...], folder: Path) -> Iterator[list[str]]:
    """A call of a command with each odd value in each of its options."""
    words = [*path, *usual(sipca, path), *LISTENS.get(path, [])]
    file = str(folder / "sbc1.csr")
    for each in options(path):
        name = each.opts[-1]
        if name in ("--home", "--debug"):  # whose use is to print the traceback
            continue
        if each.is_flag:
            yield [*words, name, name]
            continue
        for value in ("", " ", "x", "-1d", "-1", "0", HUGE, str(folder), file, "/dev/null/x"):
            if (path, name, value) != (("web",), "--port", "0"):  # any free port: it would start
                yield [*words, f"{name}={value}"]
        yield [*words, f"{name}=x", f"{name}={file}"]


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_no_odd_value_of_an_option_is_a_bug(
    lab: CommandLine, tmp_path: Path, path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIPCA_NO_INPUT", "1")
    monkeypatch.setenv("HOME", os.fspath(tmp_path))

    for words in calls(lab, path, lab.home.parent):
        answer = lab(*words)

        assert answer.exit in ORDERLY, (words, answer.exit, answer.err)
        assert "Traceback" not in answer.err, words
        assert "bug of sipca" not in answer.err, words
        assert answer.exit == 0 or answer.err or answer.out or "--quiet" in words, words
        assert len(answer.err) < 60_000, words


def test_the_options_that_take_a_time_are_found() -> None:
    assert len(takers_of_time()) >= 12


@pytest.mark.parametrize(("path", "option"), takers_of_time(), ids=str)
@pytest.mark.parametrize("value", ["x", "-1d", "0d", "5", "2028-13-01"])
def test_an_option_that_takes_a_time_names_all_its_forms(
    lab: CommandLine, path: tuple[str, ...], option: str, value: str
) -> None:
    words = ["--all"] if path == ("push",) else [*usual(lab, path), *LISTENS.get(path, [])]

    answer = lab(*path, *words, f"{option}={value}")

    assert answer.exit == 2
    assert f"{option}: '{value}'" in answer.err
    spans, moments = "hint: write it as 36h, 90d, 12w", "hint: write it as 2026-11-23 or"
    assert spans in answer.err or moments in answer.err
