"""Devices that a call makes by naming them: told, and held against the names that are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ca.authority.home import Home
from ca.store import certificate_names, devices

if TYPE_CHECKING:
    from ca.model.findings import Finding
    from ca.names.likeness import Likeness
    from ca.store.certificates import CertificateRow

MOST_COMPARED = 50_000
"""Names that a new one is held against: some 10 MB, more than any lab has."""


class NewDevices:
    """The devices that a call is the first to name."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._told: dict[str, list[Finding]] = {}
        self._known: Likeness | None = None

    def near(self, name: str) -> str | None:
        """The device that a new name is nearly the name of, or None."""
        from ca.names.likeness import Likeness

        if self._known is None:
            self._known = Likeness(islice(self._names(), MOST_COMPARED))
        return self._known.of(name)

    def judge(self, name: str | None, allowed: Collection[str] = ()) -> list[Finding]:
        """The findings about a device's name; the same ones all through a call."""
        if name is None:
            return []
        if name.casefold() not in self._told:
            is_new = devices.spelled(self._home.store, name) is None
            self._told[name.casefold()] = self._findings(name, allowed) if is_new else []
        return self._told[name.casefold()]

    def _findings(self, name: str, allowed: Collection[str]) -> list[Finding]:
        from ca.lint.devices import NEW_DEVICES, NewDevice  # seldom: not at every start
        from ca.model.findings import run

        return run(NEW_DEVICES, NewDevice(name, self.near(name)), allowed)

    def _names(self) -> Iterator[str]:
        for row in devices.devices(self._home.store):
            yield row.name
        yield from certificate_names.device_names(self._home.store)


def judge_taken_over(row: CertificateRow) -> list[Finding]:
    """That a certificate is for the device that an earlier one was attached to."""
    from ca.lint.devices import TakenOver, taken_over
    from ca.model.findings import run

    return run([taken_over], TakenOver(row.device or "", row.context))


def judge_set(home: Home, name: str) -> list[Finding]:
    """The findings about a device's name that is about to be registered."""
    near = meant_instead(home, name)
    if near is None:
        return []
    from ca.lint.devices import NewDevice, near_miss
    from ca.model.findings import run

    return run([near_miss], NewDevice(name, near, is_set=True))


def meant_instead(home: Home, name: str) -> str | None:
    """The known device that was probably meant by a name that no device has, or None."""
    known = devices.spelled(home.store, name) is not None
    return None if known else NewDevices(home).near(name)
