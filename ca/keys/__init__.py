"""Signers, keys at rest, public keys. The one room that touches a private key."""
