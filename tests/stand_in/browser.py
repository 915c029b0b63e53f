"""Debian's Chromium, driven as an operator would, and the judges of pages: axe-core and vnu."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from stand_in.lab import ROOT

JUDGES = ROOT / "build" / ".page-judges" / "node_modules"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,1000", "--host-resolver-rules=MAP evil.example 127.0.0.1",
)  # fmt: skip


def judge_file(name: str) -> Path:
    """A file of a judge that npm installs; the test fails where it is not there."""
    path = JUDGES / name
    if not path.exists():
        pytest.fail(f"{name} is not in build/.page-judges: scripts/test installs it")
    return path


class Browser:
    """One Chromium."""

    def __init__(self, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*FLAGS, f"--user-data-dir={folder / 'chromium'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))

    def get(self, url: str) -> None:
        self.driver.get(url)

    def run(self, script: str, *values: object) -> Any:
        return self.driver.execute_script(script, *values)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self) -> str:
        return self.one("body").text

    def wait(self, selector: str, text: str = "") -> WebElement:
        """The first element of a selector that holds a text, once it is there."""

        def found(_: object) -> WebElement | None:
            with contextlib.suppress(StaleElementReferenceException):
                for each in self.all(selector):
                    if text in (each.get_attribute("textContent") or ""):
                        return each
            return None

        return WebDriverWait(self.driver, 30).until(found)

    def paste(self, csr: bytes) -> None:
        self.run(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
            self.one("#csr"), csr.decode(),
        )  # fmt: skip

    def drop(self, selector: str, paths: list[Path]) -> None:
        """Drop files from outside, as a file manager does."""
        place = self.run(
            "const r = arguments[0].getBoundingClientRect(); return [r.x + 20, r.y + 20]",
            self.one(selector),
        )
        data = {"items": [], "files": [str(each) for each in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.driver.execute_cdp_cmd(
                "Input.dispatchDragEvent",
                {"type": kind, "x": place[0], "y": place[1], "data": data},
            )

    def complaints(self) -> list[str]:
        """What the console held since the last look."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def shown_as(self, scheme: str, width: int = 1280) -> None:
        """Light or dark, and how wide; 320 is a window of 1280 at 400 %."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )

    def violations(self) -> list[str]:
        """What axe-core has against the page that is shown."""
        self.run(judge_file("axe-core/axe.min.js").read_text())
        found = self.driver.execute_async_script(
            "axe.run().then(arguments[0], (e) => arguments[0]({violations: [{id: String(e), nodes: []}]}))"
        )
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found["violations"]
            for node in each["nodes"] or [{"html": ""}]
        ]

    def cut_off(self) -> list[str]:
        """What is beyond the window's right edge and cannot be scrolled to in its own region."""
        return self.run(
            """const wide = document.documentElement.clientWidth;
            return [...document.body.querySelectorAll("*")].filter((each) =>
              each.checkVisibility() && !each.closest(".scroll > *, .skip, pre > *, option, thead")
              && (each.getBoundingClientRect().right > wide + 1
                  || (!each.matches(".scroll, pre, textarea, input, select")
                      && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
                      && getComputedStyle(each).display !== "inline")))
              .map((each) => each.outerHTML.slice(0, 160))"""
        )


@contextlib.contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A Chromium, ended afterwards."""
    browser = Browser(folder)
    try:
        yield browser
    finally:
        browser.driver.quit()


def html_faults(pages: dict[str, bytes], folder: Path) -> list[str]:
    """What the validator of HTML has against pages, by their names."""
    for name, data in pages.items():
        (folder / f"{name}.html").write_bytes(data)
    jar = judge_file("vnu-jar/build/dist/vnu.jar")
    said = subprocess.run(
        ["java", "-Xss4m", "-jar", jar, "--format", "json", "--exit-zero-always",
         *(folder / f"{name}.html" for name in pages)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [
        f"{each['url'].rpartition('/')[2]}:{each.get('lastLine')}: {each['message']}"
        for each in json.loads(said.stderr)["messages"]
    ]
