"""What is built from verbs and for laboratories: bad certificates from a throw-away CA."""
