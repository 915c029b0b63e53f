"""Data only: how systems and programs take a root as trusted (*.toml)."""
