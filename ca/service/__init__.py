"""HTTP for devices: OCSP, CRLs, CA certificates, health. Needs the extra ``sipca[serve]``."""
