"""Take the picture of README.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.picturing.page import SAMPLES, chromium, own_home, paste, run, running, shown

PICTURE = Path(__file__).with_name("sign.png")


def main(target: Path) -> None:
    """A home of its own, the first sample pasted, and what would be issued beside it."""
    with tempfile.TemporaryDirectory(prefix="sipca-picture-") as name:
        folder = Path(name)
        env = own_home(folder)
        run(env, "init", "--no-passphrase", "--name", "SIP Lab")
        run(env, "device", "set", "sbc1", "--address", "sbc1.lab.example")
        with running(env) as (url, _), chromium(folder) as driver:
            size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get(url)
            driver.execute_script("document.getElementById('device').value = 'sbc1'")
            paste(driver, (SAMPLES / "sbc1.csr").read_text())
            shown(driver, "button.main", "Sign sbc1.lab.example until")
            driver.execute_script("document.activeElement.blur()")
            driver.save_screenshot(str(target))
    print(f"{target}: {target.stat().st_size} octets")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PICTURE)
