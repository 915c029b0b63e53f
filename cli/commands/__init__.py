"""One module a first word of the command line; each function calls one verb."""
