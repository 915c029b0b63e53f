"""Certificate status and the health of what tells it: revoking, CRLs, OCSP, `check`."""
