"""CA keys on a token: SoftHSM 2, which no one here wrote, before openssl."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pkcs11
import pkcs11.exceptions
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import ROOT, CommandLine, cut_off, make_csr

from ca.authority.signing import sign
from ca.errors import MalformedError
from ca.keys import token as tokens
from ca.keys.token import sessions
from ca.keys.token_uri import read_token_uri

PIN = "271828"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
)
LIBRARY = next((path for path in LIBRARIES if Path(path).is_file()), LIBRARIES[0])


class Token(NamedTuple):
    """A token in a folder of its own."""

    folder: Path

    def uri(self, label: str, new: str | None = None, *, more: str = "") -> str:
        made = f"&sipca-new={new}" if new else ""
        return f"pkcs11:token=lab;object={label}?module-path={LIBRARY}{made}{more}"

    def keys(self, root: str, issuing: str) -> tuple[str, ...]:
        return ("--root-key", self.uri("root", root), "--issuing-key", self.uri("issuing", issuing))

    def pull(self) -> None:
        self.folder.rename(self.folder.with_name("pulled"))
        self.folder.mkdir()

    def plug_in(self) -> None:
        """Put it back; a process that starts then sees it, and this one behaves like that."""
        self.folder.rmdir()
        self.folder.with_name("pulled").rename(self.folder)
        close_tokens()


def close_tokens() -> None:
    """From here on it is as in a process that starts: tokens are looked for and opened anew."""
    sessions.clear()
    pkcs11.unload(LIBRARY)


def on_token(label: str) -> list[bytes]:
    """The ids of the private keys with a label, of which there is one."""
    [session] = sessions.values()
    wanted = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.Attribute.LABEL: label}
    return [bytes(each[pkcs11.Attribute.ID]) for each in session.get_objects(wanted)]


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    """An empty token called ``lab``; its PIN is what is given as passphrase."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    monkeypatch.setenv("SIPCA_PASSPHRASE", PIN)
    words = ["--init-token", "--free", "--label", "lab", "--so-pin", "31415926", "--pin", PIN]
    subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, timeout=60)
    yield Token(folder)
    close_tokens()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(40):
        key = ec.generate_private_key(ec.SECP256R1())
        csr = make_csr(cn=f"d{number:02}.lab.example", key=key)
        (folder / f"d{number:02}.csr").write_bytes(csr)
    return folder


def openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("root", "issuing"), [("ec:p384", "ec:p256"), ("rsa:2048", "rsa:2048"), ("rsa:3072", "ec:p384")]
)
def test_a_ca_whose_keys_are_on_a_token_holds_before_openssl(
    bare: CommandLine, token: Token, csr_file: Callable[..., Path], tmp_path: Path,
    root: str, issuing: str,
) -> None:  # fmt: skip
    out = tmp_path / "out"
    made = bare("init", "--name", "Lab", *token.keys(root, issuing), "--json")
    close_tokens()
    signed = bare("sign", csr_file("sbc1", "dns:sbc1.lab.example"), "--out", out)
    revoked = bare("revoke", "sbc1.lab.example", "--reason", "key-compromise")
    listed = bare("ca", "list", "--json").json["cas"]

    assert made.exit == 0, made.err
    assert [each["key_protection"] for each in made.json["cas"]] == ["token", "token"]
    assert signed.exit == 0, signed.err
    assert [each["key"] for each in listed] == ["token", "token"]
    trusted, below = out / "trusted-1-root.pem", out / "trusted-2-issuing.pem"
    leaf = out / "sbc1-device.pem"
    verified = openssl("verify", "-x509_strict", "-CAfile", trusted, "-untrusted", below, leaf)
    assert verified.strip() == f"{leaf}: OK"
    assert revoked.exit == 0, revoked.err
    for role, certificate in (("root", trusted), ("issuing", below)):
        crls = tmp_path / f"{role}.crl"
        assert bare("crl", "--ca", role, "-o", crls).exit == 0
        assert "verify OK" in openssl(
            "crl", "-in", crls, "-noout", "-verify", "-CAfile", certificate
        )
    assert bare("check").exit == 0
    assert bare("log", "--verify").exit == 0


def test_what_is_on_a_token_gets_no_other_passphrase_and_is_not_exported(
    bare: CommandLine, token: Token, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("another horse")
    bare("init", *token.keys("ec:p256", "ec:p256"))
    before = (bare.home / "ca.db").read_bytes()

    changed = bare("ca", "passphrase", "--new-passphrase-file", other)
    words = ("ca", "export-root-key", tmp_path / "root.key", "--new-passphrase-file", other)
    exported = bare(*words)

    assert (changed.exit, exported.exit) == (7, 7)
    assert "the CA's keys are on a token, which keeps its PIN itself" in changed.err
    assert "is on a token and never leaves it" in exported.err
    assert not (tmp_path / "root.key").exists()
    assert (bare.home / "ca.db").read_bytes() == before


def test_no_secret_and_no_key_is_in_the_register(bare: CommandLine, token: Token) -> None:
    bare("init", *token.keys("ec:p256", "ec:p256"))
    register = (bare.home / "ca.db").read_bytes()

    assert b"pkcs11:token=lab;object=root;id=%" in register
    assert PIN.encode() not in register


def test_a_wrong_pin_is_refused_and_nothing_is_made(
    bare: CommandLine, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", "000000")
    made = bare("init", *token.keys("ec:p256", "ec:p256"))

    assert made.exit == 7
    assert "the PIN does not open the token 'lab'" in made.err
    assert "000000" not in made.err
    assert not (bare.home / "ca.db").exists()


def test_a_key_is_found_by_its_uri_and_a_missing_one_only_made_when_asked_for(
    bare: CommandLine, token: Token
) -> None:
    words = ("--issuing-key", "ec:p256", "--protect", "root")
    missing = bare("init", "--root-key", token.uri("root"), *words)
    first = bare("init", "--root-key", token.uri("root", "ec:p384"), *words, "--json").json
    bare.home = bare.home.with_name("second")
    other = bare("init", "--root-key", token.uri("root", "ec:p256"), *words)
    second = bare("init", "--root-key", token.uri("root"), *words, "--json").json

    assert missing.exit == 7
    assert "there is no key 'root' on the token 'lab'" in missing.err
    assert "sipca-new=ec:p256" in missing.err
    assert other.exit == 4
    assert "the key 'root' is on the token 'lab' already, as ec:p384" in other.err
    assert first["cas"][0]["id"] == second["cas"][0]["id"]
    assert [each["key_protection"] for each in second["cas"]] == ["token", "none"]


def test_root_and_issuing_ca_never_have_one_key(bare: CommandLine, token: Token) -> None:
    uri = token.uri("both", "ec:p256")
    made = bare("init", "--root-key", uri, "--issuing-key", uri)

    assert made.exit == 6
    assert "root and issuing CA would have one key" in made.err


def test_a_token_that_is_gone_is_named_with_what_to_do(
    bare: CommandLine, token: Token, csr_file: Callable[..., Path]
) -> None:
    bare("init", *token.keys("ec:p256", "ec:p256"))
    csr = csr_file("sbc1", "dns:sbc1.lab.example")
    close_tokens()
    token.pull()
    gone = bare("sign", csr)
    listed = bare("list", "--json")
    token.plug_in()
    back = bare("sign", csr)

    assert gone.exit == 7
    assert "there is no token 'lab'" in gone.err
    assert "plug it in and run the command again" in gone.err
    assert listed.exit == 0
    assert back.exit == 0, back.err


def test_keys_of_calls_that_ended_early_are_found_again(
    bare: CommandLine, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cli.passphrase
    from ca.authority.home import Environment

    def environment_of(settings: Any) -> Environment:
        return Environment(passphrase=cli.passphrase.Passphrase(settings), step=cut_off)

    root = token.uri("root", "ec:p256")
    ended = bare("init", "--root-key", root, "--issuing-key", token.uri("issuing"))
    before = on_token("root")
    made = bare("init", "--root-key", root, "--issuing-key", token.uri("issuing", "ec:p256"))
    with monkeypatch.context() as patch:
        patch.setattr(cli.passphrase, "environment_of", environment_of)
        bare("ca", "rotate", "--key", token.uri("second", "ec:p384"))
    rotated = bare("ca", "rotate", "--key", token.uri("second", "ec:p384"), "--json")

    assert ended.exit == 7
    assert made.exit == 0, made.err
    assert on_token("root") == before
    assert rotated.json["resumed"]
    assert len(before) == len(on_token("second")) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_token_pulled_out_in_mid_batch_loses_nothing(
    bare: CommandLine, token: Token, inbox: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, jobs: int,
) -> None:  # fmt: skip
    import cli.passphrase
    from ca.authority.home import Environment

    steps: list[str] = []

    def step(name: str) -> None:
        steps.append(name)
        if name == "recorded" and steps.count(name) == 1:
            token.pull()

    def environment_of(settings: Any) -> Environment:
        return Environment(passphrase=cli.passphrase.Passphrase(settings), step=step)

    words = ("sign", inbox, "--out", tmp_path / "out", "--jobs", jobs, "--json")
    bare("init", *token.keys("ec:p256", "rsa:2048"))
    with monkeypatch.context() as patch:
        patch.setattr(cli.passphrase, "environment_of", environment_of)
        patch.setattr(sign, "CHUNK", 10)
        patch.setattr(sign, "WORTH_CHECKER", 1)
        stopped = bare(*words)
    kept = {each["serial"] for each in bare("list", "--json").json["certificates"]}
    token.plug_in()
    done = bare(*words)
    listed = bare("list", "--json").json["certificates"]

    assert stopped.exit == 7, stopped.err
    assert "token 'lab'" in stopped.err + stopped.out
    assert 10 <= len(kept) < 40
    assert done.exit == 0, done.err
    assert len(done.json["signed"]) == 40 - len(kept)
    assert len(done.json["skipped"]) == len(kept)
    assert kept < {each["serial"] for each in listed}
    assert [each["status"] for each in listed] == ["valid"] * 40
    assert len(list((tmp_path / "out").glob("*-device.pem"))) == 40
    assert bare("log", "--verify").exit == 0


def test_processes_that_use_one_token_at_once_all_sign(
    bare: CommandLine, token: Token, tmp_path: Path
) -> None:
    script = "import sys; from cli.main import run; sys.exit(run(sys.argv[1:]))"
    home = ("--home", str(bare.home), "--quiet")
    making = [*map(str, token.keys("ec:p256", "rsa:2048")), *home]

    def at_once(*calls: list[str]) -> list[int]:
        words = [[sys.executable, "-c", script, *call] for call in calls]
        running = [subprocess.Popen(each, cwd=ROOT) for each in words]
        return [each.wait(timeout=120) for each in running]

    made = at_once(*[["init", "--name", "Lab", *making]] * 3)
    close_tokens()
    names = [f"w{number}.lab.example" for number in range(6)]
    issued = at_once(*[["issue", name, "--out", str(tmp_path / "o"), *home] for name in names])

    assert made == [0] * 3
    assert issued == [0] * 6
    assert bare("crl", "--refresh").exit == 0
    assert [len(on_token(label)) for label in ("root", "issuing")] == [1, 1]
    assert len(bare("list", "--json").json["certificates"]) == 6
    assert bare("log", "--verify").exit == 0


@pytest.mark.parametrize("times", [1, 4, 5])
@pytest.mark.parametrize("raised", ["UserPinNotInitialized", "GeneralError", "TokenNotRecognised"])
def test_a_token_in_another_process_s_hands_is_waited_for(
    bare: CommandLine, token: Token, monkeypatch: pytest.MonkeyPatch, times: int, raised: str
) -> None:
    """SoftHSM shows a token without its PIN, or not at all, while another process writes to it."""
    assert bare("init", "--name", "Lab", *token.keys("ec:p256", "ec:p256")).exit == 0
    close_tokens()
    login, tries = tokens._login, []

    def failing(*words: Any, **rest: Any) -> Any:
        tries.append(rest["anew"])
        if len(tries) <= times:
            raise getattr(pkcs11.exceptions, raised)
        return login(*words, **rest)

    monkeypatch.setattr(tokens, "_login", failing)
    answer = bare("crl", "--refresh")

    if times < len(tokens._PAUSES):
        assert answer.exit == 0, answer.err
        return
    assert answer.exit == 7
    no_pin = raised == "UserPinNotInitialized"
    said = "has no user's PIN" if no_pin else f"does not answer ({raised})"
    assert f"the token 'lab' {said}" in answer.err


def test_keys_that_no_ca_may_have_are_refused_by_name(bare: CommandLine, token: Token) -> None:
    [lab] = pkcs11.lib(LIBRARY).get_tokens(token_label="lab")
    with lab.open(rw=True, user_pin=PIN) as session:
        for number in (b"1", b"2"):
            session.generate_keypair(pkcs11.KeyType.RSA, 2048, id=number, label="twice", store=True)
        session.generate_keypair(pkcs11.KeyType.RSA, 1024, id=b"3", label="weak", store=True)
        half, _ = session.generate_keypair(
            pkcs11.KeyType.RSA, 2048, id=b"4", label="half", store=True
        )
        half.destroy()
    words = ("--issuing-key", "ec:p256")
    cases = {
        "twice": (7, "2 keys 'twice' are on the token 'lab'"),
        "weak": (4, "the key 'weak' on the token 'lab' is of a type that no CA key may be"),
        "half": (7, "the token 'lab' has no public key 'half' beside the private one"),
        "twice;id=%32": (0, ""),
    }
    for label, (code, message) in cases.items():
        made = bare("init", "--root-key", token.uri(label), *words)

        assert made.exit == code, made.err
        assert message in made.err


def test_a_revocation_needs_no_token_and_its_crl_follows(
    bare: CommandLine, token: Token, csr_file: Callable[..., Path]
) -> None:
    bare("init", "--name", "Lab", *token.keys("ec:p256", "ec:p256"))
    bare("sign", csr_file("sbc1", "dns:sbc1.lab.example"))
    close_tokens()
    token.pull()
    revoked = bare("revoke", "sbc9.lab.example", "--reason", "key-compromise")
    crl = bare("crl")
    token.plug_in()

    assert revoked.exit == 0
    assert "the CRL is pending: there is no token 'lab'" in revoked.out + revoked.err
    assert crl.exit == 7
    assert bare("crl").exit == 0


def test_a_rotation_makes_the_successor_on_the_same_token_and_finds_one_by_its_uri(
    bare: CommandLine, token: Token
) -> None:
    bare("init", "--name", "Lab", *token.keys("ec:p256", "ec:p256"))
    tried = bare("ca", "rotate", "--key", token.uri("third"), "--dry-run")
    taken = bare("ca", "rotate", "--key", token.uri("issuing"))
    rotated = bare("ca", "rotate", "--json")
    named = bare("ca", "rotate", "--root", "--key", token.uri("newroot", "ec:p384"), "--json")
    soft = bare("ca", "rotate", "--key", "ec:p256", "--json")

    assert tried.exit == 0, tried.err
    assert taken.exit == 6
    assert "Lab Issuing has that key already" in taken.err
    assert rotated.json["cas"][0]["key"] == "token"
    assert [each["key"] for each in named.json["cas"]] == ["token"] * 4
    assert soft.json["cas"][0]["key"] == "encrypted"
    assert b"object=Lab%20Issuing%202%20after%20" in (bare.home / "ca.db").read_bytes()


def test_a_library_that_is_not_there_is_named(
    bare: CommandLine, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = token.uri("root", "ec:p256").replace(LIBRARY, "/nowhere/lib.so")
    nowhere = "pkcs11:token=lab;object=root?sipca-new=ec:p256"
    small = ("--issuing-key", "ec:p256")
    gone = bare("init", "--root-key", elsewhere, *small)
    unsaid = bare("init", "--root-key", nowhere, *small)
    monkeypatch.setenv("SIPCA_PKCS11_MODULE", LIBRARY)
    found = bare("init", "--root-key", nowhere, *small)

    assert gone.exit == unsaid.exit == 7
    assert "there is no library '/nowhere/lib.so' for the token 'lab'" in gone.err
    assert "nothing says which library opens the token 'lab'" in unsaid.err
    assert "SIPCA_PKCS11_MODULE" in unsaid.err
    assert found.exit == 0, found.err


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("pkcs11:token=lab;object=r?pin-value=9753", "has a pin-value"),
        ("pkcs11:token=lab;object=r?pin-source=file:/etc/pin", "has a pin-source"),
        ("pkcs11:token=lab;object=r;slot-id=1", "'slot-id' in the pkcs11: URI is not supported"),
        ("pkcs11:token=lab;object=r?module-name=p11", "'module-name' in the pkcs11: URI is not"),
        ("pkcs11:object=r", "names no token"),
        ("pkcs11:token=lab", "names no key"),
        ("pkcs11:token=lab;token=b;object=r", "has 'token' twice"),
        ("pkcs11:token=lab;object=r;type=cert", "is not of a private key"),
        ("pkcs11:token=lab;object=%zz", "is not a pkcs11: URI"),
        ("pkcs11:token=lab;object=a b", "is not a pkcs11: URI"),
        ("pkcs11:token=%FF;object=r", "'token' in the pkcs11: URI is empty or not printable"),
        ("pkcs11:token=lab;object=r?sipca-new=rsa:1024", "is not a supported key type"),
    ],
)
def test_what_a_uri_may_not_hold_is_refused_by_name(
    sipca: CommandLine, bare: CommandLine, tmp_path: Path, uri: str, message: str
) -> None:
    made = bare("init", "--home", tmp_path / "new", "--root-key", uri, home=False)
    rotated = sipca("ca", "rotate", "--key", uri)

    assert made.exit == 2
    assert rotated.exit == 3
    assert message in made.err
    assert message in rotated.err
    assert "9753" not in made.err + rotated.err
    assert not (tmp_path / "new").exists()


def test_a_uri_is_read_back_as_it_is_written() -> None:
    uri = read_token_uri("PKCS11:token=My%20lab;object=a%3Bb;id=%01%ff?module-path=/usr/lib/p.so")

    assert (uri.token, uri.label, uri.id) == ({"token": "My lab"}, "a;b", b"\x01\xff")
    assert read_token_uri(uri.text()) == uri
    with pytest.raises(MalformedError):
        read_token_uri("rsa:2048")


def test_the_library_of_tokens_is_only_loaded_where_a_key_is_on_one(tmp_path: Path) -> None:
    code = (
        "import sys; from cli.main import run; "
        f"code = run(['init', '--no-passphrase', '--root-key', 'ec:p256', '--home', {str(tmp_path / 'h')!r}]); "
        "sys.exit(code or 'pkcs11' in sys.modules or 'ca.keys.token' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_the_extra_is_named_where_it_is_missing(
    bare: CommandLine, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    made = bare("init", "--root-key", token.uri("root", "ec:p256"), "--issuing-key", "ec:p256")
    monkeypatch.undo()

    assert made.exit == 7
    assert "keys on tokens need the extra sipca[pkcs11]" in made.err
    assert os.environ.get("SOFTHSM2_CONF") is None
