"""``scep challenge``: a one-time challenge for a device, and what its configuration needs."""

from __future__ import annotations

from datetime import timedelta
from hashlib import md5, sha1

import msgspec

from ca.authority.devices.new_devices import meant_instead
from ca.authority.enrolment.grounds import hash_of
from ca.authority.enrolment.names import names_of_device
from ca.authority.home import CA, Home
from ca.authority.lineage import key_state
from ca.authority.status.registration import ensure_ra
from ca.documents.scep import CAFingerprints, ChallengeDocument
from ca.errors import ConflictError, KeyUnavailableError, PolicyError
from ca.lint.devices import NewDevice, near_miss
from ca.lint.registration import RAHealth, ra_missing
from ca.model.findings import Finding, run
from ca.names.text import check_device_name
from ca.profiles.target import EnrolmentFacts
from ca.store import challenges, devices
from ca.store.audit import Event
from ca.store.challenges import NewChallenge

BITS = 128
"""Random bits of a challenge: 32 hex digits, as long as the vendor's example."""
LONGEST = timedelta(days=365)
PHONE = "audiocodes-phone"
"""The target whose configuration is printed where the device has none that enrols."""
PATH = "/scep"


class ChallengeWishes(msgspec.Struct, frozen=True):
    """For which device, by which profile, how long and how often a challenge may be used."""

    device: str | None = None
    profile: str | None = None
    lasting: timedelta = timedelta(hours=24)
    uses: int = 1


def make_challenge(home: Home, wishes: ChallengeWishes) -> ChallengeDocument:
    """Make a challenge and record its hash; an RA certificate, too, where there is none yet.

    Raises:
        PolicyError: the profile is no device's.
        NotFoundError: there is no such profile.
        MalformedError: the device's name cannot be one.
        ConflictError: too many challenges are open.
    """
    home.assert_sound()
    _check(home, wishes)
    findings: list[Finding] = []
    device = wishes.device
    names: tuple[str, ...] = ()
    if device is not None:
        check_device_name(device)
        near = meant_instead(home, device)
        findings = run([near_miss], NewDevice(device, near))
        device = devices.spelled(home.store, device) or device
        names = names_of_device(home, device)
    findings += _with_ra(home)
    challenge = f"{home.environment.random_bits(BITS):0{BITS // 4}x}"
    expires = home.now() + wishes.lasting
    new = NewChallenge(hash_of(challenge), device, names, wishes.profile, wishes.uses, expires)
    with home.store.write():
        _check_room(home)
        number = challenges.add(home.store, new, at=home.now())
        detail = {"challenge": str(number), "uses": str(wishes.uses)}
        detail |= {"device": device} if device else {}
        detail |= {"profile": wishes.profile} if wishes.profile else {}
        home.record(Event("scep-challenge", device or "any device", detail, "challenge", number))
    return _document(home, challenge, new, findings)


def _with_ra(home: Home) -> list[Finding]:
    """Make an RA certificate where there is none; the finding that it is missing, if that fails."""
    try:
        ensure_ra(home)
    except KeyUnavailableError as error:
        (missing,) = run([ra_missing], RAHealth(home.ca("issuing").issuer.name, home.now()))
        message = f"{missing.message}, and none could be made: {error.message}"
        return [msgspec.structs.replace(missing, message=message)]
    return []


def _check(home: Home, wishes: ChallengeWishes) -> None:
    if wishes.profile is not None and home.library.profile(wishes.profile).role != "end-entity":
        raise PolicyError(
            f"profile {wishes.profile} has the role "
            f"{home.library.profile(wishes.profile).role}; requests are not signed by it",
            hint="'sipca profile list' shows the profiles",
            rule="profile-role",
        )


def _check_room(home: Home) -> None:
    if challenges.count_open(home.store, home.now()) >= challenges.MOST_OPEN:
        raise ConflictError(
            f"{challenges.MOST_OPEN} challenges are open, which is the most",
            hint="wait until some have ended; a shorter --ttl ends the next ones earlier",
        )


def _document(
    home: Home, challenge: str, new: NewChallenge, findings: list[Finding]
) -> ChallengeDocument:
    facts = _facts(home, new.device)
    prints = [_fingerprints(ca) for ca in home.path_of(home.ca("issuing"))]
    url = None if home.base_url is None else home.base_url.rstrip("/") + PATH
    digest = getattr(prints[0], facts.digest)
    return ChallengeDocument(
        ca=home.name,
        challenge=challenge,
        device=new.device,
        names=list(new.names),
        profile=new.profile,
        uses=new.uses,
        expires=new.expires_at,
        url=url,
        fingerprints=prints,
        configuration=[
            f"{facts.url}={url or 'http://ADDRESS:8080' + PATH}",
            f"{facts.fingerprint}={digest}",
            f"{facts.challenge}={challenge}",
        ],
        thresholds=dict(facts.thresholds),
        basis=facts.basis,
        digest=facts.digest,
        digest_basis=facts.digest_basis,
        automatic=key_state(home.ca("issuing").key) == "here",
        findings=findings,
    )


def _facts(home: Home, device: str | None) -> EnrolmentFacts:
    """The words of the device's configuration file; those of a phone where its kind has none."""
    known = None if device is None else devices.device(home.store, device)
    name = known.target if known is not None and known.target else PHONE
    facts = home.library.target(name).scep
    return facts if facts.url else home.library.target(PHONE).scep


def _fingerprints(ca: CA) -> CAFingerprints:
    der = ca.facts.der
    return CAFingerprints(
        name=ca.issuer.name,
        role=ca.role,
        md5=md5(der, usedforsecurity=False).hexdigest(),
        sha1=sha1(der, usedforsecurity=False).hexdigest(),
        sha256=ca.facts.fingerprint,
    )
