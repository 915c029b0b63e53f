"""``sipca web`` over a home, and Chromium before it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

SAMPLES = Path(__file__).resolve().parents[2] / "profiles" / "samples"
SIPCA = Path(sys.executable).with_name("sipca")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip


def own_home(folder: Path) -> dict[str, str]:
    """An environment whose usual home is below a folder, where nothing of the operator's is."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SIPCA_")}
    kept.pop("XDG_CONFIG_HOME", None)
    return {**kept, "HOME": str(folder)}


def run(env: dict[str, str], *words: object) -> None:
    subprocess.run([SIPCA, *map(str, words)], env=env, check=True, capture_output=True)


@contextlib.contextmanager
def running(env: dict[str, str]) -> Iterator[tuple[str, float]]:
    """The page's one-time URL, and the seconds until it was printed."""
    started = time.perf_counter()
    with subprocess.Popen(
        [SIPCA, "web", "--no-browser"], env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield process.stdout.readline().strip(), time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


@contextlib.contextmanager
def chromium(folder: Path, width: int = 1280, height: int = 1000) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium with an empty profile, keeping what it downloads in a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (
        *FLAGS,
        f"--user-data-dir={folder / 'chromium'}",
        f"--window-size={width},{height}",
    ):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def paste(driver: webdriver.Chrome, csr: str) -> None:
    driver.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
        driver.find_element(By.ID, "csr"), csr,
    )  # fmt: skip


def shown(driver: webdriver.Chrome, selector: str, words: str = "") -> WebElement:
    """An element that holds words, once it is there."""
    return WebDriverWait(driver, 30, poll_frequency=0.01).until(
        lambda _: next(
            (e for e in driver.find_elements(By.CSS_SELECTOR, selector) if words in e.text), None
        )
    )
