"""The library: a small certification authority. Knows nothing of terminals or HTTP requests."""

__version__ = "0.1.0"
