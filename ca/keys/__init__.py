"""Signers, stored keys, key files, public keys. The only room that handles private keys."""
