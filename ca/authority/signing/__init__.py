"""From CSRs, or from names alone, to certificates and their files."""
