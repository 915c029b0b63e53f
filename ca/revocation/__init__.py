"""Revocation: streamed CRLs, OCSP request DER to response DER, presigning; no SQL, no HTTP."""
