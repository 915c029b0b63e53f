"""Signing profiles and device targets: strict readers of TOML data, and where it comes from."""
