"""``sipca web`` as a process of its own, and a client that behaves like the page's browser."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import coverage
from stand_in.lab import ROOT

from ca.authority.home import Environment
from ca.web.app import application
from ca.web.desk import Desk

RUN = "from cli.main import main; main()"
MEASURED = f"import coverage; coverage.process_startup(); {RUN}"
HIDDEN = re.compile(r'name="(nonce|form-token)" value="([0-9a-f]+)"')


class Answered:
    """Status, headers and text of one answer."""

    def __init__(self, reply: http.client.HTTPResponse) -> None:
        self.status = reply.status
        self.headers = {name.lower(): value for name, value in reply.getheaders()}
        self.octets = reply.read()

    @property
    def text(self) -> str:
        return unescape(self.octets.decode())

    def fields_of(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that goes to an address."""
        form = self.octets.decode().split(f'action="{action}"', 1)[1].split("</form>")[0]
        return dict(HIDDEN.findall(form))


class WebPage:
    """A running page, and its session once it was opened."""

    def __init__(self, home: Path, log: Path, *words: str, browser: Path | None = None) -> None:
        """``browser``: the program to open the page with; without one none is opened."""
        self.log = log
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SIPCA_")}
        environment["PYTHONPATH"] = str(ROOT)
        run = RUN
        if coverage.Coverage.current() is not None:
            run = MEASURED
            environment["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
            environment["COVERAGE_FILE"] = str(ROOT / ".coverage")
        if browser is None:
            words = ("--no-browser", *words)
        else:
            environment["BROWSER"] = f"{browser} %s"
        self.process = subprocess.Popen(
            [sys.executable, "-c", run, "web", "--home", str(home), *words],
            env=environment, stdout=subprocess.PIPE,
            stderr=log.open("wb"), text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, log.read_text()
        self.port = int(self.url.split(":")[2].split("/")[0])
        self.base = f"http://127.0.0.1:{self.port}"
        self.cookie = ""

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answered:
        """One request with the session's cookie; headers replace those that a browser sends."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie}
        if method == "POST":
            sent |= {
                "Origin": self.base, "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            }  # fmt: skip
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            kept = {name: value for name, value in sent.items() if value}
            connection.putrequest(method, path, skip_host=True)
            for name, value in kept.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            if body is not None:
                with contextlib.suppress(ConnectionError):
                    connection.send(body)
            return Answered(connection.getresponse())

    def open(self) -> Answered:
        """Use the one-time token."""
        answer = self.ask(self.url.removeprefix(self.base))
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def post(self, path: str, fields: dict[str, object], **headers: str) -> Answered:
        """Send a form."""
        return self.ask(path, "POST", urlencode(fields, doseq=True).encode(), **headers)

    def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of a form of a page."""
        return self.ask(page).fields_of(action)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def showing(home: Path, log: Path, *words: str, browser: Path | None = None) -> Iterator[WebPage]:
    """The page over a home, ended afterwards."""
    page = WebPage(home, log, *words, browser=browser)
    try:
        yield page
    finally:
        if page.process.poll() is None:
            page.stop()


class Desktop:
    """The page in this process: what a request answers while a test holds the strings."""

    def __init__(self, home: Path, environment: Environment, *, read_only: bool = False) -> None:
        self.desk = Desk(home, environment, read_only=read_only, given=None)
        self.gate = application(self.desk, 1)
        self.cookie = f"sipca-1={self.desk.secrets.cookie}"

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of a form."""
        return dict(HIDDEN.findall(str(self.desk.form(action))))

    def ask(
        self,
        path: str,
        fields: dict[str, object] | None = None,
        *,
        stuck: bool = False,
        **other: str,
    ) -> tuple[int, str]:
        """Status and text; with fields by POST, where ``stuck`` never sends the body's end.

        ``other``: headers in place of a browser's.
        """
        body = urlencode(fields, doseq=True).encode() if fields is not None else b""
        headers = {"host": "127.0.0.1:1", "cookie": self.cookie}
        if fields is not None:
            headers |= {
                "origin": "http://127.0.0.1:1",
                "content-type": "application/x-www-form-urlencoded",
            }
        headers |= {name.replace("_", "-"): value for name, value in other.items()}
        pure, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET" if fields is None else "POST", "path": pure,
            "query_string": query.encode(), "root_path": "", "scheme": "http", "http_version": "1.1",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": stuck}]

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.gate(scope, receive, send))
        text = b"".join(each.get("body", b"") for each in sent[1:])
        return sent[0]["status"], unescape(text.decode("utf-8", "replace"))
