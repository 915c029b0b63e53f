"""Signing profiles, device targets and fixtures: strict TOML readers, and where the files are."""
