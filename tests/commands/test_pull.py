"""``pull``: its tests are with those of ``push``, whose other half it is."""
