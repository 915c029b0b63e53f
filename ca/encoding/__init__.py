"""Bytes in, bytes out: DER, PEM, PKCS#7. Knows no files and no private keys."""
