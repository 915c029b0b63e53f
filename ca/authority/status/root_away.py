"""What needs the key of a root that is away, and by when."""

from __future__ import annotations

from datetime import timedelta

from ca.authority.home import CA, Home
from ca.authority.lineage import in_service
from ca.authority.status.signers import newest_in_force
from ca.lint.root_away import AwayRoot, Need, judge_away_root
from ca.model.findings import Finding
from ca.store import crls


def away_findings(home: Home, longest: timedelta) -> list[Finding]:
    """The findings about roots whose keys are away; ``longest`` is the longest of the profiles."""
    findings: list[Finding] = []
    for ca in in_service(home):
        if ca.role == "root" and ca.key.is_away:
            needs = tuple(_needs(home, ca, longest))
            findings += judge_away_root(AwayRoot(ca.issuer.name, home.now(), needs))
    return findings


def _needs(home: Home, root: CA, longest: timedelta) -> list[Need]:
    needs = []
    word = root.issuer.ca_id
    crl = crls.newest(home.store, root.issuer.id)
    if crl is not None:
        command = f"sipca crl --ca {word} --refresh --lifetime 2y"
        needs.append(Need("its CRL ends", crl.next_update, command))
    signer = newest_in_force(home, root)
    if signer is not None:
        command = f"sipca ocsp rotate --ca {word}"
        needs.append(Need("its OCSP signer ends", signer.not_after, command))
    issuing = home.ca("issuing")
    if issuing.parent_id == root.issuer.id and issuing.issuer.facts is not None:
        end = issuing.issuer.facts.validity.not_after
        what = f"{issuing.issuer.name} ends on {end:%Y-%m-%d}, and certificates with it"
        needs.append(Need(what, end - longest, "sipca ca rotate"))
    return needs
