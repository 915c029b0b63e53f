"""Certification requests: armour repair, parsing, proof of possession, requested extensions."""
