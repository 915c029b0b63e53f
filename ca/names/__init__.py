"""Whether general names, host names, subjects and SIP URIs are well formed; without profiles."""
