"""Data only: named lists of roots (*.toml), by fingerprint; no certificates."""
