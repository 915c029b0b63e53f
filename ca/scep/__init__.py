"""SCEP (RFC 8894): messages of devices in, CertReps out; octets to octets, without HTTP or SQL."""
