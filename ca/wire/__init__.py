"""The only outgoing connections: TLS handshakes that observe a peer, SIP OPTIONS, OCSP by HTTP."""
