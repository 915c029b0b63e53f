"""Targets of servers: the files that ``issue`` writes, and what an own target may not say."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.lab import NOW, CommandLine

from ca.profiles.library import Library

SERVERS = [
    name for name in Library().targets.shipped() if Library().target(name).server_files
]  # fmt: skip
GOOD = 'schema = 1\ndescription = "ours"\n'


def own_target(sipca: CommandLine, text: str, name: str = "edge") -> None:
    folder = sipca.home / "targets"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(GOOD + text)


def passphrase(folder: Path) -> tuple[str, Path]:
    (folder / "secret").write_text("correct horse\n")
    return "--key-passphrase-file", folder / "secret"


def stores(name: str, folder: Path) -> tuple[object, ...]:
    files = Library().target(name).server_files
    has_store = any(file.format in ("keystore", "truststore") for file in files)
    return passphrase(folder) if has_store else ()


def blocks(path: Path) -> list[str]:
    return re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", path.read_text("latin-1"))


@pytest.mark.parametrize("name", SERVERS)
def test_issue_writes_exactly_the_files_of_the_target_with_their_modes(
    sipca: CommandLine, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    words = stores(name, tmp_path)

    answer = sipca("issue", "srv.lab.example", "--target", name, "--out", out, *words, "--json")

    files = Library().target(name).server_files
    assert answer.exit == 0, answer.err
    assert {path.name for path in out.iterdir()} == {file.name for file in files}
    for file in files:
        assert stat.S_IMODE((out / file.name).stat().st_mode) == file.permissions
        assert file.has_key is (file.permissions != 0o644)
    server = answer.json["server"]
    assert {each["state"] for each in server["files"]} == {"written"}
    assert "{folder}" not in server["snippet"] + server["reload"] + server["place"]
    assert server["tried"] or name == "avaya-j100"


@pytest.mark.parametrize("name", SERVERS)
def test_the_closing_lines_say_the_configuration_and_the_reload(
    sipca: CommandLine, tmp_path: Path, name: str
) -> None:
    words = stores(name, tmp_path)

    said = sipca("issue", "srv.lab.example", "--target", name, "--out", tmp_path / "o", *words).out

    server = Library().target(name).server
    assert (
        server.snippet.strip("\n").splitlines()[0].replace("{folder}", str(tmp_path / "o")) in said
    )
    assert server.reload in said
    assert f"({server.basis})" in said


def test_contents_are_in_the_order_of_the_target(sipca: CommandLine, tmp_path: Path) -> None:
    own_target(
        sipca,
        '[[file]]\nname = "all.pem"\ncontents = ["key", "certificate", "chain", "issuing", "root", "crls"]\n',
    )

    sipca("issue", "srv.lab.example", "--target", "edge", "--out", tmp_path / "out")

    text = (tmp_path / "out" / "all.pem").read_text()
    chain, root = sipca("chain", "--parts", "issuing").out, sipca("chain", "--parts", "root").out
    leaf = sipca("show", "srv.lab.example", "--pem").out
    key = text[: text.index("-----BEGIN CERTIFICATE")]
    assert text == key + leaf + chain + chain + root + sipca("crl", "--ca", "all").out
    assert key.startswith("-----BEGIN PRIVATE KEY-----")


def test_run_again_nothing_is_written_and_when_due_only_the_certificate(
    sipca: CommandLine, tmp_path: Path, frozen: Callable[..., None]
) -> None:
    out, words = tmp_path / "out", ("issue", "srv.lab.example", "--target", "kamailio")
    sipca(*words, "--out", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    again = sipca(*words, "--out", out, "--json").json
    frozen(NOW + timedelta(days=800))
    renewed = sipca(*words, "--out", out, "--json").json

    states = {each["name"]: each["state"] for each in renewed["server"]["files"]}
    assert {each["state"] for each in again["server"]["files"]} == {"unchanged"}
    assert renewed["made"] == "certificate"
    assert {path.name for path in out.iterdir()} == set(before)
    assert states == {
        "key.pem": "unchanged", "fullchain.pem": "written", "root.pem": "unchanged",
        "crls.pem": "written",
    }  # fmt: skip
    assert (out / "key.pem").read_bytes() == before["key.pem"]


@pytest.mark.parametrize("name", ["java", "windows", "haproxy", "freeradius"])
def test_stores_and_combined_files_are_written_again_only_for_a_new_certificate(
    sipca: CommandLine, tmp_path: Path, name: str
) -> None:
    words = ("issue", "srv.lab.example", "--target", name, "--out", tmp_path / "o")
    sipca(*words, *stores(name, tmp_path))
    before = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}

    answer = sipca(*words, *stores(name, tmp_path), "--json").json

    assert answer["made"] == "nothing"
    assert {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()} == before


def test_after_a_rotation_of_the_root_the_trust_files_have_both_chains(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("issue", "srv.lab.example", "--target", "kamailio", "--out", tmp_path / "o")
    sipca(*words)
    sipca("issue", "peer.lab.example", "--out", tmp_path / "peer")
    assert sipca("ca", "rotate", "--root").exit == 0

    sipca(*words)

    assert blocks(tmp_path / "o" / "root.pem") == ["CERTIFICATE"] * 2
    assert blocks(tmp_path / "o" / "crls.pem") == ["X509 CRL"] * 4
    assert blocks(tmp_path / "o" / "fullchain.pem") == ["CERTIFICATE"] * 3, "and a cross one"
    assert (tmp_path / "o" / "crls.pem").read_text() == sipca("crl", "--ca", "all").out


def test_a_replaced_file_keeps_its_group_and_mode(
    sipca: CommandLine, tmp_path: Path, frozen: Callable[..., None]
) -> None:
    words = ("issue", "srv.lab.example", "--target", "haproxy", "--out", tmp_path / "o")
    sipca(*words)
    path = tmp_path / "o" / "haproxy.pem"
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    owner = path.stat()
    frozen(NOW + timedelta(days=800))

    assert sipca(*words, "--json").json["made"] == "certificate"

    now = path.stat()
    assert (now.st_uid, now.st_gid, now.st_mode) == (owner.st_uid, owner.st_gid, owner.st_mode)


def test_a_file_with_the_key_is_never_left_readable_by_everybody(
    sipca: CommandLine, tmp_path: Path, frozen: Callable[..., None]
) -> None:
    words = ("issue", "srv.lab.example", "--target", "haproxy", "--out", tmp_path / "o")
    sipca(*words)
    (tmp_path / "o" / "haproxy.pem").chmod(0o644)
    frozen(NOW + timedelta(days=800))

    sipca(*words)

    assert stat.S_IMODE((tmp_path / "o" / "haproxy.pem").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[[file]]\nname = "../x.pem"\ncontents = ["root"]', "file[0].name: '../x.pem' is not a plain file name", "folder of --out"),
        ('[[file]]\nname = "/etc/x.pem"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = "a/x.pem"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = ".x"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = "a..b"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = "nul.pem"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = "ключ.pem"\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = ""\ncontents = ["root"]', "is not a plain file name", "letters"),
        ('[[file]]\nname = "x"\ncontents = ["roots"]', "file[0].contents: 'roots' is not one of key, certificate, chain, issuing, root, crls", "did you mean 'root'?"),
        ('[[file]]\nname = "x"\ncontents = []', "file[0].contents: 'x' would be empty", "one or more of"),
        ('[[file]]\nname = "x"\ncontents = ["root", "root"]', "file[0].contents: 'root' is there twice", ""),
        ('[[file]]\nname = "x"\ncontents = ["chain", "certificate"]', "'chain' is before 'certificate'", "first certificate"),
        ('[[file]]\nname = "x"\ncontents = "root"', "file[0].contents: this is a string", ""),
        ('[[file]]\nname = "x"\ncontents = ["key"]\nmode = "0644"', "file[0].mode: 'x' holds the key, and 0644 lets everybody read it", "0600, or 0640"),
        ('[[file]]\nname = "x"\ncontents = ["root"]\nmode = "0777"', "file[0].mode: '0777' is not one of 0600, 0640, 0644", ""),
        ('[[file]]\nname = "x"\ncontents = ["root"]\nmode = 0o644', "file[0].mode: this is a whole number", ""),
        ('[[file]]\nname = "x"\ncontents = ["root"]\nformat = "jks"', "file[0].format: 'jks' is not one of pem, der, p7b, keystore, truststore", ""),
        ('[[file]]\nname = "x"\ncontents = ["key"]\nformat = "der"', "a file of format 'der' cannot hold 'key'", "one or more of certificate"),
        ('[[file]]\nname = "x"\ncontents = ["issuing", "root"]\nformat = "der"', "a DER file holds one thing, not 2", ""),
        ('[[file]]\nname = "x"\ncontents = ["certificate"]\nformat = "keystore"', "a keystore needs both 'key' and 'certificate'", ""),
        ('[[file]]\nname = "x"\ncontents = ["crls"]\nformat = "truststore"', "cannot hold 'crls'", "issuing, root"),
        ('[[file]]\nname = "x"\ncontents = ["root"]\n[[file]]\nname = "X"\ncontents = ["key"]', "file[0] and file[1] are both called 'X'", "own name"),
        ('[[file]]\nname = "x"', "file[0]: the table lacks the key 'contents'", ""),
        ('[[file]]\nnane = "x"\ncontents = ["root"]', "unknown key 'file[0].nane'", "did you mean 'name'?"),
        ('[[file]]\nname = "x"\ncontents = ["root"]\n[server]\nsnippet = "{dir}/x"', "server.snippet: '{dir}/x' has an unknown place-holder", "{folder}"),
        ('[[file]]\nname = "x"\ncontents = ["root"]\n[server]\nowner = "a b; rm"', "server.owner: 'a b; rm' is not a user", "kamailio"),
        ('[[file]]\nname = "x"\ncontents = ["root"]\n[server]\nbasis = "tried"', "server.tried is empty", "which program"),
        ('[server]\nreload = "x"', "server: there is no [[file]]", "[[file]]"),
        ("", "there are neither [[steps]] nor [[file]] tables", "[[steps]]"),
    ],
)  # fmt: skip
def test_a_wrong_file_table_is_named_with_its_key(
    sipca: CommandLine, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    own_target(sipca, text)

    answer = sipca("issue", "srv.lab.example", "--target", "edge", "--out", tmp_path / "out")

    assert answer.exit == 3, answer
    assert f"edge.toml: {message}" in answer.err or message in answer.err
    assert hint in answer.err
    assert not (tmp_path / "out").exists()


def test_twenty_one_files_are_too_many(sipca: CommandLine, tmp_path: Path) -> None:
    own_target(sipca, "".join(f'[[file]]\nname = "f{n}"\ncontents = ["root"]\n' for n in range(21)))

    answer = sipca("issue", "srv.lab.example", "--target", "edge", "--out", tmp_path / "out")

    assert answer.exit == 3
    assert "21 files, but 20 is the maximum" in answer.err


def test_a_target_without_a_file_for_the_key_is_refused_before_a_key_is_made(
    sipca: CommandLine, tmp_path: Path
) -> None:
    own_target(sipca, '[[file]]\nname = "x"\ncontents = ["root"]\n')

    answer = sipca("issue", "srv.lab.example", "--target", "edge", "--out", tmp_path / "out")

    assert answer.exit == 4
    assert "target 'edge' has no file for the key" in answer.err
    assert "sipca export REF --target edge" in answer.err
    assert sipca("list", "--json").json["certificates"] == []


def test_an_unknown_target_is_named(sipca: CommandLine, tmp_path: Path) -> None:
    answer = sipca("issue", "srv.lab.example", "--target", "kamalio", "--out", tmp_path / "out")

    assert answer.exit == 5
    assert "did you mean 'kamailio'?" in answer.err


def test_stores_need_a_passphrase_and_the_same_one_again(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("issue", "srv.lab.example", "--target", "java", "--out", tmp_path / "o")

    without = sipca(*words)
    made = sipca(*words, *passphrase(tmp_path))
    (tmp_path / "other").write_text("another one\n")
    wrong = sipca(*words, "--key-passphrase-file", tmp_path / "other")

    assert (without.exit, made.exit, wrong.exit) == (7, 0, 7)
    assert "the stores of target 'java' need a passphrase" in without.err
    assert "--key-passphrase-file" in without.err + wrong.err


def test_a_second_name_in_the_folder_of_another_is_refused(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("--target", "nginx", "--out", tmp_path / "o")
    sipca("issue", "a.lab.example", *words)
    before = (tmp_path / "o" / "fullchain.pem").read_bytes()

    answer = sipca("issue", "b.lab.example", *words)

    assert answer.exit == 6
    assert "fullchain.pem' is the certificate of a.lab.example" in answer.err
    assert "choose another --out" in answer.err
    assert (tmp_path / "o" / "fullchain.pem").read_bytes() == before
    assert len(sipca("list", "--json").json["certificates"]) == 1


@pytest.mark.parametrize("name", ["fullchain.pem", "root.pem", "crls.pem"])
@pytest.mark.parametrize("what", ["text", "link", "folder", "stranger"])
def test_what_is_not_ours_is_never_replaced(
    sipca: CommandLine, tmp_path: Path, name: str, what: str
) -> None:
    out = tmp_path / "o"
    out.mkdir()
    (tmp_path / "elsewhere").write_text("x")
    other = CommandLine(tmp_path / "other-home")
    other("init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    strange = other("crl").out if name == "crls.pem" else other("chain").out
    {
        "text": lambda: (out / name).write_text("# mine\n"),
        "link": lambda: (out / name).symlink_to(tmp_path / "elsewhere"),
        "folder": (out / name).mkdir,
        "stranger": lambda: (out / name).write_text(strange),
    }[what]()

    answer = sipca("issue", "srv.lab.example", "--target", "nginx", "--out", out)

    assert answer.exit == 6, answer
    assert name in answer.err
    assert [path.name for path in out.iterdir()] == [name]
    assert sipca("list", "--json").json["certificates"] == []


def test_a_call_killed_after_the_key_was_written_is_gone_on_with(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("issue", "srv.lab.example", "--target", "haproxy", "--out", tmp_path / "o")
    for step in ("key-written", "pfx-written"):
        with monkeypatch.context() as patch:
            stop_at(patch, step)
            assert sipca(*words).exit == 130

    answer = sipca(*words, "--json")

    assert answer.exit == 0, answer.err
    assert blocks(tmp_path / "o" / "haproxy.pem") == ["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "crls.pem", "haproxy.pem", "root.pem",
    ]  # fmt: skip


def stop_at(patch: pytest.MonkeyPatch, step: str) -> None:
    from ca.authority.home import Home

    def end(_: Home, name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    patch.setattr(Home, "step", end)


def test_renew_writes_the_files_of_the_target_with_the_key_that_is_there(
    sipca: CommandLine, tmp_path: Path
) -> None:
    words = ("--target", "haproxy", "--out", tmp_path / "o")
    sipca("issue", "srv.lab.example", *words)
    key = (tmp_path / "o" / "haproxy.pem").read_text().partition("-----BEGIN PRIVATE KEY")[2]

    answer = sipca("renew", "srv.lab.example", *words, "--json")

    entry = answer.json["signed"][0]
    text = (tmp_path / "o" / "haproxy.pem").read_text()
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "crls.pem", "haproxy.pem", "root.pem",
    ]  # fmt: skip
    assert text.startswith(entry["certificate_pem"])
    assert text.endswith(key)
    assert entry["files"]["device"] == str(tmp_path / "o" / "haproxy.pem")
    assert entry["server"]["reload"] == "systemctl reload haproxy"


@pytest.mark.parametrize("verb", ["renew", "issue"])
@pytest.mark.parametrize("target", ["nginx", "haproxy", "stunnel"])
def test_without_the_target_the_file_that_a_server_reads_is_not_left_behind(
    sipca: CommandLine, tmp_path: Path, target: str, verb: str
) -> None:
    sipca("issue", "srv.lab.example", "--target", target, "--out", tmp_path / "o")
    sipca("issue", "other.lab.example", "--out", tmp_path / "o")
    before = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}

    refused = sipca(verb, "srv.lab.example", "--out", tmp_path / "o")
    elsewhere = sipca("renew", "srv.lab.example", "--out", tmp_path / "p")
    others = sipca("renew", "other.lab.example", "--out", tmp_path / "o")

    assert refused.exit == 6
    assert "is the certificate of srv.lab.example, and would stay as it is" in refused.err
    assert "[left-behind]" in refused.err
    assert f"{target} writes the new one there" in refused.err or f"{target} or " in refused.err
    assert (elsewhere.exit, others.exit) == (0, 0)
    assert before.items() - {
        (path.name, path.read_bytes()) for path in (tmp_path / "o").iterdir()
    } == {
        (name, before[name]) for name in before if name.startswith("other.") and "key" not in name
    }


def test_renew_refuses_a_folder_of_another_key_before_it_signs(
    sipca: CommandLine, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        sipca("issue", f"{name}.lab.example", "--target", "nginx", "--out", tmp_path / name)

    wrong = sipca("renew", "a.lab.example", "--target", "nginx", "--out", tmp_path / "b")
    several = sipca("renew", "a.lab.example", "b.lab.example", "--target", "nginx", "--out", tmp_path / "a")  # fmt: skip

    assert (wrong.exit, several.exit) == (6, 6)
    assert "is not the one of certificate" in wrong.err
    assert "2 certificates are to be renewed, but the files of target 'nginx' are those of one" in several.err  # fmt: skip
    assert len(sipca("list", "--all", "--json").json["certificates"]) == 2


def test_a_dry_renewal_of_a_server_writes_nothing(sipca: CommandLine, tmp_path: Path) -> None:
    words = ("--target", "nginx", "--out", tmp_path / "o")
    sipca("issue", "srv.lab.example", *words)
    before = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}

    answer = sipca("renew", "srv.lab.example", *words, "--dry-run")

    assert answer.exit == 0, answer.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()} == before


def test_a_device_that_is_a_server_gets_its_files_without_a_word(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("device", "set", "edge1", "--target", "kamailio")
    words = ("issue", "edge1.lab.example", "--device", "edge1", "--out")

    sipca(*words, tmp_path / "o")
    sipca("renew", "edge1", "--out", tmp_path / "o")

    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "crls.pem", "fullchain.pem", "key.pem", "root.pem",
    ]  # fmt: skip
    leaf = sipca("show", "edge1", "--pem").out
    assert (tmp_path / "o" / "fullchain.pem").read_text().startswith(leaf)


def test_pfx_goes_with_a_target_that_has_one_and_legacy_is_its_form(
    sipca: CommandLine, tmp_path: Path
) -> None:
    secret = passphrase(tmp_path)

    def issued(target: str, *words: str) -> int:
        out = tmp_path / f"{target}{len(words)}"
        return sipca(
            "issue", "srv.lab.example", "--target", target, "--out", out, *words, *secret
        ).exit

    assert issued("nginx", "--pfx") == 4
    assert issued("nginx", "--legacy-pfx") == 4
    assert issued("windows", "--pfx") == 0
    assert issued("windows", "--legacy-pfx", "--pfx") == 0
    legacy = (tmp_path / "windows2" / "identity.pfx").read_bytes()
    assert bytes.fromhex("060a2a864886f70d010c0103") in legacy, "pbeWithSHAAnd3-KeyTripleDES-CBC"


def test_a_lab_file_names_the_target_or_takes_the_devices(
    bare: CommandLine, tmp_path: Path
) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(
        'schema = 1\n[ca]\nname = "L"\nroot_key = "ec:p256"\nissuing_key = "ec:p256"\nprotect = "none"\n'
        '[[device]]\nname = "edge1"\ntarget = "haproxy"\n'
        '[[certificate]]\nissue = ["edge1.lab.example"]\ndevice = "edge1"\nout = "edge"\n'
        '[[certificate]]\nissue = ["sip1.lab.example"]\ntarget = "asterisk"\nout = "sip"\n'
    )

    first, again = bare("apply", lab), bare("apply", lab)

    assert (first.exit, again.exit) == (0, 0), first.err
    assert "nothing to do" in again.out
    assert {path.name for path in (tmp_path / "edge").iterdir()} == {
        "haproxy.pem", "root.pem", "crls.pem",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "sip").iterdir()} == {
        "key.pem", "fullchain.pem", "root.pem",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ('issue = ["a.lab.example"]\ntarget = "asterix"', 5, "certificate[0].target: there is no target 'asterix'"),
        ('issue = ["a.lab.example"]\ntarget = "audiocodes-7.4"', 3, "target 'audiocodes-7.4' is a device's"),
        ('csr = "a.csr"\ntarget = "asterisk"', 3, "a target goes with issue, not with csr"),
    ],
)  # fmt: skip
def test_a_lab_files_wrong_target_is_named(
    bare: CommandLine, tmp_path: Path, line: str, code: int, message: str
) -> None:
    (tmp_path / "lab.toml").write_text(f'schema = 1\n[[certificate]]\nout = "o"\n{line}\n')

    answer = bare("apply", tmp_path / "lab.toml")

    assert answer.exit == code, answer
    assert message in answer.err


def test_a_key_that_everybody_may_read_is_told_as_it_is(sipca: CommandLine, tmp_path: Path) -> None:
    words = ("issue", "srv.lab.example", "--target", "nginx", "--out", tmp_path / "o")
    sipca(*words)
    (tmp_path / "o" / "key.pem").chmod(0o644)

    said = sipca(*words).out

    assert "key.pem        0644  key" in said
    assert "key.pem holds the key and everybody may read it: chmod o-r it" in said


def test_preflight_takes_the_chain_of_a_server_from_its_own_file(
    sipca: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    sipca("issue", "srv.lab.example", "--target", "kamailio", "--out", out)
    (out / "alone.pem").write_text(sipca("show", "srv.lab.example", "--pem").out)
    words = ("--target", "kamailio", "--chain", out / "root.pem", "--key", out / "key.pem")

    whole = sipca("preflight", out / "fullchain.pem", *words)
    alone = sipca("preflight", out / "alone.pem", *words)

    assert whole.exit == 0, whole
    assert alone.exit == 9
    assert "lacks the CA that signed the certificate" in alone.out
