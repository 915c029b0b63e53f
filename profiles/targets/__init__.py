"""Data only: device targets (*.toml)."""
