"""``web`` where something fails or does not end: the register, the key, the network, the day."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from stand_in.lab import CommandLine, make_csr
from stand_in.page import Desktop, showing
from stand_in.waiting import until
from uvicorn.server import ServerState

from ca.authority.home import Environment, no_passphrase
from ca.errors import KeyUnavailableError
from ca.keys.soft import SoftSigner
from ca.store.connection import open_store
from ca.web.once import SESSION_LIFE
from ca.web.patience import PatientProtocol

ANSWER = b"HTTP/1.1 200 OK"


@pytest.fixture
def desktop(sipca: CommandLine) -> Desktop:
    return Desktop(sipca.home, Environment(passphrase=no_passphrase))


def signing(desktop: Desktop, *names: str) -> dict[str, object]:
    texts = [make_csr(cn=each).decode() for each in names]
    files = {"file-name": [f"{each}.csr" for each in names], "file-text": texts}
    return {**desktop.fields("/sign"), **files}


def statuses(sipca: CommandLine) -> list[str]:
    return [each["status"] for each in sipca("list", "--all", "--json").json["certificates"]]


def test_a_locked_register_can_be_read_and_the_form_is_sent_again_later(
    sipca: CommandLine, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.store.connection.BUSY_SECONDS", 0.2)
    form = signing(desktop, "a.lab.example")

    with open_store(sipca.home / "ca.db") as other, other.write():
        refused = desktop.ask("/sign", form)
        read = [desktop.ask(path)[0] for path in ("/", "/certificates", "/devices", "/ca")]
    again = desktop.ask("/sign", form)

    assert refused[0] == 503
    assert "has been locked by another program for 0.2 s" in refused[1]
    assert read == [200] * 4
    assert again[0] == 303
    assert statuses(sipca) == ["valid"]


def test_a_key_that_fails_in_mid_batch_is_told_and_the_batch_is_sent_again(
    sipca: CommandLine, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = SoftSigner.sign, iter(range(9))

    def failing(signer: SoftSigner, tbs: bytes) -> bytes:
        if next(calls) == 2:
            raise KeyUnavailableError("the token is gone", hint="put it back")
        return whole(signer, tbs)

    form = signing(desktop, *(f"{n}.lab.example" for n in "abcd"))
    with monkeypatch.context() as patch:
        patch.setattr(SoftSigner, "sign", failing)
        assert desktop.ask("/sign", form)[0] == 303
        (name,) = desktop.desk._works
        assert until(lambda: not desktop.desk.work(name).is_running)
    told = desktop.ask(f"/batch/{name}")[1]
    desktop.ask("/sign", form | {"device": ""} | desktop.fields("/sign"))
    second = list(desktop.desk._works)[-1]
    assert until(lambda: not desktop.desk.work(second).is_running)

    assert "the token is gone" in told
    assert "put it back" in told
    assert statuses(sipca).count("valid") == 4
    assert sipca("log", "--verify").exit == 0
    assert sipca("check").exit == 0


def test_a_body_that_does_not_end_is_given_up(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.web.gate.SECONDS_FOR_BODY", 0.02)

    status, text = desktop.ask("/sign", signing(desktop, "a.lab.example"), stuck=True)

    assert status == 408
    assert "took too long to arrive" in text


def conversed(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, bytes]],
) -> bytes:
    """What a client got from the page's protocol before an application that says "hello"."""

    async def hello(_scope: object, _receive: object, send: Callable[..., Coroutine]) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
        )
        await send({"type": "http.response.body", "body": b"hello"})

    async def both() -> bytes:
        config, state = uvicorn.Config(hello, log_config=None, lifespan="off"), ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: PatientProtocol(config, state, {}), "127.0.0.1")
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(talk(reader, writer), 30)
        finally:
            writer.close()
            server.close()

    return asyncio.run(both())


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_end_closes_the_connection(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.web.patience.SECONDS_FOR_HEAD", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(head)
        return await reader.read()

    assert conversed(talk) == b""


def test_a_second_head_that_does_not_end_closes_the_connection_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ca.web.patience.SECONDS_FOR_HEAD", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await reader.readuntil(b"hello")
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        return first + await reader.read()

    assert conversed(talk).count(ANSWER) == 1


def test_a_page_left_open_for_a_day_signs_nothing(sipca: CommandLine) -> None:
    now = [0.0]
    desktop = Desktop(sipca.home, Environment(passphrase=no_passphrase, seconds=lambda: now[0]))
    form = signing(desktop, "a.lab.example")

    used = []
    for hours in (11, 22, 33):
        now[0] = hours * 3600.0
        used.append(desktop.ask("/")[0])
    now[0] += SESSION_LIFE + 1
    late = desktop.ask("/sign", form)

    assert used == [200] * 3
    assert late[0] == 403
    assert "no session" in late[1]
    assert statuses(sipca) == []


def test_two_pages_on_one_home_sign_one_csr_once(sipca: CommandLine, tmp_path: Path) -> None:
    csr = {"csr": make_csr().decode()}
    with showing(sipca.home, tmp_path / "a") as one, showing(sipca.home, tmp_path / "b") as two:
        forms = []
        for page in (one, two):
            page.open()
            forms.append((page, page.form("/", "/account") | csr))
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda each: each[0].post("/sign", each[1]), forms))

        assert {each.status for each in answers} == {303}, [each.text for each in answers]
        assert len({each.headers["location"] for each in answers}) == 1
    assert statuses(sipca).count("valid") == 1


def test_other_users_of_the_machine_cannot_read_the_token(
    sipca: CommandLine, tmp_path: Path
) -> None:
    seen, program = tmp_path / "seen", tmp_path / "browser"
    program.write_text(
        '#!/bin/sh\nfile="${1#file://}"\n'
        f'{{ echo "$@"; env; stat -c "modes %a" "$file" "${{file%/*}}"; }} > {seen}.new\n'
        f'cp "$file" {seen}.file; mv {seen}.new {seen}\n'
    )
    program.chmod(stat.S_IRWXU)

    with showing(sipca.home, tmp_path / "web.log", browser=program) as page:
        assert until(seen.exists)
        token = page.url.partition("token=")[2]
        of_process = [
            Path(f"/proc/{page.process.pid}/{name}").read_text() for name in ("cmdline", "environ")
        ]
        kept = [each.read_bytes() for each in sipca.home.rglob("*") if each.is_file()]

    assert token in Path(f"{seen}.file").read_text()  # the browser got it, by the file
    assert len(token) == 64
    assert token not in seen.read_text()
    assert "modes 600\nmodes 700\n" in seen.read_text()
    assert not [text for text in of_process if token in text]
    assert not [data for data in kept if token.encode() in data]
