"""``rule list|show``: the catalogue of rules."""

from __future__ import annotations

import difflib
import importlib

from ca.documents.rule import CitationRecord, RuleDocument, RuleRecord, RuleShowDocument
from ca.errors import NotFoundError
from ca.model.citations import Citation, citations, published, sections
from ca.model.findings import CATALOGUE, Rule
from ca.names.text import printable
from ca.profiles.library import readme

RULE_MODULES = (
    "ca.authority.signing.rekey",
    "ca.authority.status.soundness",
    "ca.authority.status.trail",
    "ca.csr.rules",
    "ca.device.diagnosis_handshake",
    "ca.device.diagnosis_register",
    "ca.device.preflight",
    "ca.device.request_rules",
    "ca.device.trust",
    "ca.issuance.prepare",
    "ca.lint.certificates",
    "ca.lint.clock",
    "ca.lint.devices",
    "ca.lint.homes",
    "ca.lint.keys_together",
    "ca.lint.lifetimes",
    "ca.lint.public_keys",
    "ca.lint.registration",
    "ca.lint.restored",
    "ca.lint.reused_key",
    "ca.lint.root_away",
    "ca.lint.signed_before",
    "ca.model.refusals",
    "ca.model.refusals_of_cas",
    "ca.names.common_name",
    "ca.names.general",
    "ca.names.mistyped",
    "ca.names.subjects",
    "ca.revocation.health",
    "ca.revocation.served",
)
"""The modules whose import adds rules to the catalogue."""


def rules() -> RuleDocument:
    """Every rule, by code."""
    return RuleDocument(
        rules=[
            RuleRecord(each.code, each.severity, each.allow, each.meaning, each.basis, each.cites)
            for _, each in sorted(_catalogue().items())
        ]
    )


def show_rule(code: str) -> RuleShowDocument:
    """One rule with its cases and resolved citations.

    Raises:
        NotFoundError: no rule has this code.
    """
    catalogue = _catalogue()
    if code not in catalogue:
        near = difflib.get_close_matches(code, catalogue, n=1)
        raise NotFoundError(
            f"there is no rule '{printable(code)}'",
            hint=f"did you mean '{near[0]}'?" if near else "sipca rule list shows them",
        )
    rule = catalogue[code]
    good, bad = rule.cases
    return RuleShowDocument(
        code=code, severity=rule.severity, allow=rule.allow, meaning=rule.meaning,
        basis=rule.basis, cites=rule.cites, good=good, bad=bad,
        citations=[_resolved(each) for each in citations(rule.cites)],
    )  # fmt: skip


def _catalogue() -> dict[str, Rule]:
    for module in RULE_MODULES:
        importlib.import_module(module)
    return CATALOGUE


def _resolved(citation: Citation) -> CitationRecord:
    """What a citation refers to; for our own documents the section's title."""
    if citation.own is None:
        return CitationRecord(citation.text, *published(citation))
    titles = sections(citation.document, readme(citation.own))
    return CitationRecord(citation.text, titles[citation.section], citation.own)


def overridable() -> frozenset[str]:
    """The codes that ``--allow`` takes."""
    return frozenset(each.code for each in rules().rules if each.allow)
