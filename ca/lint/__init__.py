"""Judging public keys and certificates: one function a rule, each citing its section."""
