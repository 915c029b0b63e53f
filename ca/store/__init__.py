"""The register: one SQLite file. All SQL is in this package, and no cryptography."""
