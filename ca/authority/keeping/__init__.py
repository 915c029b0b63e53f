"""Keeping a home over the years: backups, restoring, its passphrase, the root's key elsewhere."""
