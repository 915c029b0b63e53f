"""The device that a call names: known, new, or nearly the name of a known one."""

from __future__ import annotations

from ca.authority.home import Home
from ca.authority.refs import device_names
from ca.lint.device_names import DEVICE_RULES, NamedDevice
from ca.model.findings import Finding, run
from ca.names.near import NearNames
from ca.store import certificates, devices


class DeviceNames:
    """The names of all devices, read from the register once, when a name is not known."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._names: NearNames | None = None

    def judge(self, name: str | None) -> list[Finding]:
        """Findings about the name of a device, if one was given."""
        if name is None:
            return []
        known = self._is_known(name)
        return run(DEVICE_RULES, NamedDevice(name, known, None if known else self._near(name)))

    def near(self, name: str) -> str | None:
        """The known device that an unknown name is probably a slip of."""
        return None if self._is_known(name) else self._near(name)

    def _is_known(self, name: str) -> bool:
        store = self.home.store
        return devices.device(store, name) is not None or certificates.names_device(store, name)

    def _near(self, name: str) -> str | None:
        if self._names is None:
            self._names = NearNames(device_names(self.home))
        return self._names.near(name)
