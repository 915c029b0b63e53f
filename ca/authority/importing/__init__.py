"""Import: a home from what other CA programs left, and certificates of theirs."""
