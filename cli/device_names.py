"""A device's name that is nearly a known one: asked about at a terminal, warned of elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from cli.prompts import agrees, may_ask
from cli.terminal import one_line

if TYPE_CHECKING:
    from ca.authority.home import Home
    from ca.authority.signing.candidates import Source
    from ca.authority.signing.issue import IssueWishes
    from ca.model.wishes import SigningWishes
    from cli.settings import Settings

Wishes = TypeVar("Wishes", "SigningWishes", "IssueWishes")
INTENDED = "device-near-miss"
"""The rule that whoever answers no overrides: the name is meant as it is."""
MOST_ASKED = 5
"""Questions at most in one call; what a whole file misspells is warned of."""


def with_device_meant(home: Home, settings: Settings, wishes: Wishes) -> Wishes:
    """The wishes, with the device that the person at the terminal means."""
    if wishes.device is None or INTENDED in wishes.allow or not may_ask(settings):
        return wishes
    return _answered(home, wishes, {})


def with_devices_meant(home: Home, settings: Settings, sources: list[Source]) -> list[Source]:
    """The same for the sources of a call, each name asked about once."""
    if not may_ask(settings):
        return sources
    answers: dict[str, str | None] = {}
    return [
        each
        if each.wishes.device is None or INTENDED in each.wishes.allow
        else msgspec.structs.replace(each, wishes=_answered(home, each.wishes, answers))
        for each in sources
    ]


def name_meant(home: Home, settings: Settings, name: str) -> tuple[str, bool]:
    """The name of the device that is meant, and whether one like it was said not to be."""
    from ca.authority.devices.new_devices import meant_instead

    near = meant_instead(home, name) if may_ask(settings) else None
    if near is None:
        return name, False
    return (near, False) if agrees(_question(name, near)) else (name, True)


def _question(name: str, near: str) -> str:
    return f"no device is called '{one_line(name)}'; did you mean {one_line(near)}?"


def _answered(home: Home, wishes: Wishes, answers: dict[str, str | None]) -> Wishes:
    """The wishes by an answer given before, or asked for now; "" in ``answers`` is a no."""
    from ca.authority.devices.new_devices import meant_instead

    name = wishes.device
    assert name is not None
    if name not in answers:
        near = None
        if sum(each is not None for each in answers.values()) < MOST_ASKED:
            near = meant_instead(home, name)
        if near is not None:
            near = near if agrees(_question(name, near)) else ""
        answers[name] = near
    if answers[name] is None:
        return wishes
    if answers[name]:
        return msgspec.structs.replace(wishes, device=answers[name])
    return msgspec.structs.replace(wishes, allow=wishes.allow | {INTENDED})
