"""General names, host names, subjects, SIP URIs: what is well formed. Knows no profiles."""
