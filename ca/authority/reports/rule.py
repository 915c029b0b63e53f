"""``rule list``: the catalogue of rules."""

from __future__ import annotations

import importlib

from ca.documents.rule import RuleDocument, RuleRecord
from ca.model.findings import CATALOGUE

RULE_MODULES = (
    "ca.authority.status.soundness",
    "ca.csr.rules",
    "ca.device.preflight",
    "ca.device.request_rules",
    "ca.device.trust",
    "ca.issuance.prepare",
    "ca.lint.certificates",
    "ca.lint.clock",
    "ca.lint.keys_together",
    "ca.lint.lifetimes",
    "ca.lint.public_keys",
    "ca.lint.reused_key",
    "ca.names.common_name",
    "ca.names.general",
    "ca.names.mistyped",
    "ca.names.subjects",
    "ca.revocation.health",
    "ca.revocation.served",
)
"""The modules whose import enters rules into the catalogue."""


def rules() -> RuleDocument:
    """Every rule, by code."""
    for module in RULE_MODULES:
        importlib.import_module(module)
    return RuleDocument(
        rules=[
            RuleRecord(each.code, each.severity, each.allow, each.meaning, each.basis, each.cites)
            for _, each in sorted(CATALOGUE.items())
        ]
    )


def overridable() -> frozenset[str]:
    """The codes that ``--allow`` takes."""
    return frozenset(each.code for each in rules().rules if each.allow)
