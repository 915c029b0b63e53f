"""The only road to a signed certificate: decisions, ``prepare``, ``issue``. Knows no SQL."""
