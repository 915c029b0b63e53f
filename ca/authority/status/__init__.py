"""Certificate status and the health of its services: revoking, CRLs, OCSP, `check`."""
