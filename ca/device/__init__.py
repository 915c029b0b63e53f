"""The device at the other end: what its pages make and take. Knows neither sockets nor keys."""
