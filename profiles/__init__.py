"""Data only: signing profiles (*.toml)."""
