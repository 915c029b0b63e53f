"""Nouns: names, validity, the account, findings, wishes. No I/O, no clock, no cryptography."""
