"""The page: what it adds to its verbs, its first paint, and how long until the files are there."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from selenium.webdriver.common.by import By

from ca.authority.devices.device import list_devices
from ca.authority.devices.kit import judge_kit
from ca.authority.devices.plan import plan
from ca.authority.devices.steps import upload_steps
from ca.authority.home import Environment, Home, no_passphrase, open_home
from ca.authority.reports.chain import chain_document
from ca.authority.reports.list import PageWishes, count_ending, ends_by_month, list_page
from ca.authority.reports.log import recent_events
from ca.authority.reports.show import show_certificate
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.status.check import check
from ca.authority.upload_files import Delivery
from ca.model.wishes import SigningWishes
from scripts.benchmarks.measure import Row, interleaved
from scripts.picturing.page import SAMPLES, chromium, own_home, paste, run, running, shown

ROUNDS = 9
CERTIFICATES = 1000
MOST_ADDED, MINUTE, FIRST_PAINT = 0.05, 60.0, 1.0
CSR = (SAMPLES / "sbc1.csr").read_text()


class Client:
    """A browser without the browser: one connection, the session's cookie."""

    def __init__(self, url: str) -> None:
        port, self.entry = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", url).groups()
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port))
        self.headers = {"Host": f"127.0.0.1:{port}"}

    def enter(self) -> None:
        self.connection.request("GET", self.entry, headers=self.headers)
        reply = self.connection.getresponse()
        reply.read()
        self.headers["Cookie"] = reply.headers["set-cookie"].partition(";")[0]

    def ask(self, path: str, fields: dict[str, str] | None = None) -> str:
        body, headers, method = None, self.headers, "GET"
        if fields is not None:
            body, method = urlencode(fields), "POST"
            headers = headers | {
                "Origin": f"http://{self.headers['Host']}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        self.connection.request(method, path, body, headers)
        reply = self.connection.getresponse()
        text = reply.read().decode()
        assert reply.status == 200, text
        return text


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path) -> Iterator[Row]:
    """A home of a thousand certificates; pages in turns with their verbs; then a newcomer's minute."""
    env = own_home(folder)
    run(env, "init", "--no-passphrase", "--name", "Bench Lab")
    _write_requests(folder / "in")
    run(env, "sign", folder / "in", "--out", folder / "out")
    run(env, "sign", SAMPLES / "sbc2-five-san.csr", "--device", "sbc2", "--out", folder / "sbc2")
    home = folder / ".config" / "sipca"
    with running(env) as (url, _):
        client = Client(url)
        client.enter()
        yield from _beside_verbs(client, home)
    with running(env) as (url, start), chromium(folder) as driver:
        yield from _newcomer(driver, url, start, folder)


def _write_requests(folder: Path) -> None:
    """Of P-256 keys: those of RSA that bulk is measured with share primes, which check looks for."""
    folder.mkdir()
    for number in range(CERTIFICATES):
        name = x509.NameAttribute(NameOID.COMMON_NAME, f"sbc{number}.bench.example")
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([name]))
        request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        (folder / f"sbc{number}.csr").write_bytes(request.public_bytes(Encoding.PEM))


def _beside_verbs(client: Client, path: Path) -> Iterator[Row]:
    around = Environment(passphrase=no_passphrase)
    first = client.ask("/")
    hidden = dict(re.findall(r'name="(nonce|form-token)" value="([0-9a-f]+)"', first))
    form = {name: unescape(value) for name, value in hidden.items()} | {
        "csr": CSR,
        "profile": "sip",
    }
    source = Source("-", None, SigningWishes(profile="sip"), data=CSR.encode())
    serial = re.findall(r'/certificate/([0-9a-f]+)"', client.ask("/certificates?q=sbc2"))[0]

    def screen_four(home: Home) -> None:
        chain_document(home)
        check(home)
        recent_events(home, most=50)
        ends_by_month(home)

    def screen_three(home: Home) -> None:
        plan(home)
        list_devices(home)

    def one(home: Home) -> None:
        show_certificate(home, serial)
        judge_kit(home, serial)
        upload_steps(home, serial)

    verbs: dict[str, tuple[Callable[[], object], Callable[[Home], object]]] = {
        "/": (lambda: client.ask("/"), lambda home: count_ending(home, timedelta(days=60))),
        "/account": (
            lambda: client.ask("/account", form),
            lambda home: sign(home, [source], delivery=Delivery(), dry_run=True),
        ),
        "/certificates": (
            lambda: client.ask("/certificates"),
            lambda home: list_page(home, PageWishes()),
        ),
        "/certificate/SERIAL": (lambda: client.ask(f"/certificate/{serial}"), one),
        "/devices": (lambda: client.ask("/devices"), screen_three),
        "/ca": (lambda: client.ask("/ca"), screen_four),
    }

    def alone(verb: Callable[[Home], object]) -> float:
        with open_home(path, around) as home:
            return timed(lambda: verb(home))

    for name, (page, verb) in verbs.items():
        found = interleaved(
            ROUNDS, page=lambda page=page: timed(page), verb=lambda verb=verb: alone(verb)
        )
        added = found["page"] - found["verb"]
        note = f"page {found['page'] * 1000:.0f} ms, verb {found['verb'] * 1000:.0f} ms"
        title = f"web: what {name} adds to its verb, beside 50 ms"
        yield Row(title, max(added, 0.0), MOST_ADDED, "s", 1.0, note=note)


def _newcomer(driver: object, url: str, start: float, folder: Path) -> Iterator[Row]:
    """Paste, press, take two files: four actions after ``sipca web``."""
    began = time.perf_counter()
    driver.get(url)
    paint = driver.execute_async_script(
        "const done = arguments[0]; new PerformanceObserver((list) => done(list.getEntries().at(-1)"
        ".startTime)).observe({type: 'paint', buffered: true})"
    )
    paste(driver, CSR)
    button = shown(driver, "button.main", "Sign sbc1.lab.example until")
    account = time.perf_counter() - began
    pressed = time.perf_counter()
    button.click()
    shown(driver, "h1", "Signed: ")
    links = driver.find_elements(By.CSS_SELECTOR, "ol a[download]")
    wanted = [links[0], links[-1]]
    names = [each.text for each in wanted]
    for each in wanted:
        each.click()
    while not all((folder / name).is_file() for name in names):
        time.sleep(0.01)
    held = time.perf_counter()
    yield Row("web: from `sipca web` to its URL, beside a second", start, 1.0, "s")
    note = "first contentful paint"
    yield Row(
        "web: the URL opened to the first paint, beside a second",
        paint / 1000,
        FIRST_PAINT,
        "s",
        1.0,
        note=note,
    )
    yield Row("web: the URL opened to the account of a pasted CSR", account, MINUTE, "s")
    yield Row("web: pressing Sign to both files on disk", held - pressed, MINUTE, "s")
    note = "4 actions: paste, Sign, two downloads; a person's own time not in it"
    whole = start + held - began
    yield Row(
        "web: `sipca web` to both files held, beside a minute", whole, MINUTE, "s", 1.0, note=note
    )
