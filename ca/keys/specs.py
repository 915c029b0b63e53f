"""The types of key that sipca generates, as they are written at the command line."""

from __future__ import annotations

from ca.encoding.oids import CURVE_NAMES

SPECS = ("rsa:2048", "rsa:3072", "rsa:4096", *(f"ec:{curve}" for curve in CURVE_NAMES))
