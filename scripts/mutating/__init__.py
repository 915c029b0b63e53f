"""Mutation trials: whether the tests notice a small fault in code that decides something."""
