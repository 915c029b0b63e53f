"""Rules for public keys, certificates, lifetimes and clocks: one function each, with its source."""
