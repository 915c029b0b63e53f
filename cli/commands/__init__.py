"""One module for each command; each function calls one verb."""
