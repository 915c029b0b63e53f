"""The register: one SQLite file. All SQL is here, and no cryptography."""
