"""``ca set``: the settings of a home."""

from __future__ import annotations

from ca.authority.founding.wishes import normal_base_url
from ca.authority.home import Home
from ca.documents.ca import SettingsDocument
from ca.store import settings
from ca.store.audit import Event


def set_settings(
    home: Home, *, base_url: str | None = None, target: str | None = None
) -> SettingsDocument:
    """Change the base URL ("none" removes it) and the target; each change records its event.

    Raises:
        CAError: the URL is not well formed, or there is no such target.
    """
    wished: dict[str, str | None] = {}
    if base_url is not None:
        wished["base_url"] = None if base_url.lower() == "none" else normal_base_url(base_url)
    if target is not None:
        home.library.target(target)
        wished["target"] = target
    changed = False
    with home.store.write():
        for name, value in wished.items():
            before = settings.read(home.store, name)
            if before == value:
                continue
            settings.write(home.store, name, value)
            home.record(Event("set", name, {"before": before or "none", "after": value or "none"}))
            changed = True
    return SettingsDocument(base_url=home.base_url, target=home.target, changed=changed)
