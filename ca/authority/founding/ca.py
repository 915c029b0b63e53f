"""``ca set`` and ``ca list``: the settings of a home, and its CAs."""

from __future__ import annotations

import msgspec

from ca.authority.founding.wishes import normal_base_url
from ca.authority.home import CA, Home
from ca.authority.lineage import (
    RETIRED,
    Cross,
    count_live,
    cross_certificates,
    key_state,
    retired,
    state_of,
)
from ca.documents.ca import CAEntry, CAListDocument, RetirementDocument, SettingsDocument
from ca.errors import ConflictError, NotFoundError
from ca.model.certificates import subject_text
from ca.names.text import printable
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


def list_cas(home: Home) -> CAListDocument:
    """Every CA of the home: the current ones, root first, then the earlier ones, newest first.

    Then the cross certificates.
    """
    current = [ca for ca in home.cas() if ca.is_current]
    earlier = [ca for ca in reversed(home.cas()) if not ca.is_current]
    entries = [ca_entry(home, ca) for ca in [*current, *earlier]]
    entries += [cross_entry(home, cross) for cross in cross_certificates(home)]
    return CAListDocument(cas=entries)


def ca_entry(home: Home, ca: CA) -> CAEntry:
    """A CA with its newest certificate."""
    facts, state = ca.facts, state_of(home, ca)
    return CAEntry(
        id=ca.issuer.ca_id,
        role=ca.role,
        name=ca.issuer.name,
        subject=subject_text(facts.subject),
        serial=facts.serial,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        key="none" if state == "certificate-only" else key_state(ca.key),
        live=count_live(home, ca),
        state=state,
        fingerprint=facts.fingerprint,
        cross_of=None,
    )


def cross_entry(home: Home, cross: Cross) -> CAEntry:
    """A root as another root certified it."""
    facts = cross.facts
    return msgspec.structs.replace(
        ca_entry(home, cross.subject),
        serial=facts.serial,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        live=0,
        cross_of=cross.by.issuer.ca_id,
    )


def retire(home: Home, ca_id: str) -> RetirementDocument:
    """Take an earlier CA out of the trust files, for good.

    Raises:
        NotFoundError: there is no such CA.
        ConflictError: it is the current one, or has certificates that peers may still present.
    """
    home.assert_sound()
    known = {ca.issuer.ca_id: ca for ca in home.cas()}
    ca = known.get(ca_id.strip().lower())
    if ca is None:
        raise NotFoundError(
            f"there is no CA '{printable(ca_id)}' here", hint=f"one of {', '.join(known)}"
        )
    if ca.is_current:
        raise ConflictError(
            f"{ca.issuer.name} is the current {ca.role} CA", hint="sipca ca rotate comes first"
        )
    with home.store.write():
        gone = retired(home)
        changed = ca.issuer.ca_id not in gone
        if changed and (live := count_live(home, ca)):
            what = "issuing CAs" if ca.role == "root" else "certificates"
            raise ConflictError(
                f"{ca.issuer.name} has {live} live {what}",
                hint="retire those first: sipca ca list"
                if ca.role == "root"
                else "sipca ca plan says which devices have them; revoke those that were replaced",
            )
        if changed:
            settings.write(home.store, RETIRED, " ".join(sorted({*gone, ca.issuer.ca_id})))
            home.record(Event("ca-retired", ca.issuer.name, {"ca": ca.issuer.ca_id}))
    return RetirementDocument(retired=ca_entry(home, ca), changed=changed)
