"""The page in Chromium, as an operator uses it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from stand_in.lab import CommandLine, make_csr
from stand_in.page import WebPage, showing

Browser = webdriver.Chrome
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def page(sipca: CommandLine, tmp_path: Path) -> Iterator[WebPage]:
    with showing(sipca.home, tmp_path / "web.log") as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path, page: WebPage) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'chromium'}", "--window-size=1280,1000"):
        options.add_argument(flag)
    options.add_experimental_option(
        "prefs", {"download.default_directory": str(tmp_path / "downloads")}
    )
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        driver.get(page.url)
        yield driver
    finally:
        driver.quit()


def wait(browser: Browser, selector: str, text: str = "") -> None:
    def there(_: object) -> bool:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        return any(text in each.get_attribute("textContent") for each in found)

    WebDriverWait(browser, 15, ignored_exceptions=None).until(
        lambda driver: _quietly(there, driver)
    )


def _quietly(ask, driver) -> bool:  # type: ignore[no-untyped-def]
    from selenium.common.exceptions import StaleElementReferenceException

    try:
        return bool(ask(driver))
    except StaleElementReferenceException:
        return False


def paste(browser: Browser, csr: bytes) -> None:
    box = browser.find_element(By.ID, "csr")
    browser.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))", box, csr.decode(),
    )  # fmt: skip


def test_a_pasted_csr_is_signed_by_keyboard_and_its_files_verify(
    page: WebPage, browser: Browser, tmp_path: Path
) -> None:
    paste(browser, make_csr(cn="sbc1.lab.example"))
    wait(browser, "button.main", "Sign sbc1.lab.example until")
    browser.find_element(By.CSS_SELECTOR, "button.main").send_keys(Keys.ENTER)
    wait(browser, "h1", "Signed: CN=sbc1.lab.example")
    links = [a.get_attribute("href") for a in browser.find_elements(By.CSS_SELECTOR, "a[download]")]
    cookie = browser.get_cookies()[0]
    page.cookie = f"{cookie['name']}={cookie['value']}"
    for link in links:
        answer = page.ask(link.removeprefix(page.base))
        (tmp_path / link.rpartition("/")[2]).write_bytes(answer.octets)

    said = subprocess.run(
        ["openssl", "verify", "-CAfile", str(tmp_path / "trusted-root.pem"),
         str(next(tmp_path.glob("*-device.pem")))],
        capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout.endswith("OK\n"), said
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert browser.execute_script("return document.cookie") == ""
    assert not [each for each in browser.get_log("browser") if each["level"] == "SEVERE"]
