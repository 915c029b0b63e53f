"""Devices and their files: what is known of each, upload kits, preflight, trust bundles."""
