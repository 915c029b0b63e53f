"""Encoding and decoding: DER, PEM, PKCS#7. Bytes in, bytes out; no files and no private keys."""
