"""Documents rendered as text for people."""
