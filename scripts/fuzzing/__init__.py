"""Damaged input for every reader; ``scripts/fuzz`` runs it."""
