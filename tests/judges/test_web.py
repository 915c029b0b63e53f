"""The page in Chromium, as an operator uses it and as others would misuse it."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from stand_in.browser import Browser, browsing, html_faults
from stand_in.enrolment import asks, phone_csr, served
from stand_in.lab import EC_KEY, SAMPLES, CommandLine, make_csr
from stand_in.page import WebPage, showing
from stand_in.service import serving
from stand_in.waiting import until

SCREENS = ("sign", "account", "refused", "several", "batch", "certificate", "certificates", "devices", "device", "phones", "phone", "ca",
           "refusal")  # fmt: skip
EMAIL_SLOT = SAMPLES / "email-typed-host.csr"


class Lab(NamedTuple):
    """One home, its page in one Chromium, and a folder; the tests share them."""

    sipca: CommandLine
    page: WebPage
    browser: Browser
    folder: Path

    def open(self, path: str) -> None:
        self.browser.get(self.page.base + path)

    def listed(self, name: str) -> list[dict[str, object]]:
        found = json.loads(self.sipca("list", "--all", "--json").out)["certificates"]
        return [each for each in found if f"dns:{name}" in each["san"]]

    def sign(self, name: str, *words: str) -> str:
        """Sign by the command line; the serial."""
        csr = self.folder / f"{name}.csr"
        csr.write_bytes(make_csr(cn=name, key=EC_KEY))
        answer = self.sipca("sign", csr, "--json", "--again", *words)
        return answer.json["signed"][0]["serial"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("web")
    sipca = CommandLine(folder / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert sipca("init", "--name", "Test Lab", "--no-passphrase", *keys).exit == 0
    with showing(sipca.home, folder / "web.log") as page, browsing(folder) as browser:
        browser.get(page.url)
        cookie = browser.driver.get_cookies()[0]
        page.cookie = f"{cookie['name']}={cookie['value']}"
        yield Lab(sipca, page, browser, folder)


@pytest.fixture
def browser(lab: Lab) -> Browser:
    lab.open("/")
    lab.browser.complaints()
    return lab.browser


@contextlib.contextmanager
def elsewhere(text: str) -> Iterator[str]:
    """A page of another origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_pasted_csr_is_signed_by_keyboard_and_its_files_verify(
    lab: Lab, browser: Browser
) -> None:
    browser.paste(make_csr(cn="sbc1.lab.example"))
    browser.wait("button.main", "Sign sbc1.lab.example until").send_keys(Keys.ENTER)
    browser.wait("h1", "Signed: CN=sbc1.lab.example")
    for link in [each.get_attribute("href") for each in browser.all("a[download]")]:
        answer = lab.page.ask(link.removeprefix(lab.page.base))
        (lab.folder / link.rpartition("/")[2]).write_bytes(answer.octets)

    said = subprocess.run(
        ["openssl", "verify", "-CAfile", lab.folder / "trusted-root.pem",
         next(lab.folder.glob("*-device.pem"))],
        capture_output=True, text=True,
    )  # fmt: skip
    (cookie,) = browser.driver.get_cookies()
    assert said.stdout.endswith("OK\n"), said
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert browser.run("return document.cookie") == ""
    assert browser.complaints() == []


def test_a_host_typed_in_the_email_slot_is_mended_by_the_button_that_the_hint_offers(
    browser: Browser,
) -> None:
    browser.paste(EMAIL_SLOT.read_bytes())
    browser.wait(".offers button", "--fix-san").click()
    browser.wait("button.main", "Sign sbc3.lab.example").click()

    browser.wait("h1", "Signed: CN=sbc3.lab.example")
    assert "dns:sbc3.lab.example" in browser.text()
    assert "sipca sign FILE --profile sip --fix-san --out upload" in browser.text()


def test_names_edited_in_the_account_become_the_options_that_say_the_same(
    browser: Browser,
) -> None:
    browser.paste(make_csr("dns:a1.lab.example", "dns:a2.lab.example", cn="a1.lab.example"))
    box = browser.wait("#san-edited", "dns:a2.lab.example")
    box.send_keys(
        Keys.CONTROL,
        "a",
        Keys.NULL,
        "dns:a1.lab.example",
        Keys.ENTER,
        "dns:a3.lab.example",
        Keys.TAB,
    )
    browser.wait("#account code", "--replace-san")

    told = browser.one("#account code").text
    assert "--san dns:a1.lab.example --san dns:a3.lab.example --replace-san" in told
    assert browser.one("#san").get_attribute("value").split() == [
        "dns:a1.lab.example", "dns:a3.lab.example",
    ]  # fmt: skip


def test_a_press_after_an_edit_shows_the_new_account_before_anything_is_signed(
    lab: Lab, browser: Browser
) -> None:
    browser.paste(make_csr(cn="edited.lab.example"))
    browser.wait("button.main", "Sign edited.lab.example")
    browser.run("document.getElementById('sign').dataset.stale = '1'")
    browser.one("button.main").click()

    is_fresh = "return document.getElementById('sign').dataset.stale === undefined"
    assert until(lambda: browser.run(is_fresh))
    browser.wait("button.main", "Sign edited.lab.example")
    assert lab.listed("edited.lab.example") == []


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_thirty_files_are_a_table_and_then_one_zip(lab: Lab, browser: Browser, how: str) -> None:
    folder = lab.folder / how
    folder.mkdir()
    paths = [folder / f"{how}{n}.csr" for n in range(30)]
    for path in paths:
        path.write_bytes(make_csr(cn=f"{path.stem}.lab.example", key=EC_KEY))

    if how == "chosen":
        browser.one("#files").send_keys("\n".join(map(str, paths)))
    else:
        browser.drop("#csr", paths)
    browser.wait("button.main", "Sign 30 certificates")
    rows = len(browser.all("#account tbody tr"))
    browser.one("button.main").click()
    browser.wait("main", "30 signed")
    browser.driver.refresh()
    link = browser.one("a[download]").get_attribute("href")

    names = zipfile.ZipFile(BytesIO(lab.page.ask(link.removeprefix(lab.page.base)).octets))
    assert rows == 30
    assert "30 of 30" in browser.text()
    assert sum(each.endswith("-device.pem") for each in names.namelist()) == 30


def test_two_are_renewed(lab: Lab, browser: Browser) -> None:
    for name in ("renewed1.lab.example", "renewed2.lab.example"):
        lab.sign(name)

    lab.open("/certificates?q=renewed")
    for box in browser.all("input[name=ref]"):
        box.click()
    browser.wait("button", "Renew the ticked ones").click()

    for name in ("renewed1.lab.example", "renewed2.lab.example"):
        assert until(lambda name=name: len(lab.listed(name)) > 1)
        assert [each["status"] for each in lab.listed(name)] == ["superseded", "valid"]


def test_the_superseded_one_is_revoked_by_its_button_and_ocsp_says_so(
    lab: Lab, browser: Browser
) -> None:
    old = lab.sign("replaced.lab.example", "--device", "replaced")
    new = lab.sign("replaced.lab.example", "--device", "replaced")
    (lab.folder / "chain.pem").write_bytes(lab.page.ask("/ca/chain.pem").octets)

    lab.open(f"/certificate/{new}")
    browser.wait("button", f"Revoke {old[:12]} as superseded").click()
    browser.wait("p", f"{old[:12]} (revoked)")
    with serving(lab.sipca.home, lab.folder / "serve.log") as service:
        said = subprocess.run(
            ["openssl", "ocsp", "-no_nonce", "-url", service.ocsp, "-CAfile", lab.folder / "chain.pem",
             "-issuer", lab.folder / "chain.pem", "-serial", f"0x{old}", "-serial", f"0x{new}"],
            capture_output=True, text=True,
        )  # fmt: skip

    assert f"0x{old}: revoked" in said.stdout, said
    assert f"0x{new}: good" in said.stdout
    assert "Response verify OK" in said.stderr


def test_a_double_press_and_a_second_tab_sign_once(lab: Lab, browser: Browser) -> None:
    csr = make_csr(cn="once.lab.example")
    first = browser.driver.current_window_handle
    browser.paste(csr)
    browser.wait("button.main", "Sign once.lab.example")
    browser.driver.switch_to.new_window("tab")
    lab.open("/")
    browser.paste(csr)
    browser.wait("button.main", "Sign once.lab.example")

    browser.run("const b = document.querySelector('button.main'); b.click(); b.click();")
    browser.wait("h1", "Signed: CN=once.lab.example")
    browser.driver.close()
    browser.driver.switch_to.window(first)
    browser.one("button.main").click()

    browser.wait("h1", "Signed: CN=once.lab.example")
    assert len(lab.listed("once.lab.example")) == 1


def test_a_ticked_step_stays_ticked(lab: Lab, browser: Browser) -> None:
    where = f"/certificate/{lab.sign('steps.lab.example', '--device', 'steps')}"
    lab.open(where)

    browser.all("input[name=step]")[0].click()
    assert until(lambda: re.search(rb"<input[^>]* checked", lab.page.ask(where).octets))
    lab.open(where)

    ticks = [each.is_selected() for each in browser.all("input[name=step]")]
    assert ticks == [True, False, False, False]


def test_what_a_page_showed_is_gone_with_it_also_for_the_back_button(
    lab: Lab, browser: Browser
) -> None:
    where = f"/certificate/{lab.sign('cached.lab.example')}"
    with showing(lab.sipca.home, lab.folder / "second.log") as second:  # two on one home
        browser.get(second.url)
        browser.get(second.base + where)
        assert "cached.lab.example" in browser.text()
        browser.get(lab.page.base + where)
        assert "cached.lab.example" in browser.text()

    with contextlib.suppress(WebDriverException):
        browser.driver.back()
    WebDriverWait(browser.driver, 30).until(lambda _: "cached.lab.example" not in browser.text())
    assert browser.driver.current_url == second.base + where
    assert "cached.lab.example" not in browser.text()


def test_no_other_page_frames_it(lab: Lab, browser: Browser) -> None:
    with elsewhere(f'<h1>other</h1><iframe src="{lab.page.base}/"></iframe>') as other:
        browser.get(other)
        browser.driver.switch_to.frame(browser.wait("iframe"))
        inside = browser.text()
        browser.driver.switch_to.default_content()

    assert "Test Lab" not in inside
    assert any("frame-ancestors" in each for each in browser.complaints())


def test_a_form_of_another_page_signs_nothing(lab: Lab, browser: Browser) -> None:
    form = f"""<form method=post action="{lab.page.base}/sign"><textarea name=csr>
    {make_csr(cn="forged.lab.example").decode()}</textarea><button>x</button></form>"""
    with elsewhere(form) as other:
        browser.get(other)
        browser.one("button").click()

        browser.wait("h1", "This was not done")
    assert "no session" in browser.text()  # the cookie is not sent to begin with
    assert lab.listed("forged.lab.example") == []


def test_an_inline_script_does_not_run(browser: Browser) -> None:
    browser.run(
        """const script = document.createElement("script"); script.textContent = "window.ran = 1";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src=/none onerror='window.ran = 2'>");"""
    )

    assert browser.run("return window.ran ?? null") is None
    assert any("Content Security Policy" in each for each in browser.complaints())


def test_a_name_that_points_here_is_not_the_page(lab: Lab, browser: Browser) -> None:
    browser.get(f"http://evil.example:{lab.page.port}/certificates")

    assert "this address is not the page's own" in browser.text()


@pytest.fixture(scope="module")
def screens(lab: Lab) -> dict[str, bytes]:
    """Each screen as it comes, without its script."""
    lab.sign("screen.lab.example", "--device", "screen")
    serial = lab.sign("screen.lab.example", "--device", "screen", "--context", "0")
    with served(lab.sipca.home) as home:
        asks(home, phone_csr("phone7.lab.example", "dns:phone7.lab.example"))
    fields = lab.page.form("/", "/account")
    csrs = {
        "account": {"csr": make_csr("dns:b.lab.example", cn="screen2.lab.example").decode()},
        "refused": {"csr": EMAIL_SLOT.read_text()},
        "several": {"file-name": ["a.csr", "b.csr"], "file-text": ["x", EMAIL_SLOT.read_text()]},
    }
    pages = {name: lab.page.post("/account", fields | more) for name, more in csrs.items()}
    for name, path in {
        "sign": "/", "certificate": f"/certificate/{serial}?new", "certificates": "/certificates?q=screen&all=1",
        "devices": "/devices", "device": "/device/screen", "ca": "/ca", "phones": "/phones?all=1", "phone": "/phone/1", "refusal": "/certificate/none",
    }.items():  # fmt: skip
        pages[name] = lab.page.ask(path)
    some = fields | {"file-name": ["a.csr", "b.csr"], "file-text": [csrs["account"]["csr"], "x"]}
    where = lab.page.post("/sign", some).headers["location"]
    assert until(lambda: b'http-equiv="refresh"' not in lab.page.ask(where).octets)
    pages["batch"] = lab.page.ask(where)
    return {name: pages[name].octets for name in SCREENS}


def test_the_html_of_each_screen_is_valid(screens: dict[str, bytes], tmp_path: Path) -> None:
    assert html_faults(screens, tmp_path) == []


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_and_at_four_hundred_per_cent_nothing_is_cut(
    lab: Lab, screens: dict[str, bytes], name: str
) -> None:
    browser = lab.browser
    lab.open("/")
    browser.run(
        "const page = new DOMParser().parseFromString(arguments[0], 'text/html');"
        "document.title = page.title; document.body.replaceWith(page.body);"
        "document.querySelectorAll('.script').forEach((each) => { each.hidden = false; });"
        "document.querySelectorAll('details').forEach((each) => { each.open = true; })",
        screens[name].decode(),
    )  # fmt: skip

    found = {}
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
        browser.shown_as(scheme, width)
        found[scheme, width] = [*browser.violations(), *browser.cut_off()]
    browser.shown_as("light")

    assert found == {key: [] for key in found}


def test_the_judges_of_pages_notice_what_they_are_there_for(
    browser: Browser, tmp_path: Path
) -> None:
    bad = b"<!doctype html><html lang=en><title>x</title><body><p><div></p></body>"
    browser.run(
        """document.querySelector("label[for=device]").remove();
        const wide = document.createElement("p"); wide.textContent = "x".repeat(400);
        wide.id = "wide"; wide.style = "overflow-wrap: normal"; document.body.append(wide);"""
    )

    assert any(each.startswith("label:") for each in browser.violations())
    assert any("wide" in each for each in browser.cut_off())
    assert html_faults({"bad": bad}, tmp_path) != []
